"""The localisation network: what it must be, what it must return, and how it starts."""

import warnings

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from stn_lesson.checks import first_of


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


def check_numbers(numbers: Tensor, count: int, images: Tensor, family: str) -> None:
    """Raise a clear error unless a localisation network gave each image its numbers, (N, count)."""
    is_tensor = isinstance(numbers, Tensor)
    if not is_tensor or numbers.shape != (images.shape[0], count):
        got = tuple(numbers.shape) if is_tensor else f"a {type(numbers).__name__}"
        raise ValueError(
            f"the localisation network must return (N, {count}) for the {family} family, got "
            f"{got} for {len(images)} images: end it with nn.Linear(…, {count})"
        )


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
