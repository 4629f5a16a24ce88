"""What comes of judging an answer, and the mistakes that need no expected value to be known by."""

from dataclasses import dataclass, field

from torch import Tensor

from stn_lesson.assignment.questions import Answer

SOLVED = "solved in one call"
GRADIENT_CUT = (
    "gradient cut",
    "no gradient comes through: rounding, detach(), .data, item(), float(…), numpy, "
    "torch.no_grad(), requires_grad_(False) or a new torch.tensor(…) on the way cuts it; an "
    "argument that is not used at all gets none, either",
)


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and if not, why.

    Attributes:
        passed: whether it is right.
        message: what to tell the student.
        misconception: the mistake's name, if it has one.
        answer: what was judged.
        expected: what the value should have been, if it is a value that was asked for.
    """

    passed: bool
    message: str = "right"
    misconception: str | None = None
    answer: Answer = field(default_factory=Answer)
    expected: Tensor | None = None
