"""What the checks in the notebook compare with: data that `python -m stn_grading release` writes.

It holds the questions, the answers that are right and those that known mistakes give, and no
function that could compute them.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from stn_lesson.assignment.digit_scenes import network_question
from stn_lesson.assignment.judging import Expectation, KnownMistake
from stn_lesson.assignment.messages import from_json, question_from_json, to_json
from stn_lesson.assignment.questions import Question

FILE = Path(__file__).with_name("visible_checks.json")


@dataclass(frozen=True)
class VisibleCheck:
    """A check that students can run: its name, what is asked, what is expected."""

    name: str
    question: Question
    expectation: Expectation


@dataclass(frozen=True)
class CheckedTask:
    """A task as its students know it.

    Attributes:
        checks: what they can run; when it is graded, the same is asked with other numbers.
        lent: the earlier tasks whose functions are lent to it.
        practice: whether it is a blank page of a notebook, which nobody grades.
    """

    checks: tuple[VisibleCheck, ...]
    lent: tuple[str, ...]
    practice: bool


@cache
def _stored_tasks() -> dict:
    return json.loads(FILE.read_text("utf-8"))


def task_names() -> list[str]:
    """The tasks that have checks, in order."""
    return list(_stored_tasks())


@cache
def load_task(name: str) -> CheckedTask:
    """A task and its checks.

    >>> load_task("warp").checks[0].name
    'larger and moved'
    """
    stored = _stored_tasks()[name]
    checks = tuple(
        VisibleCheck(
            check["name"],
            _load_question(check["question"]),
            expectation_from_json(check["expectation"]),
        )
        for check in stored["checks"]
    )
    return CheckedTask(checks, tuple(stored["lent"]), stored["practice"])


def _load_question(stored: dict) -> Question:
    """Its numbers, or for the network the seed by which its images are made."""
    if "network_seed" in stored:
        return network_question(stored["network_seed"])
    return question_from_json(stored)


def expectation_to_json(expectation: Expectation) -> dict:
    """An expectation as what JSON can hold."""
    mistakes = [[known.name, known.message, known.value] for known in expectation.mistakes]
    return {
        "value": to_json(expectation.value),
        "gradients": to_json(expectation.gradients),
        "mistakes": to_json(mistakes),
        "scenes_seed": expectation.scenes_seed,
        "min_accuracy": expectation.min_accuracy,
    }


def expectation_from_json(message: dict) -> Expectation:
    """What `expectation_to_json` made of it."""
    return Expectation(
        from_json(message["value"]),
        from_json(message["gradients"]),
        tuple(KnownMistake(*from_json(known)) for known in message["mistakes"]),
        message["scenes_seed"],
        message["min_accuracy"],
    )
