"""Named, reproducible runs and the records that they leave in data/results."""

import json
import platform
import statistics
from datetime import UTC, datetime
from inspect import signature
from pathlib import Path

import torch

from stn_lesson.checkpoints import write_atomically
from stn_lesson.datasets import Dataset, clutter, load_digits, load_mnist
from stn_lesson.networks import NETWORKS, count_parameters
from stn_lesson.training import fit

DATA = Path(__file__).parents[1] / "data"

SCENES = {"size": 60, "distractors": 6, "crop": 8}
# How the recipe is trained on each data set; all else is `fit`'s default. The embedded digits are
# few, so an epoch shows each in ten scenes, and smaller batches make more steps of them; these are
# noisier, and a localisation network that learns at more than a tenth of the rate falls silent:
# its ReLUs give 0 for every image, and θ is the same for all (notebook 05).
SCHEDULES = {
    "digits": {"epochs": 14, "batch_size": 64, "repeats": 10, "localisation_rate": 0.1},
    "mnist": {"epochs": 13, "batch_size": 256, "repeats": 1},
}
TUNABLE = ("epochs", "batch_size", "learning_rate", "localisation_rate", "weight_decay", "clip")


def recipe(data: str, seed: int = 0) -> tuple[Dataset, dict]:
    """Cluttered digits, 60×60 with six 8×8 crops, and the settings to train on them with `fit`.

    Args:
        data: "digits" (embedded) or "mnist" (downloaded).
        seed: decides the clutter.

    >>> data, schedule = recipe("digits")
    >>> data, schedule
    (cluttered embedded digits: 12870 training images, 510 test images, 60×60 pixels,
     {'epochs': 14, 'batch_size': 64, 'localisation_rate': 0.1})
    """
    if data not in SCHEDULES:
        raise ValueError(f"data must be one of {', '.join(SCHEDULES)}, got {data!r}")
    schedule = dict(SCHEDULES[data])
    plain = load_digits() if data == "digits" else load_mnist()
    return clutter(plain, seed=seed, repeats=schedule.pop("repeats"), **SCENES), schedule


def run_recipe(data: str, network: str = "recipe_stn", seeds: int = 1, **settings) -> Path:
    """Train a network of the recipe with several seeds and write the record, seed by seed.

    Args:
        data: "digits" or "mnist".
        network: a name from `networks.NETWORKS`.
        seeds: how many runs; each seed decides first weights, clutter and the order of the images.
        settings: any of `TUNABLE`, instead of the schedule's own or `fit`'s default.

    Returns:
        The record's file, data/results/recipe-<data>-<network>.json.

    Raises:
        ValueError: an unknown name.
        FileExistsError: there is a record with more seeds, which would be lost.
    """
    unknown = [name for name in settings if name not in TUNABLE]
    if network not in NETWORKS or unknown or seeds < 1:
        raise ValueError(
            f"network must be one of {', '.join(NETWORKS)}, got {network!r}; seeds at least 1, got "
            f"{seeds}; settings of {', '.join(TUNABLE)}, got {', '.join(unknown) or 'these'}"
        )
    path = DATA / "results" / f"recipe-{data}-{network}.json"
    if path.exists() and len(json.loads(path.read_text("utf-8"))["runs"]) > seeds:
        raise FileExistsError(f"{path} holds more than {seeds} seeds: delete it to measure anew")
    defaults = {name: signature(fit).parameters[name].default for name in TUNABLE}
    runs = []
    for seed in range(seeds):
        cluttered, schedule = recipe(data, seed)
        schedule = defaults | schedule | settings
        torch.manual_seed(seed)
        model = NETWORKS[network]()
        history = fit(model, cluttered, seed=seed, **schedule)
        if history.interrupted:
            raise KeyboardInterrupt
        print(f"seed {seed}: {history}", flush=True)
        runs.append(
            {
                "seed": seed,
                "accuracy": [round(a, 4) for a in history.accuracy],
                "loss": [round(loss, 4) for loss in history.loss],
                "outside": [round(share, 4) for share in history.outside],
                "training_seconds": round(history.seconds[-1], 1),
                "collapsed_at": history.collapsed_at,
            }
        )
        record = {
            "experiment": "recipe",
            "data": repr(cluttered),
            "scenes": SCENES | {"repeats": SCHEDULES[data]["repeats"]},
            "network": network,
            "parameters": count_parameters(model),
            "settings": schedule,
            **provenance(next(model.parameters()).device),
            "runs": runs,
        }
        text = json.dumps(record, indent=1, ensure_ascii=False)
        write_atomically(path, lambda file, text=text: file.write(text.encode()))
    return path


def provenance(device: torch.device) -> dict:
    """Where and when a figure was measured."""
    name = torch.cuda.get_device_name() if device.type == "cuda" else platform.machine()
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "device": f"{device.type} ({name})",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def read_record(name: str) -> dict:
    """A record by name: one of ours from data/results, or a published one from data/reference."""
    for folder in ("results", "reference"):
        path = DATA / folder / f"{name}.json"
        if path.exists():
            return json.loads(path.read_text("utf-8"))
    known = sorted(path.stem for path in DATA.glob("re*/*.json"))
    raise FileNotFoundError(f"there is no record {name!r}; there are {', '.join(known) or 'none'}")


def summary(record: dict) -> str:
    """One line: test accuracy in the last epoch over the seeds, and how long the training took."""
    last = [100 * run["accuracy"][-1] for run in record["runs"]]
    seconds = statistics.median(run["training_seconds"] for run in record["runs"])
    collapsed = sum(run["collapsed_at"] is not None for run in record["runs"])
    return (
        f"{record['network']} on {record['data'].split(':')[0]}: "
        f"test accuracy {statistics.mean(last):.1f} % ({min(last):.1f} to {max(last):.1f}, "
        f"{len(last)} seeds, {collapsed} collapsed), {len(record['runs'][0]['accuracy'])} epochs, "
        f"{seconds:.0f} s of training on {record['device']}"
    )
