"""The spatial transformer: localisation network + grid + sampler (section 3 of the paper)."""

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stn_lesson.grid import FAMILIES, Family
from stn_lesson.sampler import looks_outside, sample


class SpatialTransformer(nn.Module):
    """A layer that looks at its input, chooses one θ per image and warps all channels by it.

    The localisation network computes how far to move *away from the identity*; the identity itself
    is a constant. So the layer starts as one that does nothing, and weight decay, which pulls
    weights towards 0, pulls θ towards the identity instead of towards a collapsed picture.

    Args:
        localisation: any module from images (N, C, H, W) to the family's numbers (N, P). Its last
            `nn.Linear` is set to zero, so that training starts at the identity; where the module
            has no such layer, its start is left alone and a warning says so.
        family: "affine" (P = 6, equation 1), "attention" (P = 3: s, t_x, t_y, equation 2),
            "projective" (P = 8), "tps" (P = 32: 4×4 control points), or any `Family`, such as
            `thin_plate_spline(6)`.
        size: (height, width) of the output; None keeps the input's own, divided by `downsample`.
        downsample: factor by which the output is smaller than the input, when no size is given.
        limit: the most that each number may move from the identity: one bound, or one for each of
            the P numbers; 0 holds a number still. The residual passes through
            limit · tanh(residual / limit).
        kernel: as in `sample`.
        padding: as in `sample`.

    Shape:
        (N, C, H, W) → (N, C, *size).

    >>> localise = nn.Sequential(nn.Flatten(), nn.Linear(16, 6))
    >>> transformer = SpatialTransformer(localise)
    >>> image = torch.rand(1, 1, 4, 4)
    >>> torch.allclose(transformer(image), image, atol=1e-6)  # starts at the identity
    True
    """

    def __init__(
        self,
        localisation: nn.Module,
        family: str | Family = "affine",
        size: tuple[int, int] | None = None,
        *,
        downsample: float = 1,
        limit: float | Sequence[float] | None = None,
        kernel: str = "bilinear",
        padding: str = "zeros",
    ):
        """See the class."""
        super().__init__()
        if not isinstance(family, Family) and family not in FAMILIES:
            raise ValueError(f"family must be one of {', '.join(FAMILIES)}, got {family!r}")
        self.localisation = localisation
        self.family = family if isinstance(family, Family) else FAMILIES[family]
        self.size, self.downsample = size, downsample
        self.kernel, self.padding = kernel, padding
        identity = torch.tensor(self.family.identity, dtype=torch.get_default_dtype())
        self.register_buffer("identity", identity, persistent=False)  # (P,)
        self.register_buffer(
            "limit", _check_limit(limit, identity), persistent=False
        )  # (P,) or None
        start_at_identity(localisation, len(identity))

    def theta(self, images: Tensor) -> Tensor:
        """The θ that the localisation network chooses for each image.

        Returns:
            (N, 2, 3); (N, 3, 3) for the projective family, (N, k², 2) for thin-plate splines.
        """
        residual = self.localisation(images)
        if residual.shape != (len(images), len(self.identity)):
            raise ValueError(
                f"the localisation network must return (N, {len(self.identity)}) for the "
                f"{self.family.name} family, got {tuple(residual.shape)} for {len(images)} images: "
                f"end it with nn.Linear(…, {len(self.identity)})"
            )
        if self.limit is not None:
            residual = self.limit * torch.tanh(residual / self.limit.clamp(min=1e-12))
        return self.family.theta(self.identity + residual)

    def forward(self, images: Tensor) -> Tensor:
        """The images, each warped by its own θ."""
        theta = self.theta(images)
        # bfloat16 keeps 8 bits, which would move a grid by a pixel: geometry stays in float32.
        with torch.autocast(images.device.type, enabled=False):
            grid = self.family.grid(theta, *self.output_size(images))
            return sample(images.to(grid.dtype), grid, self.kernel, self.padding)

    def output_size(self, images: Tensor) -> tuple[int, int]:
        """(height, width) of what the transformer returns for these images."""
        height, width = images.shape[-2:]
        return self.size or (int(height / self.downsample), int(width / self.downsample))


