"""The blank page `my_sampling_grid` of notebook 02: its questions, and its misconceptions."""

from collections.abc import Callable

import torch
from torch import Tensor

from stn_grading.tasks import meshgrid, warp
from stn_grading.tasks.random_inputs import random_thetas, random_uniform
from stn_grading.tasks.task import Check, Misconception, Task
from stn_lesson.assignment.questions import Question
from stn_lesson.grid import sampling_grid
from stn_lesson.theta import affine_theta, invert


def _ask_grid(theta: Tensor, height: int, width: int, weights: Tensor | None = None) -> Question:
    return Question("call", "my_sampling_grid", (theta, height, width), weights)


def _ask_two(generator: torch.Generator) -> Question:
    return _ask_grid(random_thetas(generator, 2), 3, 4)


def _ask_identity(_: torch.Generator) -> Question:
    return _ask_grid(affine_theta(), 4, 5)


def _ask_one_row(generator: torch.Generator) -> Question:
    return _ask_grid(random_thetas(generator, 1), 1, 5)


def _ask_one_column(generator: torch.Generator) -> Question:
    return _ask_grid(random_thetas(generator, 1), 5, 1)


def _ask_gradient(generator: torch.Generator) -> Question:
    theta = random_thetas(generator, 2)
    return _ask_grid(theta, 3, 5, random_uniform(generator, 2, 3, 5, 2))


def _through(theta: Tensor, points: Tensor, height: int, width: int) -> Tensor:
    """Target points (3, H·W) as a sampling grid (N, H, W, 2)."""
    return (theta @ points).mT.reshape(-1, height, width, 2)


def _of_target_grid(name: str) -> Misconception:
    """A misconception of the target grid, as far as the sampling grid shows it."""
    (known,) = (known for known in meshgrid.MISCONCEPTIONS if known.name == name)
    return Misconception(
        name, known.message, lambda theta, h, w: _through(theta, known.answer(h, w), h, w)
    )


def _of_axes(along: Callable[[int], Tensor]) -> Callable[..., Tensor]:
    """The sampling grid if the pixels of a side of so many stood at these coordinates."""

    def grid(theta: Tensor, height: int, width: int) -> Tensor:
        points = meshgrid.stack_grid(along(width), along(height))
        return _through(theta, points, height, width)

    return grid


WARP_MESSAGES = {known.name: known.message for known in warp.MISCONCEPTIONS}
FOR_A_SQUARE = (
    "one side for both",
    "you use one side for both: your grid fits a square picture alone",
)
MISCONCEPTIONS = (
    Misconception(
        "last axis y then x",
        "your grid's last axis is (y, x): the sampler reads x first, then y",
        lambda theta, h, w: sampling_grid(theta, h, w).flip(-1),
    ),
    Misconception(
        "W for W − 1",
        "you divide by W, not W − 1: from the first pixel's centre to the last one's there are "
        "W − 1 steps",
        _of_axes(lambda count: 2 * torch.arange(float(count)) / count - 1),
    ),
    Misconception(
        "from 0 to 1",
        "your coordinates run from 0 to 1: here they run from −1 to 1",
        _of_axes(lambda count: torch.linspace(0, 1, count)),
    ),
    _of_target_grid("edges for centres"),
    _of_target_grid("pixels for coordinates"),
    _of_target_grid("column by column"),
    _of_target_grid("one pixel at the edge"),
    Misconception(
        "points in the wrong order",
        WARP_MESSAGES["points in the wrong order"],
        lambda theta, h, w: (
            sampling_grid(theta, h, w).flatten(1, 2).mT.reshape(len(theta), h, w, 2)
        ),
    ),
    Misconception(
        "θ applied to (y, x, 1)",
        WARP_MESSAGES["θ applied to (y, x, 1)"],
        lambda theta, h, w: sampling_grid(theta[:, :, [1, 0, 2]], h, w),
    ),
    Misconception(
        "no row of ones",
        "the last column of θ does nothing in your grid: a row of ones lets it move the points",
        lambda theta, h, w: sampling_grid(theta * torch.tensor([1.0, 1, 0]), h, w),
    ),
    Misconception(
        "θ backwards",
        warp.THETA_BACKWARDS,
        lambda theta, h, w: sampling_grid(invert(theta), h, w),
    ),
    Misconception(
        "first θ for all",
        "every grid of the batch is that of the first θ",
        lambda theta, h, w: sampling_grid(theta[:1].expand_as(theta), h, w),
    ),
    Misconception(
        "columns before rows",
        "your grid has shape (N, W, H, 2): rows come first in a shape, (N, H, W, 2)",
        lambda theta, h, w: sampling_grid(theta, h, w).transpose(1, 2),
    ),
    Misconception(
        "height and width swapped",
        "your grid has as many columns as the picture has rows: did you swap height and width?",
        lambda theta, h, w: sampling_grid(theta, w, h),
    ),
    Misconception(
        "coordinates before pixels",
        "your grid has shape (N, 2, H, W): the sampler wants the two coordinates in the last axis",
        lambda theta, h, w: sampling_grid(theta, h, w).permute(0, 3, 1, 2),
    ),
    Misconception(
        "pixels in one row",
        "your grid still has its pixels one after the other: reshape them to H rows of W",
        lambda theta, h, w: sampling_grid(theta, h, w).flatten(1, 2),
    ),
    Misconception(*FOR_A_SQUARE, lambda theta, h, w: sampling_grid(theta, h, h)),
    Misconception(*FOR_A_SQUARE, lambda theta, h, w: sampling_grid(theta, w, w)),
    Misconception(
        "no axis for the batch",
        "your grid has shape (H, W, 2), of one θ: the first axis counts the θ, (N, H, W, 2)",
        lambda theta, h, w: sampling_grid(theta, h, w)[0],
    ),
)

MY_SAMPLING_GRID = Task(
    "my_sampling_grid",
    (
        Check("two θ, three rows of four points", 0, _ask_two),
        Check("the identity, four rows of five points", 0, _ask_identity),
        Check("a single row", 0, _ask_one_row),
        Check("a single column", 0, _ask_one_column),
        Check("the gradient with respect to θ", 0, _ask_gradient),
    ),
    misconceptions=MISCONCEPTIONS,
    practice=True,
)
