"""The blank page `my_sample` of notebook 03: the questions that the graded sampler hides, shown."""

import torch
from torch import Tensor

from stn_grading.tasks.random_inputs import random_grid, random_image, random_uniform
from stn_grading.tasks.sampler_misconceptions import MISCONCEPTIONS
from stn_grading.tasks.task import Check, Task
from stn_lesson.assignment.questions import Question
from stn_lesson.grid import sampling_grid
from stn_lesson.theta import affine_theta


def _ask_sampler(image: Tensor, grid: Tensor, weights: Tensor | None = None) -> Question:
    return Question("call", "my_sample", (image, grid), weights)


def _ask_batch(generator: torch.Generator) -> Question:
    image = random_image(generator, 2, 3, 4, 6)
    return _ask_sampler(image, random_grid(generator, 2, 3, 4, 0.95))


def _ask_at_pixels(generator: torch.Generator) -> Question:
    # Of 3×5 pixels all coordinates are whole numbers, without rounding.
    return _ask_sampler(random_image(generator, 1, 1, 3, 5), sampling_grid(affine_theta(), 3, 5))


def _ask_outside(generator: torch.Generator) -> Question:
    return _ask_sampler(random_image(generator, 1, 1, 4, 6), random_grid(generator, 1, 5, 5, 1.9))


def _ask_one_row(generator: torch.Generator) -> Question:
    return _ask_sampler(random_image(generator, 1, 1, 1, 6), random_grid(generator, 1, 2, 3, 0.95))


def _ask_one_column(generator: torch.Generator) -> Question:
    return _ask_sampler(random_image(generator, 1, 1, 6, 1), random_grid(generator, 1, 2, 3, 0.95))


def _ask_gradient(generator: torch.Generator) -> Question:
    image, grid = random_image(generator, 2, 1, 4, 6), random_grid(generator, 2, 3, 4, 0.95)
    return _ask_sampler(image, grid, random_uniform(generator, 2, 1, 3, 4))


MY_SAMPLE = Task(
    "my_sample",
    (
        Check("two images of three channels, not square", 0, _ask_batch),
        Check("at the pixels", 0, _ask_at_pixels),
        Check("outside the image", 0, _ask_outside),
        Check("an image of one row", 0, _ask_one_row),
        Check("an image of one column", 0, _ask_one_column),
        Check("the gradients with respect to image and grid", 0, _ask_gradient),
    ),
    misconceptions=MISCONCEPTIONS,
    practice=True,
)
