"""Command line: `python -m stn_lesson run table1 --data mnist --network st_cnn --family tps`."""

import argparse
import sys
from pathlib import Path

from stn_lesson.datasets.mnist import DownloadError
from stn_lesson.experiments import colocalisation, paper, records, replication, tables
from stn_lesson.experiments.bench import bench_table, run_bench
from stn_lesson.experiments.pretraining import TRAINED, run_trained
from stn_lesson.experiments.recipe import run_recipe, train_recipe
from stn_lesson.experiments.runs import SOURCES
from stn_lesson.experiments.two_digits import RIVALS, run_two_digits
from stn_lesson.networks import NETWORKS
from stn_lesson.training import PRECISIONS, CheckpointError, TrainingError
from stn_lesson.training.processes import torchrun_process_group

# What each experiment may be told; a word that it does not know is an error, not ignored.
OPTIONS = {
    "recipe": ("data", "network", "seeds", "epochs", "precision"),
    **dict.fromkeys(TRAINED, ()),
    "table1": (
        "data", "distortion", "network", "family", "seeds", "schedule", "precision", "epochs"
    ),
    "slant": ("data", "distortion", "network", "seeds", "schedule", "precision", "epochs"),
    **dict.fromkeys(
        ("tc", "tc_once", "plain"), ("data", "network", "seeds", "schedule", "precision", "epochs")
    ),
    "addition": ("data", "network", "family", "seeds", "schedule", "precision", "epochs"),
    "two_digits": ("data", "network", "seeds", "epochs"),
    "colocalise": ("data", "distortion", "encoder", "seeds"),
}  # fmt: skip


