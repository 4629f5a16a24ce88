"""MNIST: 70,000 handwritten digits, downloaded once, checked, and kept."""

import gzip
import hashlib
import zlib
from pathlib import Path

import torch
from torch import Tensor

from stn_lesson.arguments import path_of
from stn_lesson.datasets.dataset import Dataset, Split
from stn_lesson.datasets.download import DownloadError, download
from stn_lesson.files import chosen_folder, file_errors, read_whole, user_folder

# MD5 of each file as it is downloaded, and of what it unpacks to: a copy that is already there may
# have been packed anew, the digits stay the same.
FILES = {
    "train-images-idx3-ubyte.gz": (
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "6bbc9ace898e44ae57da46a324031adb",
    ),
    "train-labels-idx1-ubyte.gz": (
        "d53e105ee54ea40749a09fcbcd1e9432",
        "a25bea736e30d166cdddb491f175f624",
    ),
    "t10k-images-idx3-ubyte.gz": (
        "9fb629c4189551a2d022fa330f9573f3",
        "2646ac647ad5339dbf082846283269ea",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "ec29112dd5afa0611ce80d1b7f02629c",
        "27ae3e4e09519cfbb04c329615203637",
    ),
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TRAINING_COUNT = 50_000  # the last 10,000 of MNIST's training digits are kept for validation


def load_mnist(folder: str | Path | None = None) -> Dataset:
    """MNIST, split 50,000 / 10,000 / 10,000 for training, validation and testing.

    The four files (11 MB) are looked for in `folder`, and downloaded there when missing. What is
    fetched is checked before it gets its name, what is found after unpacking; a file that fails is
    never used, and a download that was cut off goes on where it stopped.

    Args:
        folder: where the files are kept; by default `$STN_LESSON_DATA`, else `data/cache` in a
            checkout of the lesson, else the user's cache folder.

    Raises:
        DownloadError: no network, or a file that is not MNIST's.
        FileError: a file is there, and cannot be read; or it cannot be written.
    """
    folders = [user_folder("cache") if folder is None else path_of(folder, "folder")]
    if folder is None and (chosen := chosen_folder()):
        folders.insert(0, chosen)  # perhaps it can only be read
    images, labels, test_images, test_labels = (_load(name, folders) for name in FILES)
    images, test_images = images[:, None], test_images[:, None]
    return Dataset(
        "MNIST",
        train=Split(images[:TRAINING_COUNT], labels[:TRAINING_COUNT].long()),
        test=Split(test_images, test_labels.long()),
        valid=Split(images[TRAINING_COUNT:], labels[TRAINING_COUNT:].long()),
    )


def _load(name: str, folders: list[Path]) -> Tensor:
    """A file from the first of the folders that has it; the last gets what must be downloaded."""
    for path in (folder / name for folder in folders):
        with file_errors(path, "read"):  # of a folder that may not be entered
            if path.exists():
                return read_idx(_unpack(path))
    _download(name, folders[-1])
    return read_idx(_unpack(folders[-1] / name))


def _unpack(path: Path) -> bytes:
    """The unpacked bytes of a file, if they are MNIST's."""
    content = read_whole(path)  # a file that may not be read is not damaged
    try:
        raw = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DownloadError(
            f"{path} is damaged or cut short ({error}): delete it and run the cell again"
        ) from error
    _, expected = FILES[path.name]
    if hashlib.md5(raw, usedforsecurity=False).hexdigest() != expected:
        raise DownloadError(
            f"{path} unpacks to something that is not MNIST's {path.stem}: delete it and run the "
            "cell again"
        )
    return raw


def _download(name: str, folder: Path) -> None:
    """Fetch a file from the first mirror that has it."""
    packed, _ = FILES[name]
    try:
        download([mirror + name for mirror in MIRRORS], folder / name, checksum=f"md5:{packed}")
    except DownloadError as error:
        raise DownloadError(
            "Without a network, use the embedded digits, load_digits(), or set STN_LESSON_DATA to "
            f"a folder that holds MNIST's four .gz files: {error}"
        ) from None


def read_idx(raw: bytes) -> Tensor:
    """The bytes of an IDX file as a tensor of bytes; its header says how many axes it has.

    >>> read_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
    tensor([7, 9], dtype=torch.uint8)
    """
    axes = raw[3]
    shape = [int.from_bytes(raw[4 + 4 * k : 8 + 4 * k], "big") for k in range(axes)]
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8, offset=4 + 4 * axes).view(shape)
