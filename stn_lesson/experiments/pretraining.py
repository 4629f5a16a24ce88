"""Pretrained networks: their weights come with the lesson, for students without a GPU."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from stn_lesson.arguments import one_of
from stn_lesson.datasets import Dataset, Split, distort, load_digits, load_mnist
from stn_lesson.datasets.clutter import clutter
from stn_lesson.experiments import records
from stn_lesson.experiments.runs import default_settings
from stn_lesson.files import lesson_folder, user_folder
from stn_lesson.networks import STFCN, PointingSTN, count_parameters
from stn_lesson.networks.eight_bits import rounded
from stn_lesson.training import evaluate, fit, load_checkpoint, save_checkpoint


class Pretraining(NamedTuple):
    """How a network was trained before it came with the lesson.

    Attributes:
        network: makes it, untrained.
        make_data: plain digits → the data set that it learnt.
        epochs: how many it was trained for; all else is the default of `Settings`.
    """

    network: Callable[[], torch.nn.Module]
    make_data: Callable[[Dataset], Dataset]
    epochs: int


PRETRAINED = {
    "cluttered": Pretraining(
        partial(PointingSTN, view=24),
        lambda digits: clutter(distort(digits, 40, rotation=60), 60),
        epochs=20,
    ),
    "turned": Pretraining(
        STFCN, lambda digits: distort(digits, rotation=45, scale=(0.9, 1.1)), epochs=15
    ),
}


def pretrained(name: str) -> torch.nn.Module:
    """A network with the weights that come with the lesson, from data/checkpoints.

    Args:
        name: "cluttered", a `PointingSTN` with a view of 24×24 for digits turned by up to 60°,
            scaled and cluttered on 60×60 pixels; or "turned", an `STFCN` for digits turned by up
            to 45° on 28×28.

    Raises:
        ValueError: an unknown name.

    >>> model = pretrained("turned")
    >>> model(torch.zeros(1, 1, 28, 28)).shape
    torch.Size([1, 10])
    """
    model = PRETRAINED[one_of(name, "name", PRETRAINED)].network()
    own, given = (folder / f"{name}.pt" for folder in _weights_folders())
    state = load_checkpoint(own if own.exists() else given, {"pretrained": name}, model)
    model.load_state_dict(state["model"])
    return model.eval()


def run_pretraining(name: str) -> Path:
    """Train one of `PRETRAINED` anew; write its weights, rounded to 8 bits, and its record.

    It learns from MNIST's 50,000 and the embedded digits' first ten forms (each shown 8 times an
    epoch), and is tested on the embedded digits' last four forms and on MNIST's test digits.

    Returns:
        The record's file, data/results/pretrained-<name>.json.

    Raises:
        KeyboardInterrupt: the run was stopped by hand; nothing is written.
    """
    records.check_writable(f"pretrained-{name}")
    network, make_data, epochs = PRETRAINED[name]
    mnist, digits = load_mnist(), load_digits()
    train = Split(
        torch.cat([mnist.train.images, digits.train.images.repeat(8, 1, 1, 1)]),
        torch.cat([mnist.train.labels, digits.train.labels.repeat(8)]),
    )
    data = make_data(Dataset("MNIST and embedded digits", train, digits.test, valid=mnist.test))
    torch.manual_seed(0)
    model = network()
    settings = default_settings() | {"epochs": epochs}
    history = fit(model, data, **settings)
    if history.interrupted:
        raise KeyboardInterrupt
    weights = {key: rounded(value).half() for key, value in model.state_dict().items()}
    model.load_state_dict(weights)
    state = {"settings": {"pretrained": name}, "model": weights}
    save_checkpoint(_weights_folders()[0] / f"{name}.pt", state)
    path = records.record_path(f"pretrained-{name}")
    record = {
        "experiment": "pretrained",
        "data": repr(data),
        "network": type(model).__name__,
        "parameters": count_parameters(model),
        "settings": settings,
        **records.provenance(next(model.parameters()).device),
        "rounded_to_8_bits": {
            "embedded_test_accuracy": round(evaluate(model, data.test), 4),
            "mnist_test_accuracy": round(evaluate(model, data.valid), 4),
        },
        "runs": [records.run_record(0, history, keep_theta=True)],
    }
    records.write_record(path, record)
    return path


def _weights_folders() -> tuple[Path, Path]:
    """Where weights trained anew go, and where those that come with the lesson are."""
    return user_folder("checkpoints"), lesson_folder() / "checkpoints"
