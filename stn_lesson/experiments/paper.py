"""The paper's experiments with digits: table 1 and TC (section 4.1), addition (appendix A.1).

Some questions are not in the paper. Undistorted digits: what does a transformer do there?
Slant: with which moves of the corners would P be as hard for our networks as it was for theirs?
TC with one picture of each digit, where all else shows it in a new place in every epoch. The same
networks with their transformers frozen at the identity: what is owed to the smaller view and the
reader alone? And among clutter a reader of the true crop: what would the best possible eye give?
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, product
from pathlib import Path

import torch
from torch import Tensor, nn

from stn_lesson.datasets import (
    DISTORTIONS,
    Dataset,
    Split,
    addition,
    distort_elastic,
    distort_projective,
)
from stn_lesson.datasets.clutter import scenes_with_poses
from stn_lesson.datasets.dataset import derive_dataset
from stn_lesson.datasets.distortions import TC_CLUTTER
from stn_lesson.experiments.runs import DEFAULT_PRECISION, default_settings, load_dataset, run_seeds
from stn_lesson.experiments.schedules import PAPER_SCHEDULES
from stn_lesson.networks import CNN, FCN, STCNN, STFCN, count_parameters, match_parameters
from stn_lesson.sampler import warp
from stn_lesson.training import default_device
from stn_lesson.transformer import freeze_transformers


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
        crops: makes, as `make` does, the digits cut out of the images at their true place, as large
            as the view; None where nobody asks for them.
    """

    make: Callable[..., Dataset]
    size: int
    view: int | None = None
    channels: int = 1
    classes: int = 10
    transformers: int = 1
    epoch_factor: int = 1
    localisation_rate: float = default_settings()["localisation_rate"]
    crops: Callable[..., Dataset] | None = None


def _undistorted(digits: Dataset, seed: int = 0, repeats: int = 1) -> Dataset:
    return replace(digits, train=digits.train.repeat(repeats))


def _true_crops(
    digits: Dataset, seed: int = 0, repeats: int = 1, redraw: bool = True, chunk: int = 1024
) -> Dataset:
    """The digits of TC's scenes, cut out where they lie, with what falls on them of the clutter."""
    return derive_dataset(
        digits,
        partial(_cut_out, chunk=chunk),
        name=f"crops of cluttered {digits.name}",
        seed=seed,
        seed_stream=0,  # clutter's own: these are crops of the very scenes of TC
        redraw=redraw,
        repeats=repeats,
    )


def _cut_out(split: Split, seed: int, *, chunk: int) -> tuple[Tensor, None]:
    scenes, poses = scenes_with_poses(split, seed, **TC_CLUTTER)
    crops, poses = torch.empty_like(split.images), poses.to(scenes.device)
    for start in range(0, len(split), chunk):
        part = slice(start, start + chunk)
        crops[part] = warp(scenes[part].float(), poses[part], crops.shape[-2:]).round_()
    return crops, None


