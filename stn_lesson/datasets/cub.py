"""CUB-200-2011, the birds of section 4.3: downloaded, checked, brought to one size, and kept.

C. Wah, S. Branson, P. Welinder, P. Perona and S. Belongie, The Caltech-UCSD Birds-200-2011
Dataset, 2011; its pictures are for research and teaching that is not commercial.
"""

import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from stn_lesson.arguments import path_of, real_number, whole_number
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
from stn_lesson.files import check_disk_space, user_folder

ADDRESS = "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz"
ARCHIVE_BYTES = 1_150_585_339
ARCHIVE_CHECKSUM = "md5:97eceeb196236b17998738112f37df78"
ROOT = "CUB_200_2011"  # the archive's folder
PICTURES = 11_788
SPECIES = 200
PARTS = 15  # from "back" to "throat", in the order of parts/parts.txt
LISTS = {  # and what each of their lines holds
    "images.txt": "a number and a picture of the archive, 2×2 pixels or more, each once",
    "image_class_labels.txt": f"a number in images.txt and a species from 1 to {SPECIES}",
    "train_test_split.txt": "a number in images.txt, and 1 to learn from it, or 0",
    "bounding_boxes.txt": "a number in images.txt, left, top, a width and a height of 1 or more",
    "parts/part_locs.txt": f"a number in images.txt, a part up to {PARTS}, x, y, 1 if seen or 0",
}
FARTHEST = 1e6  # of a place in a picture, in pixels


class Lists(NamedTuple):
    """What the archive's lists say of its pictures, those to learn from first.

    Attributes:
        names: (N,) of the files, as "001.Black_footed_Albatross/….jpg".
        labels: (N,) species, from 0.
        train: how many are to learn from.
        boxes: (N, 4) around the bird: left, top, width, height, in pixels.
        parts: (N, 15, 2), x then y, in pixels; NaN where a part cannot be seen.
        sizes: (N, 2), width and height of the pictures.
    """

    names: np.ndarray
    labels: np.ndarray
    train: int
    boxes: np.ndarray
    parts: np.ndarray
    sizes: np.ndarray


def load_birds(folder: str | Path | None = None, *, size: int = 224) -> Dataset:
    """CUB-200-2011: 200 species, 5,994 pictures to learn from and 5,794 to test.

    The first call downloads 1.2 GB, goes through the archive twice, and writes 1.8 GB of pictures
    at 224×224 pixels, or 7.1 GB at 448×448; a download that was cut off goes on where it stopped.
    What it needs is printed before it begins. Later calls map the pictures into memory and take
    seconds.

    Args:
        folder: where everything is kept; by default as in `load_mnist`.
        size: side of the pictures in pixels; each is brought to a square, whatever its proportions.
            The paper has 224 and 448.

    Returns:
        images, bytes (N, 3, size, size); labels from 0 to 199; `parts` (N, 15, 2), in the order of
        the data set's parts.txt, NaN where one cannot be seen; `poses` cut out the birds' boxes.

    Raises:
        TypeError, ValueError: a size that is no whole number from 32 on.
        DownloadError: no network, or an archive that is not CUB's.
        FileError: a file cannot be written, or the disk is too small, which is told first.
    """
    folder = user_folder("cache") / "cub" if folder is None else path_of(folder, "folder")
    size = whole_number(size, "size", lowest=32)
    _tell_what_is_needed(folder, size)
    lists = _load_lists(folder)
    images = torch.from_numpy(_load_pictures(folder, lists, size))
    labels, parts, poses = torch.from_numpy(lists.labels).long(), places(lists), box_poses(lists)
    splits = (slice(0, lists.train), slice(lists.train, None))
    train, test = (Split(images[s], labels[s], poses[s], parts[s]) for s in splits)
    return Dataset("CUB-200-2011", train, test)


