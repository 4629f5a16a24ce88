"""What a task of the assignment consists of, for those who grade it."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stn_grading.tasks.reference import REFERENCE_SOLUTIONS
from stn_lesson.assignment.judging import Expectation, KnownMistake, is_close
from stn_lesson.assignment.questions import Question, ask

VISIBLE_SEED = "the checks that students see"  # where the numbers of these come from


@dataclass(frozen=True)
class Misconception:
    """A mistake that is made again and again.

    A wrong answer that equals the answer of its code needs no guessing: it has a name.

    Attributes:
        name: what the class map calls it.
        message: what the student is told.
        answer: what the mistake makes of a question's arguments.
    """

    name: str
    message: str
    answer: Callable[..., Tensor]


@dataclass(frozen=True)
class Check:
    """Something that a solution must do.

    Students run it in their notebook. When their work is graded it is run again, with sizes and
    numbers of the class's seed, and nothing else is.

    Attributes:
        name: in words, "a picture that is not square".
        points: what it is worth.
        draw_question: draws a question with a generator of random numbers.
        of_network: whether it is a trained network that is asked.
        min_accuracy: for such a one, the accuracy it must reach, from 0 to 1, if there is one.
    """

    name: str
    points: float
    draw_question: Callable[[torch.Generator], Question]
    of_network: bool = False
    min_accuracy: float | None = None

    def question(self, seed: int | str = VISIBLE_SEED) -> Question:
        """What is asked, with the numbers of a seed; unless given, those that students see."""
        return self.draw_question(torch.Generator().manual_seed(self.generator_seed(seed)))

    def generator_seed(self, seed: int | str = VISIBLE_SEED) -> int:
        """The seed of the generator that draws the question."""
        return zlib.crc32(f"{seed} {self.name}".encode())


@dataclass(frozen=True)
class Task:
    """A part of the assignment.

    Attributes:
        name: as the notebook's cells call it.
        checks: what its solution must do.
        written_points: what an answer in words is worth; a person reads it.
        scheme: what such an answer says; each of these has its part of the points.
        misconceptions: the known ones.
        lent: earlier tasks, right versions of which are lent to it when it is checked, so that a
            mistake costs its points once; to the network, those of tasks that were not solved,
            before it is trained.
        practice: whether it is a blank page of a notebook, which nobody grades.
    """

    name: str
    checks: tuple[Check, ...] = ()
    written_points: float = 0
    scheme: tuple[str, ...] = ()
    misconceptions: tuple[Misconception, ...] = ()
    lent: tuple[str, ...] = ()
    practice: bool = False

    @property
    def points(self) -> float:
        """What it is worth in all."""
        return self.written_points + sum(check.points for check in self.checks)

    def expectation(self, check: Check, seed: int | str = VISIBLE_SEED) -> Expectation:
        """What the answer to a check's question is compared with."""
        if check.of_network:
            scenes_seed = check.generator_seed(seed)
            return Expectation(scenes_seed=scenes_seed, min_accuracy=check.min_accuracy)
        question = check.question(seed)
        reference = REFERENCE_SOLUTIONS[self.name]
        if question.weights is not None:
            asked = Question("call", "reference", question.arguments, question.weights)
            return Expectation(gradients=tuple(ask(asked, {"reference": reference}).gradients))
        value = reference(*question.arguments)
        mistakes = []
        for misconception in self.misconceptions:
            wrong = misconception.answer(*question.arguments)
            if not is_close(wrong, value):  # this question tells them apart
                mistakes.append(KnownMistake(misconception.name, misconception.message, wrong))
        return Expectation(value, mistakes=tuple(mistakes))
