"""The task `warp`: its questions, and its misconceptions as code that makes them."""

import torch
from torch import Tensor

from stn_grading.tasks.random_inputs import (
    random_image,
    random_integer,
    random_size,
    random_thetas,
    random_uniform,
)
from stn_grading.tasks.reference import warp
from stn_grading.tasks.task import Check, Misconception, Task
from stn_lesson.assignment.questions import Question
from stn_lesson.grid import sampling_grid
from stn_lesson.sampler import bilinear_sample
from stn_lesson.theta import affine_theta, invert


def _ask_warp(
    image: Tensor, theta: Tensor, size: tuple[int, int], weights: Tensor | None = None
) -> Question:
    return Question("call", "warp", (image, theta, *size), weights)


def _ask_larger_and_moved(generator: torch.Generator) -> Question:
    theta = affine_theta(scale=1.5, translation=(0.5, 0.25))
    return _ask_warp(random_image(generator, 1, 1, 5, 5), theta, (5, 5))


def _ask_turned(generator: torch.Generator) -> Question:
    sides, size = random_size(generator), random_size(generator)
    degrees = random_integer(generator, 15, 40)
    theta = affine_theta(rotation=degrees, scale=1.3, translation=(0.1, -0.2), size=sides)
    return _ask_warp(random_image(generator, 1, 2, *sides), theta, size)


def _ask_many_thetas(generator: torch.Generator) -> Question:
    count, sides = random_integer(generator, 3, 5), random_size(generator)
    image = random_image(generator, count, 1, *sides)
    return _ask_warp(image, random_thetas(generator, count), sides)


def _ask_theta_gradient(generator: torch.Generator) -> Question:
    sides = random_size(generator)
    image, theta = random_image(generator, 2, 1, *sides), random_thetas(generator, 2)
    return _ask_warp(image, theta, sides, random_uniform(generator, 2, 1, *sides))


THETA_BACKWARDS = (
    "θ works backwards: it should say where each pixel of the result looks in the image, and "
    "yours says where each pixel of the image goes"
)
MISCONCEPTIONS = (
    Misconception(
        "θ backwards",
        THETA_BACKWARDS,
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

WARP = Task(
    "warp",
    (
        Check("larger and moved", 1, _ask_larger_and_moved),
        Check("turned, not square, to another size", 1, _ask_turned),
        Check("a θ for each image", 1, _ask_many_thetas),
        Check("the gradient with respect to θ", 1, _ask_theta_gradient),
    ),
    misconceptions=MISCONCEPTIONS,
    lent=("meshgrid", "bilinear_sample"),
)
