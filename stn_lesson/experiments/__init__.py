"""Named, reproducible runs and the records that they leave in data/results."""

from stn_lesson.experiments.contest import contest_accuracies, contest_table
from stn_lesson.experiments.numbers import (
    load_house_numbers,
    numbers_accuracies,
    numbers_network,
    numbers_table,
    run_numbers,
)
from stn_lesson.experiments.paper import build_network, run_cell
from stn_lesson.experiments.pretraining import PRETRAINED, pretrained, run_pretraining
from stn_lesson.experiments.recipe import load_recipe, load_scenes, run_recipe
from stn_lesson.experiments.records import read_record, recorded_history, summary, write_record
from stn_lesson.experiments.replication import class_records, class_table, confidence_interval
from stn_lesson.experiments.runs import load_dataset
from stn_lesson.experiments.solids import load_solids, run_solids, tilts
from stn_lesson.experiments.svhn import run_svhn, svhn_table
from stn_lesson.experiments.tables import measured_errors, published_errors, table
from stn_lesson.experiments.two_digits import (
    load_two_digits,
    rotation_undone,
    run_two_digits,
    two_digits_network,
)

__all__ = [
    "PRETRAINED",
    "build_network",
    "class_records",
    "class_table",
    "confidence_interval",
    "contest_accuracies",
    "contest_table",
    "load_dataset",
    "load_house_numbers",
    "load_recipe",
    "load_scenes",
    "load_solids",
    "load_two_digits",
    "measured_errors",
    "numbers_accuracies",
    "numbers_network",
    "numbers_table",
    "pretrained",
    "published_errors",
    "read_record",
    "recorded_history",
    "rotation_undone",
    "run_cell",
    "run_numbers",
    "run_pretraining",
    "run_recipe",
    "run_solids",
    "run_svhn",
    "run_two_digits",
    "summary",
    "svhn_table",
    "table",
    "tilts",
    "two_digits_network",
    "write_record",
]
