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

RECIPE_OPTIONS = ("data", "network", "seeds", "epochs")


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
    # No defaults here: they would hide whether an option was given, and only the recipe has any.
    run.add_argument("--data", choices=SCHEDULES, help="of the recipe (default digits)")
    run.add_argument("--network", choices=NETWORKS, help="of the recipe (default recipe_stn)")
    run.add_argument("--seeds", type=positive, help="how many runs of the recipe (default 1)")
    run.add_argument("--epochs", type=positive, help="instead of the schedule's own")
    verbs.add_parser("results", help="print a line for every record in data/results")
    asked = parser.parse_args(words)
    try:
        if asked.verb == "run":
            named = {name: getattr(asked, name) for name in RECIPE_OPTIONS}
            options = {name: value for name, value in named.items() if value is not None}
            if asked.experiment == "recipe":
                path = run_recipe(**{"data": "digits"} | options)
            elif options:
                parser.error("--data, --network, --seeds and --epochs belong to the recipe")
            else:
                path = run_trained(asked.experiment)
            print(f"written: {path.relative_to(DATA.parent)}")
        else:
            for pattern in ("recipe-*.json", "trained-*.json"):
                for path in sorted((DATA / "results").glob(pattern)):
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
