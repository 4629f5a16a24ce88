"""A fair contest at equal training time: when does it pay to look first, and then to read?

A digit stays as large as it is, the scenes around it grow. Every network may train for as long as
the pointing transformer takes for its schedule, on this machine. How fast each of them goes is
measured first, one after the other.
"""

import json
import math
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise, product
from pathlib import Path

import torch
from torch import nn

from stn_lesson.datasets import Dataset, Split
from stn_lesson.experiments import records
from stn_lesson.experiments.bench import peak_memory
from stn_lesson.experiments.recipe import SCENES, load_scenes
from stn_lesson.experiments.record_form import check_trained
from stn_lesson.experiments.runs import default_settings, run_seeds
from stn_lesson.experiments.schedules import CONTEST_SCHEDULES, NETWORK_SETTINGS, REPEATS
from stn_lesson.experiments.tables import align_columns, format_cell
from stn_lesson.networks import (
    GlobalMaxCNN,
    PlainCNN,
    PointingSTN,
    RecipeSTN,
    count_parameters,
    match_parameters,
)
from stn_lesson.training import default_device, fit
from stn_lesson.transformer import freeze_transformers

PACE_STEPS, PACE_TRIALS = 30, 6  # so many steps, so often: the fastest tells how long an epoch is


def _plain_cnn_of_equal_size(size: int) -> nn.Module:
    parameters = count_parameters(PointingSTN(size))
    return match_parameters(lambda width: PlainCNN(size, hidden=width), parameters)


CONTESTANTS: dict[str, Callable[[int], nn.Module]] = {
    "frozen_stn": lambda size: freeze_transformers(PointingSTN(size)),
    "recipe_stn": RecipeSTN,
    "pointing_stn": PointingSTN,
    "plain_cnn_small": _plain_cnn_of_equal_size,
    "plain_cnn_large": PlainCNN,
    "global_max_cnn": lambda size: GlobalMaxCNN(),
}


def measure_pace(data: str, size: int, network: str) -> dict:
    """How long a network takes for a step, in seconds, and the memory of this process, in MB.

    It trains for `PACE_STEPS` steps, several times; the fastest counts, for nothing but other work
    of the machine slows the others down. What is in the pictures makes no difference.
    """
    settings, device = _settings(data, network), default_device()
    count = PACE_STEPS * settings["batch_size"]
    few = Split(torch.zeros(count, 1, size, size, dtype=torch.uint8), torch.arange(count) % 10)
    model, test = CONTESTANTS[network](size), Split(few.images[:10], few.labels[:10])
    settings |= {"epochs": PACE_TRIALS, "device": device, "progress_bar": False}
    seconds = fit(model, Dataset("few scenes", few, test), **settings).seconds
    fastest = min(later - earlier for earlier, later in pairwise(seconds))
    return {
        "seconds_a_step": round(fastest / PACE_STEPS, 5),
        "peak_memory_mb": peak_memory(device),
        "parameters": count_parameters(model),
    }


def run_pace(data: str, size: int) -> Path:
    """Measure the pace of all contestants, each in a process of its own; write the record.

    Returns:
        The record's file, data/results/contest-<data>-<size>-pace.json. It also says for how many
        epochs each contestant may train; the last one is begun if there is time for any of it.
    """
    pace, scenes = {}, load_scenes(data, size)
    records.check_writable(f"contest-{data}-{size}-pace")
    for network in CONTESTANTS:
        command = [sys.executable, "-m", __name__, data, str(size), network]
        completed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        pace[network] = json.loads(completed.stdout.splitlines()[-1])
        print(f"{network} on {size}×{size}: {pace[network]}", flush=True)
    for network, measured in pace.items():
        steps = math.ceil(len(scenes.train) / _settings(data, network)["batch_size"])
        measured["seconds_an_epoch"] = round(steps * measured["seconds_a_step"], 2)
    budget = CONTEST_SCHEDULES[data]["epochs"] * pace["pointing_stn"]["seconds_an_epoch"]
    for measured in pace.values():
        measured["epochs"] = math.ceil(round(budget / measured["seconds_an_epoch"], 6))
    path = records.record_path(f"contest-{data}-{size}-pace")
    record = {
        "experiment": "contest pace",
        "data": repr(scenes),
        "budget_seconds": round(budget, 1),
        **records.provenance(default_device()),
        "pace": pace,
    }
    records.write_record(path, record)
    return path


