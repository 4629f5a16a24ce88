"""Answers of bad will earn nothing, when they are graded and in the notebook, and are told so."""

import inspect
import os
from contextlib import nullcontext

import pytest
from grading.cheats import LOOKS_FOR_LINES, NETWORK_CHEATS, OTHER_CHEATS, SAMPLER_CHEATS
from grading.make_submissions import TRAINED_MODEL, make_submission

from stn_grading import sandbox
from stn_grading.examine import CHECKED_TASKS, Limits, examine
from stn_grading.lent import lending
from stn_grading.tasks import reference
from stn_lesson import grid, sampler
from stn_lesson.transformer import SpatialTransformer

pytestmark = pytest.mark.skipif(
    not sandbox.find_bubblewrap() and not os.environ.get("CI"), reason="no bubblewrap here"
)
SETUP = (
    "import torch\nfrom torch import nn\nimport stn_lesson as stn\n"
    "from stn_lesson.assignment import check, scenes"
)
LIMITS = Limits(cell=600, training=600, question=600, total=3600)


@pytest.fixture(scope="module")
def worker():
    with sandbox.Worker() as worker:
        yield worker


@pytest.fixture
def only(monkeypatch, worker):
    """A function that lets one task alone be asked, and all in stages of one sandbox."""
    monkeypatch.setattr("stn_grading.examine.Worker", lambda trust: nullcontext(worker))

    def ask_only(name):
        tasks = [task for task in CHECKED_TASKS if task.name == name]
        monkeypatch.setattr("stn_grading.examine.CHECKED_TASKS", tasks)

    return ask_only


CHEATS = [("bilinear_sample", *cheat) for cheat in SAMPLER_CHEATS] + OTHER_CHEATS


@pytest.mark.parametrize(
    ("task", "name", "source", "told"), CHEATS, ids=[f"{c[0]}: {c[1]}" for c in CHEATS]
)
def test_what_solves_a_task_in_one_call_earns_nothing(only, task, name, source, told):
    only(task)
    result = examine(make_submission({task: source}), SETUP, {}, limits=LIMITS)
    assert result.points(task) == 0, result.checks
    words = [check.message for check in result.checks] + result.flags + result.notes
    assert any(told in line for line in words), words
    if told.startswith("calls "):
        assert {check.misconception for check in result.checks} == {"solved in one call"}
        assert any(flag == f"{task} {told}" for flag in result.flags), result.flags


@pytest.mark.parametrize(("name", "source", "most", "told"), NETWORK_CHEATS)
def test_a_network_that_does_not_look_earns_nothing(only, name, source, most, told):
    only("model")
    result = examine(make_submission({"model": TRAINED_MODEL + source}), SETUP, {}, limits=LIMITS)
    assert result.points("model") <= most, result.checks
    assert any(told in check.message for check in result.checks), result.checks


def lines_of(*parts):
    """The lines of code, in their own words, that say something."""
    lines = {line.strip() for part in parts for line in inspect.getsource(part).splitlines()}
    said = {line for line in lines if len(line) > 20 and line.count(" = ") == 1}
    return sorted(line for line in said if "check" not in line)


@pytest.mark.parametrize("task", ["bilinear_sample", "SpatialTransformer"])
def test_what_is_asked_for_is_nowhere_in_the_process_that_is_asked(worker, task):
    (asked,) = [known for known in CHECKED_TASKS if known.name == task]
    lines = lines_of(grid, sampler, SpatialTransformer.theta, SpatialTransformer.forward, reference)
    names = ["meshgrid", "sampling_grid", "bilinear_sample", "sample", "warp", "theta_of"]
    assert len(lines) > 30
    worker.exchange(lending(list(asked.lent)), 60)
    reply = worker.exchange({"run": LOOKS_FOR_LINES.format(lines=lines, names=names)}, 600)
    worker.exchange({"end": True}, 60)
    assert reply["error"] == "RuntimeError: found: "