def read_lists(texts: dict[str, str], sizes: dict[str, tuple[int, int]]) -> Lists:
    """The lists of an archive, put together by the numbers of the pictures.

    Args:
        texts: the content of each of the `LISTS`.
        sizes: width and height of each picture, by its name.

    Raises:
        ValueError: a list has a line that cannot be, or lacks a picture; the message names both.
    """

    def picture(name: str) -> str:
        for side in sizes.get(name, (0, 0)):
            whole_number(side, "side", 2)  # the places of its parts are from one pixel to another
        return name

    names = _read_list(texts, "images.txt", picture)
    if len(set(names.values())) < len(names):
        raise ValueError("images.txt has one name twice")
    labels = _read_list(texts, "image_class_labels.txt", _species, names)
    train = _read_list(texts, "train_test_split.txt", _flag, names)
    boxes = _read_list(texts, "bounding_boxes.txt", _box, names)
    if set(train.values()) != {0, 1}:
        raise ValueError("train_test_split.txt must have pictures to learn from, and others")
    order = sorted(names, key=lambda number: (not train[number], number))
    rows = {number: row for row, number in enumerate(order)}
    parts = np.full((len(order), PARTS, 2), np.nan, np.float32)
    for (number, part), place in _read_list(texts, "parts/part_locs.txt", _place, names, 2).items():
        parts[rows[number], part - 1] = place
    return Lists(
        names=np.array([names[k] for k in order]),
        labels=np.array([labels[k] - 1 for k in order]),
        train=sum(train.values()),
        boxes=np.array([boxes[k] for k in order], np.float32),
        parts=parts,
        sizes=np.array([sizes[names[k]] for k in order], np.float32),
    )


def _read_list(
    texts: dict[str, str],
    name: str,
    read: Callable,
    pictures: Iterable[int] | None = None,  # that must be in it, and no other
    keys: int = 1,
) -> dict:
    """What `read` makes of the words behind the picture's number (and, with two keys, the part's).

    Raises:
        ValueError: a line is not what `LISTS` says, or none is of one of the pictures.
    """
    found = {}
    for count, line in enumerate(texts[name].splitlines(), 1):
        if not (words := line.split()):
            continue
        try:
            key = tuple(whole_number(int(word), "number", 1) for word in words[:keys])
            if key in found or (pictures is not None and key[0] not in pictures):
                raise ValueError
            if keys == 2:
                whole_number(key[1], "part", 1, PARTS)
            found[key] = read(*words[keys:])
        except (TypeError, ValueError):
            raise ValueError(
                f"line {count} of {name} must be {LISTS[name]}, got {line.strip()!r}"
            ) from None
    for number in sorted(set(pictures or ()) - {key[0] for key in found}):
        raise ValueError(f"{name} lacks picture {number}")
    return found if keys > 1 else {number: value for (number,), value in found.items()}


def _species(label: str) -> int:
    return whole_number(int(label), "species", 1, SPECIES)


def _flag(flag: str) -> int:
    return whole_number(int(flag), "flag", 0, 1)


def _box(left: str, top: str, width: str, height: str) -> list[float]:
    return [_pixels(left), _pixels(top), _pixels(width, lowest=1), _pixels(height, lowest=1)]


def _place(x: str, y: str, seen: str) -> list[float]:
    place = [_pixels(x), _pixels(y)]
    return place if _flag(seen) else [np.nan, np.nan]


def _pixels(count: str, lowest: float = -FARTHEST) -> float:
    return real_number(float(count), "pixels", lowest, FARTHEST)


def places(lists: Lists) -> Tensor:
    """The parts' places (N, 15, 2) from −1 to 1, whatever size the pictures are brought to."""
    return torch.from_numpy(2 * lists.parts / (lists.sizes[:, None] - 1) - 1)


def box_poses(lists: Lists) -> Tensor:
    """The θ (N, 2, 3) that cut out the birds' boxes."""
    first, extent = np.split(lists.boxes, 2, axis=1)
    steps = lists.sizes - 1
    shares = torch.from_numpy((extent - 1) / steps)
    centres = torch.from_numpy((2 * first + extent - 1) / steps - 1)
    return torch.cat([torch.diag_embed(shares), centres[..., None]], -1)


