"""The embedded digits: 1,797 real handwritten digits that come with the lesson, in MNIST's form."""

import gzip
import hashlib
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from stn_lesson.datasets.dataset import Dataset, Split
from stn_lesson.files import lesson_folder
from stn_lesson.grid import pixel_centres
from stn_lesson.sampler import warp
from stn_lesson.theta import affine_theta

SHA256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"  # of the unpacked file
TRAINING_COUNT = 1287  # where the eleventh form begins
EDGE_LEVEL, EDGE_SLOPE = 0.5, 16  # grey level of a stroke's edge, and how sharp the edge is drawn


def load_digits() -> Dataset:
    """1,797 real handwritten digits, 28×28 like MNIST's, without any download.

    They are the test part of UCI's "Optical Recognition of Handwritten Digits" (Alpaydin and
    Kaynak 1998, CC BY 4.0), 8×8 pixels with 17 grey levels by 13 writers. Here they are enlarged
    smoothly, given a sharp edge, fitted into 20×20 pixels and centred by their centre of mass on
    28×28, as MNIST's were.

    The file is ordered by form: each of the 14 forms of about 128 digits begins with three rows
    from 0 to 9, and 13 writers filled them. The split falls between two forms, 10 to learn from and
    4 to be tested on, so that the test writers, all but one at most, were never seen in training.

    >>> load_digits()
    embedded digits: 1287 training images, 510 test images, 28×28 pixels
    """
    images, labels = (kept.clone() for kept in _embedded_digits())  # theirs to change who asked
    return Dataset(
        "embedded digits",
        train=Split(images[:TRAINING_COUNT], labels[:TRAINING_COUNT]),
        test=Split(images[TRAINING_COUNT:], labels[TRAINING_COUNT:]),
    )


@cache
def _embedded_digits() -> tuple[Tensor, Tensor]:
    """All images, bytes (N, 1, 28, 28), and labels (N,), made once."""
    table = _read_optdigits()
    return like_mnist(table[:, :64].view(-1, 8, 8).float() / 16), table[:, 64]


def _read_optdigits() -> Tensor:
    """UCI's table: in each row 64 grey levels from 0 to 16, row by row, then the digit; (N, 65)."""
    path = lesson_folder() / "digits" / "optdigits.tes.gz"
    raw = gzip.decompress(path.read_bytes())
    if hashlib.sha256(raw).hexdigest() != SHA256:
        raise OSError(f"{path} is not the file that came with the lesson: install the lesson anew")
    return torch.tensor([[int(number) for number in row.split(b",")] for row in raw.splitlines()])


def like_mnist(small: Tensor) -> Tensor:
    """Grey digits (N, 8, 8) between 0 and 1 as bytes (N, 1, 28, 28) in MNIST's form."""
    padded = F.pad(small[:, None], (1, 1, 1, 1))  # room for the ink of the outermost pixels
    smooth = F.interpolate(padded, size=(80, 80), mode="bicubic", align_corners=False)
    ink = torch.sigmoid((smooth - EDGE_LEVEL) * EDGE_SLOPE)  # sharp, and still anti-aliased
    ink = ink - torch.sigmoid(torch.tensor(-EDGE_LEVEL * EDGE_SLOPE))
    ink = (ink / ink.amax((1, 2, 3), keepdim=True)).clamp(0, 1)
    # On a 28×28 canvas 27 pixel steps span the 2 units from −1 to 1; a box of 20 spans 19 steps.
    middle, extent = _centre_of_mass_and_extent(ink[:, 0])
    scale = (2 * 19 / 27) / extent
    theta = affine_theta(scale=scale, translation=-middle * scale[:, None])
    fine = warp(ink, theta, size=(28 * 4, 28 * 4))
    return (F.avg_pool2d(fine, 4) * 255).round().to(torch.uint8)


def _centre_of_mass_and_extent(ink: Tensor) -> tuple[Tensor, Tensor]:
    """Centre of mass (N, 2), x then y, and larger side of the bounding box (N,), in [−1, 1]."""
    line = pixel_centres(ink.shape[-1])
    mass = ink.sum((1, 2))
    x, y = (ink.sum(1) * line).sum(1) / mass, (ink.sum(2) * line).sum(1) / mass
    inked = ink > 0.5
    sides = []
    for axis in (1, 2):
        used = inked.any(axis)  # (N, side): which columns, then which rows, hold ink
        first = torch.where(used, line, 2.0).amin(1)
        last = torch.where(used, line, -2.0).amax(1)
        sides.append(last - first)
    return torch.stack([x, y], -1), torch.maximum(*sides)
