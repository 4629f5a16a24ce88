"""Co-localisation (appendix A.2): which share of the digits is found, class by class."""

import json
import statistics
from pathlib import Path

import torch
from torch import Tensor

from stn_lesson.colocalisation import Encoder, Search, boxes, colocalise
from stn_lesson.colocalisation.scenes import Scenes, iou, scenes_of_class, windows
from stn_lesson.datasets import Dataset, to_floats
from stn_lesson.experiments import records
from stn_lesson.experiments.runs import PRECISION, source
from stn_lesson.experiments.tables import in_columns
from stn_lesson.networks import count_parameters
from stn_lesson.training import default_device, evaluate, fit

DISTRACTORS = {"T": 0, "TC": 16}  # translated; and cluttered
# The scenes show digits that the encoder has not learnt from; the embedded ones are fewer.
COUNT = {"mnist": 100, "digits": 45}
SEARCH = {
    "T": {"steps": 120, "learning_rate": 3e-3},
    "TC": {"steps": 240, "learning_rate": 3e-3},
}
STARTS = 3
# What an encoder has learnt from before it is asked for codes; None is nothing at all.
ENCODERS = {"random": None, "plain": lambda digits: digits, "windows": windows}
ENCODER_SCHEDULES = {
    "mnist": {"epochs": 2, "batch_size": 128, "learning_rate": 3e-3},
    "digits": {"epochs": 30, "batch_size": 64, "learning_rate": 3e-3},
}
FOUND = 0.5  # the least overlap (IoU) of a window that has found its digit


def trained_encoder(data: str = "digits", learnt: str = "windows") -> tuple[Encoder, Dataset]:
    """An encoder, and the plain digits whose training part it has learnt to read.

    Args:
        data: "digits" or "mnist".
        learnt: a name from `ENCODERS`: from "plain" digits, from "windows" on them (off centre,
            with crops around), or nothing ("random" weights).

    Raises:
        ValueError: an unknown name.
    """
    digits = source(data)
    if learnt not in ENCODERS:
        raise ValueError(f"learnt must be one of {', '.join(ENCODERS)}, got {learnt!r}")
    torch.manual_seed(0)
    encoder = Encoder()
    if ENCODERS[learnt]:
        half_done = records.DATA / "cache" / f"encoder-{data}-{learnt}.pt"
        schedule = ENCODER_SCHEDULES[data]
        history = fit(
            encoder, ENCODERS[learnt](digits), checkpoint=half_done, **schedule, precision=PRECISION
        )
        if history.interrupted:
            raise KeyboardInterrupt
    return encoder.cpu().eval().measure(to_floats(digits.train.images[:2000])), digits


def common_scenes(digits: Dataset, data: str, distortion: str, label: int, seed: int = 0) -> Scenes:
    """The scenes of one class: translated ("T"), or translated and cluttered ("TC") test digits."""
    if distortion not in DISTRACTORS:
        raise ValueError(f"distortion must be T or TC, got {distortion!r}")
    many = {"count": COUNT[data], "distractors": DISTRACTORS[distortion]}
    return scenes_of_class(digits.test, label, **many, seed=10 * seed + label)


def searches(images: Tensor, encoder: Encoder, starts: int, **settings) -> list[Search]:
    """Search several times, from other first weights; all searches, the lowest loss first.

    So the loss chooses, which is known without knowing where the digits are.
    """
    done = []
    for seed in range(starts):
        done.append(colocalise(images, encoder, seed=seed, **settings))
        if done[-1].interrupted:
            raise KeyboardInterrupt
    return sorted(done, key=lambda search: search.loss)


def overlaps(search: Search, scenes: Scenes) -> Tensor:
    """IoU of the windows with the truth, at every step that was kept: (steps, N)."""
    size = scenes.images.shape[-1]
    return torch.stack([iou(boxes(theta, size), scenes.boxes) for theta in search.theta])


