"""Co-localisation: find what pictures have in common, without a label or a box (appendix A.2)."""

from stn_lesson.colocalisation.networks import WINDOW, Encoder, Finder, window_finder
from stn_lesson.colocalisation.scenes import Scenes, iou, scenes_of_class, windows
from stn_lesson.colocalisation.search import (
    Search,
    boxes,
    colocalise,
    look_through,
    move_at_random,
    random_windows,
    triplet_loss,
)

__all__ = [
    "WINDOW",
    "Encoder",
    "Finder",
    "Scenes",
    "Search",
    "boxes",
    "colocalise",
    "iou",
    "look_through",
    "move_at_random",
    "random_windows",
    "scenes_of_class",
    "triplet_loss",
    "window_finder",
    "windows",
]
