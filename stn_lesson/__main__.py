"""Command line: `python -m stn_lesson run table1 --data mnist --network st_cnn --family tps`."""

import argparse
import errno
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from stn_lesson.arguments import seed_number, whole_number
from stn_lesson.datasets.mnist import DownloadError
from stn_lesson.experiments import colocalisation, contest, paper, records, replication, tables
from stn_lesson.experiments.bench import bench_table, run_bench
from stn_lesson.experiments.birds import birds_table
from stn_lesson.experiments.catalogue import EXPERIMENTS, OptionError, check_options, run_experiment
from stn_lesson.experiments.cub import cub_table
from stn_lesson.experiments.numbers import numbers_table
from stn_lesson.experiments.pretraining import PRETRAINED
from stn_lesson.experiments.recipe import train_recipe
from stn_lesson.experiments.record_form import WRONG_FORM
from stn_lesson.experiments.runs import DATASETS
from stn_lesson.experiments.schedules import PAPER_SCHEDULES
from stn_lesson.experiments.solids import solids_table
from stn_lesson.experiments.svhn import svhn_table
from stn_lesson.files import FileError
from stn_lesson.networks import NETWORKS
from stn_lesson.training import PRECISIONS, CheckpointError, TrainingError
from stn_lesson.training.processes import torchrun_process_group

# What the user could not know or can mend: the message is printed, without a traceback.
EXPECTED_ERRORS = (
    DownloadError, TrainingError, CheckpointError, FileError, FileExistsError, FileNotFoundError,
    ModuleNotFoundError,
)  # fmt: skip
# Tables of one kind of data each.
OTHER_TABLES = {
    "numbers": numbers_table,
    "svhn": svhn_table,
    "birds": birds_table,
    "birds_cub": cub_table,
    "solids": solids_table,
}
SCHEDULES = dict.fromkeys(schedule for _, schedule in PAPER_SCHEDULES)