# The moves of P's corners, in pixels of an image of 28. 2.3 and 3.3 are the paper's 5, should it
# count them on a canvas of 60 or of 42. E1.22 moves E's net by √1.5, if 1.5 is a variance.
SLANTS = {"P1": 1, "P2": 2, "P2.3": 5 * 28 / 60, "P3": 3, "P3.3": 5 * 28 / 42}
TASKS = {
    "R": Task(DISTORTIONS["R"], 28),
    "RTS": Task(DISTORTIONS["RTS"], 42, view=28),
    "P": Task(DISTORTIONS["P"], 28),
    **{name: Task(partial(distort_projective, jitter=move), 28) for name, move in SLANTS.items()},
    "E": Task(DISTORTIONS["E"], 28),
    "E1.22": Task(partial(distort_elastic, jitter=1.22), 28),
    "TC": Task(DISTORTIONS["TC"], 60, view=28, crops=_true_crops),
    "TC_once": Task(
        partial(DISTORTIONS["TC"], redraw=False),
        60,
        view=28,
        crops=partial(_true_crops, redraw=False),
    ),
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


def _with_transformers(*networks: str, families: tuple = ROW_FAMILIES) -> tuple:
    """Rows of networks with transformers: each frozen at the identity, then in its families."""
    rows = ([(f"frozen_{network}", None), *product([network], families)] for network in networks)
    return tuple(chain.from_iterable(rows))


# The rows of each experiment: networks, and for those whose transformers learn the families.
WITHOUT_TRANSFORMER = (("fcn", None), ("cnn", None))
AFFINE_ROWS = (*WITHOUT_TRANSFORMER, *_with_transformers("st_fcn", "st_cnn", families=("affine",)))
TABLE_ROWS = {
    "table1": (*WITHOUT_TRANSFORMER, *_with_transformers("st_fcn", "st_cnn")),
    "tc": (*AFFINE_ROWS, ("pointing_st_cnn", "affine"), ("crop_cnn", None)),
    "tc_once": (*AFFINE_ROWS, ("crop_cnn", None)),
    "undistorted": AFFINE_ROWS,
    "slant": (*WITHOUT_TRANSFORMER, *_with_transformers("st_cnn", families=("affine",))),
    "addition": (
        *WITHOUT_TRANSFORMER,
        *_with_transformers("st_fcn", "2st_fcn"),
        ("pointing_2st_fcn", "affine"),
    ),
}
TABLE_COLUMNS = {
    "table1": TABLE1_DISTORTIONS,
    "tc": ("TC",),
    "tc_once": ("TC_once",),
    "undistorted": ("undistorted",),
    "slant": (*SLANTS, "E1.22"),
    "addition": ("addition",),
}


def build_network(task: str, network: str, family: str | None = None) -> nn.Module:
    """A network for a task, as wide as it takes to have as many parameters as the others.

    Fully connected networks are matched to the affine ST-FCN with 128 hidden units (for addition,
    to two transformers with one), convolutional ones to the affine ST-CNN with 32 filters. A frozen
    network is the affine one, its localisation network held; "crop_cnn" is its reader alone.

    Args:
        task: a name from `TASKS`.
        network: "fcn", "cnn", "st_fcn", "st_cnn" or "2st_fcn" (two transformers side by side);
            "frozen_st_fcn", "frozen_st_cnn" or "frozen_2st_fcn" (all transformers held at the
            identity); "pointing_st_cnn" or "pointing_2st_fcn" (their localisation networks point;
            the two start on one channel each); or "crop_cnn" (for the `crops` of a task that has
            them).
        family: of transformers that learn, "affine", "projective" or "tps".

    Raises:
        ValueError: an unknown network, one without the family that it needs, or crops of a task
            that has none.

    >>> [count_parameters(build_network("R", *row)) for row in (("st_cnn", "tps"), ("cnn", None))]
    [117242, 118874]
    """
    made_for = TASKS[task]
    _check_network(task, network, family)
    if network.startswith("frozen_"):
        return freeze_transformers(build_network(task, network.removeprefix("frozen_"), "affine"))
    if network == "crop_cnn":
        return CNN(made_for.view, made_for.channels, made_for.classes)
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
        "pointing_st_cnn": lambda width: STCNN(**with_view, pointing=True, filters=width),
        "pointing_2st_fcn": lambda width: STFCN(
            **with_view, transformers=2, per_channel=True, pointing=True, hidden=width
        ),
    }
    return match_parameters(builders[network], parameters[network[-3:]])


def _check_network(task: str, network: str, family: str | None) -> None:
    known = dict.fromkeys(name for rows in TABLE_ROWS.values() for name, _ in rows)
    if network not in known:
        raise ValueError(f"network must be one of {', '.join(known)}, got {network!r}")
    if (family is None) == network.removeprefix("pointing_").startswith(("st_", "2st_")):
        raise ValueError(
            f"a network whose transformers learn needs a family, {network} got {family}"
        )
    if network == "crop_cnn" and TASKS[task].crops is None:
        with_crops = ", ".join(name for name, made_for in TASKS.items() if made_for.crops)
        raise ValueError(f"crop_cnn reads crops, which only {with_crops} have, got {task}")


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
        schedule: "short", "long" or "sgd", see `PAPER_SCHEDULES`.
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
    made_for = TASKS[task]
    settings = default_settings() | PAPER_SCHEDULES[data, schedule] | {"precision": precision}
    repeats = settings.pop("repeats")
    settings["epochs"] = epochs or settings["epochs"] * made_for.epoch_factor
    settings["localisation_rate"] = made_for.localisation_rate
    digits = load_dataset(data).to(default_device())  # so that they are distorted there
    make = made_for.crops if network == "crop_cnn" else made_for.make
    distorted = partial(make, digits, repeats=repeats)

    def prepare(seed: int) -> tuple[nn.Module, Dataset]:
        torch.manual_seed(seed)
        return build_network(task, network, family), distorted(seed=seed)

    description = {
        "experiment": experiment,
        "data": repr(distorted(seed=0)),
        "task": task,
        "network": network,
        "family": family,
        "schedule": schedule,
        "settings": settings | {"repeats": repeats},
    }
    name = cell_name(experiment, data, task, (network, family), schedule)
    return run_seeds(name, description, seeds, prepare, settings)
