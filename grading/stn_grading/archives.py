"""Zip files: what a platform exports in one piece, or a student hands in."""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LARGEST = 2**30  # bytes of what comes out of an archive
MOST = 10_000  # files in it


def is_archive(path: Path) -> bool:
    """Whether a file says that it is a zip file."""
    return path.is_file() and not path.is_symlink() and path.suffix.lower() == ".zip"


@contextmanager
def unpacked(folder: Path) -> Iterator[Path]:
    """A folder of submissions; if it is a zip file, or holds one and nothing else, what is in it.

    Raises:
        FileNotFoundError: there is no such folder, nothing in it, or its archive cannot be read.
    """
    if is_archive(folder):
        entries = [folder]
    elif folder.is_dir():
        entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
    else:
        raise FileNotFoundError(f"there is no folder {folder}: name the one with the submissions")
    if len(entries) == 1 and is_archive(entries[0]):
        with tempfile.TemporaryDirectory() as inside:
            try:
                unpack(entries[0], Path(inside))
            except ValueError as error:
                raise FileNotFoundError(f"{entries[0].name}: {error}") from error
            yield Path(inside)
    else:
        yield folder


def unpack(archive: Path, into: Path) -> None:
    """Unpack a zip file; what is in it stays inside the folder, and links become files.

    Raises:
        ValueError: it is damaged, locked or too large; the message says which.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            files = opened.infolist()
            fits = len(files) <= MOST and sum(one.file_size for one in files) <= LARGEST
            if fits:
                opened.extractall(into)
    except Exception as error:  # a damaged file may fail in any way
        raise ValueError(f"the zip file cannot be unpacked: {error}") from error
    if not fits:
        raise ValueError(f"more than {MOST} files or {LARGEST >> 20} MB come out of it")
