"""Downloads that go on where they stopped, and get their name when their checksum is right."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from stn_lesson.arguments import path_of
from stn_lesson.files import WRITING_TIME, FileError, check_disk_space, file_errors, locked

TIMEOUT = 30  # seconds without a byte, after which a connection counts as lost
CHUNK = 2**16  # bytes: what a cut connection loses at most


class DownloadError(FileError):
    """A file could not be fetched, or what came was another."""


def download(
    urls: Sequence[str], path: str | Path, *, checksum: str | None = None, size: int | None = None
) -> Path:
    """Fetch a file, unless it is there, from the first address that has it.

    What has come lies beside it as `<name>.part`; a download that was cut off goes on there. Only
    a file that is whole gets its name, and one that is not what it should be is removed.

    Args:
        urls: its addresses, in the order in which they are tried.
        path: where to keep it; its folder is made.
        checksum: of the file, such as "md5:9fb6…" or "sha256:4b17…". None checks nothing but size.
        size: in bytes; None takes the server's word for it.

    Returns:
        The path.

    Raises:
        DownloadError: it was not to be had, or what came was another. The message says what was
            tried.
        FileError: it cannot be written, or the disk has not so much room, which is told before
            the first byte.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "digits.gz"
    >>> download(["http://127.0.0.1:9/digits.gz"], path)  # nobody listens there
    Traceback (most recent call last):
    stn_lesson.datasets.download.DownloadError: digits.gz could not be fetched into ...
    """
    path = path_of(path, "path")
    part, failures = path.with_name(f"{path.name}.part"), []
    with locked(path, wait=WRITING_TIME):
        for url in [] if path.exists() else urls:
            try:
                _fetch(url, part, size)
                _check(part, checksum, size)
            except DownloadError as error:
                failures.append(f"{url} {error}")
            else:
                os.replace(part, path)
                break
    if path.exists():
        return path
    kept = f" {_size(part):,} bytes have come: run it again to go on there." if _size(part) else ""
    raise DownloadError(
        f"{path.name} could not be fetched into {path.parent}.{kept} What was tried:\n"
        + "\n".join(failures)
    )


def _fetch(url: str, part: Path, size: int | None) -> None:
    """Fetch what is missing, as often as the connection is cut and something has come."""
    while size is None or _size(part) < size:
        before = _size(part)
        try:
            failure = _go_on(url, part, size)
        finally:
            if not _size(part):
                part.unlink(missing_ok=True)
        if failure is None:
            return
        if _size(part) <= before:
            raise DownloadError(failure)


def _go_on(url: str, part: Path, size: int | None) -> str | None:
    """Append what one connection brings; what went wrong, or None when all has come."""
    import requests  # needed for a download only
    from tqdm.auto import tqdm

    with file_errors(part, "written"), open(part, "ab") as file:
        headers = {"Accept-Encoding": "identity"}
        if file.tell():
            headers["Range"] = f"bytes={file.tell()}-"
        try:
            with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
                if response.status_code == 416:  # there is nothing behind what has come
                    return None
                response.raise_for_status()
                coming = int(response.headers.get("Content-Length", 0))
                if response.status_code != 206:  # the server begins at the beginning
                    if size and coming not in (0, size):
                        return f"has another file, of {coming:,} bytes instead of {size:,}"
                    file.truncate(0)
                    file.seek(0)
                missing = size - file.tell() if size else coming
                check_disk_space(part.parent, missing, part.stem)
                # Some servers call a .gz an encoded file; it is to stay as it is.
                response.raw.headers.pop("Content-Encoding", None)
                bar = {"unit": "B", "unit_scale": True, "desc": part.stem, "leave": False}
                with tqdm(total=file.tell() + missing, initial=file.tell(), **bar) as progress:
                    for chunk in response.iter_content(CHUNK):
                        file.write(chunk)
                        progress.update(len(chunk))
        except requests.RequestException as error:
            return f"{type(error).__name__}: {str(error)[:150]}"
    return f"ended after {_size(part):,} of {size:,} bytes" if _size(part) < (size or 0) else None


def _check(part: Path, checksum: str | None, size: int | None) -> None:
    """Remove what is not what it should be, and say so."""
    if not _size(part):
        raise DownloadError("brought nothing")
    found = f"{_size(part):,} bytes"
    right = size in (None, _size(part))
    if right and checksum:
        algorithm, _, expected = checksum.partition(":")
        with open(part, "rb") as file:
            found = hashlib.file_digest(file, algorithm).hexdigest()
        right, found = found == expected, f"{algorithm} {found}"
    if not right:
        part.unlink()
        raise DownloadError(f"what came is another file ({found}, not {checksum or size})")


def _size(path: Path) -> int:
    """The bytes of a file, 0 where there is none."""
    return path.stat().st_size if path.exists() else 0
