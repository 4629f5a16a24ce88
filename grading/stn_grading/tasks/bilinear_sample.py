"""The task `bilinear_sample`: its questions."""

import torch
from torch import Tensor

from stn_grading.tasks.random_inputs import (
    random_grid,
    random_image,
    random_integer,
    random_size,
    random_uniform,
)
from stn_grading.tasks.sampler_misconceptions import MISCONCEPTIONS
from stn_grading.tasks.task import Check, Task
from stn_lesson.assignment.questions import Question
from stn_lesson.grid import sampling_grid
from stn_lesson.theta import affine_theta


def _ask_sampler(image: Tensor, grid: Tensor, weights: Tensor | None = None) -> Question:
    return Question("call", "bilinear_sample", (image, grid), weights)


def _ask_between_pixels(generator: torch.Generator) -> Question:
    return _ask_sampler(random_image(generator, 1, 1, 5, 5), random_grid(generator, 1, 3, 3, 0.95))


def _ask_at_pixels(generator: torch.Generator) -> Question:
    return _ask_sampler(random_image(generator, 1, 1, 5, 5), sampling_grid(affine_theta(), 5, 5))


def _ask_outside(generator: torch.Generator) -> Question:
    side = random_integer(generator, 4, 8)
    return _ask_sampler(
        random_image(generator, 1, 1, side, side), random_grid(generator, 1, 5, 5, 1.9)
    )


def _ask_batch(generator: torch.Generator) -> Question:
    count, channels = random_integer(generator, 2, 4), random_integer(generator, 2, 4)
    image = random_image(generator, count, channels, *random_size(generator))
    return _ask_sampler(image, random_grid(generator, count, *random_size(generator), 0.95))


def _ask_gradient(generator: torch.Generator) -> Question:
    image = random_image(generator, 2, 1, *random_size(generator))
    grid = random_grid(generator, 2, 3, 4, 0.95)
    return _ask_sampler(image, grid, random_uniform(generator, 2, 1, 3, 4))


BILINEAR_SAMPLE = Task(
    "bilinear_sample",
    (
        Check("between the pixels", 1, _ask_between_pixels),
        Check("at the pixels", 1, _ask_at_pixels),
        Check("outside the image", 1, _ask_outside),
        Check("a batch of pictures that are not square", 1, _ask_batch),
        Check("the gradient", 1, _ask_gradient),
    ),
    misconceptions=MISCONCEPTIONS,
)
