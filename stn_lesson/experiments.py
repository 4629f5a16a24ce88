"""Named, reproducible runs and the records that they leave in data/results."""

import json
import platform
import re
import statistics
from datetime import UTC, datetime
from inspect import signature
from pathlib import Path

import torch

from stn_lesson.checkpoints import load_checkpoint, save_checkpoint, write_atomically
from stn_lesson.datasets import Dataset, Split, clutter, distort, load_digits, load_mnist
from stn_lesson.networks import NETWORKS, STFCN, RecipeSTN, count_parameters
from stn_lesson.training import History, evaluate, fit

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
    runs = []
    for seed in range(seeds):
        cluttered, schedule = recipe(data, seed)
        schedule = fit_defaults() | schedule | settings
        torch.manual_seed(seed)
        model = NETWORKS[network]()
        history = fit(model, cluttered, seed=seed, **schedule)
        if history.interrupted:
            raise KeyboardInterrupt
        print(f"seed {seed}: {history}", flush=True)
        runs.append(run_record(seed, history, theta=seed == 0))
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
        write_record(path, record)
    return path


# Networks that come ready trained (data/checkpoints), for students without a GPU: what they are,
# the pictures they learnt from, and for how many epochs.
TRAINED = {
    "cluttered": (RecipeSTN, lambda data: clutter(distort(data, 40, rotation=60), 60), 20),
    "turned": (STFCN, lambda data: distort(data, rotation=45, scale=(0.9, 1.1)), 15),
}


def trained(name: str) -> torch.nn.Module:
    """A network with the weights that come with the lesson, from data/checkpoints.

    Args:
        name: "cluttered", a `RecipeSTN` for digits turned by up to 60°, scaled and cluttered on
            60×60 pixels; or "turned", an `STFCN` for digits turned by up to 45° on 28×28.

    >>> model = trained("turned")
    >>> model(torch.zeros(1, 1, 28, 28)).shape
    torch.Size([1, 10])
    """
    if name not in TRAINED:
        raise ValueError(f"name must be one of {', '.join(TRAINED)}, got {name!r}")
    model = TRAINED[name][0]()
    path = DATA / "checkpoints" / f"{name}.pt"
    model.load_state_dict(load_checkpoint(path, {"trained": name}, model)["model"])
    return model.eval()


def run_trained(name: str) -> Path:
    """Train a network of `TRAINED` anew; write its weights, rounded to 16 bits, and its record.

    It learns from MNIST's 50,000 and the embedded digits' first ten forms (each shown 8 times an
    epoch), and is tested on the embedded digits' last four forms and on MNIST's test digits.

    Returns:
        The record's file, data/results/trained-<name>.json.
    """
    network, scenes, epochs = TRAINED[name]
    mnist, digits = load_mnist(), load_digits()
    train = Split(
        torch.cat([mnist.train.images, digits.train.images.repeat(8, 1, 1, 1)]),
        torch.cat([mnist.train.labels, digits.train.labels.repeat(8)]),
    )
    data = scenes(Dataset("MNIST and embedded digits", train, digits.test, valid=mnist.test))
    torch.manual_seed(0)
    model = network()
    history = fit(model, data, epochs=epochs)
    if history.interrupted:
        raise KeyboardInterrupt
    rounded = {key: value.half() for key, value in model.state_dict().items()}
    model.load_state_dict(rounded)
    save_checkpoint(
        DATA / "checkpoints" / f"{name}.pt", {"settings": {"trained": name}, "model": rounded}
    )
    path = DATA / "results" / f"trained-{name}.json"
    record = {
        "experiment": "trained",
        "data": repr(data),
        "network": network.__name__,
        "parameters": count_parameters(model),
        "settings": fit_defaults() | {"epochs": epochs},
        **provenance(next(model.parameters()).device),
        "rounded_to_16_bits": {
            "embedded_test_accuracy": round(evaluate(model, data.test), 4),
            "mnist_test_accuracy": round(evaluate(model, data.valid), 4),
        },
        "runs": [run_record(0, history, theta=True)],
    }
    write_record(path, record)
    return path


def fit_defaults() -> dict:
    """`fit`'s own choice for everything in `TUNABLE`."""
    return {name: signature(fit).parameters[name].default for name in TUNABLE}


def run_record(seed: int, history: History, theta: bool) -> dict:
    """What a record keeps of one run; θ of the watched digits only if asked, for it is large."""
    kept = {
        "seed": seed,
        "accuracy": [round(a, 4) for a in history.accuracy],
        "loss": [round(loss, 4) for loss in history.loss],
        "outside": [round(share, 4) for share in history.outside],
        "training_seconds": round(history.seconds[-1], 1),
        "collapsed_at": history.collapsed_at,
    }
    if theta and history.theta:
        thetas = torch.stack(history.theta).flatten(2).tolist()
        kept["theta"] = [[[round(t, 4) for t in six] for six in epoch] for epoch in thetas]
    return kept


def write_record(path: Path, record: dict) -> None:
    """Write a record as JSON."""
    text = _numbers_in_rows(json.dumps(record, indent=1, ensure_ascii=False))
    write_atomically(path, lambda file: file.write(text.encode()))


def recorded_history(record: dict, run: int = 0) -> History:
    """A run of a record as a `History`, as far as it was recorded: θ only for the first seed.

    >>> history = recorded_history(read_record("recipe-digits-recipe_stn"))
    >>> len(history.accuracy)
    14
    """
    recorded = record["runs"][run]
    return History(
        loss=recorded["loss"],
        accuracy=recorded["accuracy"],
        theta=[torch.tensor(epoch).view(-1, 2, 3) for epoch in recorded.get("theta", [])],
        outside=recorded["outside"],
        seconds=[recorded["training_seconds"]],
        collapsed_at=recorded["collapsed_at"],
    )


def _numbers_in_rows(text: str) -> str:
    """JSON with every list of numbers in one row.

    >>> print(_numbers_in_rows(json.dumps([[1.0, 0.5], [0.0, 1.0]], indent=1)))
    [
     [1.0, 0.5],
     [0.0, 1.0]
    ]
    """
    lists = re.compile(r"\[([-+.\deE,\s]+)\]")
    return lists.sub(lambda found: f"[{' '.join(found[1].split())}]", text)


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
