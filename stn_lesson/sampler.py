"""The sampler: an image and a sampling grid give a picture (section 3.3 of the paper).

`bilinear_sample` is written out for reading; `sample` calls torch's own operator, which is faster
and agrees with it to rounding. Both are differentiable with respect to image and grid.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from stn_lesson.grid import sampling_grid
from stn_lesson.theta import NotFiniteError, check_theta, only_finite

KERNELS = ("bilinear", "nearest")
PADDINGS = ("zeros", "border")


def to_pixels(grid: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Grid coordinates (…, 2) as pixel coordinates x in [0, W−1], y in [0, H−1].

    −1 is the centre of the first pixel and 1 the centre of the last: hence (W−1)/2, not W/2.
    """
    x, y = grid.unbind(-1)
    return (x + 1) * half_steps(width), (y + 1) * half_steps(height)


def half_steps(side: int) -> float:
    """Pixel steps in one unit of grid coordinates: half of those from edge to edge, (W−1)/2."""
    return (side - 1) / 2


def bilinear_sample(image: Tensor, grid: Tensor, padding: str = "zeros") -> Tensor:
    """Sample an image at every point of a grid by bilinear interpolation, equation (5), by hand.

    Args:
        image: (N, C, H, W), floats.
        grid: (N, H', W', 2), last axis x then y, in [−1, 1] inside the image.
        padding: what lies outside: "zeros", or "border" (the nearest pixel of the edge).

    Returns:
        (N, C, H', W').

    Raises:
        TypeError, ValueError: wrong kinds, shapes, or a grid with NaN or infinity.

    >>> image = torch.tensor([[[[0., 1.], [2., 3.]]]])
    >>> centre = torch.zeros(1, 1, 1, 2)
    >>> bilinear_sample(image, centre)  # a quarter of each of the four pixels
    tensor([[[[1.5000]]]])
    """
    check_image_and_grid(image, grid, padding=padding)
    height, width = image.shape[-2:]
    x, y = to_pixels(grid, height, width)  # both (N, H', W')
    if padding == "border":
        x, y = hold_inside(x, width - 1), hold_inside(y, height - 1)

    left, top = x.floor(), y.floor()
    right, bottom = left + 1, top + 1
    # Each neighbour weighs as much as the area of the rectangle on the opposite side of the point.
    top_left = (right - x) * (bottom - y)
    top_right = (x - left) * (bottom - y)
    bottom_left = (right - x) * (y - top)
    bottom_right = (x - left) * (y - top)
    return (
        top_left[:, None] * pixels_at(image, left, top)
        + top_right[:, None] * pixels_at(image, right, top)
        + bottom_left[:, None] * pixels_at(image, left, bottom)
        + bottom_right[:, None] * pixels_at(image, right, bottom)
    )


def hold_inside(position: Tensor, last: int) -> Tensor:
    """Positions beyond an edge moved onto it; there they pass no gradient, as in torch's own."""
    edge = position.detach().clamp(0, last)
    return torch.where((position > 0) & (position < last), position, edge)


def pixels_at(image: Tensor, column: Tensor, row: Tensor) -> Tensor:
    """The pixels of an image at whole-numbered positions (N, H', W'); 0 outside it.

    Returns:
        (N, C, H', W').
    """
    batch, channels, height, width = image.shape
    inside = (column >= 0) & (column <= width - 1) & (row >= 0) & (row <= height - 1)
    index = row.clamp(0, height - 1).long() * width + column.clamp(0, width - 1).long()
    flat = index.flatten(1)[:, None].expand(-1, channels, -1)  # one index for all channels
    picked = image.flatten(2).gather(2, flat)
    return picked.view(batch, channels, *column.shape[1:]) * inside[:, None]


def sample(image: Tensor, grid: Tensor, kernel: str = "bilinear", padding: str = "zeros") -> Tensor:
    """Sample an image at every point of a grid with torch's own operator, the fast way.

    Args:
        image: (N, C, H, W), floats.
        grid: (N, H', W', 2), last axis x then y, in [−1, 1] inside the image.
        kernel: "bilinear", equation (5), or "nearest", equation (4): the pixel at ⌊x + 0.5⌋.
            The nearest kernel passes no gradient to the grid.
        padding: what lies outside: "zeros" or "border".

    Returns:
        (N, C, H', W').

    Raises:
        TypeError, ValueError: wrong kinds, shapes, or a grid with NaN or infinity.

    >>> image = torch.tensor([[[[0., 1.], [2., 3.]]]])
    >>> sample(image, torch.full((1, 1, 1, 2), 0.2), kernel="nearest")
    tensor([[[[3.]]]])
    """
    check_image_and_grid(image, grid, kernel, padding)
    if kernel == "nearest":
        grid = _snap(grid, *image.shape[-2:])
    return F.grid_sample(image, grid, mode=kernel, padding_mode=padding, align_corners=True)


def warp(
    image: Tensor, theta: Tensor, size=None, kernel: str = "bilinear", padding: str = "zeros"
) -> Tensor:
    """The picture that θ reads from an image: `sampling_grid`, then `sample`.

    Args:
        image: (N, C, H, W), floats.
        theta: (N, 2, 3), or (1, 2, 3) to serve for the whole batch.
        size: (height, width) of the result; None keeps the image's own.
        kernel: as in `sample`.
        padding: as in `sample`.

    Returns:
        (N, C, *size).

    >>> from stn_lesson.theta import affine_theta
    >>> warp(torch.tensor([[[[1., 2., 3.]]]]), affine_theta(translation=(1, 0)))
    tensor([[[[0., 1., 2.]]]])
    """
    check_image(image, padding)
    height, width = check_image_and_theta(image, check_theta(theta), size)
    theta = theta.expand(len(image), 2, 3)
    return sample(image, sampling_grid(theta, height, width), kernel, padding)


def looks_outside(grid: Tensor) -> Tensor:
    """Share of each grid's points that fall outside the source, (N,), from 0 to 1.

    >>> looks_outside(torch.tensor([[[[0., 0.], [2., 0.]]]]))
    tensor([0.5000])
    """
    return (grid.abs() > 1 + 1e-5).any(-1).flatten(1).float().mean(1)


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
    if not only_finite(grid):
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


def _snap(grid: Tensor, height: int, width: int) -> Tensor:
    """Move every point onto the pixel at ⌊x + 0.5⌋, since torch alone rounds 0.5 to even."""
    half = grid.new_tensor([half_steps(width), half_steps(height)]).clamp(min=0.5)
    return torch.floor((grid + 1) * half + 0.5) / half - 1
