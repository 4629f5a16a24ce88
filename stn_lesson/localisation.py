"""The localisation network: what it must be, be shown and return, and how it starts."""

import warnings

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from stn_lesson.checks import check_image, check_volume, first_of
from stn_lesson.precision import devices_with_autocast


def check_localisation(localisation: nn.Module, outputs: int) -> nn.Module:
    """The localisation network itself; a clear error for what is none, or not yet."""
    if not isinstance(localisation, nn.Module):
        raise TypeError(
            f"localisation must be an nn.Module from images (N, C, H, W) to (N, {outputs}), got "
            f"{localisation!r}"
        )
    if any(map(is_lazy, localisation.parameters())):
        raise ValueError(
            "localisation has lazy layers, whose sizes its first images tell: call "
            "localisation(images) once, then make the transformer"
        )
    return localisation


def check_images(images: Tensor, axes: int, localisation: nn.Module | None = None) -> None:
    """Raise a clear error for what a transformer cannot read.

    Args:
        images: must be floats (N, C, H, W), or volumes (N, C, D, H, W).
        axes: 2 of images, 3 of volumes.
        localisation: that will read them; they must be of its weights' type, and on their device.
    """
    (check_image if axes == 2 else check_volume)(images, name="images")
    weights = None if localisation is None else next(localisation.parameters(), None)
    if weights is None:
        return
    if images.dtype != weights.dtype and not devices_with_autocast():
        raise TypeError(
            f"images must be of the type of the localisation network's weights, {weights.dtype}, "
            f"got {images.dtype}: use images.to({weights.dtype})"
        )
    if images.device != weights.device:
        raise TypeError(
            f"images must be where the localisation network's weights are, on {weights.device}, "
            f'got some on {images.device}: use images.to("{weights.device}")'
        )


def check_numbers(numbers: Tensor, count: int, images: Tensor, family: str) -> None:
    """Raise a clear error unless a localisation network gave each image its numbers, (N, count)."""
    is_tensor = isinstance(numbers, Tensor)
    if not is_tensor or numbers.shape != (images.shape[0], count):
        got = tuple(numbers.shape) if is_tensor else f"a {type(numbers).__name__}"
        raise ValueError(
            f"the localisation network must return (N, {count}) for the {family} family, got "
            f"{got} for {len(images)} images: end it with nn.Linear(…, {count})"
        )


def check_limit(limit, identity: Tensor) -> Tensor | None:
    """The bounds as a tensor (P,)."""
    if limit is None:
        return None
    try:
        bounds = torch.as_tensor(limit, dtype=identity.dtype)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(
            f"limit must be one bound or {len(identity)} of them, got {limit!r}"
        ) from None
    fits = bounds.shape in ((), identity.shape)
    if not fits or not (bounds.isfinite() & (bounds >= 0)).all():
        raise ValueError(f"limit must be one bound or {len(identity)}, none below 0, got {limit}")
    return bounds.expand_as(identity).clone()


def start_at_identity(localisation: nn.Module, outputs: int) -> None:
    """Set the linear layer registered last to zero, so that the residual is 0 for every image.

    A module whose attribute `starts_at_identity` is True is left as it is.
    """
    if getattr(localisation, "starts_at_identity", False):
        return
    last = _last_linear(localisation)
    if last is None or last.out_features != outputs:
        warnings.warn(
            f"the localisation network does not end in nn.Linear(…, {outputs}), so its start was "
            "left alone: let it return zeros at first, or training may collapse",
            stacklevel=3,
        )
        return
    nn.init.zeros_(last.weight)
    if last.bias is not None:
        nn.init.zeros_(last.bias)


def warn_of_another_start(localisation: nn.Module, theta: Tensor, identity: Tensor) -> None:
    """Warn where the layer that was set to zero is zero still, and yet θ is not the identity."""
    last = _last_linear(localisation)
    starts_itself = getattr(localisation, "starts_at_identity", False)
    if (
        starts_itself
        or last is None
        or any(_is_nonzero(parameter) for parameter in last.parameters())
    ):
        return
    if first_of(((theta.detach() - identity).abs() > 0).flatten(1).any(1)) is not None:
        warnings.warn(
            f"the localisation network registers {last} last, and it holds zeros, but another "
            "layer comes after it, so training does not start at the identity: assign the layer "
            "that is used last, last in __init__",
            stacklevel=3,
        )


def _last_linear(localisation: nn.Module) -> nn.Linear | None:
    """The linear layer that a module registers last, or None."""
    return next((m for m in reversed([*localisation.modules()]) if isinstance(m, nn.Linear)), None)


def _is_nonzero(values: Tensor) -> bool:
    """Whether a tensor holds anything but zeros."""
    return first_of((values != 0).flatten()) is not None
