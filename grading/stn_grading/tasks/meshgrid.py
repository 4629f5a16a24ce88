"""The task `meshgrid`: its questions, and its misconceptions as code that makes them."""

import torch
from torch import Tensor

from stn_grading.tasks.random_inputs import random_integer, random_size
from stn_grading.tasks.task import Check, Misconception, Task
from stn_lesson.assignment.questions import Question
from stn_lesson.grid import meshgrid


def _ask_meshgrid(height: int, width: int) -> Question:
    return Question("call", "meshgrid", (height, width))


def _ask_two_rows(generator: torch.Generator) -> Question:
    return _ask_meshgrid(2, random_integer(generator, 3, 6))


def _ask_larger(generator: torch.Generator) -> Question:
    return _ask_meshgrid(*random_size(generator))


def _ask_one_pixel_wide(generator: torch.Generator) -> Question:
    return _ask_meshgrid(random_integer(generator, 3, 7), 1)


def stack_grid(x: Tensor, y: Tensor) -> Tensor:
    """A grid (3, H·W) from the coordinates of its columns (W,) and rows (H,)."""
    y, x = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([x.flatten(), y.flatten(), torch.ones(x.numel())])


def _pixel_centres(count: int) -> Tensor:
    """Centres of pixels whose outer edges are −1 and 1."""
    return torch.linspace(1 / count - 1, 1 - 1 / count, count)


MISCONCEPTIONS = (
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
        lambda h, w: stack_grid(_pixel_centres(w), _pixel_centres(h)),
    ),
    Misconception(
        "pixels for coordinates",
        "your coordinates count pixels: they should go from −1 to 1",
        lambda h, w: stack_grid(torch.arange(float(w)), torch.arange(float(h))),
    ),
    Misconception(
        "no row of ones",
        "the row of ones is missing: without it θ cannot move anything",
        lambda h, w: meshgrid(h, w)[:2],
    ),
    Misconception(
        "one pixel at the edge",
        "a side of one pixel has its only point at 0, its centre; yours is elsewhere",
        lambda h, w: stack_grid(torch.linspace(-1, 1, w), torch.linspace(-1, 1, h)),
    ),
)

MESHGRID = Task(
    "meshgrid",
    (
        Check("two rows of points", 1, _ask_two_rows),
        Check("a larger grid", 1, _ask_larger),
        Check("a side of one pixel", 1, _ask_one_pixel_wide),
    ),
    misconceptions=MISCONCEPTIONS,
)
