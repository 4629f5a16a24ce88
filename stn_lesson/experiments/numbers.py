"""House numbers (section 4.2): one transformer before the reader, or one before each layer."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import torch
from torch import nn

from stn_lesson.arguments import one_of, seed_number
from stn_lesson.datasets import Dataset, Split, to_floats
from stn_lesson.datasets.numbers import crop_numbers, draw_numbers, house_numbers
from stn_lesson.experiments import records
from stn_lesson.experiments.record_form import check_trained
from stn_lesson.experiments.runs import default_settings, run_seeds
from stn_lesson.experiments.schedules import NUMBERS_EPOCHS, NUMBERS_SCHEDULE
from stn_lesson.experiments.tables import align_columns, cost_cells, format_mean
from stn_lesson.networks import NumberCNN, NumberSTN
from stn_lesson.training import evaluate
from stn_lesson.transformer import SpatialTransformer, freeze_transformers, look

LOOSENESSES = (0.15, 0.6, 1.2)  # of the crops that all networks are tested on
TRAINING_SCENES, TEST_SCENES = 4000, 1000
FRAMES = 500  # test crops on which the motion of the frames is measured


def _freeze_later(model: NumberSTN) -> NumberSTN:
    """Hold all transformers but the first at the identity."""
    freeze_transformers(model.layers[1:])
    return model


NUMBERS_NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "cnn": NumberCNN,
    "frozen_st_cnn": lambda: freeze_transformers(NumberSTN()),
    "st_cnn_single": NumberSTN,
    "st_cnn_multi": lambda: NumberSTN(transformers=3),
    "st_cnn_multi_first": lambda: _freeze_later(NumberSTN(transformers=3)),
}


def numbers_network(name: str, seed: int = 0) -> nn.Module:
    """A network that reads house numbers, not trained yet.

    Args:
        name: "cnn"; "st_cnn_single", one transformer; "st_cnn_multi", one before each of the three
            convolutions; or a control: "frozen_st_cnn", one that is held at the identity, and
            "st_cnn_multi_first", three of which only the first may learn.
        seed: decides its first weights.

    Raises:
        ValueError: an unknown name.

    >>> from stn_lesson.networks import count_parameters
    >>> [count_parameters(numbers_network(name)) for name in ("cnn", "st_cnn_single")]
    [833081, 263343]
    """
    name = one_of(name, "network", NUMBERS_NETWORKS)
    torch.manual_seed(seed_number(seed))
    return NUMBERS_NETWORKS[name]()


def load_house_numbers(name: str, seed: int = 0) -> tuple[Dataset, dict]:
    """House numbers as a network is trained on them, and the settings to do so with `fit`.

    Those without several transformers may train for about as long as "st_cnn_single" takes; the
    crops grow looser at the same share of each training.

    Args:
        name: as in `numbers_network`.
        seed: decides scenes and crops.

    Raises:
        ValueError: an unknown name.
    """
    epochs = NUMBERS_EPOCHS[one_of(name, "network", NUMBERS_NETWORKS)]
    data = house_numbers(
        TRAINING_SCENES, TEST_SCENES, looseness=LOOSENESSES[-1], epochs=epochs, seed=seed
    )
    return data, NUMBERS_SCHEDULE | {"epochs": epochs}


@cache
def common_crops() -> dict[float, Split]:
    """The crops that all networks are compared on: the same scenes, looseness by looseness.

    No network is trained on these scenes, whatever its seed.
    """
    scenes = draw_numbers(TEST_SCENES, seed=1)  # trainings draw theirs by even seeds
    return {looseness: crop_numbers(scenes, looseness) for looseness in LOOSENESSES}


def read_at_each_looseness(model: nn.Module) -> dict[str, float]:
    """The share of the numbers that a network reads in whole, at each of the loosenesses."""
    return {f"{e:g}": round(evaluate(model, crops), 4) for e, crops in common_crops().items()}


def motion_of_frames(model: nn.Module, split: Split) -> list[list[float]]:
    """How far the frame of each transformer moves from picture to picture.

    Returns:
        for each transformer the standard deviations of t_x and of t_y, in half pictures.
    """
    count = sum(isinstance(module, SpatialTransformer) for module in model.modules())
    images = to_floats(split.images[:FRAMES])
    thetas = [look(model, images, which).theta for which in range(count)]
    return [[round(std, 3) for std in theta[:, :, 2].std(0).tolist()] for theta in thetas]


def run_numbers(network: str | None = None, seeds: int = 1) -> Iterator[Path]:
    """Train one of the `NUMBERS_NETWORKS` with several seeds, or each; yield each record's file.

    Args:
        network: as in `numbers_network`; None takes all.
        seeds: how many runs; each decides scenes, crops, first weights and the order of the images.

    Yields:
        the record's file, data/results/numbers-drawn-<network>.json. It holds `whole_numbers`, the
        share read at each looseness, and `motion_of_frames`.

    Raises:
        ValueError: an unknown name.
        FileExistsError: as `run_seeds`.
    """
    for name in [network] if network else NUMBERS_NETWORKS:
        yield _run_network(name, seeds)


def _run_network(name: str, seeds: int) -> Path:
    """Train a network with several seeds and write its record."""
    data, schedule = load_house_numbers(name)
    settings = default_settings() | schedule

    def prepare(seed: int) -> tuple[nn.Module, Dataset]:
        model = numbers_network(name, seed)
        return model, data if seed == 0 else load_house_numbers(name, seed)[0]

    def measure(model: nn.Module) -> dict:
        moved = motion_of_frames(model, common_crops()[LOOSENESSES[-1]])
        measured = {"whole_numbers": read_at_each_looseness(model)}
        return measured | ({"motion_of_frames": moved} if moved else {})

    description = {
        "experiment": "house numbers",
        "data": repr(data),
        "network": name,
        "settings": settings | {"training_scenes": TRAINING_SCENES},
    }
    return run_seeds(
        f"numbers-drawn-{name}", description, seeds, prepare, settings, measure=measure
    )


def numbers_accuracies() -> dict[tuple[str, str], list[float]]:
    """The share of numbers read in whole, as recorded: (network, "e = 1.2") → one for each seed."""
    found = {}
    for name in NUMBERS_NETWORKS:
        if record := records.find_record(f"numbers-drawn-{name}", _figures):
            for looseness in LOOSENESSES:
                shares = [run["whole_numbers"][f"{looseness:g}"] for run in record["runs"]]
                found[name, f"e = {looseness:g}"] = shares
    return found


def numbers_table() -> str:
    """The records of all networks, a line each: numbers read in whole, in %, and at what cost.

    The seconds are those of the fastest run: the machine that made these records had other work.
    """
    columns = [f"e = {looseness:g}" for looseness in LOOSENESSES]
    lines = [["network", *columns, "seeds", "epochs", "seconds", "parameters"]]
    for name in NUMBERS_NETWORKS:
        if record := records.find_record(f"numbers-drawn-{name}", _figures):
            lines.append([name, *_figures(record)])
    return "\n".join(align_columns(lines))


def _figures(record: dict) -> list[str]:
    """A line of the table, from the second word on."""
    check_trained(record)
    runs = record["runs"]
    shares = [[100 * run["whole_numbers"][f"{e:g}"] for run in runs] for e in LOOSENESSES]
    seconds = min(run["training_seconds"] for run in runs)
    seeds, epochs, parameters = cost_cells(record)
    cells = [format_mean(of_column, 1) for of_column in shares]
    return [*cells, seeds, epochs, f"{seconds:.0f}", parameters]
