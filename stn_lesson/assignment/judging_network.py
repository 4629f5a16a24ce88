"""Judging a trained network: does it look where the digit is, and read it there?

Accuracy alone would not tell: on these scenes a network that looks at all of the canvas reads nine
digits of ten. `data/results/assignment-training.json` has what networks of several designs reach.
"""

from torch import Tensor

from stn_lesson.assignment.digit_scenes import judged_scenes
from stn_lesson.assignment.questions import Answer
from stn_lesson.assignment.verdict import GRADIENT_CUT, Verdict
from stn_lesson.datasets import to_floats
from stn_lesson.sampler import warp
from stn_lesson.theta import affine_theta
from stn_lesson.training.aim import Aim, aim_of_frames

MIN_SLOPE = 0.5  # of the digit's way, in x and in y
MAX_SPREAD = 0.2  # of the digit's place in the views, in half views; at the identity 0.26
MAX_VIEW_DIFFERENCE = 0.01  # of the views from what θ shows, on average
MAX_GUESSING_ACCURACY = 0.2  # of ten digits
OTHER_VIEW = (
    "other view",
    "what your transformer hands on is not what its θ shows, where θ is the identity plus what "
    "self.localisation returns",
)
NOT_FOLLOWING = (
    "does not follow",
    ". It should follow at least half of it: train longer, or with another localisation_rate; did "
    "the last layer start at zero?",
)
GUESSING = (
    "guessing",
    ", hardly better than guessing. Look at what your transformer shows: does it start at the "
    "identity, and stay on the canvas?",
)


def judge_network(answer: Answer, scenes_seed: int, min_accuracy: float | None) -> Verdict:
    """Judge what a network made of the scenes of a seed.

    Args:
        answer: to `digit_scenes.network_question`.
        scenes_seed: of the scenes.
        min_accuracy: what it must reach, from 0 to 1; None if it only has to look at the digits.
    """
    scenes = judged_scenes(scenes_seed)
    wrong_shape = _describe_shapes(answer, len(scenes))
    if wrong_shape:
        return Verdict(False, wrong_shape, "shape", answer)
    numbers, views = answer.seen
    theta = affine_theta() + numbers.view(-1, 2, 3)
    if not (theta.isfinite().all() and views.isfinite().all()):
        return Verdict(False, "θ or the views hold NaN or infinity", "not finite", answer)
    shown = warp(to_floats(scenes.images), theta, size=views.shape[-2:])
    if not (views - shown).abs().mean() < MAX_VIEW_DIFFERENCE:
        return Verdict(False, OTHER_VIEW[1], OTHER_VIEW[0], answer)
    aim, accuracy = aim_of_frames(theta, scenes.poses), _accuracy(answer.value, scenes.labels)
    way = f"its frame follows {aim.slope[0]:.2f} of the digit's way in x, {aim.slope[1]:.2f} in y"
    named = f"it names {100 * accuracy:.1f} % of the digits"
    if accuracy < MAX_GUESSING_ACCURACY:
        return Verdict(False, named + GUESSING[1], GUESSING[0], answer)
    if not _looks_at_digits(aim):
        if _is_cut(answer):
            return Verdict(False, f"{way}: {GRADIENT_CUT[1]}", GRADIENT_CUT[0], answer)
        return Verdict(False, way + NOT_FOLLOWING[1], NOT_FOLLOWING[0], answer)
    if min_accuracy is None:
        return Verdict(True, way, answer=answer)
    if accuracy < min_accuracy:
        advice = f"{named}, not {100 * min_accuracy:g} %: train longer, or at another rate"
        return Verdict(False, advice, "accuracy", answer)
    return Verdict(True, named, answer=answer)


def _describe_shapes(answer: Answer, count: int) -> str:
    """What is wrong with the shapes of an answer, or ""."""
    shapes = [tuple(tensor.shape) for tensor in (answer.value, *answer.seen)]
    if shapes[0] != (count, 10):
        return f"class scores must have shape (N, 10), got {shapes[0]} for {count} images"
    if len(shapes) != 3 or shapes[1] != (count, 6):
        return f"self.localisation must return (N, 6), got {shapes[1:2]} for {count} images"
    if len(shapes[2]) != 4 or shapes[2][:2] != (count, 1) or 0 in shapes[2]:
        return f"the transformer must return views (N, 1, H, W), got {shapes[2]}"
    return ""


def _accuracy(scores: Tensor, labels: Tensor) -> float:
    return (scores.argmax(1) == labels).double().mean().item()


def _looks_at_digits(aim: Aim) -> bool:
    return min(aim.slope) >= MIN_SLOPE and max(aim.spread) <= MAX_SPREAD


def _is_cut(answer: Answer) -> bool:
    """Whether no gradient reached what the localisation network returned."""
    return not any(gradient is not None and gradient.any() for gradient in answer.gradients)
