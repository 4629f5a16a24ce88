"""The house itself: files that must agree with each other, and the form of the notebooks."""

import ast
import itertools
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from nbconvert import HTMLExporter
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WIDGET = "application/vnd.jupyter.widget-view+json"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def cells(path, kind):
    notebook = json.loads(path.read_text("utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def text(cell):
    return "".join(cell["source"])


def test_environment_yml_agrees_with_pyproject():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    *others, last = conda["dependencies"]
    assert conda["name"] == PROJECT["name"]
    assert last == {"pip": ["-c constraints.txt", "-e .[lab]"]}  # all else stands in those files
    python = next(item for item in others if item.startswith("python="))
    lowest = PROJECT["requires-python"].removeprefix(">=")
    assert python == f"python={lowest}" and set(others) == {python, "pip"}


def pinned():
    """The exact versions of constraints.txt, by name."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return {canonicalize_name(name): version for name, version in
            (line.split("==") for line in lines if not line.startswith("#"))}  # fmt: skip


def test_the_exact_versions_stand_in_constraints_alone_and_pyproject_allows_them():
    extras = PROJECT["optional-dependencies"].values()
    for line in [*PROJECT["dependencies"], *itertools.chain(*extras)]:
        requirement = Requirement(line)
        if requirement.name != "stn_lesson":
            assert pinned()[canonicalize_name(requirement.name)] in requirement.specifier, line
    for path in (*ROOT.glob("*.*"), *ROOT.glob(".ci/*"), *ROOT.glob("grading/**/Dockerfile")):
        if path.name != "constraints.txt" and path.is_file():
            assert not re.search(r"torch\s*==\s*\d", path.read_text("utf-8")), path


@pytest.mark.parametrize(
    ("words", "message"),
    [([], "run.py lab"), (["lbas"], "There is no 'lbas' here. Type"), (["--help"], "run.py lab")],
)
def test_run_py_says_what_to_type(words, message):
    said = subprocess.run(
        [sys.executable, ROOT / "run.py", *words], capture_output=True, text=True, encoding="utf-8"
    )
    assert said.returncode == 2 and message in said.stdout and "run.py test" in said.stdout
    assert ("There is no" in said.stdout) == (words == ["lbas"])


def test_run_py_tells_an_old_python(monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT)
    import run

    monkeypatch.setattr(run.sys, "version_info", (3, 9, 1))
    assert run.main() == 2
    assert "needs Python 3.11 or newer, this is 3.9.1" in capsys.readouterr().out


def test_run_py_makes_the_environment_anew_when_it_is_broken(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    import run

    made, installed = [], []
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[project]")
    (tmp_path / "constraints.txt").write_text("torch==2.13.0")
    monkeypatch.setattr(run, "HERE", tmp_path)
    monkeypatch.setattr(run, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(run, "PYTHON", python)
    monkeypatch.setattr(run.venv, "create", lambda *a, **k: made.append(python.touch()))
    monkeypatch.setattr(run, "pip", lambda *words: installed.append(words))
    monkeypatch.setattr(run.subprocess, "run", lambda *a, **k: type("Done", (), {"returncode": 1}))
    run.set_up("")
    exact = ("-c", str(tmp_path / "constraints.txt"))
    assert len(made) == 1 and installed[0] == ("install", *exact, "torch")
    run.set_up("")
    assert len(made) == 1 and len(installed) == 2  # the second start installs nothing
    (tmp_path / ".venv" / "installed-for").write_text("another pyproject.toml")
    run.set_up("")  # a venv without pip: this subprocess.run says so
    assert len(made) == 2 and len(installed) == 4
    run.set_up("[teach]")
    assert installed[-1] == ("install", *exact, "-e", f"{tmp_path}[teach]")
    (tmp_path / "constraints.txt").write_text("torch==2.14.1")  # other versions are wanted now
    run.set_up("[teach]")
    assert len(installed) == 8


def test_run_py_is_short_and_needs_nothing_installed():
    lines = (ROOT / "run.py").read_text("utf-8").splitlines()
    assert len(lines) <= 120
    ast.parse(
        "\n".join(lines), feature_version=(3, 6)
    )  # an old Python must get as far as saying so
    imports = {line.split()[1].split(".")[0] for line in lines if re.match("(import|from) ", line)}
    assert imports <= set(sys.stdlib_module_names)


def test_importing_the_package_loads_no_plots_and_no_widgets():
    code = (
        "import sys, stn_lesson; print([m for m in "
        "('matplotlib', 'ipywidgets', 'anywidget', 'IPython', 'pooch') "
        "if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.stdout.strip() == "[]"


ROOMS = (
    "remedies arguments files matplotlib_folder device precision checks theta_checks theta "
    "homography volume grid spline families sampler fused_kernels fused localisation "
    "transformer networks datasets training colocalisation experiments plots widgets assignment"
)


IMPORT = r"(?:from|import) stn_lesson(?:\.| import )(\w+)"


def test_no_room_imports_one_that_comes_later():
    rooms = ROOMS.split()
    for path in (ROOT / "stn_lesson").rglob("*.py"):
        room = path.relative_to(ROOT / "stn_lesson").parts[0].removesuffix(".py")
        if room not in rooms:
            continue
        for used in re.findall(IMPORT, path.read_text("utf-8")):
            assert rooms.index(used) <= rooms.index(room), f"{room} imports {used}"


def test_the_readme_and_the_welcome_name_every_notebook():
    for place in (ROOT / "README.md", ROOT / "notebooks" / "00_welcome.ipynb"):
        content = place.read_text("utf-8")
        for path in NOTEBOOKS:
            assert path.name in content or path.name == place.name


@pytest.mark.parametrize("page", ["README.md", "data/README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_link_of_a_page_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text("utf-8")):
        assert link.startswith("http") or ((ROOT / page).parent / link).exists(), link


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_the_form_of_the_house(path):
    assert path.stat().st_size <= 300 * 1024
    assert not re.search(r"/home/|/root/|/Users/|/tmp/|site-packages", path.read_text("utf-8"))
    prose = "\n".join(text(cell) for cell in cells(path, "markdown"))
    for part in ("**Predict.**", "**Explain.**", "After this notebook", "**It takes**"):
        assert part in prose, f"{part} is missing"
    for part in ("## Recap", "## Exercises", "<details>", "## The common mistake"):
        assert part in prose, f"{part} is missing"
    assert "!" not in re.sub(r"`[^`]*`|\$[^$]*\$|!\[|```.*?```", "", prose, flags=re.S)
    first = json.loads(path.read_text("utf-8"))["cells"][:2]
    assert [cell["cell_type"] for cell in first] == ["markdown", "code"]  # a picture comes first
    for link in re.findall(r"\]\(([^)#]+)\)", prose):
        assert link.startswith("http") or (path.parent / link).exists(), link


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_page_made_of_a_notebook_shows_every_still_picture(path):
    page, _ = HTMLExporter().from_filename(path)
    outputs = [output for cell in cells(path, "code") for output in cell["outputs"]]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert page.count('src="data:image/png') == len(pictures)
    live = [output for output in outputs if WIDGET in output.get("data", {})]
    for output in live:
        assert output["data"][WIDGET]["model_id"] == ""  # no state is stored: nothing to look for
    assert page.count("Run this cell to bring it to life.") == len(live)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_of_a_notebook_is_short_and_has_run(path):
    ids = [cell["id"] for kind in ("code", "markdown") for cell in cells(path, kind)]
    assert len(ids) == len(set(ids))
    for cell in cells(path, "code"):
        assert len(text(cell).splitlines()) <= 25
        assert cell["execution_count"] is not None
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            if "image/png" in output.get("data", {}):
                assert output["metadata"]["image/png"]["alt"], "a picture needs words beside it"


def third_party_imports(folder):
    """For each module that the Python files of a folder import: who provides it, or parts of it."""
    provided = packages_distributions()
    own = {path.stem for path in ROOT.rglob("*.py") if ".venv" not in path.parts}
    own |= {"stn_lesson", "stn_grading", "assignment", "grading", "book"}  # folders of modules
    own |= {"triton"}  # torch's CUDA builds bring triton
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [node.module]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            modules = {name.split(".")[0] for name in names} - own - set(sys.stdlib_module_names)
            found |= {frozenset(map(canonicalize_name, provided[module])) for module in modules}
    return found


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("stn_lesson", ("svhn",)),
        ("grading", ("teach", "hub", "lab")),
        ("book", ("book",)),
        ("tests", ("test", "book", "teach", "hub", "lab")),
    ],
)
def test_what_is_imported_is_declared(folder, extras):
    declared = [*PROJECT["dependencies"]]
    for extra in extras:
        declared += PROJECT["optional-dependencies"][extra]
    names = {canonicalize_name(Requirement(line).name) for line in declared}
    assert [provided for provided in third_party_imports(folder) if not provided & names] == []
