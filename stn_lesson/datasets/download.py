"""Downloads that go on where they stopped, and get their name when their checksum is right."""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from stn_lesson.arguments import list_of, path_of, text, whole_number
from stn_lesson.files import WRITING_TIME, FileError, check_disk_space, file_errors, locked

TIMEOUT = 30  # seconds without a byte, after which a connection counts as lost
CHUNK = 2**16  # bytes: what a cut connection loses at most
ALGORITHMS = ("md5", "sha1", "sha256", "sha512")  # of checksums
LARGEST_FILE = 2**50  # bytes


class DownloadError(FileError):
    """A file could not be fetched, or what came was another."""


class _OtherFileError(DownloadError):
    """What has come is not the file, nor a beginning of it."""


def download(
    urls: str | Sequence[str],
    path: str | Path,
    *,
    checksum: str | None = None,
    size: int | None = None,
) -> Path:
    """Fetch a file, unless it is there, from the first address that has it.

    What has come lies beside it as `<name>.part`; a download that was cut off goes on there. Only
    a file that is whole gets its name, and one that is not what it should be is removed; where an
    earlier call had begun it, it is fetched once more from its first byte.

    Args:
        urls: its address, or several, in the order in which they are tried.
        path: where to keep it; its folder is made.
        checksum: of the file, such as "md5:9fb6…" or "sha256:4b17…". None checks nothing but size.
        size: in bytes; None takes the server's word for it.

    Returns:
        The path.

    Raises:
        TypeError, ValueError: addresses, a checksum or a size that cannot be.
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
    path, addresses = path_of(path, "path"), _addresses(urls)
    _check_expectation(checksum, size)
    part, failures = _part_of(path), []
    with locked(path, wait=WRITING_TIME):
        for url in [] if path.exists() else addresses:
            try:
                _fetch_checked(url, part, checksum, size)
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


def missing_bytes(path: Path, size: int) -> int:
    """How many bytes of a file `download` would still fetch: those that have come are not counted.

    >>> missing_bytes(Path("nowhere") / "digits.gz", 1000)
    1000
    """
    return 0 if path.exists() else max(size - _size(_part_of(path)), 0)


def _addresses(urls) -> list[str]:
    """One address, or several, as a list."""
    several = [urls] if isinstance(urls, str) else list_of(urls, "urls", "addresses")
    if not several:
        raise ValueError("urls must hold one address at least, got none")
    return [text(url, "each of urls") for url in several]


def _check_expectation(checksum: str | None, size: int | None) -> None:
    """Raise an error for a checksum or a size that no file could have, before it is fetched."""
    if checksum is not None:
        algorithm, colon, _ = text(checksum, "checksum").partition(":")
        if algorithm not in ALGORITHMS or not colon:
            known = ", ".join(ALGORITHMS)
            raise ValueError(f"checksum must be one of {known}, a colon and hex, got {checksum!r}")
    if size is not None:
        whole_number(size, "size", 1, LARGEST_FILE)


def _fetch_checked(url: str, part: Path, checksum: str | None, size: int | None) -> None:
    """Fetch a file and check it; once more from its first byte where an earlier call had begun it.

    What was left then may be of an older version, or of another file: it is not the address's
    fault.
    """
    begun = _size(part)
    try:
        _fetch(url, part, size)
        _check(part, checksum, size)
    except _OtherFileError:
        part.unlink(missing_ok=True)
        if not begun:
            raise
        _fetch_checked(url, part, checksum, size)


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
    """Append what one connection brings; what went wrong, or None when all has come.

    Raises:
        _OtherFileError: the address has nothing that would go on where the file ends.
    """
    import requests  # needed for a download only

    with file_errors(part, "written"), open(part, "ab") as file:
        begun = file.tell()
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begun}-"} if begun else {})
        try:
            with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
                first, whole, length = _extent(response, begun)
                if response.status_code == 416:  # there is nothing behind what has come
                    if whole not in (None, begun):
                        raise _OtherFileError(f"has a file of {whole:,} bytes, not {begun:,}")
                    return None
                response.raise_for_status()
                if whole == 0:
                    return "brought nothing"
                if size and whole not in (None, size):
                    return f"has another file, of {whole:,} bytes instead of {size:,}"
                if first not in (0, begun):
                    raise _OtherFileError(f"sends the bytes from {first:,} on, not from {begun:,}")
                if first < begun:  # the server begins at the beginning
                    file.truncate(0)
                    file.seek(0)
                whole = size or whole
                missing = (length or 0) if whole is None else whole - first
                check_disk_space(part.parent, missing, part.stem)
                if not _append(file, response, missing, size):
                    file.truncate(first)
                    return f"sends more than the {size:,} bytes of this file"
        except requests.RequestException as error:
            return f"{type(error).__name__}: {str(error)[:150]}"
    return f"ended after {_size(part):,} of {whole:,} bytes" if _size(part) < (whole or 0) else None


def _append(file: BinaryIO, response, missing: int, size: int | None) -> bool:
    """Write what comes to the end of a file; whether it was no more than its size."""
    from tqdm.auto import tqdm

    # Some servers call a .gz an encoded file; it is to stay as it is.
    response.raw.headers.pop("Content-Encoding", None)
    first, name = file.tell(), Path(file.name).stem
    bar = {"unit": "B", "unit_scale": True, "desc": name, "leave": False}
    with tqdm(total=first + missing, initial=first, **bar) as progress:
        for chunk in response.iter_content(CHUNK):
            if size and file.tell() + len(chunk) > size:
                return False
            file.write(chunk)
            progress.update(len(chunk))
    return True


def _extent(response, begun: int) -> tuple[int, int | None, int | None]:
    """Where in the file an answer begins; the bytes of the whole file, and of the answer, if told.

    A number that is none is as good as not told.
    """
    number = r"\d{1,18}"
    length = response.headers.get("Content-Length", "")
    length = int(length) if re.fullmatch(number, length, re.ASCII) else None
    if response.status_code not in (206, 416):
        return 0, length, length
    extent = response.headers.get("Content-Range", "")
    told = re.fullmatch(rf"bytes (?:({number})-{number}|\*)/({number}|\*)", extent, re.ASCII)
    first, whole = told.groups() if told else (None, "*")
    return int(first or begun), None if whole == "*" else int(whole), length


def _check(part: Path, checksum: str | None, size: int | None) -> None:
    """Raise an `_OtherFileError` for what is not what it should be."""
    if not _size(part):
        raise DownloadError("brought nothing")
    found = f"{_size(part):,} bytes"
    right = size in (None, _size(part))
    if right and checksum:
        algorithm, _, expected = checksum.partition(":")
        with open(part, "rb") as file:
            found = hashlib.file_digest(file, algorithm).hexdigest()
        right, found = found == expected.lower(), f"{algorithm} {found}"
    if not right:
        raise _OtherFileError(f"what came is another file ({found}, not {checksum or size})")


def _part_of(path: Path) -> Path:
    """Where what has come of a file lies."""
    return path.with_name(f"{path.name}.part")


def _size(path: Path) -> int:
    """The bytes of a file, 0 where there is none."""
    return path.stat().st_size if path.exists() else 0
