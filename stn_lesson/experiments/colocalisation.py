"""Co-localisation (appendix A.2): which share of the digits is found, class by class."""

import statistics
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from stn_lesson.arguments import list_of, real_number, whole_number
from stn_lesson.colocalisation import Encoder, Search, colocalise, window_boxes
from stn_lesson.colocalisation.scenes import Scenes, iou, scenes_of_class, window_dataset
from stn_lesson.datasets import Dataset, to_floats
from stn_lesson.experiments import records
from stn_lesson.experiments.runs import DEFAULT_PRECISION, fit_once, load_dataset
from stn_lesson.experiments.schedules import ENCODER_SCHEDULES, SEARCH_SETTINGS
from stn_lesson.experiments.tables import align_columns, format_mean
from stn_lesson.files import locked
from stn_lesson.networks import count_parameters
from stn_lesson.training import default_device, evaluate

# Arguments of `scenes_of_class`: translated; translated and cluttered; translated, with a whole
# digit of another class beside it (TD is ours, not the paper's).
SCENE_KINDS = {"T": {"pieces": 0}, "TC": {"pieces": 16}, "TD": {"pieces": 0, "second_digit": True}}
# The scenes show digits that the encoder has not learnt from; the embedded ones are fewer.
SCENES_PER_CLASS = {"mnist": 100, "digits": 45}
RANDOM_STARTS = 3  # searches of each set of scenes
# What an encoder is trained on, made from plain digits; None: it keeps its random weights.
ENCODERS = {"random": None, "plain": lambda digits: digits, "windows": window_dataset}
MIN_IOU = 0.5  # of a window that has found its digit


def trained_encoder(data: str = "digits", encoder_kind: str = "windows") -> tuple[Encoder, Dataset]:
    """An encoder, and the plain digits whose training part it was trained on.

    Args:
        data: "digits" or "mnist".
        encoder_kind: a name from `ENCODERS`: trained on "plain" digits, on "windows" (digits off
            centre, with pieces around), or not at all ("random" weights).

    Raises:
        ValueError: an unknown name.
    """
    digits = load_dataset(data)
    if encoder_kind not in ENCODERS:
        raise ValueError(f"encoder_kind must be one of {', '.join(ENCODERS)}, got {encoder_kind!r}")
    torch.manual_seed(0)
    encoder = Encoder()
    if ENCODERS[encoder_kind]:
        learns = ENCODERS[encoder_kind](digits)
        settings = ENCODER_SCHEDULES[data] | {"precision": DEFAULT_PRECISION}
        fit_once(encoder, learns, f"encoder-{data}-{encoder_kind}", **settings)
    return encoder.cpu().eval().calibrate(to_floats(digits.train.images[:2000])), digits


def make_scenes(digits: Dataset, data: str, distortion: str, label: int, seed: int = 0) -> Scenes:
    """The scenes of one class, of its test digits; distortion is a name from `SCENE_KINDS`."""
    if distortion not in SCENE_KINDS:
        raise ValueError(f"distortion must be one of {', '.join(SCENE_KINDS)}, got {distortion!r}")
    amounts = {"count": SCENES_PER_CLASS[data]} | SCENE_KINDS[distortion]
    return scenes_of_class(digits.test, label, **amounts, seed=10 * seed + label)


def colocalise_repeatedly(
    images: Tensor, encoder: Encoder, starts: int, **settings
) -> list[Search]:
    """Search several times, from other first weights each; the search with the lowest loss first.

    The loss is known without knowing where the digits are, so it may choose.

    Args:
        images: as in `colocalise`.
        encoder: as in `colocalise`.
        starts: how many searches; their seeds are 0, 1, 2, …
        settings: of `SearchSettings`, all but the seed.

    Raises:
        KeyboardInterrupt: a search was stopped by hand.
    """
    searches = []
    for seed in range(starts):
        searches.append(colocalise(images, encoder, seed=seed, **settings))
        if searches[-1].interrupted:
            raise KeyboardInterrupt
    return sorted(searches, key=lambda search: search.loss)


def iou_at_steps(search: Search, scenes: Scenes) -> Tensor:
    """IoU of the windows with the true boxes at every step that was kept: (steps, N)."""
    size = scenes.images.shape[-1]
    return torch.stack([iou(window_boxes(theta, size), scenes.boxes) for theta in search.theta])


def run_colocalise(
    data: str = "mnist",
    distortion: str = "T",
    seeds: int = 1,
    *,
    encoder_kind: str = "windows",
    labels: tuple[int, ...] = tuple(range(10)),
    starts: int = RANDOM_STARTS,
    **settings,
) -> Path:
    """Search the scenes of every class and write the record, class by class.

    Classes that are in the record already are kept, if it was made in the same way.

    Args:
        data: "digits" or "mnist".
        distortion: a name from `SCENE_KINDS`.
        seeds: how many sets of scenes of each class.
        encoder_kind: a name from `ENCODERS`.
        labels: the classes to search.
        starts: how many searches of each set of scenes; the one with the lowest loss counts.
        settings: of `SearchSettings`, instead of those in `SEARCH_SETTINGS`.

    Returns:
        The record's file, data/results/colocalise-<data>-<distortion>.json; for an encoder other
        than the usual one, its name is added.

    Raises:
        ValueError: an unknown name.
        FileExistsError: as `run_seeds`.
        KeyboardInterrupt: the run was stopped by hand. What was finished is in the record.
    """
    path = records.record_path(record_name(data, distortion, encoder_kind))
    settings, device = SEARCH_SETTINGS[distortion] | settings, default_device()
    encoder, digits = trained_encoder(data, encoder_kind)
    count = SCENES_PER_CLASS[data]
    description = {
        "experiment": "colocalise",
        "data": f"{count} scenes of 84×84 pixels for each class, test part of {digits}",
        "distortion": distortion,
        **SCENE_KINDS[distortion],
        "encoder": {
            "kind": encoder_kind,
            "parameters": count_parameters(encoder),
            "accuracy_on_plain_digits": round(evaluate(encoder, digits.test), 4),
        },
        "settings": settings | {"starts": starts},
    }
    with locked(path, room=records.RECORD_BYTES):
        runs = records.recorded_runs(path, description, device)
        recorded = {(run["seed"], run["label"]) for run in runs}
        for seed, label in product(range(seeds), labels):
            if (seed, label) in recorded:
                continue
            scenes = make_scenes(digits, data, distortion, label, seed)
            searches = colocalise_repeatedly(scenes.images, encoder, starts, **settings)
            runs.append({"seed": seed, "label": label} | _run_record(*searches, scenes=scenes))
            print(f"{path.stem}, seed {seed}, class {label}: {_describe_run(runs[-1])}", flush=True)
            runs.sort(key=lambda run: (run["seed"], run["label"]))
            records.write_record(path, description | records.provenance(device) | {"runs": runs})
    return path


