"""The paper's table 2: real street-view house numbers. For a GPU."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from torch import nn

from stn_lesson.arguments import one_of, whole_number
from stn_lesson.datasets import Dataset
from stn_lesson.datasets.svhn import PLACES, load_svhn
from stn_lesson.experiments import records
from stn_lesson.experiments.runs import check_before_download, default_settings, run_seeds
from stn_lesson.experiments.schedules import SVHN_SCHEDULE
from stn_lesson.experiments.tables import align_columns, format_cell, published_errors
from stn_lesson.networks import SVHNNet

SVHN_NETWORKS = {
    "cnn": SVHNNet,
    "st_cnn_single": partial(SVHNNet, transformers=1),
    "st_cnn_multi": partial(SVHNNet, transformers=4),
}
# Without a transformer; measured with one thread.
_ON_CPU = "7 hours for an epoch, longer with transformers"
_SIZE = "64"  # pixels: the column of the paper's table


def run_svhn(
    network: str | None = None, seeds: int = 1, epochs: int | None = None
) -> Iterator[Path]:
    """Train the paper's networks on SVHN, one of them or all; yield each record's file.

    Args:
        network: "cnn"; "st_cnn_single", behind one transformer; "st_cnn_multi", with one before
            each of the first four convolutions; None takes all.
        seeds: how many runs; each decides first weights and the order of the images.
        epochs: instead of the schedule's own.

    Yields:
        the record's file, data/results/svhn-<network>.json.

    Raises:
        TypeError, ValueError: an unknown name, seeds or epochs that cannot be.
        DownloadError, FileError, ModuleNotFoundError: as `load_svhn`.
        FileExistsError: as `run_seeds`.
    """
    names = [one_of(network, "network", SVHN_NETWORKS)] if network else SVHN_NETWORKS
    settings = default_settings() | SVHN_SCHEDULE
    if epochs is not None:
        settings["epochs"] = whole_number(epochs, "epochs", lowest=1)
    check_before_download([f"svhn-{name}" for name in names], seeds, settings["epochs"], _ON_CPU)
    data = load_svhn()

    def prepare(name: str, seed: int) -> tuple[nn.Module, Dataset]:
        torch.manual_seed(seed)
        return SVHN_NETWORKS[name](), data

    for name in names:
        description = {
            "experiment": "SVHN",
            "data": repr(data),
            "places": PLACES,
            "network": name,
            "settings": settings,
        }
        yield run_seeds(f"svhn-{name}", description, seeds, partial(prepare, name), settings)


def svhn_table() -> str:
    """The share of numbers misread in %, as far as it was measured, beside the paper's table 2."""
    published = published_errors("svhn")
    lines = [["network", "misread, % [the paper's]"]]
    for name in SVHN_NETWORKS:
        record = records.find_record(f"svhn-{name}")
        ours = record and [100 * (1 - run["accuracy"][-1]) for run in record["runs"]]
        lines.append([name, format_cell(ours, published[name, _SIZE])])
    return "\n".join(align_columns(lines))
