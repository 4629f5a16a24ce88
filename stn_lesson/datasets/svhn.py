"""SVHN, the street-view house numbers of section 4.2: downloaded, checked, cut out, and kept.

Y. Netzer, T. Wang, A. Coates, A. Bissacco, B. Wu and A. Y. Ng, Reading Digits in Natural Images
with Unsupervised Feature Learning, 2011; for non-commercial use.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from stn_lesson.arguments import path_of, true_or_false
from stn_lesson.datasets.archives import (
    archive_errors,
    array_on_disk,
    check_complete,
    stream_archive,
)
from stn_lesson.datasets.dataset import Dataset, Split
from stn_lesson.datasets.download import download
from stn_lesson.datasets.numbers import BLANK, CROP
from stn_lesson.files import check_disk_space, read_whole, user_folder, write_atomically


class Archive(NamedTuple):
    """One of SVHN's files."""

    size: int  # bytes
    images: int
    checksum: str | None  # that of "extra" is not known here: its size is checked


_STRUCTURE = "digitStruct.mat"  # what the pictures show, as MATLAB wrote it
ADDRESS = "http://ufldl.stanford.edu/housenumbers/"
ARCHIVES = {
    "train": Archive(
        404_141_560,
        33_402,
        "sha256:4b17bb33b6cd8f963493168f80143da956f28ec406cc12f8e5745a9f91a51898",
    ),
    "test": Archive(
        276_555_967,
        13_068,
        "sha256:57ac9ceb530e4aa85b55d991be8fc49c695b3d71c6f6a88afea86549efde7fb5",
    ),
    "extra": Archive(1_955_489_752, 202_353, None),
}
PLACES = 5  # of digits in a label; the few longer numbers are left out
ENLARGED = 1.3  # the crop's sides, by those of the box around all digits


class Numbers(NamedTuple):
    """What digitStruct.mat says of an archive's pictures."""

    names: list[str]  # of the files, as "12.png"
    labels: np.ndarray  # (N, 5), digits from left to right, then BLANK
    boxes: np.ndarray  # (N, 4), around all digits: left, top, right, bottom, in pixels


def load_svhn(folder: str | Path | None = None, *, extra: bool = True) -> Dataset:
    """SVHN's full numbers, each cut out and brought to 64×64 pixels as in the paper.

    The first call downloads 2.6 GB, reads the boxes, which takes minutes, and writes 3.1 GB of
    crops; each of these goes on where it was stopped, file by file. What it needs is printed before
    it begins. Later calls map the crops into memory and take seconds.

    Args:
        folder: where everything is kept; by default as in `load_mnist`.
        extra: whether to train on the 202,353 numbers of "extra" beside the 33,402 of "train", as
            the paper does. Without them it is 0.7 GB to download and 0.6 GB of crops.

    Returns:
        images, bytes (N, 3, 64, 64); labels (N, 5), digits from left to right and 10 after the
        last. Numbers of more than five digits are left out.

    Raises:
        DownloadError: no network, or a file that is not SVHN's.
        FileError: a file cannot be written, or the disk is too small, which is told first.
        ModuleNotFoundError: h5py is missing, which reads the boxes.
    """
    folder = user_folder("cache") / "svhn" if folder is None else path_of(folder, "folder")
    train = ("train", "extra") if true_or_false(extra, "extra") else ("train",)
    _tell_what_is_needed(folder, (train, ("test",)))
    return Dataset("SVHN", train=_load_crops(folder, train), test=_load_crops(folder, ("test",)))


def read_digit_struct(content: bytes) -> Numbers:
    """The names, labels and boxes in a digitStruct.mat (MATLAB 7.3, which is HDF5).

    Numbers of more than five digits are left out.

    Raises:
        ModuleNotFoundError: h5py is missing.
    """
    try:
        import h5py
    except ImportError:
        raise ModuleNotFoundError(
            "SVHN's boxes are in a file that h5py reads: python -m pip install h5py"
        ) from None
    names, labels, boxes = [], [], []
    with h5py.File(io.BytesIO(content)) as file:

        def values(of_digits) -> list[float]:
            """One number for each digit: it stands there, or where a reference leads."""
            entries = of_digits[()].flatten()
            return [e if len(entries) == 1 else file[e][()].item() for e in entries]

        struct = file["digitStruct"]
        for name, bbox in zip(struct["name"][:, 0], struct["bbox"][:, 0], strict=True):
            box = {key: values(of_digits) for key, of_digits in file[bbox].items()}
            digits = [int(label) % 10 for label in box["label"]]  # 10 is the digit 0
            if len(digits) > PLACES:
                continue
            left, top = np.array(box["left"]), np.array(box["top"])
            right, bottom = left + box["width"], top + box["height"]
            names.append("".join(chr(letter) for letter in file[name][()].flatten()))
            labels.append(digits + [BLANK] * (PLACES - len(digits)))
            boxes.append([left.min(), top.min(), right.max(), bottom.max()])
    return Numbers(names, np.array(labels), np.array(boxes, np.float32))


