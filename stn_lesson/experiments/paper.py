"""The paper's experiments with digits: table 1 and TC (section 4.1), addition (appendix A.1).

Three are not in the paper. Undistorted digits: what does a transformer do there?
Slant: with which moves of the corners would P be as hard for our networks as it was for theirs? And
TC with one picture of each digit, where all else shows it in a new place in every epoch.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path

import torch
from torch import nn

from stn_lesson.datasets import DISTORTIONS, Dataset, addition, distort_projective
from stn_lesson.experiments.runs import DEFAULT_PRECISION, default_settings, load_dataset, run_seeds
from stn_lesson.experiments.schedules import PAPER_SCHEDULES
from stn_lesson.networks import CNN, FCN, STCNN, STFCN, count_parameters, match_parameters
from stn_lesson.training import default_device


@dataclass(frozen=True)
class Task:
    """Images to classify, and what the networks for them have in common.

    Attributes:
        make: plain digits, a seed and how often an epoch shows each digit → the data set.
        size: side of the images in pixels.
        view: side of what a classifier behind a transformer sees, when smaller than the images.
        channels: of the images.
        classes: how many there are.
        transformers: at most this many side by side.
        epoch_factor: how many times as many epochs as the schedule's own it takes to learn.
        localisation_rate: as in `fit`.
    """

    make: Callable[..., Dataset]
    size: int
    view: int | None = None
    channels: int = 1
    classes: int = 10
    transformers: int = 1
    epoch_factor: int = 1
    localisation_rate: float = default_settings()["localisation_rate"]


def _undistorted(digits: Dataset, seed: int = 0, repeats: int = 1) -> Dataset:
    return replace(digits, train=digits.train.repeat(repeats))


TASKS = {
    "R": Task(DISTORTIONS["R"], 28),
    "RTS": Task(DISTORTIONS["RTS"], 42, view=28),
    "P": Task(DISTORTIONS["P"], 28),
    **{f"P{move}": Task(partial(distort_projective, jitter=move), 28) for move in (1, 2, 3)},
    "E": Task(DISTORTIONS["E"], 28),
    "TC": Task(DISTORTIONS["TC"], 60, view=28),
    "TC_once": Task(partial(DISTORTIONS["TC"], redraw=False), 60, view=28),
    "undistorted": Task(_undistorted, 28),
    # The sum says little of either digit. For the first five epochs nothing is learnt but its
    # frequencies, and transformers that move at the usual rate run away meanwhile.
    "addition": Task(
        addition,
        42,
        view=28,
        channels=2,
        classes=19,
        transformers=2,
        epoch_factor=4,
        localisation_rate=0.1,
    ),
}
TABLE1_DISTORTIONS = ("R", "RTS", "P", "E")
ROW_FAMILIES = ("affine", "projective", "tps")
# The rows of each experiment: networks, and for those with transformers the families.
WITHOUT_TRANSFORMER = (("fcn", None), ("cnn", None))
AFFINE_ROWS = (*WITHOUT_TRANSFORMER, ("st_fcn", "affine"), ("st_cnn", "affine"))
TABLE_ROWS = {
    "table1": (*WITHOUT_TRANSFORMER, *product(("st_fcn", "st_cnn"), ROW_FAMILIES)),
    "tc": AFFINE_ROWS,
    "tc_once": AFFINE_ROWS,
    "undistorted": AFFINE_ROWS,
    "slant": (*WITHOUT_TRANSFORMER, ("st_cnn", "affine")),
    "addition": (*WITHOUT_TRANSFORMER, *product(("st_fcn", "2st_fcn"), ROW_FAMILIES)),
}
TABLE_COLUMNS = {
    "table1": TABLE1_DISTORTIONS,
    "tc": ("TC",),
    "tc_once": ("TC_once",),
    "undistorted": ("undistorted",),
    "slant": ("P1", "P2", "P3"),
    "addition": ("addition",),
}


def build_network(task: str, network: str, family: str | None = None) -> nn.Module:
    """A network for a task, as wide as it takes to have as many parameters as the others.

    Fully connected networks are matched to the affine ST-FCN with 128 hidden units (for addition,
    to two transformers with one), convolutional ones to the affine ST-CNN with 32 filters.

    Args:
        task: a name from `TASKS`.
        network: "fcn", "cnn", "st_fcn", "st_cnn" or "2st_fcn" (two transformers side by side).
        family: of the transformers, "affine", "projective" or "tps".

    >>> [count_parameters(build_network("R", *row)) for row in (("st_cnn", "tps"), ("cnn", None))]
    [117242, 118874]
    """
    made_for = TASKS[task]
    shape = {"size": made_for.size, "channels": made_for.channels, "classes": made_for.classes}
    with_view = shape | {"view": made_for.view}
    parameters = {
        "fcn": count_parameters(STFCN(**with_view, transformers=made_for.transformers)),
        "cnn": count_parameters(STCNN(**with_view)),
    }
    builders = {
        "fcn": lambda width: FCN(**shape, hidden=width),
        "cnn": lambda width: CNN(**shape, filters=width),
        "st_fcn": lambda width: STFCN(**with_view, family=family, hidden=width),
        "st_cnn": lambda width: STCNN(**with_view, family=family, filters=width),
        "2st_fcn": lambda width: STFCN(**with_view, family=family, hidden=width, transformers=2),
    }
    if network not in builders:
        raise ValueError(f"network must be one of {', '.join(builders)}, got {network!r}")
    if (family is None) == ("st_" in network):
        raise ValueError(f"a network with transformers needs a family, {network} got {family}")
    return match_parameters(
        builders[network], parameters[network.removeprefix("2").removeprefix("st_")]
    )


def cell_name(experiment: str, data: str, task: str, row: tuple, schedule: str) -> str:
    """The name of a cell's record.

    >>> cell_name("table1", "mnist", "R", ("st_cnn", "tps"), "short")
    'table1-mnist-R-st_cnn-tps-short'
    >>> cell_name("tc", "mnist", "TC", ("cnn", None), "short")
    'tc-mnist-cnn-short'
    """
    column = [task] if len(TABLE_COLUMNS[experiment]) > 1 else []
    return "-".join(word for word in (experiment, data, *column, *row, schedule) if word)


def run_cell(
    experiment: str,
    task: str,
    network: str,
    family: str | None = None,
    *,
    data: str = "digits",
    seeds: int = 1,
    schedule: str = "short",
    precision: str = DEFAULT_PRECISION,
    epochs: int | None = None,
) -> Path:
    """Train one cell of a table with several seeds and write its record.

    Args:
        experiment: "table1", "tc", "tc_once", "undistorted", "slant" or "addition".
        task: a column of it.
        network: with `family`, a row of it.
        family: as in `build_network`.
        data: "digits" or "mnist".
        seeds: how many runs; each seed decides first weights, distortions and order of the images.
        schedule: "short" or "long".
        precision: "float32", or "bfloat16" for processors that multiply faster in it.
        epochs: instead of the schedule's own.

    Returns:
        The record's file in data/results.

    Raises:
        ValueError: an unknown name.
        FileExistsError: as `run_seeds`.
    """
    is_row = (network, family) in TABLE_ROWS.get(experiment, ())
    if not is_row or task not in TABLE_COLUMNS[experiment]:
        raise ValueError(f"{experiment} has no cell for {network}, {family} on {task}")
    settings = default_settings() | PAPER_SCHEDULES[data, schedule] | {"precision": precision}
    repeats = settings.pop("repeats")
    settings["epochs"] *= TASKS[task].epoch_factor
    settings["localisation_rate"] = TASKS[task].localisation_rate
    settings["epochs"] = epochs or settings["epochs"]
    digits = load_dataset(data).to(default_device())  # so that they are distorted there

    def distorted(seed: int) -> Dataset:
        return TASKS[task].make(digits, seed=seed, repeats=repeats)

    def prepare(seed: int) -> tuple[nn.Module, Dataset]:
        torch.manual_seed(seed)
        return build_network(task, network, family), distorted(seed)

    description = {
        "experiment": experiment,
        "data": repr(distorted(0)),
        "task": task,
        "network": network,
        "family": family,
        "schedule": schedule,
        "settings": settings | {"repeats": repeats},
    }
    name = cell_name(experiment, data, task, (network, family), schedule)
    return run_seeds(name, description, seeds, prepare, settings)
