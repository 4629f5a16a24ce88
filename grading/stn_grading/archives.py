"""Zip files: what a platform exports in one piece, or a student hands in; zip files in them, too.

A file that is damaged, or whose name fits into no folder, costs nobody else theirs.
"""

import hashlib
import os
import shutil
import time
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path, PurePosixPath

from stn_grading.names import is_litter

MAX_UNPACKED_BYTES = 2**30
MAX_FILES = 10_000
MAX_DEPTH = 4  # of zip files in zip files
MAX_COMPONENT_BYTES, MAX_PATH_BYTES = 200, 3000
NAME_IN_DOUBT = "the zip file does not say how names are encoded"
UTF8_NAME = 0x800  # the flag of a name that says that it is UTF-8


def is_zip_file(path: Path) -> bool:
    """Whether a file says that it is a zip file."""
    return path.is_file() and not path.is_symlink() and path.suffix.lower() == ".zip"


def unpack(archive: Path, into: Path, room: int | None = None) -> list[tuple[Path, str]]:
    """Unpack a zip file; what is in it stays inside the folder, and links become files.

    Of a damaged file, what came out is kept.

    Args:
        archive: the zip file.
        into: the folder.
        room: how many bytes may come out of it; `MAX_UNPACKED_BYTES` unless given.

    Returns:
        What a person should know: (the file that it is about, words).

    Raises:
        ValueError: it is no zip file, locked or too large; the message says which.
    """
    remarks = []
    try:
        with zipfile.ZipFile(archive) as zip_file:
            members = [member for member in zip_file.infolist() if not _is_litter(member.filename)]
            _check_size(members, MAX_UNPACKED_BYTES if room is None else room)
            for member in members:
                target = _target(member.filename, into)
                if member.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                else:
                    remarks += [(target, words) for words in _extract(zip_file, member, target)]
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as error:
        raise ValueError(f"the zip file cannot be unpacked: {error}") from error
    return remarks


def unpack_nested(archive: Path, into: Path) -> tuple[list[Path], list[str]]:
    """Unpack what a student has zipped, zip files in zip files too.

    Returns:
        The folders that came out, each inside `into`; and what a person should know.
    """
    room, folders, remarks, waiting = MAX_UNPACKED_BYTES, [], [], [(archive, 1)]
    while waiting:
        zip_file, depth = waiting.pop(0)
        folder = into / str(len(folders))
        folder.mkdir()
        try:
            remarks += [words for _, words in unpack(zip_file, folder, room)]
        except ValueError as error:
            remarks.append(str(error))
        folders.append(folder)
        files = [file for file in folder.rglob("*") if file.is_file()]
        room -= sum(file.stat().st_size for file in files)
        inner = [file for file in files if is_zip_file(file)]
        if inner and depth == MAX_DEPTH:
            remarks.append(f"zip files in zip files, {depth} deep: not opened any further")
        elif inner:
            waiting += [(file, depth + 1) for file in inner]
    return folders, remarks


def _is_litter(name: str) -> bool:
    return any(is_litter(Path(part)) for part in PurePosixPath(name).parts if part != "..")


def _check_size(members: list[zipfile.ZipInfo], room: int) -> None:
    size = sum(member.file_size for member in members)
    if len(members) > MAX_FILES or size > room:
        limit = f"{MAX_FILES} files or {MAX_UNPACKED_BYTES >> 20} MB"
        raise ValueError(f"more than {limit} come out of it")


def _target(name: str, into: Path) -> Path:
    """Where a file of an archive goes: inside the folder, under a name that fits, over no other."""
    parts = name.replace("\\", "/").split("/")
    parts = [_fitting(part) for part in parts if part not in ("", ".", "..")]
    parts = parts or ["nameless"]
    target = into.joinpath(*parts)
    if len(os.fsencode(target)) > MAX_PATH_BYTES:  # the student's folder, and the file
        target = into / parts[0] / parts[-1]
    number = 2
    while target.exists() and not name.endswith("/"):
        target = target.with_name(f"{Path(parts[-1]).stem} ({number}){Path(parts[-1]).suffix}")
        number += 1
    return target


def _fitting(part: str) -> str:
    """A name of a file or folder that file systems accept.

    >>> len(_fitting("x" * 300 + ".ipynb").encode()), _fitting("x" * 300 + ".ipynb")[-6:]
    (157, '.ipynb')
    """
    part = part.replace("\0", "").replace(":", " ")
    if len(part.encode("utf-8", "replace")) <= MAX_COMPONENT_BYTES:
        return part
    digest, path = hashlib.sha256(part.encode("utf-8", "replace")).hexdigest()[:10], Path(part)
    short = path.stem.encode("utf-8", "replace")[: MAX_COMPONENT_BYTES - 60].decode(errors="ignore")
    return f"{short}-{digest}{path.suffix[:10]}"


def _extract(zip_file: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> list[str]:
    """Write a file; returns what is wrong with it."""
    remarks = []
    if not member.flag_bits & UTF8_NAME and not member.filename.isascii():
        remarks += _doubts_of_name(member.filename)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with zip_file.open(member) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
        _keep_age(member, target)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        target.touch()
        remarks.append(f"the zip file cannot be unpacked: {error}")
    return remarks


def _keep_age(member: zipfile.ZipInfo, target: Path) -> None:
    """Of two notebooks the later one counts, in a zip file too."""
    with suppress(ValueError, OverflowError, OSError):  # a date that is none
        age = time.mktime((*member.date_time, 0, 0, -1))
        os.utime(target, (age, age))


def _doubts_of_name(name: str) -> list[str]:
    """What to say of a name whose encoding is not written down; `readable_name` tries UTF-8."""
    try:
        name.encode("cp437").decode("utf-8")
        return []
    except UnicodeError:
        return [f"{NAME_IN_DOUBT}: {name} may read otherwise"]
