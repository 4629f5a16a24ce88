"""Large archives of pictures: read as their files come, and kept as one array on disk."""

import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from stn_lesson.datasets.download import DownloadError
from stn_lesson.files import FileError, file_errors, locked


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
def archive_errors(archive: Path) -> Iterator[None]:
    """Say which archive it is that cannot be read, or holds what is no picture, and what to do."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, StopIteration, OSError) as error:
        if isinstance(error, FileError) or getattr(error, "errno", None) is not None:
            raise  # the disk's trouble, not the archive's
        reason = str(error) or "a file is missing"
        raise DownloadError(
            f"{archive} is damaged or cut short ({reason}): delete it and run it again"
        ) from error


def check_complete(archive: Path, missing) -> None:
    """Raise a `DownloadError` that names the first of the files that an archive lacks, if any."""
    for name in missing:
        raise DownloadError(f"{archive} lacks {name}: delete it and run it again")


@contextmanager
def array_on_disk(path: Path, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Bytes of a shape to fill in, mapped into memory; the file has its name when all is done.

    What was begun and did not come to its end is removed.

    Raises:
        FileError: it cannot be written, or another process is writing it.
    """
    part = path.with_name(f"{path.name}.part")
    with locked(path), file_errors(path, "written"):
        try:
            array = np.lib.format.open_memmap(part, "w+", np.uint8, shape)
            yield array
            array.flush()
            del array
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
