"""The mistakes that are made again and again, each as code that makes it, and what to say of it.

A wrong answer that equals the answer of such code needs no guessing: it has a name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from stn_lesson.assignment.right import transform, two_rows, warp
from stn_lesson.grid import meshgrid, sampling_grid
from stn_lesson.sampler import bilinear_sample, pixels_at, pixels_per_unit, to_pixels
from stn_lesson.theta import invert


@dataclass(frozen=True)
class Misconception:
    """A mistake with a name.

    Attributes:
        name: what the class map calls it.
        says: what the student is told.
        answer: what the mistake makes of a question's arguments; None where it shows in a missing
            gradient.
    """

    name: str
    says: str
    answer: Callable[..., Tensor] | None = None


def _rows(x: Tensor, y: Tensor) -> Tensor:
    """A grid from coordinates of columns and rows."""
    y, x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([x.flatten(), y.flatten(), torch.ones(x.numel())])


def _inner(count: int) -> Tensor:
    """Centres of pixels whose outer edges are −1 and 1."""
    return torch.linspace(1 / count - 1, 1 - 1 / count, count)


GRID = (
    Misconception(
        "y before x",
        "your first row is y and your second x: the paper's grid begins with x",
        lambda h, w: meshgrid(h, w)[[1, 0, 2]],
    ),
    Misconception(
        "column by column",
        "your points run down the columns: they should run along the rows, as in reading",
        lambda h, w: meshgrid(w, h)[[1, 0, 2]],
    ),
    Misconception(
        "height and width swapped",
        "your grid has as many columns as the picture has rows: did you swap height and width?",
        lambda h, w: meshgrid(w, h),
    ),
    Misconception(
        "edges for centres",
        "your −1 and 1 are the picture's edges: here they are the centres of its corner pixels",
        lambda h, w: _rows(_inner(w), _inner(h)),
    ),
    Misconception(
        "pixels for coordinates",
        "your coordinates count pixels: they should go from −1 to 1",
        lambda h, w: _rows(torch.arange(float(w)), torch.arange(float(h))),
    ),
    Misconception(
        "no row of ones",
        "the row of ones is missing: without it θ cannot move anything",
        lambda h, w: meshgrid(h, w)[:2],
    ),
    Misconception(
        "one pixel at the edge",
        "a side of one pixel has its only point at 0, its centre; yours is elsewhere",
        lambda h, w: _rows(torch.linspace(-1, 1, w), torch.linspace(-1, 1, h)),
    ),
)


def _sampled(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Equation (5) at pixel coordinates."""
    height, width = image.shape[-2:]
    grid = torch.stack([x / pixels_per_unit(width) - 1, y / pixels_per_unit(height) - 1], -1)
    return bilinear_sample(image, grid)


def _scaled(image: Tensor, grid: Tensor, x: float, y: float) -> Tensor:
    """−1 to 1 stretched by factors of one's own."""
    return _sampled(image, (grid[..., 0] + 1) * x, (grid[..., 1] + 1) * y)


