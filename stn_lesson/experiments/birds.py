"""Birds (after section 4.3): windows that find a bird's head and its wing, unasked."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stn_lesson.arguments import one_of, seed_number
from stn_lesson.datasets import Dataset, Split, drawn_birds, to_floats
from stn_lesson.datasets.birds import PARTS, WINGS
from stn_lesson.datasets.checks import check_known
from stn_lesson.experiments import records
from stn_lesson.experiments.record_form import check_trained
from stn_lesson.experiments.runs import default_settings, fit_once, run_seeds
from stn_lesson.experiments.schedules import BIRDS_SCHEDULES, BIRDS_WINDOWS
from stn_lesson.experiments.tables import COST_COLUMNS, align_columns, cost_cells, format_mean
from stn_lesson.networks import FeatureCNN, WindowSTN, window_stn
from stn_lesson.training import predict
from stn_lesson.training.checkpoints import fingerprint
from stn_lesson.training.checks import check_data
from stn_lesson.transformer import evaluating, freeze_transformers

BIRD_COUNTS = {"train": 5000, "test": 2000}


class BirdNetwork(NamedTuple):
    """A network to compare.

    Attributes:
        windows: how many; 0 for a CNN without any.
        held: whether the windows are held where they start.
        settings: of the windows, as in `HeatMapLocalisation`.
    """

    windows: int
    held: bool = False
    settings: dict = BIRDS_WINDOWS


BIRD_NETWORKS = {
    "cnn": BirdNetwork(0),
    "frozen_2st_cnn": BirdNetwork(2, held=True),
    "frozen_wide_2st_cnn": BirdNetwork(2, True, {"scale": BIRDS_WINDOWS["start_scale"]}),
    "2st_cnn": BirdNetwork(2),
    "4st_cnn": BirdNetwork(4),
}


def load_bird_data() -> Dataset:
    """The birds of all runs, drawn in some ten seconds: 5,000 to learn from and 2,000 to test."""
    return drawn_birds(**BIRD_COUNTS)


def pretrained_bird_cnn(data: Dataset, seed: int = 0) -> FeatureCNN:
    """A CNN trained on birds for a while: its convolutions are what windows are found by.

    It is kept in data/cache, and trained once for each seed and each data set.

    Args:
        data: the birds.
        seed: decides its first weights and the order of the images.

    Raises:
        KeyboardInterrupt: the training was stopped by hand.
    """
    torch.manual_seed(seed_number(seed))
    check_data(data)
    cnn = FeatureCNN()
    of_data = zlib.crc32(repr([*fingerprint(data.train), *fingerprint(data.test)]).encode())
    settings = default_settings() | BIRDS_SCHEDULES["pretraining"]
    fit_once(cnn, data, f"birds-pretraining-seed{seed}-{of_data:08x}", seed=seed, **settings)
    return cnn


def bird_network(name: str, data: Dataset, seed: int = 0) -> nn.Module:
    """One of the `BIRD_NETWORKS`, with first weights of this seed.

    Args:
        name: "cnn"; "2st_cnn" or "4st_cnn", two and four windows; "frozen_2st_cnn", two that are
            held where they start, and narrow there; or "frozen_wide_2st_cnn", which stay wide.
        data: birds for the CNN that networks with windows are built on (`pretrained_bird_cnn`).
        seed: decides all first weights.

    Raises:
        ValueError: an unknown name.
    """
    network = BIRD_NETWORKS[one_of(name, "name", BIRD_NETWORKS)]
    if not network.windows:
        torch.manual_seed(seed_number(seed))
        return FeatureCNN()
    cnn = pretrained_bird_cnn(data, seed)
    torch.manual_seed(seed)
    model = window_stn(cnn, network.windows, **network.settings)
    return freeze_transformers(model) if network.held else model


@torch.no_grad()
def window_centres(model: WindowSTN, images: Tensor) -> Tensor:
    """Where a network's windows look in images (N, C, H, W), bytes: centres (N, windows, 2)."""
    device = next(model.parameters()).device
    with evaluating(model):
        moved = [model.localisation(to_floats(some.to(device))) for some in images.split(100)]
    return (torch.cat(moved)[..., 1:] + model.localisation.starts).cpu()


@torch.no_grad()
def read_alone(model: WindowSTN, data: Dataset) -> Tensor:
    """How well heads and wings are read through one window alone.

    Of all other windows the classifier is told no more than what they show on average: the mean of
    their codes over 1,000 training birds.

    Args:
        model: trained on the birds.
        data: drawn birds.

    Returns:
        (windows, 2): the share of the test birds whose head, and whose wing, is named rightly.
    """
    few = Split(data.train.images[:1000], data.train.labels[:1000])
    with evaluating(model):
        means = [code.mean(0) for code in _codes(model, few)]
        codes = _codes(model, data.test)
        shares = []
        for k in range(len(codes)):
            told = [code if j == k else means[j].expand_as(code) for j, code in enumerate(codes)]
            answers = model.scores(torch.cat(told, 1)).argmax(1).cpu()
            shares.append(share_of_parts(answers, data.test.labels))
    return torch.stack(shares)


