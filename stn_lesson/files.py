"""Where files are: what comes with the lesson, and where it writes what is new.

In a checkout both stand in `data/`. Once installed, what comes with the lesson lies inside the
package, and new files go to a folder of the user's.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

PACKAGE = Path(__file__).resolve().parent


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
    if (chosen := chosen_folder()) and _is_writable(chosen):
        return chosen / ("" if kind == "cache" else kind)
    if lesson_folder().parent != PACKAGE and _is_writable(lesson_folder()):
        return lesson_folder() / kind
    import pooch  # slow to import, and not needed in a checkout

    return Path(pooch.os_cache("stn_lesson")) / kind


def chosen_folder() -> Path | None:
    """The folder that `$STN_LESSON_DATA` names, if it is set; files are read there in any case."""
    folder = os.environ.get("STN_LESSON_DATA")
    return Path(folder).expanduser() if folder else None


def _is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or where it would be made."""
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)


def write_atomically(path: str | Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file under a temporary name and rename it: a reader sees the old or the new whole.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_atomically(folder / "a" / "b.txt", lambda file: file.write(b"whole"))
    >>> (folder / "a" / "b.txt").read_text()
    'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
