"""Training: `fit`, the loop, stands in `loop.py`; all else is what it stands on."""

from stn_lesson.device import default_device
from stn_lesson.training.abreast import fit_abreast
from stn_lesson.training.aim import Aim, aim_of_frames, measure_aim, places_in_view, share_found
from stn_lesson.training.checkpoints import (
    CheckpointError,
    CheckpointWarning,
    load_checkpoint,
    save_checkpoint,
)
from stn_lesson.training.device import PRECISIONS, fastest_precision
from stn_lesson.training.evaluation import evaluate, predict
from stn_lesson.training.history import History
from stn_lesson.training.loop import StopTraining, TrainingError, fit
from stn_lesson.training.settings import Settings
from stn_lesson.training.steps import train_step
from stn_lesson.training.watch import CollapseWarning, SilenceWarning

__all__ = [
    "PRECISIONS",
    "Aim",
    "CheckpointError",
    "CheckpointWarning",
    "CollapseWarning",
    "History",
    "Settings",
    "SilenceWarning",
    "StopTraining",
    "TrainingError",
    "aim_of_frames",
    "default_device",
    "evaluate",
    "fastest_precision",
    "fit",
    "fit_abreast",
    "load_checkpoint",
    "measure_aim",
    "places_in_view",
    "predict",
    "save_checkpoint",
    "share_found",
    "train_step",
]
