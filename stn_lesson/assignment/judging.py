"""Judging an answer: is it what was expected, and if not, which mistake gives just this answer?

What to expect is given as data, so that students can judge their work without the solutions.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from stn_lesson.assignment.judging_network import judge_network
from stn_lesson.assignment.questions import NOT_WRITTEN, Answer, Question, solves_in_one_call
from stn_lesson.assignment.verdict import GRADIENT_CUT, SOLVED, Verdict

TOLERANCE = {"rtol": 1e-3, "atol": 1e-4}
EVERY_POINT_ADVICE = (
    ": image[:, :, row, column] reads every image at the points of every grid; say which image "
    "belongs to which, with image[n, :, row, column] and n = torch.arange(N)[:, None, None]"
)


@dataclass(frozen=True)
class KnownMistake:
    """A mistake with a name, and what it makes of a question.

    Attributes:
        name: what the class map calls it.
        message: what the student is told.
        value: the answer that it gives to the question.
    """

    name: str
    message: str
    value: Tensor


@dataclass(frozen=True)
class Expectation:
    """What an answer is compared with.

    Attributes:
        value: the right value, if a value is asked for.
        gradients: the right gradients, if they are asked for.
        mistakes: the known ones, as far as they give another value than the right one.
        scenes_seed: of a trained network that is asked, the seed of the scenes that it is shown.
        min_accuracy: what it must reach, from 0 to 1, beside looking where the digits are.
    """

    value: Tensor | None = None
    gradients: tuple[Tensor, ...] | None = None
    mistakes: tuple[KnownMistake, ...] = ()
    scenes_seed: int | None = None
    min_accuracy: float | None = None


def judge(
    question: Question, answer: Answer, expectation: Expectation, suspected: str | None = None
) -> Verdict:
    """Compare an answer with the right one, then with those of the known mistakes.

    Args:
        question: what was asked.
        answer: what came back.
        expectation: what to compare it with.
        suspected: the mistake that was found in this task before; it is tried first, since two may
            give the same answer to one question.

    >>> question = Question("call", "double", (torch.ones(1, 2),))
    >>> mistake = KnownMistake("added one", "you add 1: double it", torch.full((1, 2), 2.5))
    >>> expectation = Expectation(torch.full((1, 2), 2.0), mistakes=(mistake,))
    >>> judge(question, Answer(torch.full((1, 2), 2.0)), expectation).passed
    True
    >>> judge(question, Answer(torch.full((1, 2), 2.5)), expectation).message
    'you add 1: double it'
    """
    if answer.error is not None:
        return Verdict(False, answer.error, _name_error(answer.error), answer)
    if expectation.scenes_seed is not None:
        return judge_network(answer, expectation.scenes_seed, expectation.min_accuracy)
    if expectation.gradients is not None:
        return _judge_gradients(question, answer, expectation.gradients, suspected)
    if is_close(answer.value, expectation.value):
        return Verdict(True, answer=answer, expected=expectation.value)
    mistake = _known_mistake(answer.value, expectation.mistakes, suspected)
    if mistake is not None:
        return Verdict(False, mistake.message, mistake.name, answer, expectation.value)
    message = _describe_difference(answer.value, expectation.value)
    return Verdict(False, message, "other", answer, expectation.value)


def _name_error(words: str) -> str:
    if solves_in_one_call(words):
        return SOLVED
    return NOT_WRITTEN if words.startswith(NOT_WRITTEN) else "error"


def _known_mistake(
    value: Tensor, mistakes: tuple[KnownMistake, ...], suspected: str | None
) -> KnownMistake | None:
    """The one that gives this value, the suspected one before others.

    Nothing but zeros comes of much: of one that was not suspected only if nothing else was wrong
    before, and no other mistake gives them.
    """
    alike = [mistake for mistake in mistakes if is_close(value, mistake.value)]
    alike.sort(key=lambda mistake: mistake.name != suspected)
    if not alike or alike[0].name == suspected or value.any():
        return alike[0] if alike else None
    return alike[0] if suspected is None and len(alike) == 1 else None


def _judge_gradients(
    question: Question, answer: Answer, expected: tuple[Tensor, ...], suspected: str | None
) -> Verdict:
    cut_name, cut_message = GRADIENT_CUT
    gradients = answer.gradients
    if any(gradient is None for gradient in gradients) or len(gradients) != len(expected):
        if answer.value.shape != question.weights.shape:
            message = _describe_difference(answer.value, question.weights)
            return Verdict(False, message, suspected or "shape", answer)
        return Verdict(False, cut_message, cut_name, answer)
    for gradient, right in zip(gradients, expected, strict=True):
        if not is_close(gradient, right):
            if gradient.shape == right.shape and not gradient.any():
                return Verdict(False, cut_message, cut_name, answer)
            message = "the gradient is another: what you compute is not the same function. "
            message += _describe_difference(gradient, right)
            return Verdict(False, message, suspected or "gradient", answer)
    return Verdict(True, answer=answer)


def is_close(value: Tensor, expected: Tensor) -> bool:
    """Whether a value is the expected one, up to rounding."""
    return value.shape == expected.shape and torch.allclose(value, expected.float(), **TOLERANCE)


def first_wrong(value: Tensor, expected: Tensor) -> tuple[int, ...] | None:
    """Position of the first element that differs, or None; shapes must agree.

    >>> first_wrong(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, 2.0]]))
    (0, 1)
    """
    wrong = (~torch.isclose(value, expected.float(), **TOLERANCE)).nonzero()
    return tuple(wrong[0].tolist()) if len(wrong) else None


def is_grid(value: Tensor) -> bool:
    """Whether it is a sampling grid (N, H, W, 2): no question asks for pictures 2 pixels wide."""
    return value.ndim == 4 and value.shape[-1] == 2


def _axes(value: Tensor) -> tuple[str, ...]:
    if is_grid(value):
        return "θ", "row", "column", "coordinate"
    return {3: ("θ", "row", "column"), 4: ("image", "channel", "row", "column")}.get(
        value.ndim, ("row", "column")
    )


def _describe_difference(value: Tensor, expected: Tensor) -> str:
    if value.shape != expected.shape:
        message = f"the shape should be {tuple(expected.shape)}, yours is {tuple(value.shape)}"
        many_axes = expected.ndim == 4 and value.ndim > 4 and not is_grid(expected)
        return message + (EVERY_POINT_ADVICE if many_axes else "")
    index = first_wrong(value, expected)
    places = zip(_axes(expected), index, strict=False)
    where = ", ".join(f"{axis} {'xy'[k] if axis == 'coordinate' else k}" for axis, k in places)
    return (
        f"the first difference is at {where}: {expected[index].item():.3f} was expected, "
        f"yours is {value[index].item():.3f}"
    )
