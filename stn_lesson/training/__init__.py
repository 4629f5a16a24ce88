"""Training: `fit`, the loop, stands in `loop.py`; all else is what it stands on."""

from stn_lesson.training.abreast import fit_abreast
from stn_lesson.training.checkpoints import CheckpointError, load_checkpoint, save_checkpoint
from stn_lesson.training.collapse import CollapseWarning, watch_for_collapse
from stn_lesson.training.device import PRECISIONS, default_device, fastest_precision
from stn_lesson.training.evaluation import evaluate, predict
from stn_lesson.training.history import History
from stn_lesson.training.loop import StopTraining, TrainingError, fit
from stn_lesson.training.settings import Settings
from stn_lesson.training.steps import train_step

__all__ = [
    "PRECISIONS",
    "CheckpointError",
    "CollapseWarning",
    "History",
    "Settings",
    "StopTraining",
    "TrainingError",
    "default_device",
    "evaluate",
    "fastest_precision",
    "fit",
    "fit_abreast",
    "load_checkpoint",
    "predict",
    "save_checkpoint",
    "train_step",
    "watch_for_collapse",
]
