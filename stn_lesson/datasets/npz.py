"""Cluttered digits from a .npz file, in the two forms in which they are passed around."""

import math
import os
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stn_lesson.arguments import path_of
from stn_lesson.datasets.dataset import Dataset, Split
from stn_lesson.files import file_errors
from stn_lesson.remedies import DARKEST_WHITE, HALF_LEVEL, kind_of

PARTS = ("train", "valid", "test")
MAX_CLASSES = 1_000_000  # a label from here on is a mistake
ARRAY_NAMES = {f"{axis}_{part}" for axis in "xy" for part in PARTS}
# What numpy and zipfile raise for files that are damaged, encrypted, pickled or made to do harm.
READ_ERRORS = (
    ValueError, TypeError, AttributeError, LookupError, OSError, EOFError, RuntimeError,
    MemoryError, OverflowError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def load_npz(path: str | os.PathLike) -> Dataset:
    """Read a data set of square pictures from a .npz file.

    Two forms are understood, of any size:

    * the recipe's: `x_train`, `x_valid`, `x_test` as flat rows (N, side²) from 0 to 1, and
      `y_train`, … one-hot (N, classes);
    * the common 40×40 variant: `X_train`, … flat rows, and `y_train`, … as whole numbers (N, 1).

    Pictures may also be (N, side, side), (N, 1, side, side) or (N, side, side, 1). Grey values are
    floats from 0 to 1, or numbers from 0 to 255, the same in all splits; what could be either is
    refused, not guessed. The validation split may be missing. Nothing in the file is ever run:
    pickled objects are refused.

    Raises:
        FileNotFoundError, FileError: no such file, or one that cannot be read.
        TypeError, ValueError: no path, not a .npz file, arrays that are missing or there twice,
            lengths that do not fit, pictures that are not square or of unknown brightness, labels
            that are no classes, or pickled objects.
    """
    path = path_of(path, "path")
    _check_file(path)
    arrays, found = _read_arrays(path)
    parts = [part for part in PARTS if part != "valid" or {"x_valid", "y_valid"} & arrays.keys()]
    for name in (f"{axis}_{part}" for part in parts for axis in "xy"):
        if name not in arrays:
            raise ValueError(f"{path} has no array {name}; it has {found}")
    pictures = {part: _pictures(arrays[f"x_{part}"], f"x_{part}") for part in parts}
    white = _white({f"x_{part}": array for part, array in pictures.items()})
    splits = dict.fromkeys(PARTS)
    for part, array in pictures.items():
        labels = _labels(arrays[f"y_{part}"], f"y_{part}", len(array))
        splits[part] = Split(_as_bytes(array, white), labels)
    sides = sorted({array.shape[-1] for array in pictures.values()})
    if len(sides) > 1:
        raise ValueError(f"{path} holds pictures of different sizes: sides of {sides} pixels")
    return Dataset(path.stem, **splits)


def _check_file(path: Path) -> None:
    """Raise a clear error where there is no .npz file, or none that can be read."""
    with file_errors(path, "read"):
        try:
            path.stat()  # which tells a folder that may not be entered, as exists() does not
        except (FileNotFoundError, NotADirectoryError):
            message = f"{path} does not exist: check the name and the folder"
            raise FileNotFoundError(message) from None
        if path.is_dir():
            raise FileNotFoundError(f"{path} is a folder: name the file in it")
        with open(path, "rb") as file:
            is_archive = zipfile.is_zipfile(file)
    if not is_archive:
        raise ValueError(
            f"{path} is not a .npz file of named arrays: save them with numpy.savez(path, "
            "x_train=…, y_train=…, x_test=…, y_test=…)"
        )


def _read_arrays(path: Path) -> tuple[dict[str, np.ndarray], str]:
    """The arrays of a data set by their names in small letters; and all names that there are."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if broken := file.zip.testzip():  # numpy itself looks at what it reads, and only there
                raise ValueError(f"{broken} is damaged")
            arrays = {name: file[name] for name in file.files if name.lower() in ARRAY_NAMES}
            found = ", ".join(sorted(file.files)) or "none"
    except READ_ERRORS as error:
        raise ValueError(
            f"{path} is not a .npz file of plain arrays ({error}); pickled objects are refused "
            "because loading them could run a stranger's code"
        ) from error
    by_small_letters = {name.lower(): array for name, array in arrays.items()}
    if len(by_small_letters) < len(arrays):
        raise ValueError(
            f"{path} must hold each array once, in small letters or in large; it has {found}"
        )
    return by_small_letters, found


def _pictures(array: np.ndarray, name: str) -> np.ndarray:
    """Flat rows or squares of pixels as (N, side, side), in whatever grey values they have."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fuib":
        raise ValueError(f"{name} must hold pictures (N, side²), got {kind_of(array)}")
    if array.shape[:1] == (0,):
        raise ValueError(f"{name} must hold one picture at least, got none: {kind_of(array)}")
    rest = array.shape[1:]
    side = math.isqrt(math.prod(rest))
    forms = (side * side,), (side, side), (1, side, side), (side, side, 1)
    if side == 0 or rest not in forms:
        raise ValueError(
            f"{name} must hold square pictures in grey, such as (N, side²) or (N, side, side), "
            f"got {array.shape}{_grey_instead(rest, name)}"
        )
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name} must hold grey values from 0 to 1 or from 0 to 255, got NaN or infinity"
        )
    return array.reshape(-1, side, side)