def _pixels(image: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    return to_pixels(grid, *image.shape[-2:])


def _mixed(at: Callable[[Tensor, Tensor], Tensor], columns, rows) -> Tensor:
    """Pixels at columns and rows, each with a weight of its own."""
    return sum(
        (across * down)[:, None] * at(column, row)
        for column, across in columns
        for row, down in rows
    )


def _neighbours(position: Tensor) -> tuple:
    """The two beside a position, with their weights."""
    first = position.floor()
    return (first, first + 1 - position), (first + 1, position - first)


def _opposite(image: Tensor, grid: Tensor) -> Tensor:
    """Each neighbour with the area on its own side."""
    sides = []
    for position in _pixels(image, grid):
        (first, near), (second, far) = _neighbours(position)
        sides.append(((first, far), (second, near)))
    return _mixed(partial(pixels_at, image), *sides)


def _clamped(image: Tensor, grid: Tensor) -> Tensor:
    """Neighbours held inside before the weights are computed: on the last pixels all are 0."""
    sides = []
    for position, count in zip(
        _pixels(image, grid), (image.shape[-1], image.shape[-2]), strict=True
    ):
        first, second = position.floor(), position.floor() + 1
        first, second = first.clamp(0, count - 1), second.clamp(0, count - 1)
        sides.append(((first, second - position), (second, position - first)))
    return _mixed(partial(pixels_at, image), *sides)


def _wrapped(image: Tensor, grid: Tensor) -> Tensor:
    """Negative indices count from the end, as Python's do; those beyond it are held inside."""

    def index(place: Tensor, count: int) -> Tensor:
        return torch.where(place < 0, place + count, place).clamp(0, count - 1)

    def at(column: Tensor, row: Tensor) -> Tensor:
        return pixels_at(image, index(column, image.shape[-1]), index(row, image.shape[-2]))

    return _mixed(at, *map(_neighbours, _pixels(image, grid)))


CUT = Misconception(
    "gradient cut",
    "no gradient comes through: rounding, detach(), .data, item(), torch.no_grad() or a new "
    "torch.tensor(…) on the way cuts it",
)
SAMPLER = (
    Misconception(
        "x and y swapped",
        "your picture is mirrored along its diagonal: did you swap x and y?",
        lambda image, grid: bilinear_sample(image, grid.flip(-1)),
    ),
    Misconception(
        "W/2 for (W−1)/2",
        "your samples drift off the further right and down they are: 1 is the centre of the last "
        "pixel, W−1, so the scale is (W−1)/2, not W/2",
        lambda image, grid: _scaled(image, grid, image.shape[-1] / 2, image.shape[-2] / 2),
    ),
    Misconception(
        "edges for centres",
        "you read −1 and 1 as the edges of the image (align_corners=False): here they are the "
        "centres of its corner pixels",
        lambda image, grid: _sampled(
            image,
            ((grid[..., 0] + 1) * image.shape[-1] - 1) / 2,
            ((grid[..., 1] + 1) * image.shape[-2] - 1) / 2,
        ),
    ),
    Misconception(
        "pixels for coordinates",
        "you read the grid as if it counted pixels: it goes from −1 to 1",
        lambda image, grid: _sampled(image, grid[..., 0], grid[..., 1]),
    ),
    Misconception(
        "nearest pixel",
        "you take the nearest pixel: bilinear interpolation mixes four",
        lambda image, grid: _sampled(image, *(p.add(0.5).floor() for p in _pixels(image, grid))),
    ),
    Misconception(
        "upper left pixel",
        "you take the upper left neighbour only: bilinear interpolation mixes four",
        lambda image, grid: _sampled(image, *(p.floor() for p in _pixels(image, grid))),
    ),
    Misconception(
        "weights of the opposite corners",
        "each neighbour has the weight of the one diagonally opposite: the nearer it is, the more "
        "it should count",
        _opposite,
    ),
    Misconception(
        "last row and column lost",
        "your last row or column is black: the neighbours were held inside the image before their "
        "weights were computed, so that there all weights are 0",
        _clamped,
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
        _wrapped,
    ),
    Misconception(
        "height and width swapped",
        "x is scaled by the height and y by the width: on a picture that is not square this shows",
        lambda image, grid: _scaled(image, grid, *map(pixels_per_unit, image.shape[-2:])),
    ),
    Misconception(
        "width for both sides",
        "x and y are both scaled by the width: on a picture that is not square this shows",
        lambda image, grid: _scaled(image, grid, *2 * [pixels_per_unit(image.shape[-1])]),
    ),
    Misconception(
        "height for both sides",
        "x and y are both scaled by the height: on a picture that is not square this shows",
        lambda image, grid: _scaled(image, grid, *2 * [pixels_per_unit(image.shape[-2])]),
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


WARP = (
    Misconception(
        "θ backwards",
        "θ works backwards: it should say where each pixel of the result looks in the image, and "
        "yours says where each pixel of the image goes",
        lambda image, theta, h, w: warp(image, invert(theta), h, w),
    ),
    Misconception(
        "x and y swapped",
        "your picture is mirrored along its diagonal: did you swap x and y?",
        lambda image, theta, h, w: bilinear_sample(image, sampling_grid(theta, h, w).flip(-1)),
    ),
    Misconception(
        "θ applied to (y, x, 1)",
        "θ meets y before x: its first column belongs to x",
        lambda image, theta, h, w: warp(image, theta[:, :, [1, 0, 2]], h, w),
    ),
    Misconception(
        "height and width swapped",
        "your result is as wide as it should be high: did you swap height and width?",
        lambda image, theta, h, w: warp(image, theta, w, h),
    ),
    Misconception(
        "points in the wrong order",
        "your points were put into a (H, W, 2) grid in the wrong order: θ gives (N, 2, H·W), and "
        "its axes must be exchanged before they are reshaped",
        lambda image, theta, h, w: bilinear_sample(
            image, sampling_grid(theta, h, w).flatten(1, 2).mT.reshape(len(image), h, w, 2)
        ),
    ),
    Misconception(
        "size of the image kept",
        "your result has the size of the image instead of the size asked for",
        lambda image, theta, h, w: warp(image, theta, *image.shape[-2:]),
    ),
    Misconception(
        "first θ for all",
        "every image is warped by the first θ",
        lambda image, theta, h, w: warp(image, theta[:1].expand_as(theta), h, w),
    ),
    Misconception(
        "untouched image",
        "your result is the image itself: θ has no effect",
        lambda image, theta, h, w: image,
    ),
)

TRANSFORMER = (
    Misconception(
        "no identity at the start",
        "with a localisation network that returns 0 your transformer shows the middle of the image "
        "everywhere: θ should be the identity plus what the network returns",
        lambda *words: transform(*words, identity=torch.zeros(6)),
    ),
    Misconception(
        "θ read column by column",
        "the six numbers are two rows of three: view(-1, 2, 3)",
        lambda *words: transform(
            *words,
            identity=torch.tensor([1.0, 0, 0, 1, 0, 0]),
            theta=lambda numbers: numbers.view(-1, 3, 2).mT.contiguous(),
        ),
    ),
    Misconception(
        "untouched image",
        "your transformer hands on the image as it came: θ has no effect",
        lambda images, weight, bias, size: images,
    ),
    Misconception(
        "θ backwards",
        "θ works backwards: it should say where each pixel of the result looks in the image",
        lambda *words: transform(*words, theta=lambda numbers: invert(two_rows(numbers))),
    ),
    Misconception(
        "height and width swapped",
        "your result is as wide as it should be high: did you swap height and width?",
        lambda images, weight, bias, size: transform(images, weight, bias, size[::-1]),
    ),
    Misconception(
        "first θ for all",
        "every image is warped by the θ of the first",
        lambda *words: transform(
            *words, theta=lambda numbers: two_rows(numbers[:1].expand_as(numbers).contiguous())
        ),
    ),
)
GUESSING = Misconception(
    "guessing",
    "hardly better than guessing. Look at what your transformer shows: does it start at "
    "the identity, and stay on the canvas?",
)
