"""Our figures beside the paper's, and which of them are still to be measured."""

import statistics

from stn_lesson.experiments.paper import COLUMNS, ROWS, cell_name
from stn_lesson.experiments.records import read_record


def errors(experiment: str, data: str = "mnist", schedule: str = "short") -> dict:
    """Test errors in % after the last epoch, of every seed, for every cell that was measured.

    Returns:
        (row, column) → list of errors; a row is "cnn" or "st_cnn-tps", a column "R" or "RTS".

    Raises:
        ValueError: no such experiment.
    """
    if experiment not in ROWS:
        raise ValueError(f"experiment must be one of {', '.join(ROWS)}, got {experiment!r}")
    found = {}
    for row in ROWS[experiment]:
        for column in COLUMNS[experiment]:
            try:
                record = read_record(cell_name(experiment, data, column, row, schedule))
            except FileNotFoundError:
                continue
            last = [100 - 100 * run["accuracy"][-1] for run in record["runs"]]
            found[_name(row), column] = last
    return found


def published(experiment: str) -> dict:
    """The paper's test errors in %, where it has any: (row, column) → error."""
    rows = read_record("paper")["test_error_in_percent"].get(experiment, {})
    return {
        (row, column): error for row, columns in rows.items() for column, error in columns.items()
    }


def table(experiment: str, data: str = "mnist", schedule: str = "short") -> str:
    """A table of test errors in %: ours, mean and range over the seeds, and [the paper's].

    >>> print(table("tc").splitlines()[2].split())
    ['network', 'TC']
    """
    ours, theirs = errors(experiment, data, schedule), published(experiment)
    columns, rows = COLUMNS[experiment], [_name(row) for row in ROWS[experiment]]
    lines = [["network", *columns]]
    for row in rows:
        cells = [_cell(ours.get((row, column)), theirs.get((row, column))) for column in columns]
        lines.append([row, *cells])
    for row in dict.fromkeys(row for row, _ in theirs if row not in rows):  # of all its families
        best = [_best(ours, row, column) for column in columns]
        cells = [_cell(best[k], theirs[row, column]) for k, column in enumerate(columns)]
        lines.append([f"best {row}", *cells])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [f"test error in % on {data}, {schedule} schedule; [the paper's]", ""]
    for line in lines:
        padded = [word.ljust(width) for word, width in zip(line, widths, strict=True)]
        text.append("  ".join(padded).rstrip())
    missing = [
        f"{row} on {column}" for row in rows for column in columns if (row, column) not in ours
    ]
    if missing:
        text += ["", f"not measured yet: {', '.join(missing)}"]
    return "\n".join(text)


def _cell(ours: list[float] | None, theirs: float | None) -> str:
    """One cell: mean, range over the seeds if there are several, [the paper's].

    >>> _cell([1.0, 1.5], 0.8), _cell([2.0], None), _cell(None, 0.8)
    ('1.25 (1.00 to 1.50) [0.8]', '2.00', '– [0.8]')
    """
    words = ["–" if ours is None else f"{statistics.mean(ours):.2f}"]
    if ours and len(ours) > 1:
        words.append(f"({min(ours):.2f} to {max(ours):.2f})")
    if theirs is not None:
        words.append(f"[{theirs}]")
    return " ".join(words)


def _best(ours: dict, network: str, column: str) -> list[float] | None:
    """The errors of the network's best family."""
    families = [
        e for (row, at), e in ours.items() if at == column and row.startswith(f"{network}-")
    ]
    return min(families, key=statistics.mean, default=None)


def _name(row: tuple) -> str:
    return "-".join(word for word in row if word)
