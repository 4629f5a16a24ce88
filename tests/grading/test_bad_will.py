"""Answers of bad will earn nothing, when they are graded and in the notebook, and are told so."""

import os
from contextlib import nullcontext

import pytest
from grading.cheats import NETWORK_CHEATS, OTHER_CHEATS, SAMPLER_CHEATS
from grading.make_submissions import TRAINED_MODEL, make_submission

from stn_grading import sandbox
from stn_grading.examine import CHECKED_TASKS, Limits, examine

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
