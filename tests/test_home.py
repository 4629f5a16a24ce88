"""Where the home folder cannot be written, the notebooks' stored outputs hold all the same."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What a notebook's kernel does first. With conftest.py loaded before, nothing is said of it.
KERNEL = "import matplotlib.pyplot, IPython.paths; IPython.paths.get_ipython_dir()"
TESTS = f"import conftest, subprocess, sys; subprocess.run([sys.executable, '-c', {KERNEL!r}])"


PLOTS = "from stn_lesson import plots; print(plots.lines({'a': ([1, 2], [3, 4])}, 'x', 'y').png())"


def said_on_stderr(code, **changed):
    names = ("MPLCONFIGDIR", "IPYTHONDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= {"PYTHONPATH": str(ROOT)} | changed
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True).stderr


def test_a_home_folder_that_cannot_be_written_is_not_spoken_of_in_a_notebook():
    nowhere = f"{os.devnull}/home"
    assert "writable" in said_on_stderr(KERNEL, HOME=nowhere)  # so it would be
    assert said_on_stderr(TESTS, HOME=nowhere) == ""


def test_where_matplotlibs_folder_cannot_be_written_the_plots_choose_another(tmp_path):
    nowhere = f"{os.devnull}/home"
    kept = {"HOME": nowhere, "STN_LESSON_DATA": str(tmp_path)}
    assert said_on_stderr(PLOTS, **kept) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["matplotlib"]
    own = {"HOME": str(tmp_path), "MPLCONFIGDIR": str(tmp_path / "own")}
    assert said_on_stderr(PLOTS, **own) == ""
    assert (tmp_path / "own").exists()
