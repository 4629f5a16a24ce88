"""Judging an answer: is it right, and if not, which mistake gives just this answer?"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from stn_lesson.assignment.misconceptions import CUT, GUESSING
from stn_lesson.assignment.questions import MISSING, Answer, Question, ask
from stn_lesson.assignment.tasks import Check, Task
from stn_lesson.datasets import load_digits

CLOSE = {"rtol": 1e-3, "atol": 1e-4}


@dataclass(frozen=True)
class Verdict:
    """What an answer is worth, and why.

    Attributes:
        check: what was checked.
        passed: whether the answer is right.
        says: what to tell the student.
        misconception: the mistake's name, if it has one.
        answer: what was judged.
        expected: what the value should have been, if it is a value that was asked for.
    """

    check: Check
    passed: bool
    says: str = "right"
    misconception: str | None = None
    answer: Answer = field(default_factory=Answer)
    expected: Tensor | None = None

    @property
    def points(self) -> float:
        """What it is worth."""
        return self.check.points if self.passed else 0


def judge(
    task: Task, check: Check, question: Question, answer: Answer, suspected: str | None = None
) -> Verdict:
    """Compare an answer with the right one, then with those of the known mistakes.

    Args:
        task: which task it belongs to.
        check: what is checked.
        question: what was asked.
        answer: what came back.
        suspected: the mistake that was found in this task before; it is tried first, since two may
            give the same answer to one question.

    >>> from stn_lesson.assignment.tasks import TASKS
    >>> task = TASKS[0]
    >>> question = task.checks[0].question()
    >>> judge(task, task.checks[0], question, ask(question, {"meshgrid": task.right})).passed
    True
    """
    if answer.error is not None:
        name = MISSING if answer.error.startswith(MISSING) else "error"
        return Verdict(check, False, answer.error, name, answer)
    if question.kind == "predict":
        return _judge_network(check, answer)
    if question.weights is not None:
        return _judge_gradient(task, check, question, answer, suspected)
    expected = task.right(*question.arguments)
    if _close(answer.value, expected):
        return Verdict(check, True, answer=answer, expected=expected)
    for mistake in sorted(task.mistakes, key=lambda mistake: mistake.name != suspected):
        made = mistake.answer and mistake.answer(*question.arguments)
        if made is not None and not _close(made, expected) and _close(answer.value, made):
            return Verdict(check, False, mistake.says, mistake.name, answer, expected)
    return Verdict(check, False, _difference(answer.value, expected), "other", answer, expected)


def _judge_network(check: Check, answer: Answer) -> Verdict:
    labels = load_digits().test.labels
    if answer.value.shape != (len(labels), 10):
        got = tuple(answer.value.shape)
        says = f"class scores must have shape (N, 10), got {got} for {len(labels)} images"
        return Verdict(check, False, says, "shape", answer)
    right = (answer.value.argmax(1) == labels).double().mean().item()
    says = f"it names {100 * right:.1f} % of the test digits"
    if right >= check.least:
        return Verdict(check, True, says, answer=answer)
    if right < 0.2:
        return Verdict(check, False, f"{says}, {GUESSING.says}", GUESSING.name, answer)
    return Verdict(check, False, f"{says}: train longer, or at another rate", "accuracy", answer)


def _judge_gradient(
    task: Task, check: Check, question: Question, answer: Answer, suspected: str | None
) -> Verdict:
    asked = Question("call", "right", question.arguments, question.weights)
    expected, found = ask(asked, {"right": task.right}).gradients, answer.gradients
    if any(gradient is None for gradient in found) or len(found) != len(expected):
        if answer.value.shape != question.weights.shape:
            says = _difference(answer.value, question.weights)
            return Verdict(check, False, says, suspected or "shape", answer)
        return Verdict(check, False, CUT.says, CUT.name, answer)
    for gradient, wanted in zip(found, expected, strict=True):
        if not _close(gradient, wanted):
            if gradient.shape == wanted.shape and not gradient.any():
                return Verdict(check, False, CUT.says, CUT.name, answer)
            says = "the gradient is another: what you compute is not the same function. "
            says += _difference(gradient, wanted)
            return Verdict(check, False, says, suspected or "gradient", answer)
    return Verdict(check, True, answer=answer)


def _close(value: Tensor, expected: Tensor) -> bool:
    return value.shape == expected.shape and torch.allclose(value, expected.float(), **CLOSE)


def first_wrong(value: Tensor, expected: Tensor) -> tuple[int, ...] | None:
    """Position of the first element that differs, or None; shapes must agree.

    >>> first_wrong(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, 2.0]]))
    (0, 1)
    """
    wrong = (~torch.isclose(value, expected.float(), **CLOSE)).nonzero()
    return tuple(wrong[0].tolist()) if len(wrong) else None


def _difference(value: Tensor, expected: Tensor) -> str:
    if value.shape != expected.shape:
        return f"the shape should be {tuple(expected.shape)}, yours is {tuple(value.shape)}"
    place = first_wrong(value, expected)
    axes = ("image", "channel", "row", "column") if expected.ndim == 4 else ("row", "column")
    where = ", ".join(f"{axis} {k}" for axis, k in zip(axes, place, strict=False))
    return (
        f"the first difference is at {where}: {expected[place].item():.3f} was expected, "
        f"yours is {value[place].item():.3f}"
    )
