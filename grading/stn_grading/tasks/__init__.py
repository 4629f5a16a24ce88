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
    Task("direction", written_points=1.5),  # the direction of θ, in words
    Task("clutter", written_points=1.5),  # what the transformer is for, in words
)
PRACTICE = (MY_THETA, MY_SAMPLING_GRID, MY_SAMPLE)  # the blank pages of notebooks 01 to 03