def run_colocalise(
    data: str = "mnist",
    distortion: str = "T",
    seeds: int = 1,
    *,
    learnt: str = "windows",
    labels: tuple[int, ...] = tuple(range(10)),
    starts: int = STARTS,
    **settings,
) -> Path:
    """Search the scenes of every class and write the record, class by class.

    Classes that are in the record already are kept, if it was made in the same way.

    Args:
        data: "digits" or "mnist".
        distortion: "T", translated; or "TC", translated and cluttered.
        seeds: how many sets of scenes of each class.
        learnt: what the encoder has learnt from, a name from `ENCODERS`.
        labels: the classes to search.
        starts: how many searches of each set of scenes; the one with the lowest loss counts.
        settings: of `colocalise`, instead of those in `SEARCH`.

    Returns:
        The record's file, data/results/colocalise-<data>-<distortion>.json; for an encoder other
        than the usual one, its name is added.

    Raises:
        ValueError: an unknown name.
        FileExistsError: there is a record that was made in another way; it is left alone.
        KeyboardInterrupt: the run was stopped by hand. What was finished is in the record.
    """
    path = records.DATA / "results" / f"{record_name(data, distortion, learnt)}.json"
    settings = SEARCH[distortion] | settings
    encoder, digits = trained_encoder(data, learnt)
    described = {
        "experiment": "colocalise",
        "data": f"{COUNT[data]} scenes of 84×84 pixels for each class, test part of {digits}",
        "distortion": distortion,
        "distractors": DISTRACTORS[distortion],
        "encoder": {
            "learnt": learnt,
            "parameters": count_parameters(encoder),
            "accuracy_on_plain_digits": round(evaluate(encoder, digits.test), 4),
        },
        "settings": settings | {"starts": starts},
    }
    runs = _kept(path, described)
    done = {(run["seed"], run["label"]) for run in runs}
    for seed, label in ((seed, label) for seed in range(seeds) for label in labels):
        if (seed, label) in done:
            continue
        scenes = common_scenes(digits, data, distortion, label, seed)
        best, *others = searches(scenes.images, encoder, starts, **settings)
        runs.append({"seed": seed, "label": label} | _measured(best, others, scenes))
        print(f"{path.stem}, seed {seed}, class {label}: {_told(runs[-1])}", flush=True)
        runs.sort(key=lambda run: (run["seed"], run["label"]))
        device = records.provenance(default_device())
        records.write_record(path, described | device | {"runs": runs})
    return path


def record_name(data: str, distortion: str, learnt: str = "windows") -> str:
    """The name of a record.

    >>> record_name("mnist", "TC"), record_name("digits", "T", "random")
    ('colocalise-mnist-TC', 'colocalise-digits-T-random')
    """
    if data not in COUNT or distortion not in DISTRACTORS or learnt not in ENCODERS:
        raise ValueError(
            f"data must be one of {', '.join(COUNT)}, distortion of {', '.join(DISTRACTORS)}, "
            f"learnt of {', '.join(ENCODERS)}, got {data!r}, {distortion!r}, {learnt!r}"
        )
    return "-".join(["colocalise", data, distortion] + [learnt] * (learnt != "windows"))


def found_by_class(data: str, distortion: str, learnt: str = "windows") -> dict[int, list[float]]:
    """Shares found in %, class by class: one for each seed. Empty where nothing was measured."""
    name = record_name(data, distortion, learnt)
    try:
        record = records.read_record(name)
    except FileNotFoundError:
        return {}
    found = {}
    for run in record["runs"]:
        found.setdefault(run["label"], []).append(100 * run["found"])
    return found


def colocalise_table(data: str = "mnist", learnt: str = "windows") -> str:
    """Share of the digits found in %, class by class, beside the paper's range over the classes.

    >>> print(colocalise_table().splitlines()[2].split()[:3])
    ['class', '0', '1']
    """
    paper = records.read_record("paper")["found_in_percent"]
    lines = [["class", *map(str, range(10)), "mean", "[paper's]"]]
    missing = []
    for distortion in DISTRACTORS:
        found = found_by_class(data, distortion, learnt)
        means = {label: statistics.mean(shares) for label, shares in found.items()}
        each = [f"{means[label]:.0f}" if label in means else "–" for label in range(10)]
        mean = f"{statistics.mean(means.values()):.1f}" if len(means) == 10 else "–"
        low, high = paper[distortion]
        theirs = f"[{low}]" if low == high else f"[{low} to {high}]"
        lines.append([distortion, *each, mean, theirs])
        if len(means) < 10:
            absent = ", ".join(str(label) for label in range(10) if label not in means)
            missing.append(f"not measured yet: {distortion}, class {absent}")
    text = [f"digits found (IoU above {FOUND}) in % on {data}; [the paper's]", ""]
    return "\n".join(text + in_columns(lines) + (["", *missing] if missing else []))


def _measured(search: Search, others: list[Search], scenes: Scenes) -> dict:
    """What a record keeps of the searches of one class: of the best, and of the others in short."""
    at_each = overlaps(search, scenes)
    return {
        "found": round(_share(at_each[-1]), 4),
        "mean_iou": round(at_each[-1].mean().item(), 4),
        "loss": round(search.loss, 4),
        "steps": search.steps,
        "found_at_steps": [round(_share(at), 4) for at in at_each],
        "seconds": round(search.seconds, 1),
        "other_losses": [round(other.loss, 4) for other in others],
        "other_found": [round(_share(overlaps(other, scenes)[-1]), 4) for other in others],
    }


def _share(overlap: Tensor) -> float:
    return (overlap > FOUND).float().mean().item()


def _told(run: dict) -> str:
    return (
        f"found {run['found']:.0%}, mean IoU {run['mean_iou']:.2f}, loss {run['loss']:.2f}, "
        f"{run['seconds']:.0f} s a start"
    )


def _kept(path: Path, described: dict) -> list[dict]:
    """The classes that a record holds already, if it was made in the same way."""
    if not path.exists():
        return []
    record = json.loads(path.read_text("utf-8"))
    other = [key for key, value in described.items() if record.get(key) != value]
    if other:
        raise FileExistsError(f"{path} differs in {', '.join(other)}: delete it to measure anew")
    return record["runs"]
