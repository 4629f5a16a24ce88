"""How every experiment is run: seed by seed, resumable, one record for all its seeds."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from stn_lesson.datasets import Dataset, load_digits, load_mnist
from stn_lesson.experiments import records
from stn_lesson.networks import count_parameters
from stn_lesson.training import Settings, default_device, fit, fit_abreast

SOURCES = {"digits": load_digits, "mnist": load_mnist}
ABREAST = 10  # seeds that a GPU trains at once
PRECISION = "float32"  # of every record that does not say otherwise, whatever the machine


def source(data: str) -> Dataset:
    """Plain digits by name: "digits" (embedded) or "mnist" (downloaded).

    >>> source("digits")
    embedded digits: 1287 training images, 510 test images, 28×28 pixels
    """
    if data not in SOURCES:
        raise ValueError(f"data must be one of {', '.join(SOURCES)}, got {data!r}")
    return SOURCES[data]()


def fit_defaults() -> dict:
    """The default settings of a recorded run; the seed is chosen run by run."""
    defaults = asdict(Settings(precision=PRECISION))
    del defaults["seed"]
    return defaults


def run_seeds(
    name: str,
    described: dict,
    seeds: int,
    prepare: Callable[[int], tuple[nn.Module, Dataset]],
    settings: dict,
    *,
    theta: bool = False,
    measure: Callable[[nn.Module], dict] = lambda model: {},
) -> Path:
    """Train with the seeds 0, 1, 2, … and write the record as they end.

    What is done is kept: seeds that are in the record already are not trained again. On a CPU one
    is trained after the other, and one that was interrupted goes on from its last epoch (its
    checkpoint waits in data/cache). On a GPU up to `ABREAST` are trained at once; each run of the
    record then says beside how many it was, for its seconds are those of all.

    Args:
        name: of the record, data/results/<name>.json.
        described: what was trained on what, and how; it opens the record.
        seeds: how many there should be in the end.
        prepare: given a seed, returns the model to train and its data.
        settings: how to train, all of `Settings` but the seed.
        theta: whether the record keeps θ of the watched digits for seed 0.
        measure: what else the record keeps of each trained model.

    Raises:
        FileExistsError: the record holds more seeds, or was made in another way; it is left alone.
        KeyboardInterrupt: the run was stopped by hand.
    """
    path = records.DATA / "results" / f"{name}.json"
    runs = _kept(path, described, seeds)
    device = default_device()
    step = seeds_at_once(device)
    for first in range(len(runs), seeds, step):
        together = range(first, min(first + step, seeds))
        models, data = zip(*map(prepare, together), strict=True)
        if len(together) == 1:
            half_done = records.DATA / "cache" / f"{name}-seed{together[0]}.pt"
            histories = [
                fit(models[0], data[0], seed=together[0], checkpoint=half_done, **settings)
            ]
        else:
            histories = fit_abreast(models, data, seeds=together, **settings)
        if histories[0].interrupted:
            raise KeyboardInterrupt
        for seed, model, history in zip(together, models, histories, strict=True):
            print(f"{name}, seed {seed}: {history}", flush=True)
            run = records.run_record(seed, history, theta=theta and seed == 0) | measure(model)
            runs.append(run | ({"abreast": len(together)} if len(together) > 1 else {}))
        header = described | {"parameters": count_parameters(models[0])}
        header |= records.provenance(device)
        records.write_record(path, header | {"runs": runs})
        if len(together) == 1:
            half_done.unlink(missing_ok=True)
    return path


def seeds_at_once(device: torch.device) -> int:
    """How many seeds a device trains at once: `ABREAST` on a GPU, else one."""
    return ABREAST if device.type == "cuda" else 1


def _kept(path: Path, described: dict, seeds: int) -> list[dict]:
    """The runs that a record holds already, if it was made in the same way."""
    if not path.exists():
        return []
    record = json.loads(path.read_text("utf-8"))
    other = [key for key, value in described.items() if record.get(key) != value]
    if other or len(record["runs"]) > seeds:
        why = f"differs in {', '.join(other)}" if other else f"holds more seeds than {seeds}"
        raise FileExistsError(f"{path} {why}: delete it to measure anew")
    return record["runs"]
