"""The misconceptions of the task `bilinear_sample`, each as code that makes the mistake."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import pad

from stn_grading.tasks.task import Misconception
from stn_lesson.sampler import bilinear_sample, pixels_at, pixels_per_unit, to_pixels


def _sample_at_pixels(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Equation (5) at pixel coordinates."""
    image = pad(image, (0, 1, 0, 1))  # a zero more below and at the right: no side is of one pixel
    height, width = image.shape[-2:]
    grid = torch.stack([x / pixels_per_unit(width) - 1, y / pixels_per_unit(height) - 1], -1)
    return bilinear_sample(image, grid)


def _sample_scaled(image: Tensor, grid: Tensor, x_scale: float, y_scale: float) -> Tensor:
    """X + 1 and y + 1 times these factors are the pixel coordinates."""
    return _sample_at_pixels(image, (grid[..., 0] + 1) * x_scale, (grid[..., 1] + 1) * y_scale)


def _pixel_coordinates(image: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    return to_pixels(grid, *image.shape[-2:])


def _coordinates_and_sides(image: Tensor, grid: Tensor) -> list[tuple[Tensor, int]]:
    """Pixel coordinates x with the width, y with the height."""
    sides = image.shape[-1], image.shape[-2]
    return list(zip(_pixel_coordinates(image, grid), sides, strict=True))


def _weighted_sum(read_pixels: Callable[[Tensor, Tensor], Tensor], columns, rows) -> Tensor:
    """The pixels at (column, weight) and (row, weight) pairs, times both weights."""
    return sum(
        (column_weight * row_weight)[:, None] * read_pixels(column, row)
        for column, column_weight in columns
        for row, row_weight in rows
    )


def _two_neighbours(position: Tensor) -> tuple:
    """The two whole numbers around a position, each with its weight."""
    first = position.floor()
    return (first, first + 1 - position), (first + 1, position - first)


def _sample_with_opposite_weights(image: Tensor, grid: Tensor) -> Tensor:
    """Each neighbour with the area on its own side."""
    axes = []
    for position in _pixel_coordinates(image, grid):
        (first, near), (second, far) = _two_neighbours(position)
        axes.append(((first, far), (second, near)))
    return _weighted_sum(partial(pixels_at, image), *axes)


def _sample_with_exchanged_weights(image: Tensor, grid: Tensor) -> Tensor:
    """The weights along x for the rows, those along y for the columns."""
    x, y = map(_two_neighbours, _pixel_coordinates(image, grid))
    columns = [(column, weight) for (column, _), (_, weight) in zip(x, y, strict=True)]
    rows = [(row, weight) for (row, _), (_, weight) in zip(y, x, strict=True)]
    return _weighted_sum(partial(pixels_at, image), columns, rows)


def _sample_truncated(image: Tensor, grid: Tensor) -> Tensor:
    """The fraction cut off: left of the first pixel that is the neighbour on the other side."""
    axes = []
    for position in _pixel_coordinates(image, grid):
        first = position.trunc()
        axes.append(((first, first + 1 - position), (first + 1, position - first)))
    return _weighted_sum(partial(pixels_at, image), *axes)


def _sample_clamped_first(image: Tensor, grid: Tensor) -> Tensor:
    """Neighbours held inside before the weights are computed: on the last pixels all are 0."""
    axes = []
    for position, count in _coordinates_and_sides(image, grid):
        first, second = position.floor(), position.floor() + 1
        first, second = first.clamp(0, count - 1), second.clamp(0, count - 1)
        axes.append(((first, second - position), (second, position - first)))
    return _weighted_sum(partial(pixels_at, image), *axes)


def _sample_with_ceil(image: Tensor, grid: Tensor) -> Tensor:
    """The second neighbour is ceil(): at a whole number it is the first, and both weights are 0."""
    axes = []
    for position in _pixel_coordinates(image, grid):
        first, second = position.floor(), position.ceil()
        axes.append(((first, second - position), (second, position - first)))
    return _weighted_sum(partial(pixels_at, image), *axes)


def _without_points(image: Tensor, grid: Tensor, outside: Tensor) -> Tensor:
    """Points outside are 0 (N, H', W'), whatever neighbours they have."""
    return bilinear_sample(image, grid).masked_fill(outside[:, None], 0)


def _sample_wrapped(image: Tensor, grid: Tensor) -> Tensor:
    """Negative indices count from the end, as Python's do; those beyond it are held inside."""

    def index(position: Tensor, count: int) -> Tensor:
        return torch.where(position < 0, position + count, position).clamp(0, count - 1)

    def read_pixels(column: Tensor, row: Tensor) -> Tensor:
        return pixels_at(image, index(column, image.shape[-1]), index(row, image.shape[-2]))

    return _weighted_sum(read_pixels, *map(_two_neighbours, _pixel_coordinates(image, grid)))


POINTS_NOT_PIXELS = (
    "points outside for pixels outside",
    "a point at the edge or just outside it still has a neighbour inside: test each of the four "
    "pixels, not the point",
)
MISCONCEPTIONS = (
    Misconception(
        "x and y swapped",
        "your picture is mirrored along its diagonal: did you swap x and y?",
        lambda image, grid: bilinear_sample(image, grid.flip(-1)),
    ),
    Misconception(
        "W/2 for (W−1)/2",
        "your samples drift off the further right and down they are: 1 is the centre of the last "
        "pixel, W−1, so the scale is (W−1)/2, not W/2",
        lambda image, grid: _sample_scaled(image, grid, image.shape[-1] / 2, image.shape[-2] / 2),
    ),
    Misconception(
        "edges for centres",
        "you read −1 and 1 as the edges of the image (align_corners=False): here they are the "
        "centres of its corner pixels",
        lambda image, grid: _sample_at_pixels(
            image,
            ((grid[..., 0] + 1) * image.shape[-1] - 1) / 2,
            ((grid[..., 1] + 1) * image.shape[-2] - 1) / 2,
        ),
    ),
    Misconception(
        "pixels for coordinates",
        "you read the grid as if it counted pixels: it goes from −1 to 1",
        lambda image, grid: _sample_at_pixels(image, grid[..., 0], grid[..., 1]),
    ),
    Misconception(
        "no + 1",
        "your −1 is half an image left of the first pixel: add 1 before you scale, so that it "
        "becomes 0",
        lambda image, grid: _sample_at_pixels(
            image, *(p - (n - 1) / 2 for p, n in _coordinates_and_sides(image, grid))
        ),
    ),
    Misconception(
        "nearest pixel",
        "you take the nearest pixel: bilinear interpolation mixes four",
        lambda image, grid: _sample_at_pixels(
            image, *(p.add(0.5).floor() for p in _pixel_coordinates(image, grid))
        ),
    ),
    Misconception(
        "upper left pixel",
        "you take the upper left neighbour only: bilinear interpolation mixes four",
        lambda image, grid: _sample_at_pixels(
            image, *(p.floor() for p in _pixel_coordinates(image, grid))
        ),
    ),
    Misconception(
        "weights of the opposite corners",
        "each neighbour has the weight of the one diagonally opposite: the nearer it is, the more "
        "it should count",
        _sample_with_opposite_weights,
    ),
    Misconception(
        "weights of x and y exchanged",
        "your weights along x are those along y, and the other way round: the upper right "
        "neighbour has the weight of the lower left one",
        _sample_with_exchanged_weights,
    ),
    Misconception(
        "cut off for rounded down",
        "left of the image and above it your neighbours are wrong: a conversion to whole numbers "
        "cuts the fraction off, which is towards 0, and floor() rounds down",
        _sample_truncated,
    ),
    Misconception(
        "ceil for the next pixel",
        "at a whole number floor() and ceil() are the same pixel, and both weights are 0: the "
        "right neighbour is left + 1, the lower one top + 1",
        _sample_with_ceil,
    ),
    # Before the next one: outside it makes the same, at the last pixels it does not.
    Misconception(
        *POINTS_NOT_PIXELS,
        lambda image, grid: _without_points(image, grid, grid.abs().amax(-1) > 1),
    ),
    Misconception(
        *POINTS_NOT_PIXELS,
        lambda image, grid: _without_points(image, grid, grid.abs().amax(-1) >= 1),
    ),
    Misconception(
        "last row and column lost",
        "your last row or column is black: the neighbours were held inside the image before their "
        "weights were computed, so that there all weights are 0, or a pixel counts only where all "
        "four neighbours are inside",
        _sample_clamped_first,
    ),
    Misconception(
        "border for zeros",
        "outside the image you repeat its edge: here it is 0 outside",
        lambda image, grid: bilinear_sample(image, grid, padding="border"),
    ),
    Misconception(
        "wrapped around",
        "a point left of the image or above it reads from the other side: negative indices count "
        "from the end",
        _sample_wrapped,
    ),
    Misconception(
        "height and width swapped",
        "x is scaled by the height and y by the width: on a picture that is not square this shows",
        lambda image, grid: _sample_scaled(image, grid, *map(pixels_per_unit, image.shape[-2:])),
    ),
    Misconception(
        "width for both sides",
        "x and y are both scaled by the width: on a picture that is not square this shows",
        lambda image, grid: _sample_scaled(image, grid, *2 * [pixels_per_unit(image.shape[-1])]),
    ),
    Misconception(
        "height for both sides",
        "x and y are both scaled by the height: on a picture that is not square this shows",
        lambda image, grid: _sample_scaled(image, grid, *2 * [pixels_per_unit(image.shape[-2])]),
    ),
    Misconception(
        "channels last",
        "your result has shape (N, H, W, C): the channels come before rows and columns",
        lambda image, grid: bilinear_sample(image, grid).permute(0, 2, 3, 1),
    ),
    Misconception(
        "reshaped for permuted",
        "your channels are mixed with your rows and columns: reshape() keeps the numbers in their "
        "order; permute(0, 3, 1, 2) moves the axis of the channels",
        lambda image, grid: (
            bilinear_sample(image, grid)
            .permute(0, 2, 3, 1)
            .reshape(*image.shape[:2], *grid.shape[1:3])
        ),
    ),
    Misconception(
        "first image for all",
        "every result shows the first image of the batch",
        lambda image, grid: bilinear_sample(image[:1].expand_as(image), grid),
    ),
    Misconception(
        "first grid for all",
        "every image is read at the points of the first grid",
        lambda image, grid: bilinear_sample(image, grid[:1].expand_as(grid)),
    ),
    Misconception(
        "first channel for all",
        "every channel of your result shows the first",
        lambda image, grid: bilinear_sample(image[:, :1].expand_as(image), grid),
    ),
)
