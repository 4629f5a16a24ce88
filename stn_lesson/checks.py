"""What a θ, a grid and an image may be, and errors that say what to do about it.

The checks stand at the doors of the rooms, a line each; what they say is written here.
"""

import math

import torch
from torch import Tensor

KERNELS = ("bilinear", "nearest")
PADDINGS = ("zeros", "border")


class NotFiniteError(ValueError):
    """A θ or a sampling grid holds NaN or infinity."""


def check_theta(theta: Tensor) -> Tensor:
    """θ itself, if it is a floating tensor (N, 2, 3) of finite numbers; a clear error otherwise."""
    check_floats(theta)
    if theta.ndim != 3 or theta.shape[1:] != (2, 3):
        if theta.shape[-2:] == (3, 3):
            hint = "theta[..., :2, :], or projective_grid for a homography"
        elif theta.shape[-1:] == (6,) or theta.shape == (2, 3):
            hint = "theta.view(-1, 2, 3)"
        else:
            hint = "affine_theta to make one"
        raise ValueError(f"theta must have shape (N, 2, 3), got {tuple(theta.shape)}: use {hint}")
    if not all_finite(theta):
        raise not_finite_error(theta, "row", "column")
    return theta


def check_homography(theta: Tensor) -> Tensor:
    """θ itself, if it is a floating tensor (N, 3, 3) of finite numbers; a clear error otherwise."""
    check_floats(theta)
    if theta.ndim != 3 or theta.shape[1:] != (3, 3):
        raise ValueError(
            f"theta of a homography must have shape (N, 3, 3), got {tuple(theta.shape)}: "
            "use projective_theta to make one, or sampling_grid for an affine θ"
        )
    if not all_finite(theta):
        raise not_finite_error(theta, "row", "column")
    return theta


def check_floats(values: Tensor, name: str = "theta") -> None:
    """Raise a clear error for anything but a tensor of floats."""
    if not isinstance(values, Tensor) or not values.is_floating_point():
        kind = values.dtype if isinstance(values, Tensor) else type(values).__name__
        raise TypeError(f"{name} must be a tensor of floats, got {kind}: use {name}.float()")


def all_finite(values: Tensor) -> bool:
    """Whether all values are finite; taken for granted while a GPU records a CUDA graph.

    Nobody can look at numbers then: there are none yet.
    """
    recording = values.is_cuda and torch.cuda.is_current_stream_capturing()
    return recording or bool(values.isfinite().all())


def not_finite_error(values: Tensor, *axes: str, name: str = "theta") -> NotFiniteError:
    """The error that says which sample holds NaN or infinity, and at which place."""
    n, *place = (~values.isfinite()).nonzero()[0].tolist()
    where = ", ".join(f"{axis} {k}" for axis, k in zip(axes, place, strict=True))
    return NotFiniteError(
        f"{name} of sample {n} holds {values[n][tuple(place)].item()} in {where}: "
        "look at what computed it (a division by 0, or training that diverged)"
    )


def check_control_points(theta: Tensor) -> int:
    """The k of a θ of k × k control points; a clear error for anything else."""
    check_floats(theta)
    k = math.isqrt(theta.shape[1]) if theta.ndim == 3 else 0
    if theta.ndim != 3 or theta.shape[2] != 2 or k < 2 or k * k != theta.shape[1]:
        raise ValueError(
            "theta must hold the points of a k × k net, (N, k², 2) with k at least 2, got "
            f"{tuple(theta.shape)}: start from control_points(k)[None]"
        )
    if not all_finite(theta):
        raise not_finite_error(theta, "point", "coordinate")
    return k


def check_image_and_grid(
    image: Tensor, grid: Tensor, kernel: str = "bilinear", padding: str = "zeros"
) -> None:
    """Raise a clear error when image and grid do not fit each other or the sampler."""
    if kernel not in KERNELS:
        raise ValueError(f"kernel must be one of {', '.join(KERNELS)}, got {kernel!r}")
    check_image(image, padding)
    if not isinstance(grid, Tensor) or grid.ndim != 4 or grid.shape[-1] != 2:
        got = tuple(grid.shape) if isinstance(grid, Tensor) else type(grid).__name__
        raise ValueError(
            f"grid must have shape (N, H, W, 2), last axis x then y, got {got}: "
            "use sampling_grid(theta, height, width)"
        )
    if len(grid) != len(image):
        raise ValueError(
            f"image and grid must have the same batch size, got {len(image)} and {len(grid)}: "
            "use grid.expand(len(image), -1, -1, -1) to share one grid"
        )
    if grid.dtype != image.dtype or grid.device != image.device:
        raise TypeError(
            f"image and grid must agree, got {image.dtype} on {image.device} and "
            f"{grid.dtype} on {grid.device}: use grid.to(image)"
        )
    if not all_finite(grid):
        n, row, column, axis = (~grid.isfinite()).nonzero()[0].tolist()
        raise NotFiniteError(
            f"grid of sample {n} holds {grid[n, row, column, axis].item()} for {'xy'[axis]} at row "
            f"{row}, column {column}: look at what computed it"
        )


def check_image(image: Tensor, padding: str = "zeros") -> None:
    """Raise a clear error for an image or a padding that no sampler can read."""
    if padding not in PADDINGS:
        raise ValueError(f"padding must be one of {', '.join(PADDINGS)}, got {padding!r}")
    if not isinstance(image, Tensor) or image.ndim != 4 or 0 in image.shape[2:]:
        got = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise ValueError(
            f"image must have shape (N, C, H, W), none of the sides 0, got {got}: "
            "use image[None, None]"
        )
    if not image.is_floating_point():
        raise TypeError(f"image must hold floats, got {image.dtype}: use image.float() / 255")


def check_image_and_theta(image: Tensor, theta: Tensor, size, *types) -> tuple[int, int]:
    """The (height, width) of a warp; a clear error when image, θ and size do not fit together.

    θ must have the image's type, or one of `types`.
    """
    if size is not None and (not isinstance(size, tuple | list) or len(size) != 2):
        raise ValueError(f"size must be (height, width), got {size}")
    height, width = size or image.shape[-2:]
    if min(height, width) < 1:
        raise ValueError(f"a picture needs at least 1 pixel on each side, got {tuple(size)}")
    if len(theta) not in (1, len(image)):
        raise ValueError(
            f"theta must be one for all or one for each image, got {len(theta)} for {len(image)}"
        )
    if theta.dtype not in (image.dtype, *types) or theta.device != image.device:
        raise TypeError(
            f"theta and image must agree, got {theta.dtype} on {theta.device} and "
            f"{image.dtype} on {image.device}: use theta.to(image)"
        )
    return height, width
