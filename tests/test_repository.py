"""What stands around the course: the top level, continuous integration, citation, contributing."""

import json
import os
import re
import shlex
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from store_outputs import WIDGET, store_outputs

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
TOP_LEVEL = (
    "README.md CONTRIBUTING.md CHANGELOG.md CITATION.cff LICENSE pyproject.toml constraints.txt "
    "environment.yml run.py conftest.py book data grading notebooks stn_lesson tests"
)
MADE_BY_TOOLS = r"build|dist|__pycache__|.*\.egg-info|\..*"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def steps(path):
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def verbs_of_run_py(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    import run

    return set(run.EXTRAS)


def test_the_top_level_holds_what_a_newcomer_expects_and_nothing_else():
    found = {path.name for path in ROOT.iterdir() if not re.fullmatch(MADE_BY_TOOLS, path.name)}
    assert found == set(TOP_LEVEL.split())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_read_alone_and_runs_actions_by_their_exact_commit(path):
    content = path.read_text("utf-8")
    workflow = yaml.safe_load(content)
    assert workflow["permissions"] == {"contents": "read"} and workflow["concurrency"]
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())
    actions = re.findall(r"uses: (.*)", content)
    assert actions
    for action in actions:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v[\d.]+", action), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_a_workflow_runs_is_there(path, monkeypatch):
    verbs = verbs_of_run_py(monkeypatch)
    commands = "\n".join(step.get("run", "") for step in steps(path)).splitlines()
    assert [line for line in commands if ".ci/run" in line or "run.py" in line]
    for line in commands:
        if "run.py" in line:
            assert shlex.split(line)[2] in verbs, line
        if ".ci/run" in line:
            assert os.access(ROOT / ".ci/run", os.X_OK) or os.name == "nt"


def test_the_oldest_python_is_tested_everywhere():
    jobs = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text("utf-8"))["jobs"]
    for job in jobs.values():
        assert job["strategy"]["matrix"]["python"][0] == PROJECT["requires-python"].strip(">=")


def test_the_container_to_develop_in_is_set_up_by_run_py(monkeypatch):
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text("utf-8"))
    _, script, verb, *_ = shlex.split(container["postCreateCommand"])
    assert script == "run.py" and verb in verbs_of_run_py(monkeypatch)
    assert container["image"].endswith(PROJECT["requires-python"].strip(">="))


def test_the_citation_is_of_this_version_by_those_whom_the_licence_names():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert str(citation["version"]) == PROJECT["version"]
    assert PROJECT["version"] in (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert citation["license"] == PROJECT["license"]
    for author in (*citation["authors"], *citation["preferred-citation"]["authors"]):
        assert author["name"] in (ROOT / "LICENSE").read_text("utf-8")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_commands_of_a_page_name_what_is_there(page, monkeypatch):
    verbs = verbs_of_run_py(monkeypatch)
    lines = re.findall(r"^ {4,}(\S.*)", (ROOT / page).read_text("utf-8"), re.M)
    commands = [line for line in lines if "python" in line and "import" not in line]
    assert len(commands) >= 5
    for line in commands:
        words = shlex.split(line, comments=True)
        if "run.py" in words:
            assert words[words.index("run.py") + 1] in verbs, line
        for word in words:
            if re.search(r"/.*\.(py|ipynb)$", word):
                assert (ROOT / word).exists(), line


def test_the_notebook_that_store_outputs_writes_holds_nothing_of_that_run(tmp_path):
    source = "import stn_lesson as stn\nfrom stn_lesson.widgets import WarpExplorer\n"
    cell = nbformat.v4.new_code_cell(source + "WarpExplorer(stn.house(8, 8))")
    path = tmp_path / "small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    store_outputs(path)
    first = path.read_bytes()
    notebook = nbformat.read(path, as_version=4)
    live, still, *_ = notebook.cells[0].outputs
    assert live.data[WIDGET]["model_id"] == "" and "image/png" in still.data
    assert "widgets" not in notebook.metadata and notebook.cells[0].metadata == {}
    store_outputs(path)
    assert path.read_bytes() == first
