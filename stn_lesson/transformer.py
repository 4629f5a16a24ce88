"""The spatial transformer: localisation network + grid + sampler (section 3 of the paper)."""

import threading
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stn_lesson.arguments import one_of, pair, positive_number, whole_number
from stn_lesson.checks import KERNELS, PADDINGS, check_network, check_sides
from stn_lesson.families import FAMILIES, VOLUME_FAMILIES, Family
from stn_lesson.localisation import (
    check_images,
    check_limit,
    check_localisation,
    check_numbers,
    start_at_identity,
    warn_of_another_start,
)
from stn_lesson.precision import devices_with_autocast, in_full_precision, lifted
from stn_lesson.sampler import looks_outside, sample


class SpatialTransformer(nn.Module):
    """A layer that looks at its input, chooses one θ per image and warps all channels by it.

    The localisation network computes how far to move *away from the identity*; the identity itself
    is a constant. So the layer starts as one that does nothing, and weight decay, which pulls
    weights towards 0, pulls θ towards the identity instead of towards a collapsed picture.

    Args:
        localisation: any module from images (N, C, H, W) to the family's numbers (N, P). The
            `nn.Linear` that it registers last is set to zero, so that training starts at the
            identity. A warning says so where that layer has not P outputs, and is left alone; and
            at the first images, where another layer comes after it.
        family: "affine" (P = 6, equation 1), "attention" (P = 3: s, t_x, t_y, equation 2),
            "projective" (P = 8), "tps" (P = 32: 4×4 control points), "volume" (P = 12, for volumes:
            appendix A.3), or any `Family`, such as `thin_plate_spline(6)`.
        size: (height, width) of the output, of volumes (depth, height, width); None keeps the
            input's own, divided by `downsample`.
        downsample: factor by which the output is smaller than the input, when no size is given:
            one, or of pictures one for the height and one for the width.
        limit: the most that each number may move from the identity: one bound, or one for each of
            the P numbers; 0 holds a number still. The residual passes through
            limit · tanh(residual / limit).
        kernel: as in `sample`.
        padding: as in `sample`.

    Shape:
        (N, C, H, W) → (N, C, *size), or volumes (N, C, D, H, W) likewise, of the images' type;
        under `torch.autocast` in 32 bits. θ and the grid have 32 bits or more, also after
        `.half()` and `.bfloat16()`.

    Raises:
        TypeError, ValueError: one of the arguments is not what it may be; and, when images come,
            something else than floats of the weights' type, or a localisation network that returns
            something else than (N, P).

    >>> localise = nn.Sequential(nn.Flatten(), nn.Linear(16, 6))
    >>> transformer = SpatialTransformer(localise)
    >>> image = torch.rand(1, 1, 4, 4)
    >>> torch.allclose(transformer(image), image, atol=1e-6)  # starts at the identity
    True
    >>> SpatialTransformer(localise, downsample=(2, 1))(image).shape
    torch.Size([1, 1, 2, 4])
    """

    _start_is_checked = False  # whether the first images have shown that it is the identity

    def __init__(
        self,
        localisation: nn.Module,
        family: str | Family = "affine",
        size: tuple[int, ...] | None = None,
        *,
        downsample: float | tuple[float, float] = 1,
        limit: float | Sequence[float] | None = None,
        kernel: str = "bilinear",
        padding: str = "zeros",
    ):
        """See the class."""
        super().__init__()
        if not isinstance(family, Family):
            known = FAMILIES | VOLUME_FAMILIES
            family = known[one_of(family, "family", known)]
        self.family = family
        self.localisation = check_localisation(localisation, len(self.family.identity))
        self.size = size
        if size is not None:
            self.size = check_sides(size, self.family.axes)
        self.downsample = _check_downsample(downsample, self.family.axes)  # as many as sides
        self.kernel = one_of(kernel, "kernel", KERNELS)
        self.padding = one_of(padding, "padding", PADDINGS)
        identity = torch.tensor(self.family.identity, dtype=lifted(torch.get_default_dtype()))
        self.register_buffer("identity", identity, persistent=False)  # (P,)
        self.register_buffer(
            "limit", check_limit(limit, identity), persistent=False
        )  # (P,) or None
        start_at_identity(localisation, len(identity))

    def theta(self, images: Tensor, residual: Tensor | None = None) -> Tensor:
        """The θ that the localisation network chooses for each image.

        Args:
            images: floats (N, C, H, W).
            residual: what the network gave for them, (N, P), if that is known already: several
                transformers may share one network, which is then asked once.

        Returns:
            (N, 2, 3); (N, 3, 3) for the projective family, (N, k², 2) for thin-plate splines,
            (N, 3, 4) for volumes.
        """
        residual = self.localisation(images) if residual is None else residual
        check_numbers(residual, len(self.identity), images, self.family.name)
        if self.limit is not None:
            residual = self.limit * torch.tanh(residual / self.limit.clamp(min=1e-12))
        return self.family.theta(self.identity + residual)

    def forward(self, images: Tensor, *, residual: Tensor | None = None) -> Tensor:
        """The images, each warped by its own θ; see `theta` for the residual."""
        check_images(images, self.family.axes, None if residual is not None else self.localisation)
        theta = self.theta(images, residual)
        asked = residual is None and not torch.compiler.is_compiling()
        if asked and not self._start_is_checked:
            self._start_is_checked = True
            warn_of_another_start(self.localisation, theta, self.family.theta(self.identity[None]))
        if devices_with_autocast():
            images = images.to(theta.dtype)  # as torch's own sampler would
        return self._warp(images, theta)

    @in_full_precision
    def _warp(self, images: Tensor, theta: Tensor) -> Tensor:
        grid = self.family.grid(theta, *self.output_size(images))
        return sample(images, grid, self.kernel, self.padding)

    def extra_repr(self) -> str:
        """All that decides what the layer does, apart from its weights."""
        limit = self.limit
        if limit is not None and not limit.is_meta:
            limit = [float(f"{bound:.7g}") for bound in limit.tolist()]
        return (
            f"{self.family!s}, size={self.size}, downsample={self.downsample}, limit={limit}, "
            f"kernel={self.kernel}, padding={self.padding}"
        )

    def output_size(self, images: Tensor) -> tuple[int, ...]:
        """(height, width) of what the transformer returns, of volumes (depth, height, width)."""
        if self.size:
            return self.size
        sides = images.shape[-self.family.axes :]
        size = tuple(int(s / factor) for s, factor in zip(sides, self.downsample, strict=True))
        if not all(size):
            raise ValueError(
                f"downsample {self.downsample} leaves nothing of images of "
                f"{'×'.join(map(str, sides))} pixels: make it smaller, or give a size"
            )
        return size

    def _apply(self, fn, recurse=True):
        """Follow `.to(…)`, `.half()` and the like, but keep the identity and the limit exact."""
        exact = self.identity, self.limit
        super()._apply(fn, recurse)
        if lifted(self.identity.dtype) != self.identity.dtype:
            device = self.identity.device
            self.identity, self.limit = (n if n is None else n.to(device) for n in exact)
        return self


