"""The copies for Colab: what their first cell does, there and elsewhere, and where links lead."""

import json
import re
import sys
import tomllib
import types
from importlib.metadata import PackageNotFoundError, requires

import pytest
from IPython.core.interactiveshell import InteractiveShell
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from book import colab, pages, repository, states
from book.__main__ import main

# Colab has these; a new dependency of the package belongs here or into `colab.LACKING`.
THERE = "filelock ipython ipywidgets matplotlib numpy pillow requests torch tqdm traitlets"
COMMIT = "0123456789" * 4
FORM = {"name": "owner/name", "commit": COMMIT}


def installs(monkeypatch, in_colab):
    """What the first cell hands to pip and to Colab."""
    done = []
    if in_colab:
        output = types.SimpleNamespace(enable_custom_widget_manager=lambda: done.append("widgets"))
        package = types.ModuleType("google.colab")
        package.output = output
        monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
        monkeypatch.setitem(sys.modules, "google.colab", package)
    shell = InteractiveShell()
    shell.register_magic_function(done.append, "line", "pip")
    first, *_ = colab.copy_for_colab(states.read_notebook("00_welcome"), **FORM)["cells"]
    shell.run_cell("".join(first["source"])).raise_error()
    return done


def test_in_colab_the_package_is_installed_alone_and_live_pictures_are_let_through(monkeypatch):
    package, others, widgets = installs(monkeypatch, in_colab=True)
    archive = f"https://github.com/owner/name/archive/{COMMIT}.zip"
    assert package == f"install -q --no-deps {archive}"
    assert others == f"install -q {colab.LACKING}" and widgets == "widgets"


def test_elsewhere_the_first_cell_does_nothing(monkeypatch):
    assert installs(monkeypatch, in_colab=False) == []


def test_colab_has_or_gets_all_that_the_package_needs():
    project = tomllib.loads((pages.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {Requirement(line).name for line in project["dependencies"]}
    assert needed == {*THERE.split(), *colab.LACKING.split()}


def closure(names):
    """The distributions that these need, themselves among them."""
    found, waiting = set(), list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        found.add(name)
        try:
            needed = [Requirement(line) for line in requires(name) or []]
        except PackageNotFoundError:  # for another system or an older Python
            continue
        waiting += [r.name for r in needed if not r.marker or r.marker.evaluate({"extra": ""})]
    return found


def test_nothing_that_is_installed_in_colab_asks_for_a_pytorch():
    names = closure(colab.LACKING.split())
    assert {"anywidget", "ipywidgets", "pooch"} <= names and "torch" not in names


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/name")
    monkeypatch.setattr(repository, "commit", lambda: COMMIT)
    colab.write_copies(tmp_path, pages.notebook_names())
    return tmp_path


def test_a_copy_is_the_notebook_with_one_cell_more(folder):
    for name in pages.notebook_names():
        copied = json.loads((folder / "notebooks" / f"{name}.ipynb").read_text("utf-8"))
        cells = states.read_notebook(name)["cells"]
        assert [cell["id"] for cell in copied["cells"]] == ["colab", *(c["id"] for c in cells)]
        code = [cell["source"] for cell in copied["cells"][1:] if cell["cell_type"] == "code"]
        assert code == [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        assert states.VIEW not in json.dumps(copied)
    assert COMMIT in (folder / "README.md").read_text("utf-8")


def test_every_link_of_a_copy_leads_to_another_copy_or_elsewhere(folder):
    start = "https://colab.research.google.com/github/owner/name/blob/colab/notebooks/"
    for path in (folder / "notebooks").iterdir():
        cells = json.loads(path.read_text("utf-8"))["cells"]
        words = "".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        links = re.findall(r"\]\(([^)#]+)\)", words)
        assert any(link.startswith(start) for link in links)
        for link in links:
            assert link.startswith("http"), f"{path.name}: {link}"
            if link.startswith(start):
                assert (folder / "notebooks" / link.removeprefix(start)).exists()


def test_without_a_repository_no_copies_are_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(repository, "repository", lambda: None)
    assert main(["colab", str(tmp_path)]) == 1
    assert "set GITHUB_REPOSITORY to OWNER/NAME" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_copies_are_not_written_among_other_files(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(repository, "repository", lambda: "owner/name")
    (tmp_path / "README.md").write_text("mine")
    assert main(["colab", str(tmp_path)]) == 1
    assert "a folder of their own" in capsys.readouterr().out
    assert (tmp_path / "README.md").read_text() == "mine"


@pytest.mark.parametrize("name", ["just rubbish", '"><script>', "owner", "a/b/c"])
def test_what_names_no_repository_is_refused(name, monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_REPOSITORY", name)
    assert main(["colab", "anywhere"]) == 1
    assert "GITHUB_REPOSITORY must be OWNER/NAME" in capsys.readouterr().out
