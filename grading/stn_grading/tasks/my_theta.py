"""The blank page `my_theta` of notebook 01: its questions, and its misconceptions."""

import math

import torch
from torch import Tensor

from stn_grading.tasks.reference import theta_of
from stn_grading.tasks.task import Check, Misconception, Task
from stn_grading.tasks.warp import THETA_BACKWARDS
from stn_lesson.assignment.questions import Question
from stn_lesson.theta import invert


def _ask_theta(rotation: float, scale: float, translation: tuple[float, float]) -> Question:
    return Question("call", "my_theta", (rotation, scale, translation))


def _with_shift(matrix: Tensor, right: float, down: float, through: Tensor | None = None) -> Tensor:
    """The 2×2 matrix of a θ (1, 2, 3), and −(right, down) as its last column, through a matrix."""
    shift = -torch.tensor([right, down])
    if through is not None:
        shift = through @ shift
    return torch.cat([matrix, shift[:, None]], 1)[None]


def _matrix(rotation: float, scale: float) -> Tensor:
    return theta_of(rotation, scale, (0, 0))[0, :, :2]


def _translation_forwards(rotation: float, scale: float, translation) -> Tensor:
    return theta_of(rotation, scale, tuple(-t for t in translation))


def _scale_forwards(rotation: float, scale: float, translation) -> Tensor:
    return theta_of(rotation, 1 / scale, translation)


def _scale_forwards_in_the_matrix(rotation: float, scale: float, translation) -> Tensor:
    matrix = _matrix(rotation, 1 / scale)
    return _with_shift(matrix, *translation, through=_matrix(rotation, scale))


def _radians(rotation: float, scale: float, translation) -> Tensor:
    return theta_of(math.degrees(rotation), scale, translation)


def _moved_first(rotation: float, scale: float, translation) -> Tensor:
    """The shift does not go through turn and scale: as if it came first."""
    return _with_shift(_matrix(rotation, scale), *translation)


def _shift_not_scaled(rotation: float, scale: float, translation) -> Tensor:
    return _with_shift(_matrix(rotation, scale), *translation, through=_matrix(rotation, 1))


def _shift_not_turned(rotation: float, scale: float, translation) -> Tensor:
    return _with_shift(_matrix(rotation, scale), *translation, through=_matrix(0, scale))


def _sine_without_sign(rotation: float, scale: float, translation) -> Tensor:
    return theta_of(math.degrees(math.acos(math.cos(math.radians(rotation)))), scale, translation)


def _cosine_without_sign(rotation: float, scale: float, translation) -> Tensor:
    return theta_of(math.degrees(math.asin(math.sin(math.radians(rotation)))), scale, translation)


SIGN_LOST = (
    "sine from the cosine",
    "your sine or cosine has lost its sign: a root, √(1 − cos²), has none; take sin() and cos() of "
    "the angle itself",
)
SCALE_FORWARDS = (
    "scale not inverted",
    "θ holds 1/scale: to look twice as big, a picture is read half as far",
)
MISCONCEPTIONS = (
    Misconception(*SCALE_FORWARDS, _scale_forwards),
    Misconception(*SCALE_FORWARDS, _scale_forwards_in_the_matrix),
    Misconception(
        "translation forwards",
        "your picture moves the wrong way: to move it to the right, each pixel must look further "
        "left, so the translation stands in θ with a minus",
        _translation_forwards,
    ),
    # Before the next one: it shows at the angle of one question, where the next makes the same.
    Misconception(*SIGN_LOST, _sine_without_sign),
    Misconception(*SIGN_LOST, _cosine_without_sign),
    Misconception(
        "clockwise",
        "your picture turns clockwise: exchange the two signs of the sine; y runs down here",
        lambda rotation, scale, translation: theta_of(-rotation, scale, translation),
    ),
    Misconception(
        "degrees for radians",
        "you give degrees to a sine that takes radians: 180 degrees are π",
        _radians,
    ),
    Misconception(
        "moved first",
        "you move first, and scale and turn afterwards: θ asks backwards, so the shift, which "
        "comes last on the screen, goes through the matrix of turn and scale",
        _moved_first,
    ),
    Misconception(
        "translation not scaled",
        "the translation in θ is not divided by the scale: what is read half as far is moved half "
        "as far, too",
        _shift_not_scaled,
    ),
    Misconception(
        "translation not turned",
        "the translation in θ does not go through the turn: as it stands, the picture is moved "
        "along its own axes, and not along those of the screen",
        _shift_not_turned,
    ),
    Misconception(
        "right and down exchanged",
        "your translation goes down where it should go right: x belongs to the first row of θ",
        lambda rotation, scale, translation: theta_of(rotation, scale, translation[::-1]),
    ),
    Misconception(
        "y upwards",
        "your picture moves up where it should move down: y runs down here, as rows do",
        lambda rotation, scale, translation: theta_of(
            rotation, scale, (translation[0], -translation[1])
        ),
    ),
    Misconception(
        "no axis for the batch",
        "your θ has shape (2, 3): the first axis counts the θ, (1, 2, 3), even if there is one",
        lambda *moves: theta_of(*moves)[0],
    ),
    Misconception(
        "third row kept",
        "your θ still has its row 0 0 1: θ is the two rows above it, (1, 2, 3)",
        lambda *moves: torch.cat([theta_of(*moves), torch.tensor([[[0.0, 0, 1]]])], 1),
    ),
    Misconception(  # last: of a single move it makes what one of those above makes
        "θ backwards",
        THETA_BACKWARDS,
        lambda *moves: invert(theta_of(*moves)),
    ),
)

# All moves at once come first: most mistakes show there, each with an answer of its own.
MY_THETA = Task(
    "my_theta",
    (
        Check("turned, enlarged and moved", 0, lambda _: _ask_theta(35.0, 1.6, (0.4, -0.3))),
        Check("twice as big", 0, lambda _: _ask_theta(0.0, 2.0, (0.0, 0.0))),
        Check("turned by 30°", 0, lambda _: _ask_theta(30.0, 1.0, (0.0, 0.0))),
        Check("turned by −150°", 0, lambda _: _ask_theta(-150.0, 1.0, (0.0, 0.0))),
        Check("moved", 0, lambda _: _ask_theta(0.0, 1.0, (0.5, -0.25))),
    ),
    misconceptions=MISCONCEPTIONS,
    practice=True,
)