class Look(NamedTuple):
    """Where a network's transformer looks in some images, and what it sees there.

    Attributes:
        theta: (N, 2, 3), or what the transformer's family has in its place.
        grid: (N, H, W, 2), the points at which it looks; in volumes (N, D, H, W, 3).
        view: (N, C, H, W), what the transformer hands on; of volumes (N, C, D, H, W).
    """

    theta: Tensor
    grid: Tensor
    view: Tensor

    @property
    def outside(self) -> float:
        """Share of all samples that fall outside the images."""
        return looks_outside(self.grid).mean().item()


@torch.no_grad()
def look(model: nn.Module, images: Tensor, which: int = 0) -> Look:
    """Where a spatial transformer of a model looks, wherever in the model it stands.

    Args:
        model: a network with a `SpatialTransformer`; it is asked in evaluation mode.
        images: floats (N, C, H, W), or volumes (N, C, D, H, W), on any device.
        which: of several transformers, in the model's own order, counted from 0.

    Raises:
        TypeError, ValueError: no network or no images; there is no transformer in the model, none
            of that number, or one that these images do not reach.
    """
    check_network(model)
    name, seen = type(model).__name__, []
    transformer = find_transformer(model, which)
    if transformer is None:
        missing = "no SpatialTransformer to look through"
        if find_transformer(model) is not None:
            missing = f"no SpatialTransformer number {which}: they are counted from 0"
        raise ValueError(f"{name} has {missing}")
    check_images(images, transformer.family.axes)
    caller = threading.get_ident()  # another thread may be using the model: not what it sees

    def keep(_, inputs: tuple, view: Tensor) -> None:
        if threading.get_ident() == caller:
            seen.extend([*inputs, view])

    hook = transformer.register_forward_hook(keep)
    try:
        with evaluating(model):
            try:
                model(images.to(next(model.parameters(), images).device))
            except RuntimeError as error:  # of torch, of a layer that awaits another size
                shape = tuple(images.shape)
                raise ValueError(f"{name} cannot take images of shape {shape}: {error}") from error
            if not seen:
                raise ValueError(f"{name} does not show its transformer {which} these images")
            received, view = seen[:2]
            theta = transformer.theta(received)
    finally:
        hook.remove()
    grid = transformer.family.grid(theta, *view.shape[2:])
    return Look(theta.cpu(), grid.cpu(), view.cpu())


class evaluating:
    """The model in evaluation mode; afterwards each of its modules is in its own mode again.

    A class: a generator that Ctrl-C cuts off would put the modes back later, when nobody looks.

    >>> model = nn.Sequential(nn.BatchNorm2d(1).eval(), nn.Dropout())  # a frozen layer
    >>> with evaluating(model):
    ...     model[1].training
    False
    >>> [module.training for module in model]
    [False, True]
    """

    def __init__(self, model: nn.Module):
        """See the class."""
        self.model = model
        self.modes = [(module, module.training) for module in model.modules()]

    def __enter__(self) -> None:
        """Into evaluation mode."""
        self.model.eval()

    def __exit__(self, *error) -> None:
        """Back into each module's own."""
        for module, training in self.modes:
            module.training = training


def find_transformer(model: nn.Module, which: int = 0) -> SpatialTransformer | None:
    """A spatial transformer of a model, the first unless told otherwise, or None."""
    which = whole_number(which, "which")
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


def _check_downsample(downsample, axes: int) -> tuple[float, ...]:
    """The factors of the height and of the width; of volumes, the same for all three sides."""
    try:
        return (positive_number(downsample, "downsample"),) * axes
    except TypeError:
        if axes != 2:
            raise
        return pair(downsample, "downsample", of=positive_number)
