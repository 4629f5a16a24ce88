"""Where files are, and the one place that writes them.

What comes with the lesson and what it writes both stand in `data/` of a checkout. Once installed,
what comes with the lesson lies inside the package, and new files go to a folder of the user's.
"""

import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from stn_lesson.arguments import path_of

PACKAGE = Path(__file__).resolve().parent
PIECE = bytes(2**20)  # how room is tried out: a piece at a time
WRITING_TIME = 60  # seconds to wait for another who is writing the same file just now
_NOT_A_FOLDER = "it would lie in a file: name a folder for it"
_REMEDIES = {
    errno.EEXIST: _NOT_A_FOLDER,
    errno.ENOTDIR: _NOT_A_FOLDER,
    errno.ENOSPC: "make room there, or name a file elsewhere",
    errno.EDQUOT: "make room there, or name a file elsewhere",
}


class FileError(OSError):
    """A file cannot be read or written; the message names it and says why."""


class FileBusyError(FileError):
    """Another process, or another thread, is at work on the file."""


def lesson_folder() -> Path:
    """The folder of what comes with the lesson: digits, records, trained networks.

    >>> (lesson_folder() / "reference" / "paper.json").exists()
    True
    """
    installed = PACKAGE / "data"  # pyproject.toml puts it there
    return installed if installed.exists() else PACKAGE.parent / "data"


def user_folder(kind: str = "") -> Path:
    """The folder for new files, made when the first is written.

    It is `$STN_LESSON_DATA`; where that is not set, a checkout's own `data/`; where there is none,
    the user's cache folder (as `pooch.os_cache` names it on each system). A folder that this user
    may not write to is passed over.

    Args:
        kind: "results" for records; "checkpoints" for networks trained anew; "cache" for what can
            be made or fetched again (in `$STN_LESSON_DATA`, it lies beside those folders).
    """
    if (chosen := chosen_folder()) and is_writable(chosen):
        return chosen / ("" if kind == "cache" else kind)
    if lesson_folder().parent != PACKAGE and is_writable(lesson_folder()):
        return lesson_folder() / kind
    import pooch  # slow to import, and not needed in a checkout

    return Path(pooch.os_cache("stn_lesson")) / kind


def chosen_folder() -> Path | None:
    """The folder that `$STN_LESSON_DATA` names, if it is set; files are read there in any case."""
    folder = os.environ.get("STN_LESSON_DATA")
    return Path(folder).expanduser() if folder else None


def is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or where it would be made."""
    while not os.path.exists(folder):  # nor in a folder that may not be entered
        folder = folder.parent
    return os.path.isdir(folder) and os.access(folder, os.W_OK)


@contextmanager
def locked(path: str | Path, *, room: int = 0, wait: float = 0) -> Iterator[None]:
    """Keep a file to this thread while it works on it: others who would write it are told.

    The lock lies beside the file, as `.<name>.lock`, and ends with its process, however that ends.
    What writers of this file have left behind that were killed is removed.

    Args:
        path: the file, which need not be there yet.
        room: how many bytes must fit beside it.
        wait: seconds to wait for another who is at work on it.

    Raises:
        FileBusyError: another process, or another thread of this one, is at work on it.
        FileError: it cannot be written, or there is not so much room.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "run.pt"
    >>> with locked(file, room=1000):
    ...     write_atomically(file, b"whole")
    """
    target = _target(path)
    with ExitStack() as stack:
        with file_errors(path, "written"):
            target.parent.mkdir(parents=True, exist_ok=True)
            _check_room(target, 0)  # a lock that cannot be made looks like that of another
            stack.enter_context(_lock(path, target, wait))
            _check_room(target, room)
        yield


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it: a reader sees the old or the new whole.

    A link stays a link, and a file that was there keeps its mode.

    Raises:
        FileError: it cannot be written; what was there is as it was.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_atomically(folder / "a" / "b.txt", b"whole")
    >>> (folder / "a" / "b.txt").read_text()
    'whole'
    """
    with locked(path, wait=WRITING_TIME), file_errors(path, "written"):
        target = _target(path)
        temporary = _temporary(target)
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, temporary)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


def read_whole(path: str | Path) -> bytes:
    """The content of a file.

    Raises:
        FileNotFoundError: there is none.
        FileError: there is one, and it cannot be read; that does not make it damaged.
    """
    with file_errors(path, "read"):
        return _target(path).read_bytes()


