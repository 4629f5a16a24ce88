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
    keep_arrays,
    kept_array,
    kept_arrays,
    missing_room,
    removed_if_damaged,
    source_checksum,
    stream_archive,
)
from stn_lesson.datasets.dataset import Dataset, Split
from stn_lesson.datasets.download import download, missing_bytes
from stn_lesson.datasets.numbers import BLANK, CROP
from stn_lesson.files import check_disk_space, user_folder


class Archive(NamedTuple):
    """One of SVHN's files: bytes, how many images, and the checksum, where it is known."""

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
FARTHEST = 1e6  # of a box's corners, in pixels
PLACES = 5  # of digits in a label; the few longer numbers are left out
_ANY = (None, 3, CROP, CROP)  # shape of the crops, however many
ENLARGED = 1.3  # the crop's sides, by those of the box around all digits


class Numbers(NamedTuple):
    """What digitStruct.mat says of an archive's pictures: file names, digits, boxes around them."""

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


def read_digit_struct(content: bytes, source: str = _STRUCTURE) -> Numbers:
    """The names, labels and boxes in a digitStruct.mat (MATLAB 7.3, which is HDF5).

    Numbers of more than five digits are left out, and so is what cannot be: a label that is no
    digit, a box that has no width or no height. How many that are is printed, with their names.

    Args:
        content: of the file.
        source: how it is called where that is told.

    Raises:
        ModuleNotFoundError: h5py is missing.
        OSError, LookupError, TypeError, ValueError: it is no such file.
    """
    names, labels, boxes, left_out = [], [], [], {}
    with _h5py().File(io.BytesIO(content)) as file:

        def values(of_digits) -> list[float]:
            """One number for each digit: it stands there, or where a reference leads."""
            entries = of_digits[()].flatten()
            return [e if len(entries) == 1 else file[e][()].item() for e in entries]

        struct = file["digitStruct"]
        for name, bbox in zip(struct["name"][:, 0], struct["bbox"][:, 0], strict=True):
            name = "".join(chr(letter) for letter in file[name][()].flatten())
            box = {key: np.array(values(of_digits)) for key, of_digits in file[bbox].items()}
            if why := _why_left_out(box):
                left_out.setdefault(why, []).append(name)
                continue
            left, top = box["left"], box["top"]
            right, bottom = left + box["width"], top + box["height"]
            names.append(name)
            digits = [int(label) % 10 for label in box["label"]]  # 10 is the digit 0
            labels.append(digits + [BLANK] * (PLACES - len(digits)))
            boxes.append([left.min(), top.min(), right.max(), bottom.max()])
    for why, pictures in left_out.items():
        shown = ", ".join([*pictures[:5], *["…"][: len(pictures) > 5]])
        print(f"{source}: {len(pictures)} with {why} left out, {shown}")
    if not names or len(set(names)) < len(names):
        raise ValueError(f"{source} holds {'one name twice' if names else 'no number'}")
    return Numbers(names, np.array(labels), np.array(boxes, np.float32))


def _why_left_out(box: dict[str, np.ndarray]) -> str | None:
    """What a picture's digits and their boxes have that cannot be used, if anything."""
    if len(box["label"]) > PLACES:
        return f"more than {PLACES} digits"
    if not np.isin(box["label"], range(1, 11)).all():
        return "a label that is no digit"
    left, top = box["left"], box["top"]
    corners = np.array([[left, top], [left + box["width"], top + box["height"]]])
    if not (abs(corners) < FARTHEST).all() or not (np.diff(np.float32(corners), axis=0) > 0).all():
        return "a box that cannot be"
    return None