def main(words: list[str] | None = None) -> int:
    """Run what was asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m stn_lesson", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run", help="run an experiment and write its record to data/results")
    run.add_argument(
        "experiment",
        choices=OPTIONS,
        help="the recipe, one of the paper's tables, or a network of data/checkpoints trained anew",
    )
    # No defaults here: they would hide whether an option was given.
    run.add_argument("--data", choices=SOURCES, help="what to learn (default digits)")
    columns = [*paper.DISTORTED, *paper.COLUMNS["slant"], *colocalisation.DISTRACTORS]
    run.add_argument("--distortion", choices=columns, help="one column (default all)")
    rows = dict.fromkeys(row[0] for rows in paper.ROWS.values() for row in rows)
    networks = dict.fromkeys([*NETWORKS, *rows, *RIVALS])
    run.add_argument("--network", choices=networks, help="one row (default all; recipe_stn)")
    run.add_argument("--family", choices=paper.FAMILIES, help="one family (default all)")
    encoders = list(colocalisation.ENCODERS)
    run.add_argument("--encoder", choices=encoders, help="what it learnt from (default windows)")
    run.add_argument("--seeds", type=positive, help="how many runs of each (default 1)")
    run.add_argument("--schedule", choices=["short", "long"], help="how long (default short)")
    run.add_argument("--precision", choices=PRECISIONS, help="(default float32)")
    run.add_argument("--epochs", type=positive, help="instead of the schedule's own")
    train = verbs.add_parser(
        "train",
        help="train a network of the recipe once; several processes do it together: torchrun "
        "--nproc-per-node=2 -m stn_lesson train",
    )
    train.add_argument("--data", choices=SOURCES, default="digits")
    train.add_argument("--network", choices=NETWORKS, default="recipe_stn")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--checkpoint", help="written after every epoch; if it is there, go on")
    for name in ("epochs", "batch-size"):
        train.add_argument(f"--{name}", type=positive, help="instead of the schedule's own")
    train.add_argument("--precision", choices=PRECISIONS, help="(default the faster one here)")
    bench = verbs.add_parser(
        "bench", help="how fast our training is beside others, and the samplers; half an hour"
    )
    bench.add_argument("--data", choices=SOURCES, default="mnist")
    bench.add_argument("--seeds", type=positive, default=3, help="(default 3)")
    table = verbs.add_parser("table", help="print our figures beside the paper's")
    table.add_argument("experiment", choices=[*paper.ROWS, "colocalise"])
    table.add_argument("--data", choices=SOURCES, default="mnist")
    table.add_argument("--schedule", choices=["short", "long"], default="short")
    replicate = verbs.add_parser(
        "replicate", help="for a class: train the recipe with your seed; hand in its record"
    )
    replicate.add_argument("seed", type=int, help="yours: another for each student")
    replicate.add_argument("--data", choices=SOURCES, default="digits")
    replicate.add_argument("--network", choices=NETWORKS, default="recipe_stn")
    merge = verbs.add_parser("merge", help="for teachers: put the records of a class together")
    merge.add_argument("folder", type=Path, help="holds the students' records")
    verbs.add_parser("results", help="print a line for every record in data/results")
    asked = parser.parse_args(words)
    try:
        if asked.verb == "run":
            given = vars(asked).items()
            options = {k: v for k, v in given if v is not None and k not in ("verb", "experiment")}
            unknown = [name for name in options if name not in OPTIONS[asked.experiment]]
            if unknown:
                known = ", ".join(f"--{name}" for name in OPTIONS[asked.experiment]) or "no options"
                parser.error(f"{asked.experiment} takes {known}; got --{unknown[0]}")
            for path in run_experiment(asked.experiment, options, parser):
                print(f"written: {path.relative_to(records.DATA.parent)}")
        elif asked.verb == "train":
            given = {k: v for k, v in vars(asked).items() if v is not None and k != "verb"}
            with torchrun_process_group() as device:
                train_recipe(**given, device=device)
        elif asked.verb == "bench":
            path = run_bench(asked.data, asked.seeds)
            print(bench_table(records.read_record(path.stem)))
        elif asked.verb == "table" and asked.experiment == "colocalise":
            print(colocalisation.colocalise_table(asked.data))
        elif asked.verb == "table":
            print(tables.table(asked.experiment, asked.data, asked.schedule))
        elif asked.verb == "replicate":
            print(f"written: {replication.replicate(asked.seed, asked.data, asked.network)}")
        elif asked.verb == "merge":
            path, left_out = replication.merge(asked.folder)
            print(replication.class_table(replication.class_records()))
            print("\n".join(f"left out: {why}" for why in left_out))
            print(f"written: {path.relative_to(records.DATA.parent)}")
        else:
            print_results()
    except (
        DownloadError, TrainingError, CheckpointError, FileExistsError, FileNotFoundError
    ) as error:  # fmt: skip
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def run_experiment(experiment: str, options: dict, parser: argparse.ArgumentParser):
    """Run all cells that the options leave open; yield each record's file."""
    if experiment == "recipe":
        yield run_recipe(**{"data": "digits"} | options)
    elif experiment in TRAINED:
        yield run_trained(experiment)
    elif experiment == "two_digits":
        chosen = options.pop("network", None)
        if chosen not in (None, *RIVALS):
            parser.error(f"two_digits takes --network {', '.join(RIVALS)}; got {chosen}")
        for name in [chosen] if chosen else RIVALS:
            yield run_two_digits(name, **options)
    elif experiment == "colocalise":
        chosen = options.pop("distortion", None)
        if chosen not in (None, *colocalisation.DISTRACTORS):
            parser.error(f"colocalise takes --distortion T or TC, got {chosen}")
        options = {"data": "digits", "learnt": options.pop("encoder", "windows")} | options
        for distortion in colocalisation.DISTRACTORS:
            if chosen in (None, distortion):
                yield colocalisation.run_colocalise(distortion=distortion, **options)
    else:
        chosen = {key: options.pop(key, None) for key in ("distortion", "network", "family")}
        cells = [
            (task, *row)
            for task in paper.COLUMNS[experiment]
            for row in paper.ROWS[experiment]
            if all(
                wanted in (None, has)
                for wanted, has in zip(chosen.values(), (task, *row), strict=True)
            )
        ]
        if not cells:
            given = [f"--{key} {value}" for key, value in chosen.items() if value]
            parser.error(f"{experiment} has no cell for {' '.join(given)}")
        for cell in cells:
            yield paper.run_cell(experiment, *cell, **options)


def print_results():
    """A line for every record of a training."""
    for path in sorted((records.DATA / "results").glob("*.json")):
        record = records.read_record(path.stem)
        if "training_seconds" in record.get("runs", [{}])[0]:
            print(records.summary(record))


def positive(word: str) -> int:
    """A whole number from 1 on, for argparse."""
    if int(word) < 1:
        raise ValueError(word)
    return int(word)


if __name__ == "__main__":
    sys.exit(main())