def main(argv: list[str] | None = None) -> int:
    """Do what the command line says; return the exit status.

    Args:
        argv: the command line after `python -m stn_lesson`; None takes the process's own.
    """
    parser = argparse.ArgumentParser(prog="python -m stn_lesson", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for add in (add_run, add_train, add_bench, add_table, add_replicate, add_merge, add_results):
        add(verbs)
    args = parser.parse_args(argv)
    try:
        args.action(args)
    except OptionError as error:
        parser.error(str(error))
    except EXPECTED_ERRORS as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        how = "; the same command goes on from what is written" if goes_on(args) else ""
        print(f"Stopped{how}.", file=sys.stderr)
        return 130
    return 0


def program() -> int:
    """Do what the command line says, whoever listens: a pipe may end, a disk may be full."""
    try:
        status = main()
        sys.stdout.flush()
    except OSError as error:
        if error.filename is not None or error.errno not in (errno.EPIPE, errno.ENOSPC):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at the end
        if error.errno == errno.EPIPE:
            return 141  # as a program that the shell ends for it
        print(f"the output cannot be written ({error.strerror})", file=sys.stderr)
        return 1
    return status


def goes_on(args: argparse.Namespace) -> bool:
    """Whether a command that was stopped goes on from where it was."""
    if args.verb == "run":
        return args.experiment not in PRETRAINED
    return args.verb == "replicate" or (args.verb == "train" and args.checkpoint is not None)


def add_run(verbs) -> None:
    """`run`: train the cells of an experiment."""
    parser = verbs.add_parser("run", help="run an experiment and write its record to data/results")
    parser.set_defaults(action=run)
    parser.add_argument(
        "experiment",
        choices=EXPERIMENTS,
        help="the recipe, an experiment of the paper, or a network of data/checkpoints anew",
    )
    # No defaults here: they would hide whether an option was given.
    parser.add_argument("--data", choices=DATASETS, help="what to learn (default digits)")
    columns = *paper.TABLE1_DISTORTIONS, *paper.TABLE_COLUMNS["slant"]
    columns = [*columns, *colocalisation.SCENE_KINDS]
    parser.add_argument("--distortion", choices=columns, help="one column (default all)")
    parser.add_argument("--network", help="one row (default all; recipe: recipe_stn)")
    parser.add_argument("--size", type=positive, help="of the images, in pixels (default all)")
    parser.add_argument("--family", choices=paper.ROW_FAMILIES, help="one family (default all)")
    encoders = list(colocalisation.ENCODERS)
    parser.add_argument("--encoder", choices=encoders, help="trained on what (default windows)")
    parser.add_argument("--seeds", type=positive, help="how many runs of each (default 1)")
    parser.add_argument("--schedule", choices=SCHEDULES, help="how long, and how (default short)")
    parser.add_argument("--precision", choices=PRECISIONS, help="(default float32)")
    parser.add_argument("--epochs", type=positive, help="instead of the schedule's own")


def run(args: argparse.Namespace) -> None:
    """Run all cells of an experiment that the options leave open; print each record's file."""
    start = time.time() - 1  # files count seconds by a coarser clock
    ignored = ("verb", "action", "experiment")
    given = {k: v for k, v in vars(args).items() if v is not None and k not in ignored}
    try:
        for path in run_experiment(args.experiment, **given):
            news = "written" if path.stat().st_mtime >= start else "nothing left to measure"
            print(f"{news}: {path}")
    except ValueError as error:  # the experiment has no such network, size, …
        raise OptionError(str(error)) from error


def add_train(verbs) -> None:
    """`train`: one run of the recipe, without a record."""
    parser = verbs.add_parser(
        "train",
        help="train a network of the recipe once; several processes do it together: torchrun "
        "--nproc-per-node=2 -m stn_lesson train",
    )
    parser.set_defaults(action=train)
    parser.add_argument("--data", choices=DATASETS, default="digits")
    parser.add_argument("--network", choices=NETWORKS, default="recipe_stn")
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--checkpoint", help="written after every epoch; if it is there, go on")
    for name in ("epochs", "batch-size"):
        parser.add_argument(f"--{name}", type=positive, help="instead of the schedule's own")
    parser.add_argument("--precision", choices=PRECISIONS, help="(default the faster one here)")


def train(args: argparse.Namespace) -> None:
    """Train a network of the recipe; a line after every epoch."""
    ignored = ("verb", "action")
    given = {k: v for k, v in vars(args).items() if v is not None and k not in ignored}
    try:
        with torchrun_process_group() as device:
            history = train_recipe(**given, device=device)
    except ValueError as error:  # options that do not go together
        raise OptionError(str(error)) from error
    if history.interrupted:
        raise KeyboardInterrupt


def add_bench(verbs) -> None:
    """`bench`: how fast the training is."""
    parser = verbs.add_parser(
        "bench", help="how fast our training is beside others, and the samplers; half an hour"
    )
    parser.set_defaults(action=bench)
    parser.add_argument("--data", choices=DATASETS, default="mnist")
    parser.add_argument("--seeds", type=positive, default=3, help="(default 3)")


def bench(args: argparse.Namespace) -> None:
    """Measure all contenders, and print the record as a table."""
    path = run_bench(args.data, args.seeds)
    print(bench_table(records.read_record(path.stem)))


def add_table(verbs) -> None:
    """`table`: measured figures beside the paper's."""
    parser = verbs.add_parser("table", help="print our figures beside the paper's")
    parser.set_defaults(action=table)
    parser.add_argument(
        "experiment", choices=[*paper.TABLE_ROWS, "colocalise", "contest", *OTHER_TABLES]
    )
    parser.add_argument("--data", choices=DATASETS, help="(default mnist; contest: digits)")
    parser.add_argument("--schedule", choices=SCHEDULES, help="(default short)")


def table(args: argparse.Namespace) -> None:
    """Print the table of an experiment."""
    known = [] if args.experiment in OTHER_TABLES else ["data"]
    known += ["schedule"] * (args.experiment in paper.TABLE_ROWS)
    given = [option for option in ("data", "schedule") if getattr(args, option) is not None]
    check_options(f"table {args.experiment}", given, known)
    if args.experiment in paper.TABLE_ROWS:
        print(tables.table(args.experiment, args.data or "mnist", args.schedule or "short"))
    elif args.experiment == "colocalise":
        print(colocalisation.colocalise_table(args.data or "mnist"))
    elif args.experiment == "contest":
        print(contest.contest_table(args.data or "digits"))
    else:
        print(OTHER_TABLES[args.experiment]())


def add_replicate(verbs) -> None:
    """`replicate`: one student's seed of the recipe."""
    parser = verbs.add_parser(
        "replicate", help="for a class: train the recipe with your seed; hand in its record"
    )
    parser.set_defaults(action=replicate)
    parser.add_argument("seed", type=seed, help="yours: another for each student")
    parser.add_argument("--data", choices=DATASETS, default="digits")
    parser.add_argument("--network", choices=NETWORKS, default="recipe_stn")


def replicate(args: argparse.Namespace) -> None:
    """Train one seed and write its record into the current folder."""
    print(f"written: {replication.replicate(args.seed, args.data, args.network)}")


def add_merge(verbs) -> None:
    """`merge`: the records of a class in one."""
    parser = verbs.add_parser("merge", help="for teachers: put the records of a class together")
    parser.set_defaults(action=merge)
    parser.add_argument("folder", type=Path, help="holds the students' records")


def merge(args: argparse.Namespace) -> None:
    """Merge the students' records; print the class's table and what was left out."""
    path, left_out = replication.merge(args.folder)
    print(replication.class_table(replication.class_records()))
    print("\n".join(f"left out: {reason}" for reason in left_out))
    print(f"written: {path}")


def add_results(verbs) -> None:
    """`results`: all records, a line each."""
    parser = verbs.add_parser("results", help="print a line for every record in data/results")
    parser.set_defaults(action=results)


def results(args: argparse.Namespace) -> None:
    """Print a line for every record of a training."""
    for name, path in sorted(records.record_paths().items()):
        try:
            record = records.load_record(path)
            if "training_seconds" in record.get("runs", [{}])[0]:
                print(f"{name}: {records.summary(record)}")
        except FileError as error:
            print(error, file=sys.stderr)
        except FileNotFoundError:
            print(f"{path} leads to no file: {name} is left out", file=sys.stderr)
        except WRONG_FORM:
            print(f"{path} is damaged: {name} is left out", file=sys.stderr)


def positive(word: str) -> int:
    """A whole number from 1 on, for argparse."""
    return _checked(word, lambda value: whole_number(value, "it", lowest=1))


def seed(word: str) -> int:
    """A seed, for argparse."""
    return _checked(word, lambda value: seed_number(value, "it"))


def _checked(word: str, check: Callable[[int | str], int]) -> int:
    """What a check makes of a number on the command line; argparse says what it says of others."""
    try:
        return check(int(word) if re.fullmatch(r"[+-]?\d+", word) else word)
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(program())
