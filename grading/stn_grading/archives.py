"""Zip files: what a platform exports in one piece, or a student hands in."""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAX_UNPACKED_BYTES = 2**30
MAX_FILES = 10_000


def is_zip_file(path: Path) -> bool:
    """Whether a file says that it is a zip file."""
    return path.is_file() and not path.is_symlink() and path.suffix.lower() == ".zip"


@contextmanager
def unpacked(folder: Path) -> Iterator[Path]:
    """A folder of submissions; if it is a zip file, or holds one and nothing else, what is in it.

    Raises:
        FileNotFoundError: there is no such folder, nothing in it, or its archive cannot be read.
    """
    if is_zip_file(folder):
        entries = [folder]
    elif folder.is_dir():
        entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
    else:
        raise FileNotFoundError(f"there is no folder {folder}: name the one with the submissions")
    if len(entries) == 1 and is_zip_file(entries[0]):
        with tempfile.TemporaryDirectory() as unpacked_folder:
            try:
                unpack(entries[0], Path(unpacked_folder))
            except ValueError as error:
                raise FileNotFoundError(f"{entries[0].name}: {error}") from error
            yield Path(unpacked_folder)
    else:
        yield folder


def unpack(archive: Path, into: Path) -> None:
    """Unpack a zip file; what is in it stays inside the folder, and links become files.

    Raises:
        ValueError: it is damaged, locked or too large; the message says which.
    """
    try:
        with zipfile.ZipFile(archive) as zip_file:
            files = zip_file.infolist()
            size = sum(file.file_size for file in files)
            fits = len(files) <= MAX_FILES and size <= MAX_UNPACKED_BYTES
            if fits:
                zip_file.extractall(into)
    except Exception as error:  # a damaged file may fail in any way
        raise ValueError(f"the zip file cannot be unpacked: {error}") from error
    if not fits:
        limit = f"{MAX_FILES} files or {MAX_UNPACKED_BYTES >> 20} MB"
        raise ValueError(f"more than {limit} come out of it")
