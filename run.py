#!/usr/bin/env python3
"""Set the lesson up and start it. Needs Python 3.11 or newer and nothing else.

python3 run.py lab        open the notebooks in JupyterLab
python3 run.py test       check that everything works here (some 25 minutes)
python3 run.py book       make the pages of the course, which need no kernel
python3 run.py release    for teachers: make the assignment that students get
python3 run.py grade DIR  for teachers: grade a folder of submissions
python3 run.py mark       for teachers: read the answers in words, in nbgrader
"""

import hashlib
import os
import signal
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
TEACH = "[teach]"
EXTRAS = {"lab": "[lab]", "test": "[test]", "book": "[book]"}
EXTRAS |= {"release": TEACH, "grade": TEACH, "mark": TEACH}


def main() -> int:
    """Do what was asked for; return the exit status."""
    words = sys.argv[1:]
    if sys.version_info < (3, 11):  # noqa: UP036 (run by whatever Python is there)
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"The lesson needs Python 3.11 or newer, this is {found}. Install one, then type\n"
              "    python3.11 run.py lab")  # fmt: skip
        return 2
    if not words or words[0] not in EXTRAS:
        wrong = f"There is no {words[0]!r} here. Type\n\n" if words and words[0][:1] != "-" else ""
        print(wrong + __doc__.split("\n\n")[1])
        return 2
    try:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # then pip, say, ends with this
        set_up(EXTRAS[words[0]])
        return {"lab": lab, "test": test, "book": book}.get(words[0], teach)(words)
    except subprocess.CalledProcessError as error:
        print(f"\nThis step failed: {' '.join(map(str, error.cmd))}\nIts message stands above. "
              "If the network was away, type the same command again.")  # fmt: skip
        return 1
    except KeyboardInterrupt:
        return 130


def set_up(extra: str) -> None:
    """Make .venv and install the project, unless that was done for these two files."""
    files = [HERE / "pyproject.toml", HERE / "constraints.txt"]
    what_and_where = b"".join(file.read_bytes() for file in files) + str(HERE).encode()
    wanted = hashlib.sha256(what_and_where).hexdigest()
    done = VENV / f"installed-for{extra}"
    if PYTHON.exists() and done.exists() and done.read_text() == wanted:
        return
    if not PYTHON.exists() or subprocess.run([PYTHON, "-m", "pip", "-qV"]).returncode:
        print("Making .venv …", flush=True)
        try:
            venv.create(VENV, with_pip=True, clear=True)
        except subprocess.CalledProcessError:
            print("Python could not make .venv. On Debian and Ubuntu: apt install python3-venv")
            raise
    print("Installing (some minutes the first time) …", flush=True)
    # PyTorch first and by itself, so that nothing else chooses its version.
    for words in (["torch"], ["-e", f"{HERE}{extra}"]):
        pip("install", "-c", str(files[1]), *words)
    done.write_text(wanted)


def pip(*words: str) -> None:
    """Run the environment's pip."""
    subprocess.run([PYTHON, "-m", "pip", "--quiet", *words], check=True, cwd=HERE)


def teach(words: list) -> int:
    """Release, grade or mark: the teachers' own package, which stands in grading/."""
    os.environ["PYTHONPATH"] = str(HERE / "grading")
    return hand_over("stn_grading", *words, cwd=os.curdir)


def lab(words: list) -> int:
    """Open JupyterLab on the first notebook; further words are handed to it."""
    start = ["notebooks/00_welcome.ipynb", f"--ServerApp.root_dir={HERE}"]
    if getattr(os, "geteuid", lambda: 1)() == 0:
        start.append("--allow-root")  # in a container, say
    return hand_over("jupyterlab", *start, *words[1:])


def test(words: list) -> int:
    """Lint, then run every test and every notebook; further words choose among them."""
    if words[1:]:
        return hand_over("pytest", *words[1:])
    for check in (["check"], ["format", "--check"]):
        subprocess.run([PYTHON, "-m", "ruff", *check, "--quiet", "."], check=True, cwd=HERE)
    # Three even on two cores: many tests wait, for a browser or for a limit of the sandbox.
    return hand_over("pytest", "--numprocesses=3", "--dist=loadfile")


def book(words: list) -> int:
    """Build the live book from what the notebooks have stored; book/__main__.py has the rest."""
    return hand_over("book", *words[1:])


def hand_over(*words: str, cwd=HERE) -> int:
    """Become a module's process, so that what ends this one ends it; on Windows, wait for one."""
    os.chdir(cwd)
    if os.name != "nt":
        os.execv(str(PYTHON), [str(PYTHON), "-m", *words])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the module, and is its to answer
    return subprocess.call([PYTHON, "-m", *words])


if __name__ == "__main__":
    sys.exit(main())