def _grey_instead(shape: tuple[int, ...], name: str) -> str:
    """What to save instead of square pictures in colours, if these they are."""
    if len(shape) == 3 and shape[0] == shape[1]:
        return f": save {name}.mean(-1)"
    if len(shape) == 3 and shape[1] == shape[2]:
        return f": save {name}.mean(1)"
    return ""


def _white(pictures: dict[str, np.ndarray]) -> int:
    """What white is in all pictures of a file, 1 or 255; an error where their values do not tell.

    A hair above 1 is rounding. From there to 128, white may be 1.2, 16 or 255: that is not guessed.
    """
    highest = {name: float(array.max()) for name, array in pictures.items()}
    low, high = min(float(array.min()) for array in pictures.values()), max(highest.values()) + 0.0
    floats = [name for name, array in pictures.items() if array.dtype.kind in "fb"]
    up_to_one = [name for name in floats if highest[name] <= 1 + HALF_LEVEL]
    if low >= -HALF_LEVEL and len(up_to_one) == len(pictures):
        return 1
    if low < -HALF_LEVEL or 0 < high < DARKEST_WHITE or high > 255 + 0.5:
        raise ValueError(
            f"{', '.join(pictures)} must hold grey values from 0 to 1 or from 0 to 255, got "
            f"{low:g} to {high:g}: save {_rescaled(low, high)}"
        )
    for name in up_to_one:
        if highest[name] > 0:
            raise ValueError(
                f"{', '.join(pictures)} must hold grey values of one scale, but {name} reaches to "
                f"{highest[name]:g} and another to {high:g}: save {name} * 255"
            )
    return 255


def _rescaled(low: float, high: float) -> str:
    """What to save instead of grey values from `low` to `high`."""
    if low < -HALF_LEVEL:
        return f"(x + {-low:.9g}) / {high - low:.9g} in place of each x, if {high:g} is white"
    if 1 + HALF_LEVEL < high < 2:
        return "x.clip(0, 1) in place of each x, if 1 is white"
    return f"x / {high:.9g} in place of each x, if {high:g} is white"


def _as_bytes(pictures: np.ndarray, white: int) -> Tensor:
    """Pictures (N, side, side) as bytes (N, 1, side, side)."""
    pixels = torch.from_numpy(np.array(pictures, dtype=np.float32))[:, None]
    return pixels.mul_(255 / white).clamp_(0, 255).round_().to(torch.uint8)


def _labels(array: np.ndarray, name: str, count: int) -> Tensor:
    """Whole numbers (N,), (N, 1) or one-hot rows (N, classes) as whole numbers (N,)."""
    numbers = isinstance(array, np.ndarray) and array.dtype.kind in "fuib"
    if not numbers or array.ndim not in (1, 2) or len(array) != count:
        raise ValueError(
            f"{name} must hold {count} labels, one for each picture, got {kind_of(array)}"
        )
    if array.ndim == 2 and array.shape[1] > 1:
        if not ((array == 0) | (array == 1)).all() or not (array.sum(1) == 1).all():
            raise ValueError(
                f"{name} must hold one label for each picture, as whole numbers (N,) or (N, 1) or "
                f"as one-hot rows, a single 1 among 0s in each; got {array.shape[1]} numbers for "
                f"each, {kind_of(array)}: save one column, such as {name}[:, 0]"
            )
        array = array.argmax(1)
    flat = array.reshape(-1)
    inside = (flat >= 0) & (flat < MAX_CLASSES)  # NaN is not
    if not inside.all() or (flat != np.floor(flat)).any():
        raise ValueError(
            f"{name} must hold classes as whole numbers 0, 1, 2, … below {MAX_CLASSES}, got "
            f"{flat.min()} to {flat.max()}"
        )
    return torch.from_numpy(flat.astype(np.int64))
