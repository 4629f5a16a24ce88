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

from stn_lesson.arguments import check_pixels, list_of, one_of, pair, whole_number
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
    # Of its shape, and not len(), which torch.export would take for a constant.
    if first.shape[0] != other.shape[0] and 1 not in (first.shape[0], other.shape[0]):
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
            f"{axis} {'xyz'[k] if axis == 'coordinate' else k}"
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
    if getattr(image, "ndim", 0) == getattr(grid, "ndim", 0) == 5 and grid.shape[-1] == 3:
        raise ValueError("image and grid are of volumes: use sample, or trilinear_sample by hand")
    check_image(image, padding)
    if not isinstance(grid, Tensor):
        check_floats(grid, "grid")
    if grid.ndim != 4 or grid.shape[-1] != 2:
        raise _no_grid_error(grid)
    return _check_grid_of(grid, image, "image")


def check_volume_and_grid(
    volume: Tensor,
    grid: Tensor,
    kernel: str = "bilinear",
    padding: str = "zeros",
    name: str = "volume",
) -> Tensor:
    """The grid in at least 32 bits; a clear error when volume, grid and sampler do not fit."""
    one_of(kernel, "kernel", KERNELS)
    check_volume(volume, padding, name)
    if not isinstance(grid, Tensor):
        check_floats(grid, "grid")
    if grid.ndim != 5 or grid.shape[-1] != 3:
        remedy = "volume_grid(theta, depth, height, width)"
        if grid.ndim == 5 and grid.shape[1] == 3:
            remedy = "grid.movedim(1, -1)"
        elif grid.ndim in (2, 3, 4) and grid.shape[-1] == 3:
            remedy = f"grid[{', '.join(['None'] * (5 - grid.ndim))}]"
        raise ValueError(
            "grid of a volume must have shape (N, D, H, W, 3), last axis x, y, z, got "
            f"{tuple(grid.shape)}: use {remedy}"
        )
    return _check_grid_of(grid, volume, name)


def _check_grid_of(grid: Tensor, image: Tensor, name: str) -> Tensor:
    """A grid of the right shape in at least 32 bits, if it goes with its pictures or volumes."""
    if grid.shape[0] != image.shape[0]:
        remedy = ""
        if 1 in (len(grid), len(image)):
            one, many = ("grid", name) if len(grid) == 1 else (name, "grid")
            kept = ", ".join(["-1"] * (image.ndim - 1))
            remedy = f": use {one}.expand(len({many}), {kept}) to share one {one}"
        raise ValueError(
            f"{name} and grid must have the same batch size, got {len(image)} and {len(grid)}"
            + remedy
        )
    _check_types("grid", grid, image, name)
    grid = check_floats(grid, "grid")
    axes = ("layer", "row", "column", "coordinate")[4 - grid.ndim + 1 :]
    return check_finite(grid, *axes, name="grid", bound=FARTHEST)


def check_points(grid: Tensor, least_axes: int = 1, in_volumes: bool = False) -> Tensor:
    """The grid in at least 32 bits, if it holds points (…, 2) as floats; a clear error if not.

    Only where `in_volumes` says so may it be the grid of a volume, (N, D, H, W, 3).
    """
    grid = check_floats(grid, "grid")
    if in_volumes and grid.ndim == 5 and grid.shape[-1] == 3:
        return grid
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


def check_image(image: Tensor, padding: str = "zeros", name: str = "image") -> None:
    """Raise a clear error for an image or a padding that no sampler can read."""
    one_of(padding, "padding", PADDINGS)
    if not isinstance(image, Tensor) or not image.is_floating_point():
        raise TypeError(
            f"{name} must be a tensor of floats (N, C, H, W), got {kind_of(image)}"
            f"{remedy(image, name, floats=True, any_range=True)}"
        )
    if image.ndim != 4 or 0 in image.shape[2:]:
        use = remedy(image, name, floats=True, any_range=True)
        if image.ndim == 5 and 0 not in image.shape and (len(image) > 1 or image.shape[2] > 4):
            use = (
                f": use {name}.flatten(1, 2) to treat its layers as channels; volumes want a θ of "
            )
            use += "volumes, as volume_theta makes"
        wanted = f"{name} must have shape (N, C, H, W), none of the sides 0"
        raise ValueError(f"{wanted}, got {tuple(image.shape)}{use}")


def check_volume(volume: Tensor, padding: str = "zeros", name: str = "volume") -> None:
    """Raise a clear error for a volume or a padding that no sampler can read."""
    one_of(padding, "padding", PADDINGS)
    shape = "(N, C, D, H, W)"
    if not isinstance(volume, Tensor) or not volume.is_floating_point():
        of_bytes = isinstance(volume, Tensor) and volume.dtype == torch.uint8
        use = f": use to_floats({name})" if of_bytes else ""
        raise TypeError(f"{name} must be a tensor of floats {shape}, got {kind_of(volume)}{use}")
    if volume.ndim != 5 or 0 in volume.shape[2:]:
        axes = {4: "[:, None]", 3: "[None, None]"}.get(volume.ndim)
        if volume.ndim == 4 and volume.shape[1] in (1, 3):  # pictures: volumes of one layer
            axes = "[:, :, None]"
        use = f": use {name}{axes}" if axes and 0 not in volume.shape else ""
        raise ValueError(
            f"{name} must have shape {shape}, none of the sides 0, got {tuple(volume.shape)}{use}"
        )


def check_sides(size, count: int, name: str = "size") -> tuple[int, ...]:
    """The size of a picture (height, width), or of a volume (depth, height, width).

    >>> check_sides([4, 5, 6], 3)
    (4, 5, 6)
    >>> check_sides((4, 5), 3)
    Traceback (most recent call last):
    ValueError: size (depth, height, width) must be three whole numbers, got (4, 5)
    """
    if count == 2:
        sides = pair(size, f"{name} (height, width)", of=whole_number, lowest=1)
    else:
        name = f"{name} (depth, height, width)"
        sides = list_of(size, name, "three whole numbers")
        if len(sides) != 3:
            raise ValueError(f"{name} must be three whole numbers, got {tuple(sides)}")
        sides = tuple(whole_number(side, name, lowest=1) for side in sides)
    check_pixels(*sides)
    return sides


def check_image_and_theta(image: Tensor, theta: Tensor, size) -> tuple[int, ...]:
    """The size of a warp; a clear error when pictures or volumes, θ and size do not fit together.

    It is (height, width), and (depth, height, width) of volumes.
    """
    size = tuple(image.shape[2:]) if size is None else check_sides(size, image.ndim - 2)
    if theta.shape[0] not in (1, image.shape[0]):
        kept = ", ".join(["-1"] * (image.ndim - 1))
        share = f": use image.expand(len(theta), {kept}) to share one image"
        raise ValueError(
            "theta must be one for all or one for each image, got "
            f"{len(theta)} for {len(image)}{share if len(image) == 1 else ''}"
        )
    _check_types("theta", theta, image)
    return size


def _check_types(name: str, values: Tensor, image: Tensor, image_name: str = "image") -> None:
    """Raise a clear error unless θ or a grid has the type of the image, 16 bits lifted to 32."""
    dtype = lifted(image.dtype)
    if lifted(values.dtype) != dtype or values.device != image.device:
        to = image_name if dtype == image.dtype else f"{image_name}.device, {dtype}"
        raise TypeError(
            f"{name} and {image_name} must agree, got {values.dtype} on {values.device} and "
            f"{image.dtype} on {image.device}: use {name}.to({to})"
        )
