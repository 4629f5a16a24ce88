"""Data: digits, MNIST, .npz files, distortions, clutter, sums, house numbers, birds, solids."""

from stn_lesson.datasets.birds import drawn_birds
from stn_lesson.datasets.cub import load_birds
from stn_lesson.datasets.dataset import Dataset, Split, to_floats
from stn_lesson.datasets.digits import load_digits
from stn_lesson.datasets.distortions import (
    DISTORTIONS,
    distort,
    distort_elastic,
    distort_projective,
)
from stn_lesson.datasets.mnist import load_mnist
from stn_lesson.datasets.npz import load_npz
from stn_lesson.datasets.numbers import house_numbers
from stn_lesson.datasets.pictures import checkerboard, house
from stn_lesson.datasets.sums import addition
from stn_lesson.datasets.svhn import load_svhn

__all__ = [
    "DISTORTIONS",
    "Dataset",
    "Split",
    "addition",
    "checkerboard",
    "distort",
    "distort_elastic",
    "distort_projective",
    "drawn_birds",
    "house",
    "house_numbers",
    "load_birds",
    "load_digits",
    "load_mnist",
    "load_npz",
    "load_svhn",
    "to_floats",
]
