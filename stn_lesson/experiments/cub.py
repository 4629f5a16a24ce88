"""Section 4.3 on its own data, CUB-200-2011: for those who have a GPU, and an evening.

It is smaller than the paper's: EfficientNet-Lite0 stands in for its Inception, and in the
localisation network it is held. We had no GPU and no CUB-200-2011, and have measured none of it.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from stn_lesson.arguments import one_of
from stn_lesson.datasets import Dataset, Split, load_birds
from stn_lesson.datasets.checks import check_known
from stn_lesson.experiments import records
from stn_lesson.experiments.birds import window_centres
from stn_lesson.experiments.runs import check_before_download, default_settings, run_seeds
from stn_lesson.experiments.schedules import CUB_SCHEDULE
from stn_lesson.experiments.tables import align_columns, format_cell
from stn_lesson.networks import EfficientNetLite0, HeatMapLocalisation, WindowSTN
from stn_lesson.networks.efficientnet import EFFICIENTNET_MAPS
from stn_lesson.networks.windows import STARTS

SPECIES = 200
VIEW = 224  # side of what a reader sees, in pixels
SCALE = 0.5  # of a window; 224 of 448 pixels
CUB_CELLS = [("cnn", 224), ("2st_cnn", 224), ("2st_cnn", 448), ("4st_cnn", 448)]  # of table 3
# Measured with one thread: the CNN at 224, and two windows at 448.
_ON_CPU = "12 minutes for an epoch of the CNN at 224, 40 or more with windows at 448"
CUB_WINDOWS = {"cnn": 0, "2st_cnn": 2, "4st_cnn": 4}


def cub_network(name: str) -> nn.Module:
    """A network for CUB-200-2011, whose convolutions have seen ImageNet.

    Args:
        name: "cnn", EfficientNet-Lite0; or "2st_cnn" and "4st_cnn", two and four windows, each with
            such a network for a reader, and one more to point them.

    Raises:
        ValueError: an unknown name.
        ModuleNotFoundError: the package that carries the weights is not installed.
    """
    windows = CUB_WINDOWS[one_of(name, "network", CUB_WINDOWS)]
    readers = [
        nn.Sequential(EfficientNetLite0(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2))
        for _ in range(max(windows, 1))
    ]
    if not windows:
        return nn.Sequential(*readers, nn.Linear(EFFICIENTNET_MAPS, SPECIES))
    localise = HeatMapLocalisation(
        EfficientNetLite0(), EFFICIENTNET_MAPS, STARTS[windows], scale=SCALE
    )
    return WindowSTN(localise, readers, code=EFFICIENTNET_MAPS, view=VIEW, classes=SPECIES)


def mirrored_at_random(data: Dataset, seed: int) -> Dataset:
    """The same birds, but from the second epoch on each training picture is mirrored or not.

    Args:
        data: any pictures.
        seed: decides which are mirrored in which epoch.
    """
    mirror = partial(_mirror_at_random, data, seed)
    return Dataset(data.name, data.train, data.test, data.valid, redraw=mirror)


def _mirror_at_random(data: Dataset, seed: int, epoch: int) -> Tensor:
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
    mirrored = torch.rand(len(data.train), generator=generator) < 0.5
    images = data.training_images(epoch).clone()
    images[mirrored] = images[mirrored].flip(-1)
    return images


def distances_to_parts(model: WindowSTN, split: Split) -> Tensor:
    """The median distance (windows, parts) from each window's centre to each part that is seen.

    In half pictures; NaN for a part that is never seen.
    """
    parts = check_known(split.parts, "parts", "drawn_birds().test")
    centres = window_centres(model, split.images)
    apart = (centres[:, :, None] - parts[:, None]).norm(dim=-1)  # (N, windows, parts)
    return apart.nanmedian(0).values


def run_cub_cell(network: str, size: int, seeds: int = 1, folder: str | Path | None = None) -> Path:
    """Train a network on CUB-200-2011 with several seeds and write its record.

    Args:
        network: as in `cub_network`.
        size: side of the pictures in pixels, 224 or 448.
        seeds: how many runs; each decides first weights and the order of the images.
        folder: as in `load_birds`.

    Returns:
        The record's file, data/results/birds-cub-<size>-<network>.json. Of networks with windows
        it has the windows' standard deviations and `distances_to_parts`.

    Raises:
        TypeError, ValueError: an unknown name, seeds that cannot be.
        ModuleNotFoundError: the package that carries the weights is not installed.
        DownloadError, FileError: as `load_birds`.
        FileExistsError: as `run_seeds`.
    """
    windows = CUB_WINDOWS[one_of(network, "network", CUB_WINDOWS)]
    name, settings = f"birds-cub-{size}-{network}", default_settings() | CUB_SCHEDULE
    check_before_download([name], seeds, settings["epochs"], _ON_CPU)
    cub_network(network)  # weights that are not installed are told before the download, too
    data = load_birds(folder, size=size)

    def prepare(seed: int) -> tuple[nn.Module, Dataset]:
        torch.manual_seed(seed)
        return cub_network(network), mirrored_at_random(data, seed)

    def measure(model: nn.Module) -> dict:
        if not windows:
            return {}
        centres = window_centres(model, data.test.images)
        found = {"centre_std": centres.std(0), "distance": distances_to_parts(model, data.test)}
        return {
            name: [[round(v, 3) if v == v else None for v in row] for row in values.tolist()]
            for name, values in found.items()
        }

    description = {
        "experiment": "birds of CUB-200-2011",
        "data": repr(data),
        "network": network,
        "settings": settings,
    }
    return run_seeds(name, description, seeds, prepare, settings, measure=measure)


def run_birds_cub(
    network: str | None = None, size: int | None = None, seeds: int = 1
) -> Iterator[Path]:
    """Run the cells of the paper's table 3 that are not ruled out; yield each record's file.

    Args:
        network: "cnn", "2st_cnn" or "4st_cnn"; None for all.
        size: 224 or 448 pixels; None for both.
        seeds: as in `run_cub_cell`.

    Raises:
        ValueError: the table has no such cell.
    """
    cells = [cell for cell in CUB_CELLS if network in (None, cell[0]) and size in (None, cell[1])]
    if not cells:
        known = ", ".join(f"{name} at {side}" for name, side in CUB_CELLS)
        raise ValueError(f"network and size must be one of {known}, got {network} at {size}")
    for name, side in cells:
        yield run_cub_cell(name, side, seeds)


def cub_table() -> str:
    """Test accuracy on CUB-200-2011 in %: ours, where it was measured, beside the paper's table 3.

    >>> cub_table().splitlines()[3].split()
    ['cnn', ...]
    """
    published = records.read_record("paper")["accuracy_in_percent"]["birds"]
    lines = [["network", "224 pixels", "448 pixels"]]
    for network in CUB_WINDOWS:
        cells = []
        for size in (224, 448):
            record = records.find_record(f"birds-cub-{size}-{network}")
            ours = record and [100 * run["accuracy"][-1] for run in record["runs"]]
            theirs = published[network].get(str(size))
            cells.append(format_cell(ours, theirs) if ours or theirs else "")
        lines.append([network, *cells])
    what = "mean ± standard deviation over the seeds; [the paper's]; –: not measured"
    return "\n".join([f"test accuracy in % on CUB-200-2011: {what}", "", *align_columns(lines)])
