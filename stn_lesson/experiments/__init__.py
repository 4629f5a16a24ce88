"""Named, reproducible runs and the records that they leave in data/results."""

from stn_lesson.experiments.lasagne import SCENES, SCHEDULES, recipe, run_recipe
from stn_lesson.experiments.paper import build, run_cell
from stn_lesson.experiments.ready import TRAINED, run_trained, trained
from stn_lesson.experiments.records import (
    read_record,
    recorded_history,
    summary,
    write_record,
)
from stn_lesson.experiments.runs import TUNABLE, source
from stn_lesson.experiments.tables import errors, published, table

__all__ = [
    "SCENES",
    "SCHEDULES",
    "TRAINED",
    "TUNABLE",
    "build",
    "errors",
    "published",
    "read_record",
    "recipe",
    "recorded_history",
    "run_cell",
    "run_recipe",
    "run_trained",
    "source",
    "summary",
    "table",
    "trained",
    "write_record",
]