@contextmanager
def file_errors(path: str | Path, done: str) -> Iterator[None]:
    """Let an error name the file as the user did, and say what cannot be done, and why.

    Args:
        path: as it was given.
        done: what is done with it meanwhile, "written" or "read".

    Raises:
        FileNotFoundError: there is no file to read.
        FileError: in the place of any other OSError.
    """
    try:
        yield
    except (FileError, TimeoutError):  # the latter of a lock
        raise
    except FileNotFoundError:
        if done == "read":
            raise
        raise FileError(
            f"{path} cannot be written: no file can be made in its folder; name a file elsewhere"
        ) from None
    except OSError as error:
        remedy = _REMEDIES.get(error.errno, "ask for the right to it, or name a file elsewhere")
        raise FileError(f"{path} cannot be {done} ({error.strerror or error}): {remedy}") from error


def check_disk_space(folder: str | Path, needed: int, what: str) -> None:
    """Refuse what a disk has no room for, before the first byte of it is written.

    Args:
        folder: where it is to lie; it need not be there yet.
        needed: bytes.
        what: is to be written, as the error names it.

    Raises:
        FileError: the disk has less room than that.

    >>> check_disk_space(lesson_folder(), 10**18, "the sky")
    Traceback (most recent call last):
    stn_lesson.files.FileError: the sky needs 1,000,000,000,000.0 MB in ..., where ... MB are free:
    make room there, or set STN_LESSON_DATA to a folder on a larger disk
    """
    place = path_of(folder, "folder").absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if needed > free:
        raise FileError(
            f"{what} needs {needed / 1e6:,.1f} MB in {folder}, where {free / 1e6:,.1f} MB are free:"
            " make room there, or set STN_LESSON_DATA to a folder on a larger disk"
        )


def checksum(content: bytes) -> str:
    """What a file must still have in common with itself when it is read again.

    >>> checksum(b"whole")[:20]
    'sha256:5d5766cf2d787'
    """
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _target(path: str | Path) -> Path:
    """The file that is meant, at the end of any links.

    Raises:
        TypeError, ValueError: it is no name.
        FileError: there is something else of that name.
    """
    target = Path(os.path.realpath(path_of(path, "a file's name")))
    if target.exists() and not target.is_file():
        what = "a folder" if target.is_dir() else "no ordinary file"
        raise FileError(f"{path} is {what}: name a file")
    return target


def _temporary(target: Path) -> Path:
    """A name for this writer alone, whichever process and thread it is."""
    return target.with_name(f".{target.name}-{os.getpid()}-{secrets.token_hex(4)}")


@contextmanager
def _lock(path: str | Path, target: Path, wait: float) -> Iterator[None]:
    """The lock of `locked`; none where this thread has it already."""
    from filelock import FileLock, Timeout  # takes a moment, and is seldom needed

    lock = FileLock(target.with_name(f".{target.name}.lock"), is_singleton=True)
    if lock.is_locked:
        yield
        return
    try:
        with suppress(NotImplementedError):  # a file system without locks
            lock.acquire(timeout=wait)
            _remove_leftovers(target)
        yield
    except Timeout:
        raise FileBusyError(
            f"{path} is being written by another process, or by another cell that still runs: "
            "wait until that has ended, or name another file"
        ) from None
    finally:
        if lock.is_locked:
            with suppress(OSError):  # Windows removes no file that is open
                os.unlink(lock.lock_file)
            lock.release()


def _remove_leftovers(target: Path) -> None:
    """Remove what writers have left behind: who has the lock knows that they are dead."""
    is_temporary = re.compile(rf"\.{re.escape(target.name)}-\d+-[0-9a-f]{{8}}").fullmatch
    for path in target.parent.iterdir():
        if is_temporary(path.name):
            path.unlink(missing_ok=True)


def _check_room(target: Path, room: int) -> None:
    """Write so many bytes and remove them again: only this knows of every quota and mode."""
    temporary = _temporary(target)
    try:
        with temporary.open("xb") as file:
            for start in range(0, room, len(PIECE)):
                file.write(PIECE[: room - start])
    finally:
        temporary.unlink(missing_ok=True)
