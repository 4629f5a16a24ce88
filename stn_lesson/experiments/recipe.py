"""Cluttered digits, and the Lasagne recipe's runs on them."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from stn_lesson.arguments import whole_number
from stn_lesson.datasets import Dataset
from stn_lesson.datasets.clutter import clutter
from stn_lesson.experiments.runs import default_settings, load_dataset, run_seeds
from stn_lesson.experiments.schedules import NETWORK_SETTINGS, RECIPE_SCHEDULES, REPEATS
from stn_lesson.networks import NETWORKS
from stn_lesson.training import History, default_device, fit
from stn_lesson.training.processes import ProcessGroup

# What scenes of each size hold, as in `stn.clutter`; the recipe's have 60×60 pixels.
SCENES = {
    size: {"size": size, "pieces": pieces, "piece_size": 8}
    for size, pieces in {60: 6, 84: 6, 100: 12}.items()
}


def load_scenes(
    data: str, size: int = 60, seed: int = 0, device: str | torch.device = "cpu"
) -> Dataset:
    """Cluttered digits of one of three sizes: the larger the scene, the more it pays to look.

    Args:
        data: "digits" (embedded) or "mnist" (downloaded).
        size: 60, 84 or 100: side of the scenes in pixels.
        seed: decides the clutter.
        device: where the images are made, and kept.

    Raises:
        ValueError: an unknown name, or another size.

    >>> load_scenes("digits", 84)
    cluttered embedded digits: 12870 training images, 510 test images, 84×84 pixels
    """
    if size not in SCENES:
        raise ValueError(f"size must be one of {', '.join(map(str, SCENES))}, got {size}")
    digits = load_dataset(data).to(device)
    return clutter(digits, seed=seed, repeats=REPEATS[data], **SCENES[size])


def load_recipe(
    data: str, seed: int = 0, device: str | torch.device = "cpu"
) -> tuple[Dataset, dict]:
    """The recipe's scenes, 60×60 pixels, and the settings to train on them with `fit`.

    Args:
        data: as in `load_scenes`.
        seed: as in `load_scenes`.
        device: as in `load_scenes`.

    Raises:
        ValueError: an unknown name.

    >>> data, schedule = load_recipe("digits")
    >>> data, schedule
    (cluttered embedded digits: 12870 training images, 510 test images, 60×60 pixels,
     {'epochs': 14, 'batch_size': 64})
    """
    return load_scenes(data, 60, seed, device), dict(RECIPE_SCHEDULES[data])


def train_recipe(
    data: str = "digits",
    network: str = "recipe_stn",
    seed: int = 0,
    *,
    device: str | torch.device | None = None,
    checkpoint: str | Path | None = None,
    **settings,
) -> History:
    """Train a network of the recipe once, without a record; print a line after every epoch.

    Started by torchrun, several processes train it together and the first one prints.

    Args:
        data: as in `load_recipe`.
        network: as in `run_recipe`.
        seed: decides first weights, clutter and the order of the images.
        device: as in `fit`.
        checkpoint: as in `fit`.
        settings: of `fit`, instead of the schedule's own.
    """
    cluttered, schedule = load_recipe(data, seed, device or default_device())
    schedule |= NETWORK_SETTINGS.get((data, network), {}) | settings
    torch.manual_seed(seed)
    processes = ProcessGroup.current()

    def print_epoch(model, history: History) -> None:
        if processes.is_main:
            count = processes.world_size
            by_whom = f" by {count} processes" if count > 1 else ""
            print(f"{history}{by_whom}", flush=True)

    return fit(
        NETWORKS[network](),
        cluttered,
        seed=seed,
        device=device,
        checkpoint=checkpoint,
        on_epoch=print_epoch,
        progress_bar=False,
        **schedule,
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
    seeds = whole_number(seeds, "seeds", lowest=1)
    name, description, prepare, schedule = plan_recipe(data, network, **settings)
    return run_seeds(name, description, seeds, prepare, schedule, keep_theta=True)


def plan_recipe(
    data: str, network: str, **settings
) -> tuple[str, dict, Callable[[int], tuple[nn.Module, Dataset]], dict]:
    """The arguments of `run_seeds` for a network of the recipe.

    Args:
        data: as in `run_recipe`.
        network: as in `run_recipe`.
        settings: as in `run_recipe`.

    Returns:
        The record's name, its description, what prepares a seed, and the settings to train with.

    Raises:
        ValueError: an unknown name.
    """
    defaults = default_settings()
    unknown = [name for name in settings if name not in defaults]
    if network not in NETWORKS or unknown:
        raise ValueError(
            f"network must be one of {', '.join(NETWORKS)}, got {network!r}; "
            f"settings of {', '.join(defaults)}, got {', '.join(unknown) or 'these'}"
        )
    device = default_device()
    data_of_seed_0, schedule = load_recipe(data, 0, device)
    own_settings = NETWORK_SETTINGS.get((data, network), {})
    schedule = defaults | schedule | own_settings | settings

    def prepare(seed: int) -> tuple[nn.Module, Dataset]:
        cluttered = data_of_seed_0 if seed == 0 else load_recipe(data, seed, device)[0]
        torch.manual_seed(seed)
        return NETWORKS[network](), cluttered

    description = {
        "experiment": "recipe",
        "data": repr(data_of_seed_0),
        "clutter": SCENES[60] | {"repeats": REPEATS[data]},
        "network": network,
        "settings": schedule,
    }
    return f"recipe-{data}-{network}", description, prepare, schedule
