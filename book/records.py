"""The page of the records: our figures beside the paper's, and where each comes from."""

import re
import statistics

from book import repository
from stn_lesson.__main__ import OTHER_TABLES
from stn_lesson.experiments import colocalisation, contest, paper, records, tables

INTRODUCTION = """# The records

Every figure of the course is computed in a cell, or stands in a record: a small file in
`data/results` with the settings, seeds, device, versions and date of the run that made it. First
the tables, as `python -m stn_lesson table …` prints them, then every record with its provenance.
[The page about the data](data/README.md) says how to measure them anew.

Columns are named as in the paper: digits are turned (R), turned, scaled and moved (RTS), seen at a
slant (P), bent (E), moved among clutter (T, TC); a number behind the letter is another strength.
*Follows* is the slope of the frames over the digits, in x and in y; *found*, how often the digit
stands in the middle half of what is read; *area*, how much of the picture that is.
"""
TITLES = {
    "table1": "Distorted MNIST (the paper's table 1)",
    "tc": "MNIST moved and cluttered (the paper's TC)",
    "tc_once": "The same, each digit seen in one place only",
    "undistorted": "MNIST as it is",
    "slant": "Slants and bends of other strengths",
    "addition": "The sum of two digits (the paper's A.1)",
    "colocalise": "Co-localisation (the paper's A.2)",
    "contest": "The contest at equal time",
    "numbers": "House numbers, drawn",
    "svhn": "House numbers, SVHN (the paper's table 2)",
    "birds": "Birds, drawn",
    "birds_cub": "Birds, CUB-200-2011 (the paper's table 3)",
    "solids": "Digits as solids",
}
GROUPS = TITLES | {  # of records, by their experiment; others are called as it is
    "two digits": "Two digits, two transformers",
    "house numbers": TITLES["numbers"],
    "bench": "Speed",
    "recipe": "The Lasagne recipe",
    "contest pace": "Seconds for an epoch, in the contest",
    "clinic": "The clinic",
}
COLUMNS = (
    "record",
    "seeds",
    "test accuracy, last epoch",
    "epochs",
    "precision",
    "training time (median)",
    "date",
    "threads",
)


def page() -> str:
    """The page, in Markdown."""
    printed = [_section(name, text) for name, text in _tables().items()]
    return "\n\n".join([INTRODUCTION, *printed, "## Every record", *_every_record()]) + "\n"


def _tables() -> dict[str, str]:
    """The tables as the command line prints them, by name."""
    printed = {name: tables.table(name) for name in paper.TABLE_ROWS}
    printed["colocalise"] = colocalisation.colocalise_table("mnist")
    printed["contest"] = contest.contest_table("digits")
    return printed | {name: make() for name, make in OTHER_TABLES.items()}


def _section(name: str, text: str) -> str:
    blocks = [as_markdown(block) for block in text.split("\n\n")]
    return "\n\n".join([f"## {TITLES[name]}", *blocks, f"`python -m stn_lesson table {name}`"])


def as_markdown(printed: str) -> str:
    """A block that the command line prints: sentences, then a table in columns.

    >>> print(as_markdown("in %\\nnetwork  R    E\\ncnn           2.0"))
    in %
    <BLANKLINE>
    | network | R | E |
    |---|---|---|
    | cnn |  | 2.0 |
    """
    lines = printed.splitlines()
    head = next((n for n, line in enumerate(lines) if "  " in line), None)
    if head is None:
        return "\n".join(f"- {line}" for line in lines) if lines[1:] else printed
    starts = [found.start() for found in re.finditer(r"(?<!\S)\S+(?: \S+)*", lines[head])]
    rows = [_row(line[a:b].strip() for a, b in _spans(starts)) for line in lines[head:]]
    rows.insert(1, "|" + "---|" * len(starts))
    return "\n\n".join([*lines[:head], "\n".join(rows)])


def _spans(starts: list[int]) -> list[tuple[int, int | None]]:
    return list(zip(starts, [*starts[1:], None], strict=True))


def _row(cells) -> str:
    return f"| {' | '.join(cells)} |"


def _every_record() -> list[str]:
    """What all measured records have in common, then a table for each experiment."""
    loaded = {name: records.load_record(path) for name, path in records.record_paths().items()}
    # A published one names its source instead of a date.
    measured = {name: record for name, record in sorted(loaded.items()) if "date" in record}
    by_experiment = {}
    for name, record in measured.items():
        by_experiment.setdefault(record["experiment"], []).append(_cells(name, record))
    sections = [f"{len(measured)} records were measured:", _machines(measured)]
    for experiment, rows in sorted(by_experiment.items()):
        title = GROUPS.get(experiment, experiment[0].upper() + experiment[1:])
        sections += [f"### {title}", _without_empty_columns(rows)]
    return sections


def _without_empty_columns(rows: list[list[str]]) -> str:
    columns = [column for column in zip(COLUMNS, *rows, strict=True) if any(column[1:])]
    lines = [_row(row) for row in zip(*columns, strict=True)]
    lines.insert(1, "|" + "---|" * len(columns))
    return "\n".join(lines)


def _machines(measured: dict[str, dict]) -> str:
    """A line for each kind of machine and versions, with how many records are of it."""
    kinds = {}
    for record in measured.values():
        versions = [f"{name} {record[name]}" for name in ("python", "torch") if name in record]
        if "browser" in record:
            versions.append(record["browser"])
        kinds.setdefault(", ".join([record["device"], *versions]), []).append(record)
    counted = sorted(kinds.items(), key=lambda item: -len(item[1]))
    return "\n".join(f"- {len(of_kind)} on {kind}" for kind, of_kind in counted)


def _cells(name: str, record: dict) -> list[str]:
    runs = record.get("runs", [])
    settings = record.get("settings", {})
    seconds = [run["training_seconds"] for run in runs if "training_seconds" in run]
    return [
        _link(name),
        _seeds(runs),
        _accuracy(runs),
        str(settings.get("epochs", "")),
        settings.get("precision", ""),
        f"{statistics.median(seconds):,.0f} s" if seconds else "",
        record["date"],
        str(record.get("threads", "")),
    ]


def _link(name: str) -> str:
    """The record's name; a link to its file, if the repository is known."""
    owner = repository.repository()
    address = f"https://github.com/{owner}/blob/HEAD/data/results/{name}.json"
    return f"[`{name}`]({address})" if owner else f"`{name}`"


def _seeds(runs: list[dict]) -> str:
    """The seeds of a record's runs, as in "0 to 9"."""
    seeds = sorted({run["seed"] for run in runs})
    if not seeds:
        return ""
    if len(seeds) > 1 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))


def _accuracy(runs: list[dict]) -> str:
    """The mean of runs that differ by their seed alone, lowest and highest in brackets."""
    last = [100 * run["accuracy"][-1] for run in runs if isinstance(run.get("accuracy"), list)]
    if not last or len({run["seed"] for run in runs}) < len(runs):
        return ""
    spread = f" ({min(last):.1f} to {max(last):.1f})" if len(last) > 1 else ""
    return f"{statistics.mean(last):.1f} %{spread}"
