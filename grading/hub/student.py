"""Start the server of one student: first their own copy of the lesson, and a bound on memory.

A hub runs this in the place of `jupyterhub-singleuser`, with the rights of the student (see
jupyterhub_config.py for one machine, Dockerfile for Kubernetes). The copy is made once, as
`lesson` in the student's home. It comes whole or not at all, and is never written over.
"""

import os
import resource
import shutil
import sys
from pathlib import Path

LESSON = Path(__file__).resolve().parents[2]
GIVEN = ("README.md", "LICENSE", "pyproject.toml", "data", "notebooks", "stn_lesson")


def give(home: Path) -> Path:
    """Copy the lesson into the home of a student who has none; returns where it is."""
    copy, half = home / "lesson", home / ".lesson-half-copied"
    if not copy.exists():
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir()
        for name in GIVEN:
            there = LESSON / name
            if there.is_dir():
                leave = shutil.ignore_patterns("cache", "__pycache__", ".ipynb_checkpoints")
                shutil.copytree(there, half / name, ignore=leave)
            else:
                shutil.copy(there, half / name)
        half.rename(copy)
    return copy


def bound(limit: str) -> None:
    """Let no process of this student hold more bytes than the hub's `mem_limit`: a cell that
    asks for more gets an error, and the others keep their memory."""
    if limit:
        resource.setrlimit(resource.RLIMIT_DATA, (int(float(limit)),) * 2)


if __name__ == "__main__":
    os.umask(0o077)  # what they write is not for the others to read
    os.environ["PYTHONPATH"] = str(give(Path.home()))  # their copy, which they may change
    bound(os.environ.get("MEM_LIMIT", ""))
    os.execv(sys.executable, [sys.executable, "-m", "jupyterhub.singleuser", *sys.argv[1:]])
