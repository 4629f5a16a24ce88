"""The task `SpatialTransformer`: its questions, and its misconceptions as code that makes them."""

import torch
from torch import Tensor

from stn_grading.tasks.random_inputs import random_image, random_size, random_uniform
from stn_grading.tasks.reference import rows_to_theta, transform
from stn_grading.tasks.task import Check, Misconception, Task
from stn_lesson.assignment.questions import Question
from stn_lesson.theta import invert


def _ask_transformer(arguments: tuple, weights: Tensor | None = None) -> Question:
    return Question("transform", "SpatialTransformer", arguments, weights)


def _random_arguments(
    generator: torch.Generator, strength: float, count: int, image_size, size
) -> tuple:
    """Images, weight and bias of a linear layer that moves θ by its strength, and a size."""
    pixels = image_size[0] * image_size[1]
    weight = strength * (2 * random_uniform(generator, 6, pixels) - 1) / pixels
    bias = strength * 0.2 * (2 * random_uniform(generator, 6) - 1)
    return random_image(generator, count, 1, *image_size), weight, bias, size


def _ask_start(generator: torch.Generator) -> Question:
    return _ask_transformer(_random_arguments(generator, 0.0, 1, (6, 6), (6, 6)))


def _ask_own_theta(generator: torch.Generator) -> Question:
    sizes = random_size(generator), random_size(generator)
    return _ask_transformer(_random_arguments(generator, 3.0, 3, *sizes))


def _ask_gradient(generator: torch.Generator) -> Question:
    size = random_size(generator)
    arguments = _random_arguments(generator, 1.0, 2, random_size(generator), size)
    return _ask_transformer(arguments, random_uniform(generator, 2, 1, *size))


MISCONCEPTIONS = (
    Misconception(
        "no identity at the start",
        "with a localisation network that returns 0 your transformer shows the middle of the image "
        "everywhere: θ should be the identity plus what the network returns",
        lambda *arguments: transform(*arguments, identity=torch.zeros(6)),
    ),
    Misconception(
        "θ read column by column",
        "the six numbers are two rows of three: view(-1, 2, 3)",
        lambda *arguments: transform(
            *arguments,
            identity=torch.tensor([1.0, 0, 0, 1, 0, 0]),
            to_theta=lambda numbers: numbers.view(-1, 3, 2).mT.contiguous(),
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
        lambda *arguments: transform(
            *arguments, to_theta=lambda numbers: invert(rows_to_theta(numbers))
        ),
    ),
    Misconception(
        "height and width swapped",
        "your result is as wide as it should be high: did you swap height and width?",
        lambda images, weight, bias, size: transform(images, weight, bias, size[::-1]),
    ),
    Misconception(
        "first θ for all",
        "every image is warped by the θ of the first",
        lambda *arguments: transform(
            *arguments,
            to_theta=lambda numbers: rows_to_theta(numbers[:1].expand_as(numbers).contiguous()),
        ),
    ),
)

SPATIAL_TRANSFORMER = Task(
    "SpatialTransformer",
    (
        Check("it starts at the identity", 1, _ask_start),
        Check("each image is seen through its own θ", 1, _ask_own_theta),
        Check("the gradient reaches the localisation network", 1, _ask_gradient),
    ),
    misconceptions=MISCONCEPTIONS,
    lent=("meshgrid", "bilinear_sample", "warp"),
)
