"""The house itself: files that must agree with each other, and the form of the notebooks."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
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
    assert last == {"pip": ["-e ."]}  # everything else stands in pyproject.toml
    python = next(item for item in others if item.startswith("python="))
    lowest = PROJECT["requires-python"].removeprefix(">=")
    assert python == f"python={lowest}" and set(others) == {python, "pip"}


def test_run_py_installs_the_torch_of_pyproject():
    pinned = next(item for item in PROJECT["dependencies"] if item.startswith("torch=="))
    assert f'"{pinned}"' in (ROOT / "run.py").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "message"), [([], "run.py lab"), (["lbas"], "There is no 'lbas' here. Type")]
)
def test_run_py_says_what_to_type(words, message):
    said = subprocess.run(
        [sys.executable, ROOT / "run.py", *words], capture_output=True, text=True, encoding="utf-8"
    )
    assert said.returncode == 2 and message in said.stdout and "run.py test" in said.stdout


def test_run_py_tells_an_old_python(monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT)
    import run

    monkeypatch.setattr(run.sys, "version_info", (3, 9, 1))
    assert run.main() == 2
    assert "needs Python 3.11 or newer, this is 3.9.1" in capsys.readouterr().out


def test_run_py_is_short_and_needs_nothing_installed():
    lines = (ROOT / "run.py").read_text("utf-8").splitlines()
    assert len(lines) < 100
    imports = {line.split()[1].split(".")[0] for line in lines if re.match("(import|from) ", line)}
    assert imports <= set(sys.stdlib_module_names)


def test_importing_the_package_loads_no_plots_and_no_widgets():
    code = (
        "import sys, stn_lesson; print([m for m in "
        "('matplotlib', 'ipywidgets', 'anywidget', 'IPython', 'sklearn', 'pooch') "
        "if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.stdout.strip() == "[]"


ROOMS = (
    "theta grid sampler transformer networks datasets collapse training experiments plots widgets"
)


def test_no_room_imports_one_that_comes_later():
    rooms = ROOMS.split()
    for path in (ROOT / "stn_lesson").rglob("*.py"):
        room = path.relative_to(ROOT / "stn_lesson").parts[0].removesuffix(".py")
        if room not in rooms:
            continue
        for used in re.findall(r"from stn_lesson\.(\w+)", path.read_text("utf-8")):
            assert rooms.index(used) <= rooms.index(room), f"{room} imports {used}"


def test_the_readme_and_the_welcome_name_every_notebook():
    for place in (ROOT / "README.md", ROOT / "notebooks" / "00_welcome.ipynb"):
        content = place.read_text("utf-8")
        for path in NOTEBOOKS:
            assert path.name in content or path.name == place.name


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
