"""The Lasagne recipe on cluttered digits: its scenes, its schedules, its runs."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from stn_lesson.datasets import Dataset
from stn_lesson.datasets.clutter import clutter
from stn_lesson.experiments.runs import fit_defaults, run_seeds, source
from stn_lesson.networks import NETWORKS
from stn_lesson.training import History, default_device, fit
from stn_lesson.training.processes import ProcessGroup

SCENES = {"size": 60, "distractors": 6, "crop": 8}
# How the recipe is trained on each data set; all else is `fit`'s default. The embedded digits are
# few, so an epoch shows each in ten scenes, and smaller batches make more steps of them; these are
# noisier, and a localisation network that learns at more than a tenth of the rate falls silent:
# its ReLUs give 0 for every image, and θ is the same for all (notebook 05).
SCHEDULES = {
    "digits": {"epochs": 14, "batch_size": 64, "repeats": 10, "localisation_rate": 0.1},
    "mnist": {"epochs": 13, "batch_size": 256, "repeats": 1},
}
# The quickest way to the recipe's accuracy, by `QuickSTN` on MNIST: settings chosen on its
# validation digits.
QUICK = {"epochs": 5, "batch_size": 128, "learning_rate": 1e-2, "localisation_rate": 0.2}


def load_recipe(
    data: str, seed: int = 0, device: str | torch.device = "cpu"
) -> tuple[Dataset, dict]:
    """Cluttered digits, 60×60 with six 8×8 crops, and the settings to train on them with `fit`.

    Args:
        data: "digits" (embedded) or "mnist" (downloaded).
        seed: decides the clutter.
        device: where the images are made, and kept.

    >>> data, schedule = load_recipe("digits")
    >>> data, schedule
    (cluttered embedded digits: 12870 training images, 510 test images, 60×60 pixels,
     {'epochs': 14, 'batch_size': 64, 'localisation_rate': 0.1})
    """
    plain = source(data).to(device)
    schedule = dict(SCHEDULES[data])
    return clutter(plain, seed=seed, repeats=schedule.pop("repeats"), **SCENES), schedule


def train_recipe(
    data: str = "digits",
    network: str = "recipe_stn",
    seed: int = 0,
    *,
    device: str | torch.device | None = None,
    checkpoint: str | Path | None = None,
    **settings,
) -> History:
    """Train a network of the recipe once, without a record: one line after every epoch.

    Started by torchrun, several processes train it together and the first one speaks.

    Args:
        data: as in `load_recipe`.
        network: as in `run_recipe`.
        seed: decides first weights, clutter and the order of the images.
        device: as in `fit`.
        checkpoint: as in `fit`.
        settings: of `fit`, instead of the schedule's own.
    """
    cluttered, schedule = load_recipe(data, seed, device or default_device())
    schedule |= _quicker(data, network)
    torch.manual_seed(seed)
    processes = ProcessGroup.current()

    def speak(model, history: History) -> None:
        if processes.is_main:
            count = processes.world_size
            together = f" by {count} processes" if count > 1 else ""
            print(f"{history}{together}", flush=True)

    words = schedule | settings | {"device": device, "checkpoint": checkpoint}
    return fit(
        NETWORKS[network](), cluttered, seed=seed, on_epoch=speak, progress_bar=False, **words
    )


def run_recipe(data: str, network: str = "recipe_stn", seeds: int = 1, **settings) -> Path:
    """Train a network of the recipe with several seeds and write the record, seed by seed.

    Args:
        data: "digits" or "mnist".
        network: a name from `networks.NETWORKS`.
        seeds: how many runs; each seed decides first weights, clutter and the order of the images.
        settings: any of `Settings` but the seed, instead of the schedule's own or the default.

    Returns:
        The record's file, data/results/recipe-<data>-<network>.json.

    Raises:
        ValueError: an unknown name.
        FileExistsError: as `run_seeds`.
    """
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1, got {seeds}")
    name, described, prepare, schedule = plan(data, network, **settings)
    return run_seeds(name, described, seeds, prepare, schedule, theta=True)


def plan(
    data: str, network: str, **settings
) -> tuple[str, dict, Callable[[int], tuple[nn.Module, Dataset]], dict]:
    """What `run_seeds` must know of a network of the recipe: name, description, start, settings."""
    known = fit_defaults()
    unknown = [name for name in settings if name not in known]
    if network not in NETWORKS or unknown:
        raise ValueError(
            f"network must be one of {', '.join(NETWORKS)}, got {network!r}; "
            f"settings of {', '.join(known)}, got {', '.join(unknown) or 'these'}"
        )
    device = default_device()
    first, schedule = load_recipe(data, 0, device)
    schedule = fit_defaults() | schedule | _quicker(data, network) | settings

    def prepare(seed: int) -> tuple[nn.Module, Dataset]:
        cluttered = first if seed == 0 else load_recipe(data, seed, device)[0]
        torch.manual_seed(seed)
        return NETWORKS[network](), cluttered

    described = {
        "experiment": "recipe",
        "data": repr(first),
        "scenes": SCENES | {"repeats": SCHEDULES[data]["repeats"]},
        "network": network,
        "settings": schedule,
    }
    return f"recipe-{data}-{network}", described, prepare, schedule


def _quicker(data: str, network: str) -> dict:
    """What a network is trained with in place of the data's own schedule."""
    return QUICK if (data, network) == ("mnist", "quick_stn") else {}
