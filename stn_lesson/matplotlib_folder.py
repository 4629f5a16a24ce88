"""A folder for matplotlib where its own cannot be written: else it says so in the first cell.

That is so in a container whose user has no home folder. It must be set before matplotlib is
imported, and so the package imports this module first.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from stn_lesson.files import is_writable, user_folder


def choose_folder() -> None:
    """Set `$MPLCONFIGDIR`, unless it is set or matplotlib's own folders can be written.

    >>> choose_folder()
    """
    if "MPLCONFIGDIR" in os.environ or all(map(is_writable, _own_folders())):
        return
    folder = user_folder("cache") / "matplotlib"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="matplotlib-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["MPLCONFIGDIR"] = str(folder)


def _own_folders() -> list[Path]:
    """Where matplotlib keeps its settings and its list of fonts, unless told otherwise."""
    home = Path(os.path.expanduser("~"))
    if not sys.platform.startswith(("linux", "freebsd")):
        return [home / ".matplotlib"]
    kinds = {"XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache"}
    return [
        Path(os.environ.get(name) or home / kind) / "matplotlib" for name, kind in kinds.items()
    ]


choose_folder()