def record_name(data: str, distortion: str, encoder_kind: str = "windows") -> str:
    """The name of a record.

    >>> record_name("mnist", "TC"), record_name("digits", "T", "random")
    ('colocalise-mnist-TC', 'colocalise-digits-T-random')
    """
    choices = (data, SCENES_PER_CLASS), (distortion, SCENE_KINDS), (encoder_kind, ENCODERS)
    if any(name not in known for name, known in choices):
        raise ValueError(
            f"data must be one of {', '.join(SCENES_PER_CLASS)}, distortion of "
            f"{', '.join(SCENE_KINDS)}, encoder_kind of {', '.join(ENCODERS)}, got {data!r}, "
            f"{distortion!r}, {encoder_kind!r}"
        )
    return "-".join(["colocalise", data, distortion] + [encoder_kind] * (encoder_kind != "windows"))


def found_by_class(
    data: str, distortion: str, encoder_kind: str = "windows"
) -> dict[int, list[float]]:
    """Shares found in %, class by class: one for each seed. Empty where nothing was measured."""
    record = records.find_record(record_name(data, distortion, encoder_kind), _found_by_class)
    return _found_by_class(record) if record else {}


def _found_by_class(record: dict) -> dict[int, list[float]]:
    """The shares found in % in a record, class by class."""
    found = {}
    for run in list_of(record["runs"], "runs", "runs"):
        label = whole_number(run["label"], "label", 0, 9)
        found.setdefault(label, []).append(100 * real_number(run["found"], "found", 0, 1))
    if not found:
        raise ValueError("runs must be one or more, got none")
    return found


def colocalise_table(data: str = "mnist", encoder_kind: str = "windows") -> str:
    """Share of the digits found in %, class by class, beside the paper's range over the classes.

    >>> print(colocalise_table().splitlines()[2].split()[:3])
    ['class', '0', '1']
    """
    paper = records.read_record("paper")["found_in_percent"]
    lines = [["class", *map(str, range(10)), "mean", "[paper's]"]]
    missing = []
    for distortion in SCENE_KINDS:
        found = found_by_class(data, distortion, encoder_kind)
        means = {label: statistics.mean(shares) for label, shares in found.items()}
        cells = [f"{means[label]:.0f}" if label in means else "–" for label in range(10)]
        mean = "–"
        if len(means) == 10:
            of_seeds = zip(*found.values(), strict=False)  # the last may lack some classes
            mean = format_mean([statistics.mean(shares) for shares in of_seeds], digits=1)
        lines.append([distortion, *cells, mean, _published(paper.get(distortion))])
        if len(means) < 10:
            labels = ", ".join(str(label) for label in range(10) if label not in means)
            missing.append(f"not measured yet: {distortion}, class {labels}")
    what = "mean ± standard deviation over the seeds; [the paper's]"
    text = [f"digits found (IoU above {MIN_IOU}) in % on {data}: {what}", ""]
    return "\n".join(text + align_columns(lines) + (["", *missing] if missing else []))


def _published(found: list | None) -> str:
    """The paper's shares, from the class found worst to the one found best.

    >>> _published([75, 93]), _published([100, 100]), _published(None)
    ('[75 to 93]', '[100]', '')
    """
    return f"[{' to '.join(map(str, dict.fromkeys(found)))}]" if found else ""


def _run_record(search: Search, *others: Search, scenes: Scenes) -> dict:
    """What a record keeps of the searches of a class: all of the best, the others in short."""
    overlaps = iou_at_steps(search, scenes)
    return {
        "found": round(_share_found(overlaps[-1]), 4),
        "mean_iou": round(overlaps[-1].mean().item(), 4),
        "loss": round(search.loss, 4),
        "kept_steps": search.kept_steps,
        "found_at_steps": [round(_share_found(overlap), 4) for overlap in overlaps],
        "seconds": round(search.seconds, 1),
        "other_losses": [round(other.loss, 4) for other in others],
        "other_found": [
            round(_share_found(iou_at_steps(other, scenes)[-1]), 4) for other in others
        ],
    }


def _share_found(overlap: Tensor) -> float:
    """The share of scenes whose window overlaps the digit's box enough; IoU (N,)."""
    return (overlap > MIN_IOU).float().mean().item()


def _describe_run(run: dict) -> str:
    """A run of the record in a line."""
    return (
        f"found {run['found']:.0%}, mean IoU {run['mean_iou']:.2f}, loss {run['loss']:.2f}, "
        f"{run['seconds']:.0f} s a start"
    )
