"""The lesson installed from its wheel and used from another folder, without its checkout."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from book import colab, states

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A function that runs Python far from the tree, with the wheel's package and no other."""
    source, site, wheels, elsewhere, home = (
        tmp_path_factory.mktemp(name) for name in ("source", "site", "wheels", "elsewhere", "home")
    )
    for folder in ("stn_lesson", "data"):  # a copy: setuptools builds where it stands
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("cache"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    alone = ["--no-deps", "--no-index"]
    build = [*pip, "wheel", *alone, "--no-build-isolation", "--wheel-dir", wheels, source]
    subprocess.run(build, check=True)
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([*pip, "install", *alone, "--target", site, wheel], check=True)

    def python(*words, **environment):
        variables = {k: v for k, v in os.environ.items() if k != "STN_LESSON_DATA"}
        variables |= {"PYTHONPATH": str(site), "HOME": str(home), **environment}
        return subprocess.run(
            [sys.executable, *words], cwd=elsewhere, env=variables, capture_output=True, text=True
        )

    python.site, python.home = site, home
    return python


def printed(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_comes_with_the_lesson_is_in_its_wheel(installed):
    code = """
import stn_lesson as stn
from stn_lesson import experiments
print(stn.__file__)
print(stn.load_digits())
print(sum(parameter.numel() for parameter in experiments.pretrained("turned").parameters()))
print(experiments.read_record("paper")["source"][:8])
"""
    file, digits, parameters, _ = printed(installed("-c", code)).splitlines()
    assert Path(file).is_relative_to(installed.site)
    assert digits.startswith("embedded digits: 1287 training images") and parameters == "144656"
    left_out = ("cache", "tests", "stn_grading", "notebooks")
    assert not any(path.name in left_out for path in installed.site.rglob("*"))


def test_the_command_line_prints_tables_and_records(installed):
    assert "st_cnn-affine" in printed(installed("-m", "stn_lesson", "table", "table1"))
    assert "recipe_stn on cluttered" in printed(installed("-m", "stn_lesson", "results"))


def test_the_live_pictures_and_the_assignments_checks_work(installed):
    code = """
import stn_lesson as stn
from stn_lesson import widgets
from stn_lesson.assignment import check
explorer = widgets.WarpExplorer(stn.house())
assert "function" in str(explorer._esm) and explorer._css
check("my_theta", stn.affine_theta)
"""
    assert printed(installed("-c", code)).startswith("my_theta calls affine_theta, which does")


RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=600).execute()
cell = nbformat.v4.new_code_cell("import stn_lesson; print(stn_lesson.__file__)")
client = NotebookClient(nbformat.v4.new_notebook(cells=[cell]))
print(client.execute().cells[0].outputs[0].text)
"""


@pytest.mark.parametrize("name", ["00_welcome", "02_meshgrid"])
def test_a_copy_for_colab_runs_without_a_checkout(installed, tmp_path, name):
    copied = colab.copy_for_colab(states.read_notebook(name), "owner/name", "0" * 40)
    path = tmp_path / f"{name}.ipynb"
    path.write_text(json.dumps(copied), "utf-8")
    assert Path(printed(installed("-c", RUN, str(path)))).is_relative_to(installed.site)


NEW_FILES = """
import pathlib, sys
from stn_lesson import files
results = files.user_folder("results")
print(results, files.user_folder("cache"), sep="\\n")
"""


def test_new_files_go_to_the_users_folder_and_never_beside_the_package(installed, tmp_path):
    results, cache = map(Path, printed(installed("-c", NEW_FILES)).splitlines())
    assert results.is_relative_to(installed.home) and results == cache.parent / "results"
    chosen = printed(installed("-c", NEW_FILES, STN_LESSON_DATA=str(tmp_path))).splitlines()
    assert list(map(Path, chosen)) == [tmp_path / "results", tmp_path]


def test_in_a_checkout_new_files_go_to_its_data(monkeypatch):
    from stn_lesson import files

    monkeypatch.delenv("STN_LESSON_DATA", raising=False)
    assert files.user_folder("results") == ROOT / "data" / "results"
    assert files.user_folder("cache") == ROOT / "data" / "cache"


def test_a_folder_that_can_only_be_read_is_read_and_not_written(monkeypatch, tmp_path):
    from stn_lesson import files

    monkeypatch.setenv("STN_LESSON_DATA", str(tmp_path))
    assert files.user_folder("results") == tmp_path / "results"
    monkeypatch.setattr(files.os, "access", lambda folder, mode: folder != tmp_path)
    assert files.chosen_folder() == tmp_path
    assert files.user_folder("results") == ROOT / "data" / "results"
