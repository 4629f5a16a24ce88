"""Our figures beside the paper's, and which of them are still to be measured."""

import re
import statistics
from contextlib import suppress
from itertools import product

from stn_lesson.experiments.paper import COLUMNS, ROWS, cell_name
from stn_lesson.experiments.records import read_record

_IMAGES = re.compile(r": (\d+) training images")


def measured(experiment: str, data: str = "mnist", schedule: str = "short") -> dict:
    """The records of all cells that were measured: (row, column) → record.

    A row is "cnn" or "st_cnn-tps", a column "R" or "RTS".

    Raises:
        ValueError: no such experiment.
    """
    if experiment not in ROWS:
        raise ValueError(f"experiment must be one of {', '.join(ROWS)}, got {experiment!r}")
    found = {}
    for row, column in product(ROWS[experiment], COLUMNS[experiment]):
        with suppress(FileNotFoundError):
            record = read_record(cell_name(experiment, data, column, row, schedule))
            found[_name(row), column] = record
    return found


def errors(experiment: str, data: str = "mnist", schedule: str = "short") -> dict:
    """Test errors in % after the last epoch: (row, column) → one for each seed."""
    return {
        cell: [100 - 100 * run["accuracy"][-1] for run in record["runs"]]
        for cell, record in measured(experiment, data, schedule).items()
    }


def published(experiment: str) -> dict:
    """The paper's test errors in %, where it has any: (row, column) → error."""
    rows = read_record("paper")["test_error_in_percent"].get(experiment, {})
    return {(row, column): error for row, cells in rows.items() for column, error in cells.items()}


def table(experiment: str, data: str = "mnist", schedule: str = "short") -> str:
    """A table of test errors in %: ours, mean and range over the seeds, and [the paper's].

    >>> print(table("tc").splitlines()[2].split())
    ['network', 'parameters', 'TC']
    """
    found = measured(experiment, data, schedule)
    ours, theirs = errors(experiment, data, schedule), published(experiment)
    columns, rows = COLUMNS[experiment], [_name(row) for row in ROWS[experiment]]
    lines = [["network", "parameters", *columns]]
    for row in rows:
        cells = [cell(ours.get((row, column)), theirs.get((row, column))) for column in columns]
        counts = {found[row, c]["parameters"] for c in columns if (row, c) in found}
        lines.append([row, _range(counts), *cells])
    for row in dict.fromkeys(row for row, _ in theirs if row not in rows):  # of all its families
        best = [_best(ours, row, column) for column in columns]
        cells = [cell(best[k], theirs[row, column]) for k, column in enumerate(columns)]
        lines.append([f"best {row}", "", *cells])
    text = [f"test error in % on {data}, {schedule} schedule; [the paper's]", ""]
    text += [*in_columns(lines), "", *_how(found)]
    missing = [f"{row} on {column}" for row, column in product(rows, columns)]
    missing = [cell for cell in missing if tuple(cell.split(" on ")) not in ours]
    if missing:
        text.append(f"not measured yet: {', '.join(missing)}")
    return "\n".join(text)


def in_columns(lines: list[list[str]]) -> list[str]:
    """Lines of words, padded so that they stand below each other.

    >>> in_columns([["class", "1"], ["T", "100"]])
    ['class  1', 'T      100']
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [[word.ljust(w) for word, w in zip(line, widths, strict=True)] for line in lines]
    return ["  ".join(line).rstrip() for line in padded]


def _how(records: dict) -> list[str]:
    """How the records of a table came about: a line for every way, and one on collapse."""
    if not records:
        return []
    ways = dict.fromkeys(
        f"{record['settings']['epochs']} epochs of "
        f"{int(_IMAGES.search(record['data'])[1]):,} images, "
        f"{record['settings']['precision']}, {record['device']}"
        for record in records.values()
    )
    runs = [run for record in records.values() for run in record["runs"]]
    collapsed = sum(run["collapsed_at"] is not None for run in runs)
    return [*ways, f"{collapsed} of {len(runs)} runs collapsed"]


def cell(ours: list[float] | None, theirs: float | None) -> str:
    """One cell: mean, range over the seeds if there are several, [the paper's].

    >>> cell([1.0, 1.5], 0.8), cell([2.0], None), cell(None, 0.8)
    ('1.25 (1.00 to 1.50) [0.8]', '2.00', '– [0.8]')
    """
    words = ["–" if ours is None else f"{statistics.mean(ours):.2f}"]
    if ours and len(ours) > 1:
        words.append(f"({min(ours):.2f} to {max(ours):.2f})")
    if theirs is not None:
        words.append(f"[{theirs}]")
    return " ".join(words)


def _range(counts: set[int]) -> str:
    """From the smallest to the largest.

    >>> _range({144106, 175790}), _range({7}), _range(set())
    ('144,106 to 175,790', '7', '–')
    """
    ends = sorted({min(counts), max(counts)}) if counts else []
    return " to ".join(f"{count:,}" for count in ends) or "–"


def _best(ours: dict, network: str, column: str) -> list[float] | None:
    """The errors of the network's best family."""
    families = [
        e for (row, at), e in ours.items() if at == column and row.startswith(f"{network}-")
    ]
    return min(families, key=statistics.mean, default=None)


def _name(row: tuple) -> str:
    return "-".join(word for word in row if word)
