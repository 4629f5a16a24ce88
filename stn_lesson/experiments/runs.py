"""How every experiment is run: seed by seed, resumable, one record for all its seeds."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from stn_lesson.arguments import whole_number
from stn_lesson.datasets import Dataset, load_digits, load_mnist
from stn_lesson.experiments import records
from stn_lesson.files import FileBusyError, locked
from stn_lesson.networks import count_parameters
from stn_lesson.training import History, Settings, default_device, fit, fit_abreast

DATASETS = {"digits": load_digits, "mnist": load_mnist}
SEEDS_PER_GPU = 10  # how many a GPU trains at once
TRAINING_TIME = 600  # seconds to wait for another notebook that trains the same network just now
DEFAULT_PRECISION = "float32"  # of every record that does not say otherwise, whatever the machine


def load_dataset(name: str) -> Dataset:
    """Plain digits by name: "digits" (embedded) or "mnist" (downloaded).

    Raises:
        ValueError: an unknown name.

    >>> load_dataset("digits")
    embedded digits: 1287 training images, 510 test images, 28×28 pixels
    """
    if name not in DATASETS:
        raise ValueError(f"data must be one of {', '.join(DATASETS)}, got {name!r}")
    return DATASETS[name]()


def default_settings() -> dict:
    """The default settings of a recorded run; the seed is chosen run by run."""
    defaults = asdict(Settings(precision=DEFAULT_PRECISION))
    del defaults["seed"]
    return defaults


def fit_once(model: nn.Module, data: Dataset, run: str, **settings) -> None:
    """Train a network, or read the weights that it had after this training: it is done once.

    They are kept in data/cache. Of two notebooks that want them at the same time one trains, and
    the other waits for it.

    Args:
        model: the network, with its first weights.
        data: what it learns.
        run: a name for the training.
        settings: as for `fit`.

    Raises:
        KeyboardInterrupt: the training was stopped by hand.
        FileBusyError: the other one has not ended after ten minutes.
    """
    device = default_device()
    checkpoint = records.cached_checkpoint(run, device)
    try:
        history = fit(model, data, device=device, checkpoint=checkpoint, **settings)
    except FileBusyError:
        with locked(checkpoint, wait=TRAINING_TIME):
            history = fit(model, data, device=device, checkpoint=checkpoint, **settings)
    if history.interrupted:
        raise KeyboardInterrupt


def run_seeds(
    name: str,
    description: dict,
    seeds: int,
    prepare: Callable[[int], tuple[nn.Module, Dataset]],
    settings: dict,
    *,
    keep_theta: bool = False,
    measure: Callable[[nn.Module], dict] = lambda model: {},
) -> Path:
    """Train with the seeds 0, 1, 2, … and write the record as they end.

    Seeds that are in the record already are not trained again. On a CPU one seed is trained after
    the other, and one that was interrupted goes on from its last epoch (its checkpoint waits in
    data/cache). On a GPU up to `SEEDS_PER_GPU` are trained at once; each run of the record then
    says beside how many it was, for its seconds are those of all.

    Args:
        name: of the record, data/results/<name>.json.
        description: what was trained on what, and how; it opens the record.
        seeds: how many there should be in the end.
        prepare: given a seed, returns the model to train and its data.
        settings: how to train, all of `Settings` but the seed.
        keep_theta: whether the record keeps θ of the tracked digits for seed 0.
        measure: given a trained model, returns what else the record keeps of it.

    Raises:
        FileExistsError: there is a record that holds more seeds, or was made in another way or on
            another device; it is left alone.
        FileError: the record cannot be read or written, or another process is writing it.
        KeyboardInterrupt: the run was stopped by hand.
    """
    seeds = whole_number(seeds, "seeds", lowest=1)
    path, device = records.record_path(name), default_device()
    with locked(path, room=records.RECORD_BYTES):
        runs = records.recorded_runs(path, description, device)
        if len(runs) > seeds:
            raise FileExistsError(
                f"{path} holds more seeds than {seeds}: delete it to measure anew"
            )
        at_once = seeds_at_once(device)
        for first in range(len(runs), seeds, at_once):
            group = range(first, min(first + at_once, seeds))
            models, data = zip(*map(prepare, group), strict=True)
            histories = _train(name, models, data, group, settings, device)
            for seed, model, history in zip(group, models, histories, strict=True):
                print(f"{name}, seed {seed}: {history}", flush=True)
                run = records.run_record(seed, history, keep_theta=keep_theta and seed == 0)
                run |= measure(model) | ({"seeds_at_once": len(group)} if len(group) > 1 else {})
                runs.append(run)
            header = description | _describe_parameters(models[0])
            records.write_record(path, header | records.provenance(device) | {"runs": runs})
            records.cached_checkpoint(f"{name}-seed{first}", device).unlink(missing_ok=True)
    return path


def check_before_download(names: Iterable[str], seeds: int, epochs: int, on_cpu: str) -> None:
    """Tell what can be told of a long run before gigabytes of data are fetched for it.

    Args:
        names: of its records.
        seeds: how many there should be in the end.
        epochs: of a training.
        on_cpu: how long one takes there; it is printed where there is no GPU.

    Raises:
        TypeError, ValueError: seeds that cannot be.
        FileError: a record cannot be written.
    """
    whole_number(seeds, "seeds", lowest=1)
    for name in names:
        records.check_writable(name)
    if default_device().type == "cpu":
        told = f"There is no GPU here. One core of a CPU takes {on_cpu}; there are {epochs} epochs."
        print(told, flush=True)


def seeds_at_once(device: torch.device) -> int:
    """How many seeds a device trains at once: `SEEDS_PER_GPU` on a GPU, else one."""
    return SEEDS_PER_GPU if device.type == "cuda" else 1


def _describe_parameters(model: nn.Module) -> dict:
    """How many parameters a model has, and how many of them are held: those of frozen parts."""
    held = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    return {"parameters": count_parameters(model)} | ({"held_parameters": held} if held else {})


def _train(
    name: str,
    models: list[nn.Module],
    data: list[Dataset],
    seeds: range,
    settings: dict,
    device: torch.device,
) -> list[History]:
    """Train a model for each of the seeds; one alone keeps a checkpoint."""
    if len(seeds) > 1:
        histories = fit_abreast(models, data, seeds=seeds, device=device, **settings)
    else:
        checkpoint = records.cached_checkpoint(f"{name}-seed{seeds[0]}", device)
        where = {"device": device, "checkpoint": checkpoint}
        histories = [fit(models[0], data[0], seed=seeds[0], **where, **settings)]
    if histories[0].interrupted:
        raise KeyboardInterrupt
    return histories
