"""Large archives of pictures: read as their files come, and kept as arrays on disk.

What is kept can be made again: a file of it that is damaged, cut short, changed or another is not
read, but written anew. Arrays carry their own checksum, and pictures that of the lists by which
they were written: the two are never of different archives.
"""

import io
import math
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from stn_lesson.datasets.download import DownloadError
from stn_lesson.datasets.npz import READ_ERRORS
from stn_lesson.files import (
    FileError,
    check_disk_space,
    checksum,
    file_errors,
    locked,
    read_whole,
    write_atomically,
)

# What tarfile, Pillow, h5py and our own readers raise for content that is not what it should be.
CONTENT_ERRORS = (
    tarfile.TarError, EOFError, zlib.error, StopIteration, OSError, ValueError, TypeError,
    AttributeError, LookupError, SyntaxError,
)  # fmt: skip
Arrays = TypeVar("Arrays", bound=NamedTuple)


def stream_archive(archive: Path, folder: str) -> Iterator[tuple[str, bytes]]:
    """The files of a packed archive in whatever order they come: (name in its folder, content).

    Raises:
        DownloadError: it is damaged or cut short, if only by its checksum at the very end.
    """
    with archive_errors(archive), tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and member.name.startswith(f"{folder}/"):
                yield member.name.removeprefix(f"{folder}/"), tar.extractfile(member).read()
        while tar.fileobj.read(2**20):  # to the end, where the checksum of its content stands
            pass


@contextmanager
def archive_errors(archive: Path, member: str = "") -> Iterator[None]:
    """Say which archive cannot be read, or which file in it is not what it should be; what to do.

    Raises:
        DownloadError: in the place of any of the `CONTENT_ERRORS`.
    """
    try:
        yield
    except CONTENT_ERRORS as error:
        if isinstance(error, FileError) or getattr(error, "errno", None) is not None:
            raise  # the disk's trouble, not the archive's
        reason = ": ".join(filter(None, [member, str(error) or "a file is missing"]))
        raise DownloadError(
            f"{archive} is damaged or cut short ({reason}): delete it and run it again"
        ) from error


@contextmanager
def removed_if_damaged(kept: Path) -> Iterator[None]:
    """Remove what was kept of an archive once it is found damaged: of a new one it is read anew."""
    try:
        yield
    except DownloadError:
        kept.unlink(missing_ok=True)
        raise


def check_complete(archive: Path, missing) -> None:
    """Raise a `DownloadError` that names the first of the files that an archive lacks, if any."""
    for name in missing:
        raise DownloadError(f"{archive} lacks {name}: delete it and run it again")


@contextmanager
def array_on_disk(path: Path, shape: tuple[int, ...], source: str = "") -> Iterator[np.ndarray]:
    """Bytes of a shape to fill in, mapped into memory; the file has its name when all is done.

    What was begun and did not come to its end is removed. A file that is there already is one that
    `kept_array` could not use; it is replaced.

    Args:
        path: of the file.
        shape: of the array.
        source: the `source_checksum` of what it is made by; it stands at the end of the file.

    Raises:
        FileError: it cannot be written, the disk is too small, or another process is writing it.
    """
    part = _part_of(path)
    with locked(path), file_errors(path, "written"):
        _tell_of_replacement(path)
        try:
            part.unlink(missing_ok=True)  # of a process that was killed
            check_disk_space(path.parent, math.prod(shape), path.name)
            array = np.lib.format.open_memmap(part, "w+", np.uint8, shape)
            _reserve(part)
            yield array
            array.flush()
            del array
            with open(part, "ab") as file:
                file.write(source.encode())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def kept_array(path: Path, shape: tuple[int | None, ...], source: str = "") -> np.ndarray | None:
    """What `array_on_disk` wrote, mapped into memory: a page is read when it is asked for.

    Args:
        path: of the file.
        shape: that it must have; None for an axis of any length.
        source: that it must have been made by; "" for any.

    Returns:
        bytes of that shape; None where there is no such file, or it holds something else.

    Raises:
        FileError: it cannot be read.
    """
    with file_errors(path, "read"):
        if not path.exists():
            return None
        with open(path, "rb") as file:  # what may not be read is not damaged
            file.seek(max(path.stat().st_size - len(source), 0))
            if file.read() != source.encode():
                return None
    try:
        array = np.load(path, mmap_mode="c", allow_pickle=False)
        sides = zip(array.shape, shape, strict=True)
        right = array.dtype == np.uint8 and all(side in (own, None) for own, side in sides)
    except READ_ERRORS:
        return None
    return array if right else None


def kept_arrays(path: Path, kind: type[Arrays]) -> Arrays | None:
    """A tuple of named arrays that `keep_arrays` wrote; None as from `kept_array`."""
    try:
        content = read_whole(path)
    except FileNotFoundError:
        return None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = dict(file)
        found = arrays.pop("checksum").item()
        kept = kind(**arrays)
        return kept if found == source_checksum(kept) else None
    except READ_ERRORS:
        return None


def keep_arrays(path: Path, arrays: NamedTuple) -> None:
    """Write a tuple of named arrays, and their checksum, as a .npz file.

    Raises:
        FileError: it cannot be written.
    """
    _tell_of_replacement(path)
    packed = io.BytesIO()
    np.savez(packed, **arrays._asdict(), checksum=source_checksum(arrays))
    write_atomically(path, packed.getvalue())


def source_checksum(*several: tuple | None) -> str:
    """The checksum of what tuples of named arrays hold; "" where one of them is None."""
    if None in several:
        return ""
    columns = [np.asarray(column) for arrays in several for column in arrays]
    parts = [(f"{column.dtype}{column.shape}".encode(), column.tobytes()) for column in columns]
    return checksum(b"".join(sum(parts, ())))


def missing_room(path: Path, size: int) -> int:
    """How many bytes `array_on_disk` needs, beside those that a killed process has left there."""
    part = _part_of(path)
    if not part.exists():
        return size
    left = part.stat()  # a file with holes: its length says nothing
    return max(size - getattr(left, "st_blocks", 0) * 512, 0)


def _reserve(part: Path) -> None:
    """Take the room of a file with holes: were the disk full later, a write would end Python."""
    if hasattr(os, "posix_fallocate"):
        with open(part, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, part.stat().st_size)


def _tell_of_replacement(path: Path) -> None:
    """Say that a file was of no use, if there is one."""
    if path.exists():
        print(f"{path} is damaged, cut short or of another kind: it is made again")


def _part_of(path: Path) -> Path:
    """Where an array lies until it is whole."""
    return path.with_name(f"{path.name}.part")
