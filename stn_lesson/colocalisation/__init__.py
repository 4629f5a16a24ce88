"""Co-localisation: find what pictures have in common, without a label or a box (appendix A.2)."""

from stn_lesson.colocalisation.networks import (
    WINDOW_SIZE,
    Encoder,
    window_transformer,
)
from stn_lesson.colocalisation.scenes import Scenes, iou, scenes_of_class, window_dataset
from stn_lesson.colocalisation.search import (
    Search,
    SearchSettings,
    colocalise,
    triplet_loss,
)
from stn_lesson.colocalisation.windows import (
    jitter_windows,
    look_at_windows,
    random_windows,
    window_boxes,
)

__all__ = [
    "WINDOW_SIZE",
    "Encoder",
    "Scenes",
    "Search",
    "SearchSettings",
    "colocalise",
    "iou",
    "jitter_windows",
    "look_at_windows",
    "random_windows",
    "scenes_of_class",
    "triplet_loss",
    "window_boxes",
    "window_dataset",
    "window_transformer",
]