def share_of_parts(answers: Tensor, labels: Tensor) -> Tensor:
    """The share of answers (N,) with the right head, and with the right wing: (2,).

    >>> share_of_parts(torch.tensor([0, 1, 4]), torch.tensor([0, 0, 0]))
    tensor([0.6667, 0.6667])
    """
    heads = answers // len(WINGS) == labels // len(WINGS)
    wings = answers % len(WINGS) == labels % len(WINGS)
    return torch.stack([heads, wings]).float().mean(1)


def measure_windows(model: WindowSTN, data: Dataset) -> dict:
    """What a record keeps of a network's windows, in lists with an entry for each of them.

    Returns:
        "centre_std": of its centre's x and y over the test birds, in half pictures;
        "distance": from its centre to the head's and to the wing's, the median; "alone": the
        shares of `read_alone`.
    """
    parts = check_known(data.test.parts, "parts", "drawn_birds().test")
    centres = window_centres(model, data.test.images)
    apart = (centres[:, :, None] - parts[:, None]).norm(dim=-1)  # (N, windows, parts)
    measured = {
        "centre_std": centres.std(0),
        "distance": apart.median(0).values,
        "alone": read_alone(model, data),
    }
    return {name: [[round(v, 3) for v in row] for row in values.tolist()]
            for name, values in measured.items()}  # fmt: skip


def run_bird_network(name: str, seeds: int = 1) -> Path:
    """Train one of the `BIRD_NETWORKS` with several seeds and write its record.

    Args:
        name: as in `bird_network`.
        seeds: how many runs; each decides all first weights and the order of the images. The birds
            are the same.

    Returns:
        The record's file, data/results/birds-drawn-<name>.json. Each run holds the shares of heads
        and of wings that are named rightly and, of networks with windows, `measure_windows`.

    Raises:
        ValueError: an unknown name.
        FileExistsError: as `run_seeds`.
    """
    windows, _, of_windows = BIRD_NETWORKS[one_of(name, "name", BIRD_NETWORKS)]
    data = load_bird_data()
    settings = default_settings() | BIRDS_SCHEDULES["windows" if windows else "cnn"]
    built = {"pretraining": BIRDS_SCHEDULES["pretraining"]} | of_windows if windows else {}

    def measure(model: nn.Module) -> dict:
        shares = share_of_parts(predict(model, data.test.images), data.test.labels).tolist()
        read = {part: round(share, 4) for part, share in zip(PARTS, shares, strict=True)}
        return {"read": read} | (measure_windows(model, data) if windows else {})

    description = {
        "experiment": "birds",
        "data": repr(data),
        "network": name,
        "settings": settings | built,
    }
    return run_seeds(
        f"birds-drawn-{name}",
        description,
        seeds,
        lambda seed: (bird_network(name, data, seed), data),
        settings,
        measure=measure,
    )


def run_birds(network: str | None = None, seeds: int = 1) -> Iterator[Path]:
    """Run one of the networks on drawn birds, or all; yield each record's file.

    Raises:
        ValueError: an unknown name.
    """
    for name in [network] if network else BIRD_NETWORKS:
        yield run_bird_network(name, seeds)


def birds_table() -> str:
    """The records of all networks, a line each: birds, heads and wings named rightly, and the cost.

    The epochs of networks with windows are without those of the CNN that they stand on.

    >>> birds_table().splitlines()[3].split()[:2]
    ['frozen_2st_cnn', '55.9']
    """
    lines = [["network", "species", "heads", "wings", *COST_COLUMNS]]
    for name in BIRD_NETWORKS:
        if record := records.find_record(f"birds-drawn-{name}", _figures):
            lines.append([name, *_figures(record)])
    what = f"named rightly, % of {BIRD_COUNTS['test']:,} test birds"
    what += ": mean ± standard deviation over the seeds"
    return "\n".join([what, *align_columns(lines)])


def _figures(record: dict) -> list[str]:
    """A line of the table, from the second word on."""
    check_trained(record)
    species = [100 * run["accuracy"][-1] for run in record["runs"]]
    parts = [[100 * run["read"][part] for run in record["runs"]] for part in PARTS]
    return [format_mean(values, 1) for values in (species, *parts)] + cost_cells(record)


def _codes(model: WindowSTN, split: Split) -> list[Tensor]:
    """The codes of all windows over a split, (N, code) each."""
    device = next(model.parameters()).device
    batches = [model.codes(to_floats(some.to(device))) for some in split.images.split(100)]
    return [torch.cat(codes) for codes in zip(*batches, strict=True)]