def crop_picture(picture: bytes, box: Sequence[float]) -> np.ndarray:
    """The number in a picture: its box, larger by 30 %, as 64×64 pixels; proportions are lost.

    Args:
        picture: a file, such as a PNG.
        box: left, top, right, bottom in pixels. What lies beyond the picture is left out.

    Returns:
        bytes (3, 64, 64).

    Raises:
        ValueError: the box lies outside of the picture.
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
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        raise ValueError(
            f"its box ({left:g}, {top:g}, {right:g}, {bottom:g}) lies outside of the picture, "
            f"{image.width}×{image.height} pixels"
        )
    cut = image.resize((CROP, CROP), Image.Resampling.BILINEAR, box=inside)
    return np.asarray(cut).transpose(2, 0, 1)


def _tell_what_is_needed(folder: Path, groups: Sequence[tuple[str, ...]]) -> None:
    """Print what there is to download and to write; refuse a disk that is too small for it.

    What cannot be read without h5py is told before it is fetched, too.
    """
    read = {part: kept_arrays(_boxes_path(folder, part), Numbers) for part in sum(groups, ())}
    sources = {parts: source_checksum(*(read[part] for part in parts)) for parts in groups}
    uncut = [
        parts
        for parts, source in sources.items()
        if kept_array(_crops_path(folder, parts), _ANY, source) is None
    ]
    of_uncut = {part for parts in uncut for part in parts}
    unread = {part for part, numbers in read.items() if numbers is None}
    if unread:
        _h5py()
    if not (of_uncut | unread):
        return
    downloads = sum(
        missing_bytes(_archive_path(folder, part), ARCHIVES[part].size)
        for part in of_uncut | unread
    )
    crops = {
        _crops_path(folder, parts): sum(ARCHIVES[part].images for part in parts) * 3 * CROP * CROP
        for parts in uncut
    }
    print(
        f"SVHN: {downloads / 1e9:.1f} GB to download and {sum(crops.values()) / 1e9:.1f} GB of "
        f"crops to write into {folder}",
        flush=True,
    )
    room = sum(missing_room(path, size) for path, size in crops.items())
    check_disk_space(folder, downloads + room, "SVHN")


def _h5py():
    """The package that reads the boxes; a ModuleNotFoundError where it is missing."""
    try:
        import h5py
    except ImportError:
        raise ModuleNotFoundError(
            "SVHN's boxes are in a file that h5py reads: python -m pip install h5py"
        ) from None
    return h5py


def _archive_path(folder: Path, part: str) -> Path:
    return folder / f"{part}.tar.gz"


def _boxes_path(folder: Path, part: str) -> Path:
    return folder / f"{part}-boxes.npz"


def _crops_path(folder: Path, parts: Sequence[str]) -> Path:
    """Where the crops of some archives are kept."""
    return folder / f"{'-'.join(parts)}-{CROP}.npy"


def _load_crops(folder: Path, parts: Sequence[str]) -> Split:
    """The crops and labels of some archives, made if they are not there."""
    path = _crops_path(folder, parts)
    numbers = {part: _load_numbers(folder, part) for part in parts}
    labels = np.concatenate([of_part.labels for of_part in numbers.values()])
    kept = path, (len(labels), *_ANY[1:]), source_checksum(*numbers.values())
    crops = kept_array(*kept)
    if crops is None:
        with array_on_disk(*kept) as crops:
            _write_crops(crops, folder, numbers)
        crops = kept_array(*kept)
    return Split(torch.from_numpy(crops), torch.from_numpy(labels).long())


def _load_numbers(folder: Path, part: str) -> Numbers:
    """What an archive's digitStruct.mat says, which is read once and kept as <part>-boxes.npz."""
    path = _boxes_path(folder, part)
    numbers = kept_arrays(path, Numbers)
    if numbers is None:
        archive = _fetch(folder, part)
        with archive_errors(archive, _STRUCTURE):
            files = stream_archive(archive, part)
            content = next(content for name, content in files if name == _STRUCTURE)
            numbers = read_digit_struct(content, f"{part}/{_STRUCTURE}")
        keep_arrays(path, numbers)
    return numbers._replace(names=list(map(str, numbers.names)))


def _fetch(folder: Path, part: str) -> Path:
    """An archive, downloaded if it is not there."""
    size, _, checksum = ARCHIVES[part]
    path = _archive_path(folder, part)
    return download(f"{ADDRESS}{path.name}", path, checksum=checksum, size=size)


def _write_crops(crops: np.ndarray, folder: Path, numbers: dict[str, Numbers]) -> None:
    """Cut the numbers out of the pictures as these stream from their archives."""
    from tqdm.auto import tqdm

    first = 0
    with tqdm(total=len(crops), unit="crop", desc="-".join(numbers), leave=False) as bar:
        for part, of_part in numbers.items():
            archive = _fetch(folder, part)
            places = {name: first + place for place, name in enumerate(of_part.names)}
            with removed_if_damaged(_boxes_path(folder, part)):
                for name, picture in stream_archive(archive, part):
                    if name in places:
                        place = places.pop(name)
                        with archive_errors(archive, name):
                            crops[place] = crop_picture(picture, of_part.boxes[place - first])
                        bar.update()
                check_complete(archive, (f"{part}/{name}" for name in places))
            first += len(of_part.names)
