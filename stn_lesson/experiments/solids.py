"""Solid digits: does it pay to turn them upright before they are flattened (appendix A.3)?

The paper's digits are MNIST's in 60³ voxels; these are the embedded ones in 24³. All networks
train for about as long; how many epochs that is for each stands in `schedules.SOLID_SCHEDULES`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from stn_lesson.arguments import one_of
from stn_lesson.datasets import Dataset, Split, to_floats
from stn_lesson.datasets.checks import check_known
from stn_lesson.datasets.solids import solids
from stn_lesson.experiments import records
from stn_lesson.experiments.record_form import check_trained
from stn_lesson.experiments.runs import default_settings, load_dataset, run_seeds
from stn_lesson.experiments.schedules import SOLID_REPEATS, SOLID_SCHEDULES
from stn_lesson.experiments.tables import COST_COLUMNS, align_columns, cost_cells, format_mean
from stn_lesson.networks import FlatCNN, SolidCNN, SolidSTN
from stn_lesson.training.checks import check_split
from stn_lesson.transformer import look
from stn_lesson.volume import tilt_between, volume_theta

SOLID_NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "solid_stn": SolidSTN,
    "flat_cnn": FlatCNN,
    "solid_cnn": SolidCNN,
}


def load_solids(seed: int = 0) -> Dataset:
    """The embedded digits as solids in 24×24×24 voxels, each four times in an epoch.

    >>> load_solids()
    solid embedded digits: 5148 training images, 510 test images, 24×24×24 voxels
    """
    return solids(load_dataset("digits"), seed=seed, repeats=SOLID_REPEATS)


def tilts(model: nn.Module, split: Split) -> tuple[Tensor, Tensor]:
    """How far each solid is tilted from a straight look at its face, before and after.

    Args:
        model: a network with a transformer of volumes.
        split: solids whose poses are known.

    Returns:
        degrees (N,) between the line of sight and the digit's axis: of the volume as it stands, and
        of the transformer's view.

    Raises:
        TypeError, ValueError: no `Split`, or one without poses; or as `look`.

    >>> before, after = tilts(SolidSTN(), load_solids().test)  # not trained yet
    >>> torch.equal(before, after)
    True
    """
    check_split(split)
    poses = check_known(split.poses, "poses", "solids(digits).test")
    theta = look(model, to_floats(split.images)).theta
    size = split.images.shape[2:]
    return tuple(tilt_between(seen, poses, size=size) for seen in (volume_theta(), theta))


def run_solids(network: str | None = None, seeds: int = 1) -> Iterator[Path]:
    """Train the networks for solids with several seeds; yield each record's file.

    Args:
        network: a name from `SOLID_NETWORKS`; None for all.
        seeds: how many runs; each decides first weights, solids and the order of the images.

    Yields:
        data/results/solids-digits-<network>.json; of the network with a transformer it holds the
        median tilt before and after, in degrees, of the same 510 test solids.

    Raises:
        ValueError: an unknown name.
        FileExistsError: as `run_seeds`.
    """
    names = SOLID_NETWORKS if network is None else [one_of(network, "network", SOLID_NETWORKS)]
    for name in names:
        yield _run_network(name, seeds)


def solids_table() -> str:
    """The records of all networks, a line each: digits read in %, the median tilt, and the cost.

    >>> solids_table().splitlines()[2].split()[:4]
    ['solid_stn', '88.0', '±', '0.6']
    """
    lines = [["network", "read", "tilt before", "after", *COST_COLUMNS]]
    for name in SOLID_NETWORKS:
        if record := records.find_record(f"solids-digits-{name}", _figures):
            lines.append([name, *_figures(record)])
    what = "read, % of 510 test digits, and median tilt: mean ± standard deviation over the seeds"
    return "\n".join([what, *align_columns(lines)])


def _figures(record: dict) -> list[str]:
    """A line of the table, from the second word on."""
    check_trained(record)
    runs = record["runs"]
    figures = [format_mean([100 * run["accuracy"][-1] for run in runs], 1)]
    for when in ("tilt_before", "tilt_after"):
        degrees = [run[when] for run in runs if when in run]
        figures.append(f"{format_mean(degrees, 1)}°" if degrees else "–")
    return figures + cost_cells(record)


def _run_network(network: str, seeds: int) -> Path:
    """Train one network with several seeds and write its record."""
    settings = default_settings() | SOLID_SCHEDULES[network]
    data = load_solids()

    def prepare(seed: int) -> tuple[nn.Module, Dataset]:
        torch.manual_seed(seed)
        return SOLID_NETWORKS[network](), data if seed == 0 else load_solids(seed)

    def measure(model: nn.Module) -> dict:
        if network != "solid_stn":
            return {}
        before, after = tilts(model, data.test)
        return {
            "tilt_before": round(before.median().item(), 1),
            "tilt_after": round(after.median().item(), 1),
        }

    description = {
        "experiment": "solids",
        "data": repr(data),
        "network": network,
        "settings": settings | {"repeats": SOLID_REPEATS},
    }
    return run_seeds(
        f"solids-digits-{network}", description, seeds, prepare, settings, measure=measure
    )
