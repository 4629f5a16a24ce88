"""The assignment: its tasks, their checks, and what each is worth."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from stn_lesson.assignment.misconceptions import (
    GRID,
    GUESSING,
    SAMPLER,
    TRANSFORMER,
    WARP,
    Misconception,
)
from stn_lesson.assignment.questions import Question
from stn_lesson.assignment.right import transform, warp
from stn_lesson.datasets import Dataset, Split, load_digits, to_floats
from stn_lesson.datasets.clutter import clutter
from stn_lesson.grid import meshgrid, sampling_grid
from stn_lesson.sampler import bilinear_sample
from stn_lesson.theta import affine_theta

VISIBLE = "the checks that students see"  # where the numbers of these come from


@dataclass(frozen=True)
class Check:
    """Something that a solution must do.

    Attributes:
        name: in words, "a picture that is not square".
        points: what it is worth.
        visible: whether students can run it; the others are run when it is graded, with sizes and
            numbers that depend on the class's seed.
        make: draws a question with a generator of random numbers.
        least: for a trained network, the accuracy it must reach.
    """

    name: str
    points: float
    visible: bool
    make: Callable[[torch.Generator], Question]
    least: float | None = None

    def question(self, seed: int | str = VISIBLE) -> Question:
        """What is asked, with the numbers of a seed (of their own, if the check is visible)."""
        drawn = VISIBLE if self.visible else seed
        start = zlib.crc32(f"{drawn} {self.name}".encode())
        return self.make(torch.Generator().manual_seed(start))


@dataclass(frozen=True)
class Task:
    """A part of the assignment.

    Attributes:
        name: as the notebook's cells call it.
        title: in words.
        checks: what its solution must do.
        read: what an answer in words is worth; a person reads it.
        right: the right answer to the arguments of its questions.
        mistakes: those that are known.
        given: right versions of what earlier tasks define, lent to it when it is graded; to the
            network, those of tasks that were not solved, before it is trained.
    """

    name: str
    title: str
    checks: tuple[Check, ...] = ()
    read: float = 0
    right: Callable[..., Tensor] | None = None
    mistakes: tuple[Misconception, ...] = ()
    given: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        """What it is worth in all."""
        return self.read + sum(check.points for check in self.checks)


def _rand(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=generator)


def _side(generator: torch.Generator, low: int, high: int) -> int:
    return int(torch.randint(low, high + 1, (), generator=generator))


def _sides(generator: torch.Generator) -> tuple[int, int]:
    """Two different sides of a picture, each from 4 to 9."""
    height, further = _side(generator, 4, 9), _side(generator, 1, 5)
    return height, 4 + (height - 4 + further) % 6


def _image(generator: torch.Generator, *shape: int) -> Tensor:
    """Pixels from 0.1 to 1: none is mistaken for what lies outside."""
    return 0.1 + 0.9 * _rand(generator, *shape)


def _grid(generator: torch.Generator, count: int, height: int, width: int, reach: float) -> Tensor:
    return (2 * _rand(generator, count, height, width, 2) - 1) * reach


def _call(name: str, *arguments) -> Question:
    return Question("call", name, arguments)


def _whole_grid(generator: torch.Generator) -> Question:
    return _call("meshgrid", *_sides(generator))


def _thin_grid(generator: torch.Generator) -> Question:
    return _call("meshgrid", _side(generator, 3, 7), 1)


def _between(generator: torch.Generator) -> Question:
    return _call("bilinear_sample", _image(generator, 1, 1, 5, 5), _grid(generator, 1, 3, 3, 0.95))


def _at_pixels(generator: torch.Generator) -> Question:
    return _call("bilinear_sample", _image(generator, 1, 1, 5, 5), _identity_grid(5, 5))


def _identity_grid(height: int, width: int) -> Tensor:
    return sampling_grid(affine_theta(), height, width)


def _outside(generator: torch.Generator) -> Question:
    side = _side(generator, 4, 8)
    return _call(
        "bilinear_sample", _image(generator, 1, 1, side, side), _grid(generator, 1, 5, 5, 1.9)
    )


def _batch(generator: torch.Generator) -> Question:
    count, channels, sides = _side(generator, 2, 4), _side(generator, 2, 4), _sides(generator)
    image = _image(generator, count, channels, *sides)
    return _call("bilinear_sample", image, _grid(generator, count, *_sides(generator), 0.95))


def _sampler_gradient(generator: torch.Generator) -> Question:
    image, grid = _image(generator, 2, 1, *_sides(generator)), _grid(generator, 2, 3, 4, 0.95)
    return Question("call", "bilinear_sample", (image, grid), _rand(generator, 2, 1, 3, 4))


def _move(generator: torch.Generator) -> Question:
    theta = affine_theta(scale=1.5, translation=(0.5, 0.25))
    return _call("warp", _image(generator, 1, 1, 5, 5), theta, 5, 5)


def _turn(generator: torch.Generator) -> Question:
    sides, size = _sides(generator), _sides(generator)
    degrees = _side(generator, 15, 40)
    theta = affine_theta(rotation=degrees, scale=1.3, translation=(0.1, -0.2), size=sides)
    return _call("warp", _image(generator, 1, 2, *sides), theta, *size)


def _thetas(generator: torch.Generator, count: int) -> Tensor:
    return affine_theta(
        rotation=60 * _rand(generator, count) - 30,
        scale=1.1 + 0.5 * _rand(generator, count),
        translation=(0.3 * _rand(generator, count), -0.3 * _rand(generator, count)),
    )


def _many_thetas(generator: torch.Generator) -> Question:
    count, sides = _side(generator, 3, 5), _sides(generator)
    image = _image(generator, count, 1, *sides)
    return _call("warp", image, _thetas(generator, count), *sides)


def _theta_gradient(generator: torch.Generator) -> Question:
    sides = _sides(generator)
    arguments = (_image(generator, 2, 1, *sides), _thetas(generator, 2), *sides)
    return Question("call", "warp", arguments, _rand(generator, 2, 1, *sides))


def _localised(generator: torch.Generator, strength: float, count: int, sides, size) -> tuple:
    """Images, and the weight and bias of a localisation network that moves θ by its strength."""
    pixels = sides[0] * sides[1]
    weight = strength * (2 * _rand(generator, 6, pixels) - 1) / pixels
    bias = strength * 0.2 * (2 * _rand(generator, 6) - 1)
    return _image(generator, count, 1, *sides), weight, bias, size


def _start(generator: torch.Generator) -> Question:
    arguments = _localised(generator, 0.0, 1, (6, 6), (6, 6))
    return Question("transform", "SpatialTransformer", arguments)


def _own_theta(generator: torch.Generator) -> Question:
    arguments = _localised(generator, 3.0, 3, _sides(generator), _sides(generator))
    return Question("transform", "SpatialTransformer", arguments)


def _localisation_gradient(generator: torch.Generator) -> Question:
    size = _sides(generator)
    arguments = _localised(generator, 1.0, 2, _sides(generator), size)
    return Question("transform", "SpatialTransformer", arguments, _rand(generator, 2, 1, *size))


SCENES = {"size": 48, "distractors": 3, "crop": 8}


def scenes(repeats: int = 4) -> Dataset:
    """The digits that the assignment's network learns: cluttered, 48×48 pixels.

    >>> scenes()
    cluttered embedded digits: 5148 training images, 510 test images, 48×48 pixels
    """
    return clutter(load_digits(), **SCENES, repeats=repeats)


@cache
def judged_by(seed: int | str) -> Split:
    """The images that a trained network is judged by: test digits among clutter of their own."""
    test = load_digits().test
    images = clutter(test.images, **SCENES, seed=zlib.crc32(f"{seed} judged".encode()))
    return Split(images, test.labels)


def _predictions(generator: torch.Generator) -> Question:
    images = judged_by(generator.initial_seed()).images
    return Question("predict", "model", (to_floats(images),))


TASKS = (
    Task(
        "meshgrid",
        "the target grid",
        (
            Check("two rows of three points", 1, True, lambda _: _call("meshgrid", 2, 3)),
            Check("a larger grid", 1, False, _whole_grid),
            Check("a side of one pixel", 1, False, _thin_grid),
        ),
        right=meshgrid,
        mistakes=GRID,
    ),
    Task(
        "bilinear_sample",
        "the sampler",
        (
            Check("between the pixels", 1, True, _between),
            Check("at the pixels", 1, True, _at_pixels),
            Check("outside the image", 1, False, _outside),
            Check("a batch of pictures that are not square", 1, False, _batch),
            Check("the gradient", 1, False, _sampler_gradient),
        ),
        right=bilinear_sample,
        mistakes=SAMPLER,
    ),
    Task(
        "warp",
        "θ at work",
        (
            Check("larger and moved", 1, True, _move),
            Check("turned, not square, to another size", 1, False, _turn),
            Check("a θ for each image", 1, False, _many_thetas),
            Check("the gradient with respect to θ", 1, False, _theta_gradient),
        ),
        right=warp,
        mistakes=WARP,
        given=("meshgrid", "bilinear_sample"),
    ),
    Task(
        "SpatialTransformer",
        "the spatial transformer",
        (
            Check("it starts at the identity", 1, True, _start),
            Check("each image is seen through its own θ", 1, False, _own_theta),
            Check(
                "the gradient reaches the localisation network", 1, False, _localisation_gradient
            ),
        ),
        right=transform,
        mistakes=TRANSFORMER,
        given=("meshgrid", "bilinear_sample", "warp"),
    ),
    Task(
        "model",
        "the trained network",
        (
            Check("80 % of the test digits", 1, True, _predictions, least=0.8),
            Check("93 % of the test digits", 1, False, _predictions, least=0.93),
        ),
        mistakes=(GUESSING,),
        given=("meshgrid", "bilinear_sample", "warp", "SpatialTransformer"),
    ),
    Task("direction", "the direction of θ, in words", read=1.5),
    Task("clutter", "what the transformer is for, in words", read=1.5),
)