def crop_picture(picture: bytes, box: Sequence[float]) -> np.ndarray:
    """The number in a picture: its box, larger by 30 %, as 64×64 pixels; proportions are lost.

    Args:
        picture: a file, such as a PNG.
        box: left, top, right, bottom in pixels. What lies beyond the picture is left out.

    Returns:
        bytes (3, 64, 64).
    """
    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert("RGB")
    left, top, right, bottom = box
    x, y = (left + right) / 2, (top + bottom) / 2
    half_width, half_height = ENLARGED * (right - left) / 2, ENLARGED * (bottom - top) / 2
    inside = (
        max(x - half_width, 0),
        max(y - half_height, 0),
        min(x + half_width, image.width),
        min(y + half_height, image.height),
    )
    cut = image.resize((CROP, CROP), Image.Resampling.BILINEAR, box=inside)
    return np.asarray(cut).transpose(2, 0, 1)


def _tell_what_is_needed(folder: Path, groups: Sequence[tuple[str, ...]]) -> None:
    """Print what there is to download and to write; refuse a disk that is too small for it."""
    uncut = [part for parts in groups if not _crops_path(folder, parts).exists() for part in parts]
    missing = [part for part in uncut if not (folder / f"{part}.tar.gz").exists()]
    downloads = sum(ARCHIVES[part].size for part in missing)
    crops = sum(ARCHIVES[part].images for part in uncut) * 3 * CROP * CROP
    if uncut:
        print(
            f"SVHN: {downloads / 1e9:.1f} GB to download and {crops / 1e9:.1f} GB of crops to "
            f"write into {folder}"
        )
        check_disk_space(folder, downloads + crops, "SVHN")


def _crops_path(folder: Path, parts: Sequence[str]) -> Path:
    """Where the crops of some archives are kept."""
    return folder / f"{'-'.join(parts)}-{CROP}.npy"


def _load_crops(folder: Path, parts: Sequence[str]) -> Split:
    """The crops and labels of some archives, made if they are not there."""
    path = _crops_path(folder, parts)
    numbers = {part: _load_numbers(folder, part) for part in parts}
    if not path.exists():
        _write_crops(path, folder, numbers)
    images = torch.from_numpy(np.load(path, mmap_mode="c"))  # a page is read when it is asked for
    labels = np.concatenate([of_part.labels for of_part in numbers.values()])
    return Split(images, torch.from_numpy(labels).long())


def _load_numbers(folder: Path, part: str) -> Numbers:
    """What an archive's digitStruct.mat says, which is read once and kept as <part>-boxes.npz."""
    path = folder / f"{part}-boxes.npz"
    if not path.exists():
        archive = _fetch(folder, part)
        with archive_errors(archive):
            files = stream_archive(archive, part)
            numbers = read_digit_struct(next(file for name, file in files if name == _STRUCTURE))
        packed = io.BytesIO()
        np.savez(packed, **numbers._asdict())
        write_atomically(path, packed.getvalue())
    with np.load(io.BytesIO(read_whole(path))) as kept:
        return Numbers(kept["names"].tolist(), kept["labels"], kept["boxes"])


def _fetch(folder: Path, part: str) -> Path:
    """An archive, downloaded if it is not there."""
    size, _, checksum = ARCHIVES[part]
    path = folder / f"{part}.tar.gz"
    return download([f"{ADDRESS}{path.name}"], path, checksum=checksum, size=size)


def _write_crops(path: Path, folder: Path, numbers: dict[str, Numbers]) -> None:
    """Stream the pictures from their archives into a memory-mapped file; rename it when whole."""
    from tqdm.auto import tqdm

    total = sum(len(of_part.names) for of_part in numbers.values())
    first = 0
    bar = tqdm(total=total, unit="crop", desc=path.name, leave=False)
    with array_on_disk(path, (total, 3, CROP, CROP)) as crops, bar:
        for part, of_part in numbers.items():
            archive = _fetch(folder, part)
            places = {name: first + place for place, name in enumerate(of_part.names)}
            for name, picture in stream_archive(archive, part):
                if name in places:
                    place = places.pop(name)
                    with archive_errors(archive):
                        crops[place] = crop_picture(picture, of_part.boxes[place - first])
                    bar.update()
            check_complete(archive, (f"{part}/{name}" for name in places))
            first += len(of_part.names)
