"""What a grid, an image and a volume may be, and errors that say what to do about it.

The checks stand at the doors of the rooms, a line each; what they say is written here, and in
`theta_checks` what a θ may be. Those of a θ and of a grid return it in at least 32 bits (see
`precision`).
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from stn_lesson.arguments import one_of, pair, whole_number
from stn_lesson.precision import lifted
from stn_lesson.remedies import kind_of, remedy

KERNELS = ("bilinear", "nearest")
PADDINGS = ("zeros", "border", "reflection")
FARTHEST = 1e31  # of a grid's points; in pixels, those farther out would be infinite


class NotFiniteError(ValueError):
    """A θ or a sampling grid holds NaN or infinity."""


def check_network(model: nn.Module, name: str = "model") -> nn.Module:
    """The network itself; a TypeError for anything else, such as a class that makes networks.

    >>> check_network(nn.Flatten)
    Traceback (most recent call last):
    TypeError: model must be a network (nn.Module), got the class Flatten: use Flatten()
    """
    if isinstance(model, nn.Module):
        return model
    got = kind_of(model)
    if isinstance(model, type):
        got = f"the class {model.__name__}: use {model.__name__}()"
    raise TypeError(f"{name} must be a network (nn.Module), got {got}")


def check_floats(values: Tensor, name: str = "theta") -> Tensor:
    """The values in at least 32 bits, if they are a tensor of floats; a clear error otherwise."""
    if not isinstance(values, Tensor):
        remedy = f"torch.as_tensor({name}, dtype=torch.float32)"
        use = f": use {remedy}" if isinstance(values, list | tuple | np.ndarray) else ""
        raise TypeError(f"{name} must be a tensor of floats, got {type(values).__name__}{use}")
    if not values.is_floating_point():
        remedy = f"{name}.real" if values.is_complex() else f"{name}.float()"
        raise TypeError(f"{name} must be a tensor of floats, got {values.dtype}: use {remedy}")
    return values if values.dtype.itemsize >= 4 else values.float()


def check_alike(first: Tensor, other: Tensor, names: tuple[str, str]) -> None:
    """Raise a clear error for two tensors that cannot be taken together, sample by sample."""
    name, other_name = names
    if len(first) != len(other) and 1 not in (len(first), len(other)):
        raise ValueError(
            f"{name} and {other_name} must hold one for all or as many as each other, got "
            f"{len(first)} and {len(other)}"
        )
    if first.dtype != other.dtype or first.device != other.device:
        raise TypeError(
            f"{name} and {other_name} must agree, got {first.dtype} on {first.device} and "
            f"{other.dtype} on {other.device}: use {other_name}.to({name})"
        )


def check_finite(
    values: Tensor, *axes: str, name: str = "theta", bound: float = math.inf
) -> Tensor:
    """The values, if all are finite; else the error that says which sample's is not, and where.

    Values from `bound` on count as infinite.
    """
    if not _answer(values, lambda values: (values.abs() < bound).all(), unknown=True):
        n, *place = (~(values.abs() < bound)).nonzero()[0].tolist()
        where = ", ".join(
            f"{axis} {'xy'[k] if axis == 'coordinate' else k}"
            for axis, k in zip(axes, place, strict=True)
        )
        raise NotFiniteError(
            f"{name} of sample {n} holds {values[n][tuple(place)].item()} in {where}: "
            "look at what computed it (a division by 0, or training that diverged)"
        )
    return values


def first_of(mask: Tensor) -> int | None:
    """The first place at which a mask (N,) holds; None if there is none, or nobody can look."""
    return int(mask.nonzero()[0, 0]) if _answer(mask, Tensor.any, unknown=False) else None


def _answer(values: Tensor, question: Callable[[Tensor], Tensor], unknown: bool) -> bool:
    """The answer to a question about numbers, or `unknown` where there are none yet.

    That is so while a program is traced (torch.export, torch.compile, vmap, the meta device) and
    while a GPU records a CUDA graph: the checks of numbers stand aside there.
    """
    if torch.compiler.is_compiling():
        return unknown
    if values.is_cuda and torch.cuda.is_current_stream_capturing():
        return unknown
    answer = question(values)
    try:
        return bool(answer)
    except RuntimeError:  # vmap and the meta device have no numbers to show
        return unknown


def check_image_and_grid(
    image: Tensor, grid: Tensor, kernel: str = "bilinear", padding: str = "zeros"
) -> Tensor:
    """The grid in at least 32 bits; a clear error when image, grid and sampler do not fit."""
    one_of(kernel, "kernel", KERNELS)
    check_image(image, padding)
    if not isinstance(grid, Tensor):
        check_floats(grid, "grid")
    if grid.ndim != 4 or grid.shape[-1] != 2:
        raise _no_grid_error(grid)
    if grid.shape[0] != image.shape[0]:
        remedy = ""
        if 1 in (len(grid), len(image)):
            one, many = ("grid", "image") if len(grid) == 1 else ("image", "grid")
            remedy = f": use {one}.expand(len({many}), -1, -1, -1) to share one {one}"
        raise ValueError(
            f"image and grid must have the same batch size, got {len(image)} and {len(grid)}"
            + remedy
        )
    _check_types("grid", grid, image)
    grid = check_floats(grid, "grid")
    return check_finite(grid, "row", "column", "coordinate", name="grid", bound=FARTHEST)


def check_points(grid: Tensor, least_axes: int = 1) -> Tensor:
    """The grid in at least 32 bits, if it holds points (…, 2) as floats; a clear error if not."""
    grid = check_floats(grid, "grid")
    if grid.ndim < least_axes or grid.shape[-1:] != (2,):
        raise _no_grid_error(grid)
    return grid


def _no_grid_error(grid: Tensor) -> ValueError:
    """The error that says what makes a grid of a tensor of another shape."""
    remedy = "sampling_grid(theta, height, width)"
    if grid.ndim in (2, 3) and grid.shape[-1] == 2:
        remedy = "grid[None]" if grid.ndim == 3 else "grid[None, None]"
    elif grid.ndim > 4 and grid.shape[-1] == 2:
        remedy = "grid.flatten(0, -4)"
    elif grid.ndim == 4 and grid.shape[1] == 2:
        remedy = "grid.movedim(1, -1)"
    return ValueError(
        f"grid must have shape (N, H, W, 2), last axis x then y, got {tuple(grid.shape)}: "
        f"use {remedy}"
    )


def check_image(image: Tensor, padding: str = "zeros") -> None:
    """Raise a clear error for an image or a padding that no sampler can read."""
    one_of(padding, "padding", PADDINGS)
    if not isinstance(image, Tensor) or not image.is_floating_point():
        raise TypeError(
            f"image must be a tensor of floats (N, C, H, W), got {kind_of(image)}"
            f"{remedy(image, 'image', floats=True, any_range=True)}"
        )
    if image.ndim != 4 or 0 in image.shape[2:]:
        raise ValueError(
            f"image must have shape (N, C, H, W), none of the sides 0, got {tuple(image.shape)}"
            f"{remedy(image, 'image', floats=True, any_range=True)}"
        )


def check_image_and_theta(image: Tensor, theta: Tensor, size) -> tuple[int, int]:
    """The (height, width) of a warp; a clear error when image, θ and size do not fit together."""
    if size is None:
        size = image.shape[-2:]
    else:
        size = pair(size, "size (height, width)", of=whole_number, lowest=1)
    if theta.shape[0] not in (1, image.shape[0]):
        share = ": use image.expand(len(theta), -1, -1, -1) to share one image"
        raise ValueError(
            "theta must be one for all or one for each image, got "
            f"{len(theta)} for {len(image)}{share if len(image) == 1 else ''}"
        )
    _check_types("theta", theta, image)
    return size


def _check_types(name: str, values: Tensor, image: Tensor) -> None:
    """Raise a clear error unless θ or a grid has the type of the image, 16 bits lifted to 32."""
    dtype = lifted(image.dtype)
    if lifted(values.dtype) != dtype or values.device != image.device:
        to = "image" if dtype == image.dtype else f"image.device, {dtype}"
        raise TypeError(
            f"{name} and image must agree, got {values.dtype} on {values.device} and "
            f"{image.dtype} on {image.device}: use {name}.to({to})"
        )
