"""Data: embedded digits, MNIST, .npz files, distortions, clutter, and pictures to warp."""

from stn_lesson.datasets.clutter import clutter
from stn_lesson.datasets.dataset import Dataset, Split
from stn_lesson.datasets.digits import load_digits
from stn_lesson.datasets.distortions import distort
from stn_lesson.datasets.mnist import load_mnist
from stn_lesson.datasets.npz import load_npz
from stn_lesson.datasets.pictures import checkerboard, house

__all__ = [
    "Dataset",
    "Split",
    "checkerboard",
    "clutter",
    "distort",
    "house",
    "load_digits",
    "load_mnist",
    "load_npz",
]
