"""Data sets that are made from others can be sent to another process, and make the same there."""

import copy
import pickle

import pytest
import torch

import stn_lesson as stn
from stn_lesson.colocalisation.scenes import window_dataset
from stn_lesson.datasets import DISTORTIONS, Dataset, Split, addition
from stn_lesson.experiments.paper import TASKS, _true_crops

IMAGES = torch.randint(256, (12, 1, 28, 28), dtype=torch.uint8)
FEW = Split(IMAGES, torch.arange(12) % 10)
MAKERS = {
    **DISTORTIONS,
    "distorted and cluttered": lambda digits: stn.clutter(DISTORTIONS["R"](digits), 60),
    "sums": addition,
    "windows": window_dataset,
    "crops": _true_crops,
    **{name: task.make for name, task in TASKS.items()},
    "house numbers": lambda digits: stn.house_numbers(4, 2, epochs=5),
    "solids": lambda digits: stn.solids(digits),
    "on a device": lambda digits: stn.clutter(digits, 40).to("cpu"),
}


@pytest.mark.parametrize("through", [lambda d: pickle.loads(pickle.dumps(d)), copy.deepcopy])
@pytest.mark.parametrize("name", MAKERS)
def test_a_data_set_in_another_process_makes_the_same_images(name, through):
    data = MAKERS[name](Dataset("few", FEW, FEW))
    sent = through(data)
    assert torch.equal(sent.train.images, data.train.images)
    assert torch.equal(sent.train.labels, data.train.labels)
    assert torch.equal(sent.training_images(3), data.training_images(3))