def run_contest(data: str, size: int, network: str, seeds: int = 1) -> Path:
    """Train a contestant for as long as its pace allows, with several seeds; write the record.

    Args:
        data: as in `load_scenes`.
        size: as in `load_scenes`.
        network: a name from `CONTESTANTS`.
        seeds: how many runs; each decides first weights, clutter and the order of the images.

    Returns:
        The record's file, data/results/contest-<data>-<size>-<network>.json.

    Raises:
        ValueError: an unknown name, or another size.
        FileExistsError: as `run_seeds`.
    """
    if network not in CONTESTANTS:
        raise ValueError(f"network must be one of {', '.join(CONTESTANTS)}, got {network!r}")
    scenes = load_scenes(data, size)
    try:
        pace = records.read_record(f"contest-{data}-{size}-pace")
    except FileNotFoundError:
        pace = records.read_record(run_pace(data, size).stem)
    settings = _settings(data, network) | {"epochs": pace["pace"][network]["epochs"]}

    def prepare(seed: int) -> tuple[nn.Module, Dataset]:
        torch.manual_seed(seed)
        return CONTESTANTS[network](size), scenes if seed == 0 else load_scenes(data, size, seed)

    description = {
        "experiment": "contest",
        "data": repr(scenes),
        "clutter": SCENES[size],
        "network": network,
        "settings": settings | {"repeats": REPEATS[data]},
    }
    return run_seeds(f"contest-{data}-{size}-{network}", description, seeds, prepare, settings)


def run_contests(
    data: str = "digits", size: int | None = None, network: str | None = None, seeds: int = 1
) -> Iterator[Path]:
    """Run all contestants on scenes of all sizes, or one of them; yield each record's file.

    Raises:
        ValueError: an unknown name, or another size.
    """
    for chosen_size in [size] if size else SCENES:
        for contestant in [network] if network else CONTESTANTS:
            yield run_contest(data, chosen_size, contestant, seeds)


def contest_records(data: str = "digits") -> dict[tuple[str, int], dict]:
    """The records of all contests that were run: (network, size) → record."""
    found = {}
    for network, size in product(CONTESTANTS, SCENES):
        if record := records.find_record(f"contest-{data}-{size}-{network}", _aim_figures):
            found[network, size] = record
    return found


def contest_accuracies(data: str = "digits") -> dict[tuple[str, int], list[float]]:
    """Test accuracies after the last epoch: (network, size) → one for each seed."""
    return {
        cell: [run["accuracy"][-1] for run in record["runs"]]
        for cell, record in contest_records(data).items()
    }


def contest_table(data: str = "digits") -> str:
    """The contest in figures: for scenes of each size, a line for each network.

    Accuracy is the mean over the seeds ± their standard deviation, the aim a median: how far the
    frame's centre follows the digit's in x and in y, the share of digits in its middle half, its
    area. What is not measured yet is named below.

    >>> print(contest_table("digits").splitlines()[3].split()[:4])
    ['network', 'accuracy', '%', 'seeds']
    """
    text = [f"{data}: all train as long as pointing_stn does"]
    measured = contest_records(data)
    for size in sorted({size for _, size in measured}):
        networks = [network for network in CONTESTANTS if (network, size) in measured]
        pace = records.find_record(f"contest-{data}-{size}-pace", partial(_paces, networks))
        paces = _paces(networks, pace) if pace else [["–"] * 4] * len(networks)
        lines = [_HEAD.split(",")] + [
            [network, *_row(measured[network, size]), *of_network]
            for network, of_network in zip(networks, paces, strict=True)
        ]
        text += ["", f"{size}×{size} pixels", *align_columns(lines)]
    for size in SCENES:
        missing = [network for network in CONTESTANTS if (network, size) not in measured]
        names = "all" if len(missing) == len(CONTESTANTS) else ", ".join(missing)
        text += ["", f"not measured yet on {size}×{size}: {names}"] if missing else []
    return "\n".join(text)


_HEAD = "network,accuracy %,seeds,follows,found %,area,epochs,seconds,parameters,MB"


def _row(record: dict) -> list[str]:
    """A line of the table: how a network reads and aims."""
    runs = record["runs"]
    accuracy = format_cell([100 * run["accuracy"][-1] for run in runs], None)
    return [accuracy, str(len(runs)), *_aim_figures(record)]


def _aim_figures(record: dict) -> list[str]:
    """How far the frames follow, the share they find and their area; empty without an aim."""
    check_trained(record)
    aims = [records.recorded_aim(run)[-1] for run in record["runs"] if "aim" in run]
    if not aims or record["network"] == "frozen_stn":
        return ["", "", ""]
    x, y = (statistics.median(aim.slope[axis] for aim in aims) for axis in (0, 1))
    found = 100 * statistics.median(aim.found for aim in aims)
    return [f"{x:.2f} {y:.2f}", f"{found:.1f}", f"{statistics.median(a.area for a in aims):.2f}"]


def _paces(networks: list[str], record: dict) -> list[list[str]]:
    """What each network costs, as a pace's record has it: epochs, seconds, parameters, MB."""
    paces = [record["pace"][network] for network in networks]
    return [
        [
            str(pace["epochs"]),
            f"{pace['epochs'] * pace['seconds_an_epoch']:.0f}",
            f"{pace['parameters']:,}",
            str(pace["peak_memory_mb"]),
        ]
        for pace in paces
    ]


def _settings(data: str, network: str) -> dict:
    """All settings of a contestant but the number of its epochs and the seed."""
    own = NETWORK_SETTINGS.get((data, network), {})
    return default_settings() | CONTEST_SCHEDULES[data] | own


if __name__ == "__main__":
    print(json.dumps(measure_pace(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
