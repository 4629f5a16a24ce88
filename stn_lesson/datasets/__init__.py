"""Data: embedded digits, MNIST, .npz files, distortions, clutter, sums, pictures to warp."""

from stn_lesson.datasets.addition import addition
from stn_lesson.datasets.clutter import clutter
from stn_lesson.datasets.colocalisation import Scenes, colocalisation, iou, windows
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
from stn_lesson.datasets.pictures import checkerboard, house

__all__ = [
    "DISTORTIONS",
    "Dataset",
    "Scenes",
    "Split",
    "addition",
    "checkerboard",
    "clutter",
    "colocalisation",
    "distort",
    "distort_elastic",
    "distort_projective",
    "house",
    "iou",
    "load_digits",
    "load_mnist",
    "load_npz",
    "to_floats",
    "windows",
]
