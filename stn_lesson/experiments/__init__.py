"""Named, reproducible runs and the records that they leave in data/results."""

from stn_lesson.experiments.paper import build, run_cell
from stn_lesson.experiments.pretraining import TRAINED, run_trained, trained
from stn_lesson.experiments.recipe import SCENES, SCHEDULES, load_recipe, run_recipe
from stn_lesson.experiments.records import (
    read_record,
    recorded_history,
    summary,
    write_record,
)
from stn_lesson.experiments.replication import class_records, class_table, interval
from stn_lesson.experiments.runs import source
from stn_lesson.experiments.tables import errors, published, table
from stn_lesson.experiments.two_digits import load_two_digits, rival, run_two_digits, undone

__all__ = [
    "SCENES",
    "SCHEDULES",
    "TRAINED",
    "build",
    "class_records",
    "class_table",
    "errors",
    "interval",
    "load_recipe",
    "load_two_digits",
    "published",
    "read_record",
    "recorded_history",
    "rival",
    "run_cell",
    "run_recipe",
    "run_trained",
    "run_two_digits",
    "source",
    "summary",
    "table",
    "trained",
    "undone",
    "write_record",
]
