"""The cluttered digits that the assignment's network learns, and those that it is judged by."""

import zlib
from functools import cache

import torch

from stn_lesson.arguments import SEEDS
from stn_lesson.assignment.questions import Question
from stn_lesson.datasets import Dataset, Split, load_digits, to_floats
from stn_lesson.datasets.clutter import clutter, scenes_with_poses

CLUTTER_SETTINGS = {"size": 48, "pieces": 3, "piece_size": 8}
JUDGED_SCENES = 2  # of each test digit


def scenes(repeats: int = 4) -> Dataset:
    """The digits that the assignment's network learns: cluttered, 48×48 pixels.

    >>> scenes()
    cluttered embedded digits: 5148 training images, 510 test images, 48×48 pixels
    """
    return clutter(load_digits(), **CLUTTER_SETTINGS, repeats=repeats)


def network_question(seed: int) -> Question:
    """What a trained network is asked: to look at the scenes of a seed, without their labels."""
    return Question("look", "model", (to_floats(judged_scenes(seed).images),))


@cache
def judged_scenes(seed: int) -> Split:
    """The test digits, each in two scenes of this seed's own, in an order of this seed's own.

    >>> len(judged_scenes(0))
    1020
    """
    test, settings = load_digits().test, CLUTTER_SETTINGS | {"chunk": 512}
    generator = torch.Generator().manual_seed(zlib.crc32(f"{seed} judged".encode()) % SEEDS)
    order = torch.cat([torch.randperm(len(test), generator=generator)] * JUDGED_SCENES)
    order = order[torch.randperm(len(order), generator=generator)]
    digits = Split(test.images[order], test.labels[order])
    images, poses = scenes_with_poses(digits, generator.initial_seed(), **settings)
    return Split(images, digits.labels, poses)
