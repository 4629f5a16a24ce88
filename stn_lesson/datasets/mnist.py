"""MNIST: 70,000 handwritten digits, downloaded once, checked, and kept."""

import gzip
import hashlib
import logging
import os
import tempfile
import zlib
from pathlib import Path

import torch
from torch import Tensor

from stn_lesson.datasets.dataset import Dataset, Split

# MD5 of the unpacked files: a mirror may have packed them anew, the digits stay the same.
FILES = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
SOURCES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TRAINING = 50_000  # the last 10,000 of MNIST's training digits are kept for validation


class DownloadError(OSError):
    """MNIST could not be fetched, or what came was not MNIST."""


def load_mnist(folder: str | Path | None = None) -> Dataset:
    """MNIST, split 50,000 / 10,000 / 10,000 for training, validation and testing.

    The four files (11 MB) are looked for in `folder`, and downloaded there when missing. Both what
    is found and what is fetched is checked byte for byte after unpacking; a file that fails is
    never used, and a download that fails leaves nothing behind.

    Args:
        folder: where the files are kept; by default `$STN_LESSON_DATA`, else `data/cache`.

    Raises:
        DownloadError: no network, or a file that is not MNIST's.
    """
    folder = Path(folder or data_folder())
    images, labels, test_images, test_labels = (_load(name, folder) for name in FILES)
    images, test_images = images[:, None], test_images[:, None]
    return Dataset(
        "MNIST",
        train=Split(images[:TRAINING], labels[:TRAINING].long()),
        test=Split(test_images, test_labels.long()),
        valid=Split(images[TRAINING:], labels[TRAINING:].long()),
    )


def data_folder() -> Path:
    """Where downloads are kept: `$STN_LESSON_DATA`, else `data/cache` in the lesson's folder."""
    if folder := os.environ.get("STN_LESSON_DATA"):
        return Path(folder).expanduser()
    return Path(__file__).parents[2] / "data" / "cache"


def _load(name: str, folder: Path) -> Tensor:
    path = folder / f"{name}.gz"
    if not path.exists():
        _download(name, path)
    return read_idx(_unpack(path, name))


def _unpack(path: Path, name: str) -> bytes:
    """The unpacked bytes of a file, if they are MNIST's."""
    try:
        raw = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DownloadError(
            f"{path} is damaged or cut short ({error}): delete it and run the cell again"
        ) from error
    if hashlib.md5(raw, usedforsecurity=False).hexdigest() != FILES[name]:
        raise DownloadError(
            f"{path} unpacks to something that is not MNIST's {name}: delete it and run the cell "
            "again"
        )
    return raw


def _download(name: str, path: Path) -> None:
    """Fetch a file into a temporary folder, check it, and only then give it its name."""
    import pooch  # needed for a download only

    pooch.get_logger().setLevel(logging.ERROR)
    trouble = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".download-") as temporary:
            for source in SOURCES:
                downloader = pooch.HTTPDownloader(progressbar=True, timeout=30)
                try:
                    fetched = pooch.retrieve(
                        source + path.name, None, path.name, temporary, downloader=downloader
                    )
                    _unpack(Path(fetched), name)
                except (OSError, ValueError) as error:
                    trouble.append(f"{source} {type(error).__name__}: {str(error)[:150]}")
                else:
                    os.replace(fetched, path)
                    return
    except OSError as error:
        trouble.append(f"{path.parent}: {error}")
    raise DownloadError(
        f"{path.name} could not be fetched into {path.parent}. Without a network, use the embedded "
        "digits, load_digits(), or set STN_LESSON_DATA to a folder that holds MNIST's four .gz "
        "files. What was tried:\n" + "\n".join(trouble)
    )


def read_idx(raw: bytes) -> Tensor:
    """The bytes of an IDX file as a tensor of bytes; its header says how many axes it has.

    >>> read_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
    tensor([7, 9], dtype=torch.uint8)
    """
    axes = raw[3]
    shape = [int.from_bytes(raw[4 + 4 * k : 8 + 4 * k], "big") for k in range(axes)]
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8, offset=4 + 4 * axes).view(shape)
