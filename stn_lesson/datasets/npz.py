"""Cluttered digits from a .npz file, in the two forms in which they are passed around."""

import math
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stn_lesson.datasets.dataset import Dataset, Split

ARRAY_NAMES = {f"{axis}_{part}" for axis in "xy" for part in ("train", "valid", "test")}
# What numpy and zipfile raise for files that are damaged, encrypted, pickled or made to do harm.
READ_ERRORS = (
    ValueError, TypeError, AttributeError, OSError, EOFError, RuntimeError, MemoryError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def load_npz(path: str | Path) -> Dataset:
    """Read a data set of square pictures from a .npz file.

    Two forms are understood, of any size:

    * the recipe's: `x_train`, `x_valid`, `x_test` as flat rows (N, side²) from 0 to 1, and
      `y_train`, … one-hot (N, classes);
    * the common 40×40 variant: `X_train`, … flat rows, and `y_train`, … as whole numbers (N, 1).

    The validation split may be missing. Nothing in the file is ever run: pickled objects are
    refused.

    Raises:
        FileNotFoundError, ValueError: no such file, not a .npz file, missing arrays, lengths that
            do not fit, pictures that are not square, or pickled objects.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: check the name and the folder")
    try:
        with np.load(path, allow_pickle=False) as file:
            if broken := file.zip.testzip():  # numpy itself looks at what it reads, and only there
                raise ValueError(f"{broken} is damaged")
            lower = {name.lower(): file[name] for name in file.files if name.lower() in ARRAY_NAMES}
            found = ", ".join(sorted(file.files)) or "none"
    except READ_ERRORS as error:
        raise ValueError(
            f"{path} is not a .npz file of plain arrays ({error}); pickled objects are refused "
            "because loading them could run a stranger's code"
        ) from error
    splits = {}
    for part in ("train", "valid", "test"):
        x, y = f"x_{part}", f"y_{part}"
        if part == "valid" and x not in lower and y not in lower:
            splits[part] = None
            continue
        for wanted in (x, y):
            if wanted not in lower:
                raise ValueError(f"{path} has no array {wanted}; it has {found}")
        splits[part] = Split(_images(lower[x], x), _labels(lower[y], y, len(lower[x])))
    sides = sorted({split.images.shape[-1] for split in splits.values() if split})
    if len(sides) > 1:
        raise ValueError(f"{path} holds pictures of different sizes: sides of {sides} pixels")
    return Dataset(path.stem, **splits)


def _images(array: np.ndarray, name: str) -> Tensor:
    """Flat rows or squares of pixels as bytes (N, 1, side, side)."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fuib" or 0 in array.shape[:1]:
        raise ValueError(f"{name} must hold pictures (N, side²), got {_kind(array)}")
    rest = array.shape[1:]
    side = math.isqrt(math.prod(rest))
    if side == 0 or rest not in ((side * side,), (side, side), (1, side, side)):
        raise ValueError(f"{name} must hold square pictures, got rows of shape {rest}")
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 255:
        raise ValueError(
            f"{name} must hold grey values from 0 to 1 or from 0 to 255, "
            f"got {array.min()} to {array.max()}"
        )
    pixels = torch.from_numpy(np.array(array, dtype=np.float32)).view(-1, 1, side, side)
    if array.dtype.kind in "fb" and array.max() <= 1:
        pixels.mul_(255)
    return pixels.round_().to(torch.uint8)


def _labels(array: np.ndarray, name: str, count: int) -> Tensor:
    """Whole numbers (N,), (N, 1) or one-hot rows (N, classes) as whole numbers (N,)."""
    numbers = isinstance(array, np.ndarray) and array.dtype.kind in "fuib"
    if not numbers or array.ndim not in (1, 2) or len(array) != count:
        raise ValueError(
            f"{name} must hold {count} labels, one for each picture, got {_kind(array)}"
        )
    if array.ndim == 2 and array.shape[1] > 1:
        if not ((array == 0) | (array == 1)).all() or not (array.sum(1) == 1).all():
            raise ValueError(f"{name} must hold one-hot rows: a single 1 among 0s in each")
        array = array.argmax(1)
    flat = array.reshape(-1)
    if not np.isfinite(flat).all() or (flat < 0).any() or (flat != np.floor(flat)).any():
        raise ValueError(f"{name} must hold classes as whole numbers 0, 1, 2, …")
    return torch.from_numpy(flat.astype(np.int64))


def _kind(array) -> str:
    if isinstance(array, np.ndarray):
        return f"{array.dtype} of shape {array.shape}"
    return type(array).__name__
