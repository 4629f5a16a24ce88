"""Command line: `python -m stn_lesson run recipe --data digits --seeds 3`."""

import argparse
import sys

from stn_lesson.datasets.mnist import DownloadError
from stn_lesson.experiments import (
    DATA,
    SCHEDULES,
    TRAINED,
    read_record,
    run_recipe,
    run_trained,
    summary,
)
from stn_lesson.networks import NETWORKS
from stn_lesson.training import TrainingError


def main(words: list[str] | None = None) -> int:
    """Run what was asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m stn_lesson", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="run an experiment and write its record to data/results")
    run.add_argument(
        "experiment",
        choices=["recipe", *TRAINED],
        help="the recipe, or a network of data/checkpoints trained anew (these need MNIST)",
    )
    run.add_argument("--data", choices=SCHEDULES, default="digits")
    run.add_argument("--network", choices=NETWORKS, default="recipe_stn")
    run.add_argument("--seeds", type=positive, default=1, help="how many runs (default 1)")
    run.add_argument("--epochs", type=positive, help="instead of the schedule's own")
    verbs.add_parser("results", help="print a line for every record in data/results")
    asked = parser.parse_args(words)
    try:
        if asked.verb == "run":
            epochs = {} if asked.epochs is None else {"epochs": asked.epochs}
            if asked.experiment in TRAINED:
                path = run_trained(asked.experiment)
            else:
                path = run_recipe(asked.data, asked.network, asked.seeds, **epochs)
            print(f"written: {path.relative_to(DATA.parent)}")
        else:
            for path in sorted((DATA / "results").glob("recipe-*.json")):
                print(summary(read_record(path.stem)))
    except (DownloadError, TrainingError, FileExistsError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def positive(word: str) -> int:
    """A whole number from 1 on, for argparse."""
    if int(word) < 1:
        raise ValueError(word)
    return int(word)


if __name__ == "__main__":
    sys.exit(main())