def _tell_what_is_needed(folder: Path, size: int) -> None:
    """Print what there is to download and to write; refuse a disk that is too small for it."""
    path = _pictures_path(folder, size)
    lists = kept_arrays(_lists_path(folder), Lists)
    is_written = kept_array(path, (None, 3, size, size), source_checksum(lists)) is not None
    if is_written and lists:
        return
    missing = missing_bytes(_archive_path(folder), ARCHIVE_BYTES)
    pictures = 0 if is_written else PICTURES * 3 * size * size
    print(
        f"CUB-200-2011: {missing / 1e9:.1f} GB to download and {pictures / 1e9:.1f} GB of pictures "
        f"to write into {folder}",
        flush=True,
    )
    check_disk_space(folder, missing + missing_room(path, pictures), "CUB-200-2011")


def _archive_path(folder: Path) -> Path:
    return folder / f"{ROOT}.tgz"


def _lists_path(folder: Path) -> Path:
    return folder / "lists.npz"


def _pictures_path(folder: Path, size: int) -> Path:
    return folder / f"birds-{size}.npy"


def _fetch(folder: Path) -> Path:
    """The archive, downloaded if it is not there."""
    path = _archive_path(folder)
    return download(ADDRESS, path, checksum=ARCHIVE_CHECKSUM, size=ARCHIVE_BYTES)


def _load_lists(folder: Path) -> Lists:
    """What the archive's lists say, which are read once and kept as lists.npz."""
    path = _lists_path(folder)
    lists = kept_arrays(path, Lists)
    if lists is None:
        archive = _fetch(folder)
        found = _scan(archive)
        with archive_errors(archive):
            lists = read_lists(*found)
        keep_arrays(path, lists)
    return lists._replace(train=int(lists.train))


def _load_pictures(folder: Path, lists: Lists, size: int) -> np.ndarray:
    """All pictures, bytes (N, 3, size, size), which are written once and mapped into memory."""
    path, shape = _pictures_path(folder, size), (len(lists.names), 3, size, size)
    kept = path, shape, source_checksum(lists)
    pictures = kept_array(*kept)
    if pictures is None:
        archive = _fetch(folder)
        with removed_if_damaged(_lists_path(folder)), array_on_disk(*kept) as pictures:
            _write_pictures(pictures, archive, lists)
        pictures = kept_array(*kept)
    return pictures


def _scan(archive: Path) -> tuple[dict[str, str], dict[str, tuple[int, int]]]:
    """The texts of the lists, and the sizes of the pictures by name, in whatever order they lie."""
    from PIL import Image

    texts, sizes = {}, {}
    for name, content in stream_archive(archive, ROOT):
        with archive_errors(archive, name):
            if name in LISTS:
                texts[name] = content.decode()
            elif name.startswith("images/"):
                sizes[name.removeprefix("images/")] = Image.open(io.BytesIO(content)).size
    check_complete(archive, [name for name in LISTS if name not in texts])
    return texts, sizes


def _write_pictures(pictures: np.ndarray, archive: Path, lists: Lists) -> None:
    """Bring the pictures to their size as they stream from the archive."""
    from PIL import Image
    from tqdm.auto import tqdm

    rows = {f"images/{name}": row for row, name in enumerate(lists.names)}
    with tqdm(total=len(rows), unit="picture", desc=archive.name, leave=False) as progress:
        for name, content in stream_archive(archive, ROOT):
            if name in rows:
                with archive_errors(archive, name):
                    picture = Image.open(io.BytesIO(content)).convert("RGB")  # a few are grey
                picture = picture.resize(pictures.shape[:1:-1], Image.Resampling.BILINEAR)
                pictures[rows.pop(name)] = np.asarray(picture).transpose(2, 0, 1)
                progress.update()
    check_complete(archive, rows)
