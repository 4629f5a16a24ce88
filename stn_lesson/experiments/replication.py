"""A class repeats an experiment: each student trains one seed, one command puts them together."""

import json
import statistics
from collections import defaultdict
from pathlib import Path

from stn_lesson.experiments import records
from stn_lesson.experiments.recipe import plan
from stn_lesson.networks import count_parameters
from stn_lesson.training import default_device, fit

CLASS = "class"  # the merged record
SAME = ("experiment", "data", "network", "settings")  # what makes two records one experiment


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
        ValueError: an unknown name.
        KeyboardInterrupt: the run was stopped by hand; the same call goes on.
    """
    name, described, prepare, settings = plan(data, network)
    file = f"{name}-seed{seed}"
    half_done = folder / f"{file}.pt"
    model, images = prepare(seed)
    history = fit(model, images, seed=seed, checkpoint=half_done, **settings)
    if history.interrupted:
        raise KeyboardInterrupt
    record = described | {"parameters": count_parameters(model)}
    record |= records.provenance(default_device())
    record["runs"] = [records.run_record(seed, history, theta=False)]
    records.write_record(folder / f"{file}.json", record)
    half_done.unlink(missing_ok=True)
    return folder / f"{file}.json"


def merge(folder: Path) -> tuple[Path, list[str]]:
    """Put the records of a class together in one.

    Args:
        folder: holds records, as `replicate` writes them, in any folders and under any names.

    Returns:
        The merged record's file, data/results/class.json, and what was left out and why.

    Raises:
        FileNotFoundError: there is no record in the folder.
    """
    found, left_out = defaultdict(dict), []
    for path in sorted(folder.rglob("*.json")):
        try:
            record = json.loads(path.read_text("utf-8"))
            (run,) = record["runs"]
            seed, accuracy = int(run["seed"]), [float(a) for a in run["accuracy"]]
            if not accuracy or not all(0 <= a <= 1 for a in accuracy):
                raise ValueError("its accuracies are none")
            key = json.dumps([record[name] for name in SAME], sort_keys=True)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            left_out.append(f"{path.name}: no record of one run ({type(error).__name__}: {error})")
            continue
        if seed in found[key]:
            left_out.append(f"{path.name}: seed {seed} is there already")
            continue
        found[key][seed] = record
    if not found:
        raise FileNotFoundError(f"there is no record of one run in {folder}")
    experiments = []
    for by_seed in found.values():
        first = next(iter(by_seed.values()))
        described = {name: first[name] for name in SAME}
        runs = [by_seed[seed]["runs"][0] for seed in sorted(by_seed)]
        devices = sorted({str(record.get("device")) for record in by_seed.values()})
        experiments.append(described | {"device": ", ".join(devices), "runs": runs})
    path = records.DATA / "results" / f"{CLASS}.json"
    records.write_record(path, {"experiments": experiments})
    return path, left_out


def class_records() -> list[dict]:
    """The merged records of a class; where there are none, ours of the same networks.

    >>> [record["network"] for record in class_records()]
    ['recipe_stn', 'frozen_stn', 'plain_cnn']
    """
    if (records.DATA / "results" / f"{CLASS}.json").exists():
        return records.read_record(CLASS)["experiments"]
    names = ("recipe_stn", "frozen_stn", "plain_cnn")
    return [records.read_record(f"recipe-digits-{name}") for name in names]


def interval(record: dict) -> tuple[float, float]:
    """Mean test accuracy in the last epoch, and half the width of its 95 % confidence interval.

    Student's t over the seeds; infinite for one seed alone.

    >>> run = lambda accuracy: {"accuracy": [accuracy]}
    >>> mean, half = interval({"runs": [run(0.9), run(0.92), run(0.94)]})
    >>> round(mean, 3), round(half, 3)  # 4.303 · 0.02 / √3
    (0.92, 0.05)
    """
    last = [run["accuracy"][-1] for run in record["runs"]]
    if len(last) < 2:
        return last[0], float("inf")
    from scipy.stats import t  # scikit-learn brings it

    half = t.ppf(0.975, len(last) - 1) * statistics.stdev(last) / len(last) ** 0.5
    return statistics.mean(last), float(half)


def class_table(found: list[dict]) -> str:
    """A line for each experiment: the mean over its seeds with a confidence interval."""
    lines = []
    for record in found:
        mean, half = interval(record)
        spread = f" ± {100 * half:.1f}" if half < 1 else ""
        collapsed = sum(run["collapsed_at"] is not None for run in record["runs"])
        lines.append(
            f"{record['network']} on {record['data'].split(':')[0]}: {100 * mean:.1f}{spread} %, "
            f"{records.seeds_in_words(len(record['runs']))}, {collapsed} collapsed"
        )
    return "\n".join(lines)
