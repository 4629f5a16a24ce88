"""Networks that come ready trained, in data/checkpoints, for students without a GPU."""

from pathlib import Path

import torch

from stn_lesson.datasets import Dataset, Split, distort, load_digits, load_mnist
from stn_lesson.datasets.clutter import clutter
from stn_lesson.experiments import records
from stn_lesson.experiments.runs import fit_defaults
from stn_lesson.networks import STFCN, RecipeSTN, count_parameters
from stn_lesson.training import evaluate, fit, load_checkpoint, save_checkpoint

# What each network is, the pictures it learnt from, and for how many epochs.
TRAINED = {
    "cluttered": (RecipeSTN, lambda data: clutter(distort(data, 40, rotation=60), 60), 20),
    "turned": (STFCN, lambda data: distort(data, rotation=45, scale=(0.9, 1.1)), 15),
}


def trained(name: str) -> torch.nn.Module:
    """A network with the weights that come with the lesson, from data/checkpoints.

    Args:
        name: "cluttered", a `RecipeSTN` for digits turned by up to 60°, scaled and cluttered on
            60×60 pixels; or "turned", an `STFCN` for digits turned by up to 45° on 28×28.

    >>> model = trained("turned")
    >>> model(torch.zeros(1, 1, 28, 28)).shape
    torch.Size([1, 10])
    """
    if name not in TRAINED:
        raise ValueError(f"name must be one of {', '.join(TRAINED)}, got {name!r}")
    model = TRAINED[name][0]()
    path = records.DATA / "checkpoints" / f"{name}.pt"
    model.load_state_dict(load_checkpoint(path, {"trained": name}, model)["model"])
    return model.eval()


def run_trained(name: str) -> Path:
    """Train a network of `TRAINED` anew; write its weights, rounded to 16 bits, and its record.

    It learns from MNIST's 50,000 and the embedded digits' first ten forms (each shown 8 times an
    epoch), and is tested on the embedded digits' last four forms and on MNIST's test digits.

    Returns:
        The record's file, data/results/trained-<name>.json.
    """
    network, scenes, epochs = TRAINED[name]
    mnist, digits = load_mnist(), load_digits()
    train = Split(
        torch.cat([mnist.train.images, digits.train.images.repeat(8, 1, 1, 1)]),
        torch.cat([mnist.train.labels, digits.train.labels.repeat(8)]),
    )
    data = scenes(Dataset("MNIST and embedded digits", train, digits.test, valid=mnist.test))
    torch.manual_seed(0)
    model = network()
    settings = fit_defaults() | {"epochs": epochs}
    history = fit(model, data, **settings)
    if history.interrupted:
        raise KeyboardInterrupt
    rounded = {key: value.half() for key, value in model.state_dict().items()}
    model.load_state_dict(rounded)
    save_checkpoint(
        records.DATA / "checkpoints" / f"{name}.pt",
        {"settings": {"trained": name}, "model": rounded},
    )
    path = records.DATA / "results" / f"trained-{name}.json"
    record = {
        "experiment": "trained",
        "data": repr(data),
        "network": network.__name__,
        "parameters": count_parameters(model),
        "settings": settings,
        **records.provenance(next(model.parameters()).device),
        "rounded_to_16_bits": {
            "embedded_test_accuracy": round(evaluate(model, data.test), 4),
            "mnist_test_accuracy": round(evaluate(model, data.valid), 4),
        },
        "runs": [records.run_record(0, history, theta=True)],
    }
    records.write_record(path, record)
    return path
