"""The sampler: an image and a sampling grid give a picture (section 3.3 of the paper).

`bilinear_sample` is written out for reading, and `trilinear_sample` for volumes; `sample` calls
torch's own operator, which is faster and agrees with them to rounding. All are differentiable with
respect to image and grid. An image of 16 bits is sampled in 32, like all geometry, and the picture
has the image's type again.
"""

from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from stn_lesson.arguments import whole_number
from stn_lesson.checks import (
    check_image,
    check_image_and_grid,
    check_image_and_theta,
    check_points,
    check_volume,
    check_volume_and_grid,
)
from stn_lesson.families import grid_of
from stn_lesson.theta_checks import check_any_theta


def to_pixels(grid: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Grid coordinates (…, 2) as pixel coordinates x in [0, W−1], y in [0, H−1].

    −1 is the centre of the first pixel and 1 the centre of the last: hence (W−1)/2, not W/2.

    Raises:
        TypeError, ValueError: a grid that is no tensor of floats (…, 2), or sides that are no
            whole numbers from 1.

    >>> to_pixels(torch.tensor([-1., 1.]), height=3, width=5)
    (tensor(0.), tensor(2.))
    """
    x, y = check_points(grid).unbind(-1)
    return (x + 1) * pixels_per_unit(width), (y + 1) * pixels_per_unit(height)


def pixels_per_unit(side: int) -> float:
    """Pixel steps in one unit of grid coordinates: half of those from edge to edge, (W−1)/2."""
    return (whole_number(side, "a side in pixels", lowest=1) - 1) / 2


def bilinear_sample(image: Tensor, grid: Tensor, padding: str = "zeros") -> Tensor:
    """Sample an image at every point of a grid by bilinear interpolation, equation (5), by hand.

    Args:
        image: (N, C, H, W), floats.
        grid: (N, H', W', 2), last axis x then y, in [−1, 1] inside the image.
        padding: what lies outside: "zeros", "border" (the nearest pixel of the edge), or
            "reflection" (the image mirrored at its outermost pixels, again and again).

    Returns:
        (N, C, H', W'), of the image's type.

    Raises:
        TypeError, ValueError: wrong kinds, shapes, or a grid with NaN or infinity.

    >>> image = torch.tensor([[[[0., 1.], [2., 3.]]]])
    >>> centre = torch.zeros(1, 1, 1, 2)
    >>> bilinear_sample(image, centre)  # a quarter of each of the four pixels
    tensor([[[[1.5000]]]])
    >>> bilinear_sample(image, centre + torch.tensor([2., -1.]), "reflection")  # x = 1.5 is 0.5
    tensor([[[[0.5000]]]])
    """
    check_image_and_grid(image, grid, padding=padding)
    height, width = image.shape[-2:]
    x, y = to_pixels(grid, height, width)  # both (N, H', W')
    if padding == "reflection":
        x, y = reflect(x, width - 1), reflect(y, height - 1)
    if padding != "zeros":
        x, y = clamp_to_edge(x, width - 1), clamp_to_edge(y, height - 1)

    left, top = x.floor(), y.floor()
    right, bottom = left + 1, top + 1
    # Each neighbour weighs as much as the area of the rectangle on the opposite side of the point.
    top_left = (right - x) * (bottom - y)
    top_right = (x - left) * (bottom - y)
    bottom_left = (right - x) * (y - top)
    bottom_right = (x - left) * (y - top)
    picture = (
        top_left[:, None] * pixels_at(image, left, top)
        + top_right[:, None] * pixels_at(image, right, top)
        + bottom_left[:, None] * pixels_at(image, left, bottom)
        + bottom_right[:, None] * pixels_at(image, right, bottom)
    )
    return picture.type_as(image)


def clamp_to_edge(position: Tensor, last: int) -> Tensor:
    """Positions beyond an edge moved onto it; there they pass no gradient, as in torch's own."""
    edge = position.detach().clamp(0, last)
    return torch.where((position > 0) & (position < last), position, edge)


def reflect(position: Tensor, last: int) -> Tensor:
    """Positions beyond the edges mirrored at 0 and at the last pixel, as often as it takes."""
    there_and_back = 2 * max(last, 1)
    along = position.abs() % there_and_back
    return torch.minimum(along, there_and_back - along)


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
    picked = picked.view(batch, channels, *column.shape[1:])
    return torch.where(inside[:, None], picked, 0)  # a product would let NaN be seen from outside


def trilinear_sample(volume: Tensor, grid: Tensor, padding: str = "zeros") -> Tensor:
    """Sample a volume at every point of a grid by trilinear interpolation, by hand (appendix A.3).

    Equation (5) with one coordinate more: each point lies between eight voxels, and each of them
    weighs as much as the box between the point and the voxel opposite.

    Args:
        volume: (N, C, D, H, W), floats.
        grid: (N, D', H', W', 3), last axis x, y, z, in [−1, 1] inside the volume.
        padding: as in `bilinear_sample`.

    Returns:
        (N, C, D', H', W'), of the volume's type.

    Raises:
        TypeError, ValueError: wrong kinds, shapes, or a grid with NaN or infinity.

    >>> volume = torch.arange(8.0).view(1, 1, 2, 2, 2)
    >>> trilinear_sample(volume, torch.zeros(1, 1, 1, 1, 3)).item()  # an eighth of each voxel
    3.5
    """
    grid = check_volume_and_grid(volume, grid, padding=padding)
    last = [side - 1 for side in volume.shape[:1:-1]]  # W−1, H−1, D−1
    x, y, z = ((grid[..., k] + 1) * (last[k] / 2) for k in range(3))  # each (N, D', H', W')
    if padding == "reflection":
        x, y, z = (reflect(*along) for along in zip((x, y, z), last, strict=True))
    if padding != "zeros":
        x, y, z = (clamp_to_edge(*along) for along in zip((x, y, z), last, strict=True))

    sampled = 0
    for (column, near_x), (row, near_y), (layer, near_z) in product(
        _neighbours(x), _neighbours(y), _neighbours(z)
    ):
        weight = near_x * near_y * near_z
        sampled = sampled + weight[:, None] * voxels_at(volume, column, row, layer)
    return sampled.type_as(volume)


def _neighbours(position: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
    """The whole number below each position and the one above, each with its nearness, 0 to 1."""
    below = position.floor()
    return (below, below + 1 - position), (below + 1, position - below)


def voxels_at(volume: Tensor, column: Tensor, row: Tensor, layer: Tensor) -> Tensor:
    """The voxels of a volume at whole-numbered positions (N, D', H', W'); 0 outside it.

    Returns:
        (N, C, D', H', W').
    """
    batch, channels, depth, height, width = volume.shape
    inside = (column >= 0) & (column <= width - 1) & (row >= 0) & (row <= height - 1)
    inside &= (layer >= 0) & (layer <= depth - 1)
    index = layer.clamp(0, depth - 1).long() * height + row.clamp(0, height - 1).long()
    index = index * width + column.clamp(0, width - 1).long()
    flat = index.flatten(1)[:, None].expand(-1, channels, -1)  # one index for all channels
    picked = volume.flatten(2).gather(2, flat).view(batch, channels, *column.shape[1:])
    return torch.where(inside[:, None], picked, 0)  # as in `pixels_at`


def sample(image: Tensor, grid: Tensor, kernel: str = "bilinear", padding: str = "zeros") -> Tensor:
    """Sample an image at every point of a grid with torch's own operator, the fast way.

    Args:
        image: (N, C, H, W), floats; or a volume (N, C, D, H, W).
        grid: (N, H', W', 2), last axis x then y, in [−1, 1] inside the image; of a volume
            (N, D', H', W', 3), last axis x, y, z.
        kernel: "bilinear", equation (5), which is trilinear in a volume; or "nearest",
            equation (4): the pixel at ⌊x + 0.5⌋. The nearest kernel passes no gradient to the grid.
        padding: as in `bilinear_sample`.

    Returns:
        (N, C, H', W'), of a volume (N, C, D', H', W'), of the image's type.

    Raises:
        TypeError, ValueError: wrong kinds, shapes, or a grid with NaN or infinity.
        NotImplementedError: forward derivatives (jvp), which torch's operator has not.

    >>> image = torch.tensor([[[[0., 1.], [2., 3.]]]])
    >>> sample(image, torch.full((1, 1, 1, 2), 0.2), kernel="nearest")
    tensor([[[[3.]]]])
    """
    if isinstance(grid, Tensor) and grid.shape[-1:] == (3,):
        grid = check_volume_and_grid(image, grid, kernel, padding, name="image")
    else:
        grid = check_image_and_grid(image, grid, kernel, padding)
    if kernel == "nearest":
        grid = _round_to_pixels(grid, *image.shape[2:])
    how = dict(mode=kernel, padding_mode=padding, align_corners=True)
    try:
        return F.grid_sample(image.type_as(grid), grid, **how).type_as(image)
    except NotImplementedError as error:
        if "forward AD" not in str(error):
            raise
        raise NotImplementedError(
            "torch's own sampler has no forward derivative (jvp), the one written out has: use "
            "bilinear_sample(image, grid, padding), of volumes trilinear_sample"
        ) from error


def warp(
    image: Tensor, theta: Tensor, size=None, kernel: str = "bilinear", padding: str = "zeros"
) -> Tensor:
    """The picture that θ reads from an image: its sampling grid, then `sample`.

    Args:
        image: (N, C, H, W), floats; or a volume (N, C, D, H, W).
        theta: (N, 2, 3), affine; or (N, 3, 3), a homography; or (N, k², 2), the points of a
            thin-plate spline; of a volume (N, 3, 4). N may be 1, to serve for the whole batch.
        size: (height, width) of the result, of a volume (depth, height, width); None keeps the
            image's own.
        kernel: as in `sample`.
        padding: as in `sample`.

    Returns:
        (N, C, *size), of the image's type.

    Raises:
        TypeError, ValueError: wrong kinds or shapes, no size, or a θ with NaN or infinity.
        NotImplementedError: forward derivatives (jvp), as in `sample`.

    >>> from stn_lesson.theta import affine_theta
    >>> warp(torch.tensor([[[[1., 2., 3.]]]]), affine_theta(translation=(1, 0)))
    tensor([[[[0., 1., 2.]]]])
    >>> mirror = torch.diag(torch.tensor([-1., 1., 1.]))[None]  # a homography, (1, 3, 3)
    >>> warp(torch.tensor([[[[1., 2., 3.]]]]), mirror)
    tensor([[[[3., 2., 1.]]]])
    """
    in_volume = isinstance(theta, Tensor) and theta.shape[-2:] == (3, 4)
    (check_volume if in_volume else check_image)(image, padding, name="image")
    theta = check_any_theta(theta)
    size = check_image_and_theta(image, theta, size)
    grid = grid_of(theta.expand(image.shape[0], -1, -1), *size)
    return sample(image, grid, kernel, padding)


def looks_outside(grid: Tensor) -> Tensor:
    """Share of each grid's points that do not lie in the source, (N,), from 0 to 1.

    A point that is NaN lies nowhere, and so not in the source.

    Args:
        grid: (N, …, 2), or (N, D, H, W, 3) of a volume.

    Raises:
        TypeError, ValueError: a grid of another kind or shape.

    >>> looks_outside(torch.tensor([[[[0., 0.], [2., 0.]]]]))
    tensor([0.5000])
    """
    inside = (check_points(grid, least_axes=3, in_volumes=True).abs() <= 1 + 1e-5).all(-1)
    return (~inside).flatten(1).float().mean(1)


def _round_to_pixels(grid: Tensor, *size: int) -> Tensor:
    """Move every point onto the pixel at ⌊x + 0.5⌋, since torch alone rounds 0.5 to even."""
    half = grid.new_tensor([pixels_per_unit(side) for side in reversed(size)]).clamp(min=0.5)
    return torch.floor((grid + 1) * half + 0.5) / half - 1
