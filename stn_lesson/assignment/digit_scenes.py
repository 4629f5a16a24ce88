"""The cluttered digits that the assignment's network learns, and those that it is judged by."""

import zlib
from functools import cache

from torch import Tensor

from stn_lesson.arguments import SEEDS
from stn_lesson.assignment.questions import Question
from stn_lesson.datasets import Dataset, load_digits, to_floats
from stn_lesson.datasets.clutter import clutter

CLUTTER_SETTINGS = {"size": 48, "pieces": 3, "piece_size": 8}


def scenes(repeats: int = 4) -> Dataset:
    """The digits that the assignment's network learns: cluttered, 48×48 pixels.

    >>> scenes()
    cluttered embedded digits: 5148 training images, 510 test images, 48×48 pixels
    """
    return clutter(load_digits(), **CLUTTER_SETTINGS, repeats=repeats)


def network_question(seed: int) -> Question:
    """The test digits among clutter of a seed of their own: a trained network names them."""
    return Question("predict", "model", (_judged_images(seed),))


def judged_labels() -> Tensor:
    """What the network should answer to `network_question`, whatever its seed, (N,)."""
    return load_digits().test.labels


@cache
def _judged_images(seed: int) -> Tensor:
    images = load_digits().test.images
    seed = zlib.crc32(f"{seed} judged".encode()) % SEEDS
    return to_floats(clutter(images, **CLUTTER_SETTINGS, seed=seed))