class Look(NamedTuple):
    """Where a network's transformer looks in some images, and what it sees there."""

    theta: Tensor  # (N, 2, 3), or what the transformer's family has in its place
    grid: Tensor  # (N, H, W, 2), the points at which it looks
    view: Tensor  # (N, C, H, W), what the transformer hands on

    @property
    def outside(self) -> float:
        """Share of all samples that fall outside the images."""
        return looks_outside(self.grid).mean().item()


@torch.no_grad()
def look(model: nn.Module, images: Tensor, which: int = 0) -> Look:
    """Where a spatial transformer of a model looks, wherever in the model it stands.

    Args:
        model: a network with a `SpatialTransformer`; it is asked in evaluation mode.
        images: floats (N, C, H, W), on any device.
        which: of several transformers, in the model's own order, counted from 0.

    Raises:
        ValueError: there is no transformer in the model, or none of that number.
    """
    transformer, seen = find_transformer(model, which), []
    if transformer is None:
        missing = "no SpatialTransformer to look through"
        if find_transformer(model) is not None:
            missing = f"no SpatialTransformer number {which}: they are counted from 0"
        raise ValueError(f"{type(model).__name__} has {missing}")
    caller = threading.get_ident()  # another thread may be using the model: not what it sees

    def keep(_, inputs: tuple, view: Tensor) -> None:
        if threading.get_ident() == caller:
            seen.extend([*inputs, view])

    hook = transformer.register_forward_hook(keep)
    try:
        with evaluating(model):
            model(images.to(next(model.parameters()).device))
            received, view = seen[:2]
            theta = transformer.theta(received)
    finally:
        hook.remove()
    grid = transformer.family.grid(theta, *view.shape[-2:])
    return Look(theta.cpu(), grid.cpu(), view.cpu())


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode; afterwards each of its modules is in its own mode again.

    >>> model = nn.Sequential(nn.BatchNorm2d(1).eval(), nn.Dropout())  # a frozen layer
    >>> with evaluating(model):
    ...     model[1].training
    False
    >>> [module.training for module in model]
    [False, True]
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def find_transformer(model: nn.Module, which: int = 0) -> SpatialTransformer | None:
    """A spatial transformer of a model, the first unless told otherwise, or None."""
    transformers = [m for m in model.modules() if isinstance(m, SpatialTransformer)]
    return transformers[which] if 0 <= which < len(transformers) else None


def freeze_transformers(model: nn.Module) -> nn.Module:
    """Hold all transformers of a model at the identity: a network to compare with.

    Returns:
        The model itself; its localisation networks no longer learn.

    Raises:
        ValueError: there is no transformer in the model.

    >>> localise = nn.Sequential(nn.Flatten(), nn.Linear(16, 6))
    >>> frozen = freeze_transformers(nn.Sequential(SpatialTransformer(localise)))
    >>> any(parameter.requires_grad for parameter in frozen.parameters())
    False
    """
    transformers = [m for m in model.modules() if isinstance(m, SpatialTransformer)]
    if not transformers:
        raise ValueError(f"{type(model).__name__} has no SpatialTransformer to freeze")
    for transformer in transformers:
        start_at_identity(transformer.localisation, len(transformer.identity))
        transformer.localisation.requires_grad_(False)
    return model


def start_at_identity(localisation: nn.Module, outputs: int) -> None:
    """Set the last linear layer to zero, so that the residual starts at 0 for every image."""
    linear = [m for m in localisation.modules() if isinstance(m, nn.Linear)]
    if not linear or linear[-1].out_features != outputs:
        warnings.warn(
            f"the localisation network does not end in nn.Linear(…, {outputs}), so its start was "
            "left alone: let it return zeros at first, or training may collapse",
            stacklevel=3,
        )
        return
    nn.init.zeros_(linear[-1].weight)
    if linear[-1].bias is not None:
        nn.init.zeros_(linear[-1].bias)


def _check_limit(limit, identity: Tensor) -> Tensor | None:
    if limit is None:
        return None
    bounds = torch.as_tensor(limit, dtype=identity.dtype)
    if bounds.shape not in ((), identity.shape) or not (bounds >= 0).all():
        raise ValueError(f"limit must be one bound or {len(identity)}, none below 0, got {limit}")
    return bounds.expand_as(identity).clone()
