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
LESSON_FILES = ("README.md", "LICENSE", "pyproject.toml", "data", "notebooks", "stn_lesson")


def copy_lesson(home: Path) -> Path:
    """Copy the lesson into the home of a student who has none; returns where it is."""
    copy, partial_copy = home / "lesson", home / ".lesson-half-copied"
    if not copy.exists():
        shutil.rmtree(partial_copy, ignore_errors=True)
        partial_copy.mkdir()
        for name in LESSON_FILES:
            source = LESSON / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("cache", "__pycache__", ".ipynb_checkpoints")
                shutil.copytree(source, partial_copy / name, ignore=ignored)
            else:
                shutil.copy(source, partial_copy / name)
        partial_copy.rename(copy)
    return copy


def limit_memory(limit: str) -> None:
    """Let no process of this student hold more bytes than the hub's `mem_limit`: a cell that
    asks for more gets an error, and the others keep their memory."""
    if limit:
        resource.setrlimit(resource.RLIMIT_DATA, (int(float(limit)),) * 2)


if __name__ == "__main__":
    os.umask(0o077)  # what they write is not for the others to read
    os.environ["PYTHONPATH"] = str(copy_lesson(Path.home()))  # their copy, which they may change
    limit_memory(os.environ.get("MEM_LIMIT", ""))
    os.execv(sys.executable, [sys.executable, "-m", "jupyterhub.singleuser", *sys.argv[1:]])
