import shutil

import pytest
import torch

import stn_lesson as stn
from stn_lesson.datasets import Dataset, Split
from stn_lesson.experiments import pretraining, records, runs
from stn_lesson.files import lesson_folder

MODULES_WITH_DEVICE = (
    "bench",
    "colocalisation",
    "contest",
    "paper",
    "recipe",
    "replication",
    "runs",
)


@pytest.fixture
def few_digits(tmp_path, monkeypatch):
    """Runs that take a second on the CPU, and records that go to a folder of the test."""
    digits = stn.load_digits()
    train = Split(digits.train.images[:64], digits.train.labels[:64])
    few = Dataset("few digits", train, Split(digits.test.images[:32], digits.test.labels[:32]))
    monkeypatch.setitem(runs.DATASETS, "digits", lambda: few)
    for module in MODULES_WITH_DEVICE:
        name = f"stn_lesson.experiments.{module}.default_device"
        monkeypatch.setattr(name, lambda: torch.device("cpu"))
    shutil.copytree(lesson_folder() / "reference", tmp_path / "lesson" / "reference")
    monkeypatch.setattr(records, "lesson_folder", lambda: tmp_path / "lesson")
    monkeypatch.setattr(records, "user_folder", lambda kind: tmp_path / "data" / kind)
    monkeypatch.setattr(pretraining, "user_folder", lambda kind: tmp_path / "data" / kind)
    return tmp_path / "data" / "results"
