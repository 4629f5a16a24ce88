"""How often networks of students pass the task `model`, and how often frozen ones would.

    nice python tests/grading/training_odds.py 34 60

trains 34 right networks of each of three designs and 60 whose θ no gradient reaches, as the
assignment advises, and measures each on scenes that no training saw. It goes on where it was
stopped, and writes data/results/assignment-training.json after each run.
"""

import sys
import time

import torch
from torch import nn

import stn_lesson as stn
from stn_lesson.assignment.digit_scenes import CLUTTER_SETTINGS, scenes
from stn_lesson.experiments import records
from stn_lesson.transformer import freeze_transformers

SETTINGS = {"epochs": 16, "batch_size": 64, "precision": "float32"}  # the notebook's
LOCALISATIONS = {
    "convolutions on a coarse picture": lambda: nn.Sequential(
        nn.AvgPool2d(2), nn.Conv2d(1, 16, 5), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(16, 16, 5), nn.ReLU(),
        nn.Flatten(), nn.Linear(16 * 6 * 6, 32), nn.ReLU(), nn.Linear(32, 6),
    ),
    "no convolutions": lambda: nn.Sequential(
        nn.AvgPool2d(4), nn.Flatten(), nn.Linear(12 * 12, 64), nn.ReLU(), nn.Linear(64, 6)
    ),
    "convolutions on the whole picture": lambda: nn.Sequential(
        nn.Conv2d(1, 8, 7), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(8, 10, 5), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(), nn.Linear(10 * 8 * 8, 32), nn.ReLU(), nn.Linear(32, 6),
    ),
}  # fmt: skip
FROZEN = "no gradient reaches θ"
JUDGED_SCENES = 2  # of each test digit


def classifier() -> nn.Module:
    """The notebook's."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(16, 32, 3), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 3 * 3, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


def measure(design: str, seed: int) -> dict:
    """Train one network and measure it."""
    torch.manual_seed(seed)
    make_localisation = LOCALISATIONS.get(design, next(iter(LOCALISATIONS.values())))
    transformer = stn.SpatialTransformer(make_localisation(), size=(20, 20))
    model = nn.Sequential(transformer, classifier())
    if design == FROZEN:
        freeze_transformers(model)
    start = time.process_time()
    stn.fit(model, scenes(), progress_bar=False, warn=lambda _: None, seed=seed, **SETTINGS)
    seconds = time.process_time() - start
    judged = [
        stn.clutter(stn.load_digits(), **CLUTTER_SETTINGS, seed=10_000 + JUDGED_SCENES * seed + k)
        for k in range(JUDGED_SCENES)
    ]
    aims = [stn.measure_aim(model, data.test) for data in judged]
    accuracy = [stn.evaluate(model, data.test) for data in judged]
    return {
        "design": design,
        "seed": seed,
        "accuracy": round(sum(accuracy) / len(accuracy), 4),
        "least_slope": round(min(slope for aim in aims for slope in aim.slope), 3),
        "most_spread": round(max(spread for aim in aims for spread in aim.spread), 3),
        "processor_seconds": round(seconds, 1),
    }


def main(right: int, frozen: int) -> None:
    """Measure what is missing, in turns, so that any stop leaves a fair sample."""
    torch.set_num_threads(1)
    path = records.record_path("assignment-training")
    head = {"experiment": "training for the assignment", "settings_of_fit": SETTINGS}
    runs = records.load_record(path)["runs"] if path.exists() else []
    done = {(run["design"], run["seed"]) for run in runs}
    for seed in range(max(right, frozen)):
        designs = [*LOCALISATIONS] * (seed < right) + [FROZEN] * (seed < frozen)
        for design in designs:
            if (design, seed) not in done:
                runs.append(measure(design, seed))
                provenance = records.provenance(torch.device("cpu"))
                records.write_record(path, head | {"runs": runs} | provenance)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
