"""A class repeats an experiment: each student trains one seed, one command puts them together."""

import json
import math
import statistics
from collections import defaultdict
from pathlib import Path

from stn_lesson.arguments import path_of, real_number, seed_number
from stn_lesson.experiments import records
from stn_lesson.experiments.recipe import plan_recipe
from stn_lesson.files import locked
from stn_lesson.networks import count_parameters
from stn_lesson.training import default_device, fit

CLASS_RECORD = "class"  # the name of the merged record
MATCHING_KEYS = ("experiment", "data", "network", "settings")  # equal in records of one experiment


def replicate(
    seed: int, data: str = "digits", network: str = "recipe_stn", folder: Path = Path()
) -> Path:
    """Train the recipe with one seed and write its record, to be handed in.

    Args:
        seed: of this run; each student takes another.
        data: "digits" or "mnist".
        network: a name from `networks.NETWORKS`.
        folder: where the record goes; the current one unless given.

    Returns:
        The record's file, recipe-<data>-<network>-seed<seed>.json.

    Raises:
        TypeError, ValueError: an unknown name, or no seed.
        FileError: the record cannot be written, or another process is writing it.
        KeyboardInterrupt: the run was stopped by hand; the same call on the same kind of device
            goes on.
    """
    seed, folder = seed_number(seed), path_of(folder, "folder")
    name, description, prepare, settings = plan_recipe(data, network)
    file, device = f"{name}-seed{seed}", default_device()
    path, checkpoint = folder / f"{file}.json", folder / records.checkpoint_name(file, device)
    with locked(path, room=records.RECORD_BYTES):
        model, dataset = prepare(seed)
        history = fit(model, dataset, seed=seed, device=device, checkpoint=checkpoint, **settings)
        if history.interrupted:
            raise KeyboardInterrupt
        record = description | {"parameters": count_parameters(model)}
        record |= records.provenance(device)
        record["runs"] = [records.run_record(seed, history, keep_theta=False)]
        records.write_record(path, record)
        checkpoint.unlink(missing_ok=True)
    return path


def merge(folder: Path) -> tuple[Path, list[str]]:
    """Put the records of a class together in one; each run keeps the device that measured it.

    Args:
        folder: holds records, as `replicate` writes them, in any folders and under any names.

    Returns:
        The merged record's file, data/results/class.json, and what was left out and why.

    Raises:
        FileNotFoundError: there is no record in the folder.
    """
    folder, records_by_seed, left_out = path_of(folder, "folder"), defaultdict(dict), []
    for path in sorted(folder.rglob("*.json")):
        try:
            record = records.load_record(path)
            seed = _seed_of(record)
            key = json.dumps([record[name] for name in MATCHING_KEYS], sort_keys=True)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            left_out.append(f"{path.name}: no record of one run ({type(error).__name__}: {error})")
            continue
        if seed in records_by_seed[key]:
            left_out.append(f"{path.name}: seed {seed} is there already")
            continue
        records_by_seed[key][seed] = record
    if not records_by_seed:
        raise FileNotFoundError(f"there is no record of one run in {folder}")
    path = records.record_path(CLASS_RECORD)
    experiments = [_merged(by_seed) for by_seed in records_by_seed.values()]
    records.write_record(path, {"experiments": experiments})
    return path, left_out


def _seed_of(record: dict) -> int:
    """The seed of a record of one run, if that is all there for `class_table`; an error if not."""
    (run,) = record["runs"]
    if not [real_number(share, "accuracy", 0, 1) for share in run["accuracy"]]:
        raise ValueError("it has no accuracies")
    for name in ("data", "network"):
        if not isinstance(record[name], str):
            raise TypeError(f"{name} must be a name, got {record[name]!r}")
    return seed_number(run["seed"])


def _merged(by_seed: dict[int, dict]) -> dict:
    """One record of an experiment from those of its seeds, each with one run."""
    first = next(iter(by_seed.values()))
    devices = {seed: str(record.get("device")) for seed, record in by_seed.items()}
    return {name: first[name] for name in MATCHING_KEYS} | {
        "device": ", ".join(sorted(set(devices.values()))),
        "runs": [by_seed[seed]["runs"][0] | {"device": devices[seed]} for seed in sorted(by_seed)],
    }


def class_records() -> list[dict]:
    """The merged records of a class; where there are none, ours of the same networks.

    >>> [record["network"] for record in class_records()]
    ['recipe_stn', 'frozen_stn', 'plain_cnn']
    """
    if CLASS_RECORD in records.record_paths():
        return records.read_record(CLASS_RECORD)["experiments"]
    names = ("recipe_stn", "frozen_stn", "plain_cnn")
    return [records.read_record(f"recipe-digits-{name}") for name in names]


def confidence_interval(record: dict) -> tuple[float, float]:
    """Mean test accuracy in the last epoch, and half the width of its 95 % confidence interval.

    Student's t over the seeds; infinite for one seed alone.

    >>> run = lambda accuracy: {"accuracy": [accuracy]}
    >>> mean, half_width = confidence_interval({"runs": [run(0.9), run(0.92), run(0.94)]})
    >>> round(mean, 3), round(half_width, 3)  # 4.303 · 0.02 / √3
    (0.92, 0.05)
    """
    last = [run["accuracy"][-1] for run in record["runs"]]
    if len(last) < 2:
        return last[0], float("inf")
    standard_error = statistics.stdev(last) / len(last) ** 0.5
    return statistics.mean(last), student_t_quantile(len(last) - 1) * standard_error


def student_t_quantile(degrees_of_freedom: int, confidence: float = 0.95) -> float:
    """The t that Student's t stays within, −t to t, with a probability of `confidence`.

    For a whole number of degrees of freedom ν that probability is a finite sum in the angle
    arctan(t / √ν): Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4. It
    grows with the angle, from 0 to 1 at a right angle, which is found by halving.

    >>> [round(student_t_quantile(nu), 3) for nu in (1, 2, 9)]
    [12.706, 4.303, 2.262]
    """
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        too_small = _student_t_probability(angle, degrees_of_freedom) < confidence
        low, high = (angle, high) if too_small else (low, angle)
    return math.sqrt(degrees_of_freedom) * math.tan(low)


def _student_t_probability(angle: float, degrees_of_freedom: int) -> float:
    """P(|T| < √ν · tan(angle)) for Student's T with ν degrees of freedom."""
    odd = degrees_of_freedom % 2
    term, series = (math.cos(angle) if odd else 1.0), 0.0
    for k in range(1 + odd, degrees_of_freedom, 2):
        series += term
        term *= k / (k + 1) * math.cos(angle) ** 2
    return (angle + math.sin(angle) * series) * 2 / math.pi if odd else math.sin(angle) * series


def class_table(experiments: list[dict]) -> str:
    """A line for each experiment: the mean over its seeds with a confidence interval."""
    lines = []
    for record in experiments:
        mean, half_width = confidence_interval(record)
        spread = f" ± {100 * half_width:.1f}" if half_width < 1 else ""
        collapsed = sum(run.get("collapsed_at") is not None for run in record["runs"])
        lines.append(
            f"{record['network']} on {record['data'].split(':')[0]}: {100 * mean:.1f}{spread} %, "
            f"{records.seeds_in_words(len(record['runs']))}, {collapsed} collapsed"
        )
    return "\n".join(lines)
