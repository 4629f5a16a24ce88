"""The tasks of the assignment as teachers need them: questions, right answers, misconceptions."""

import torch

from stn_grading.tasks.bilinear_sample import BILINEAR_SAMPLE
from stn_grading.tasks.meshgrid import MESHGRID
from stn_grading.tasks.my_sample import MY_SAMPLE
from stn_grading.tasks.my_sampling_grid import MY_SAMPLING_GRID
from stn_grading.tasks.my_theta import MY_THETA
from stn_grading.tasks.spatial_transformer import SPATIAL_TRANSFORMER
from stn_grading.tasks.task import Check, Task
from stn_grading.tasks.warp import WARP
from stn_lesson.assignment.digit_scenes import network_question
from stn_lesson.assignment.questions import Question

__all__ = ["PRACTICE", "TASKS", "Check", "Task"]


def _ask_network(generator: torch.Generator) -> Question:
    return network_question(generator.initial_seed())


MODEL = Task(
    "model",
    (
        Check("it looks where the digit is", 1, _ask_network, of_network=True),
        Check("it reads the digit there", 1, _ask_network, of_network=True, min_accuracy=0.92),
    ),
    lent=("meshgrid", "bilinear_sample", "warp", "SpatialTransformer"),
)
TASKS = (
    MESHGRID,
    BILINEAR_SAMPLE,
    WARP,
    SPATIAL_TRANSFORMER,
    MODEL,
    Task(  # the direction of θ, in words
        "direction",
        written_points=1.5,
        scheme=(
            "the picture becomes larger, since the result looks only at the inner half of "
            "the source",
            "mapping from target to source gives every target pixel exactly one value, no "
            "holes, no heaps",
            "a reason why this serves learning or computing: the value is a smooth function "
            "of θ, or all pixels can be computed independently",
        ),
    ),
    Task(  # what the transformer is for, in words
        "clutter",
        written_points=1.5,
        scheme=(
            "what the pictures show: the window goes to the digit and enlarges it, clutter "
            "falls outside (or honestly what theirs shows, if it failed)",
            "the localisation network learns from the classification error alone, through "
            "classifier, sampler and grid",
            "something that cuts this path: rounding, `detach`, `no_grad`, a nearest-pixel "
            "kernel, a new tensor made from values",
        ),
    ),
)
PRACTICE = (MY_THETA, MY_SAMPLING_GRID, MY_SAMPLE)  # the blank pages of notebooks 01 to 03
