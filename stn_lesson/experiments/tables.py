"""Our figures beside the paper's, and which of them are still to be measured."""

import math
import re
import statistics
from itertools import product

import torch

from stn_lesson.experiments.paper import TABLE_COLUMNS, TABLE_ROWS, build_network, cell_name
from stn_lesson.experiments.record_form import check_trained
from stn_lesson.experiments.records import find_record, read_record

_TRAINING_IMAGES = re.compile(r": (\d+) training images")
_TEST_IMAGES = re.compile(r", (\d+) test images")


def measured_records(experiment: str, data: str = "mnist", schedule: str = "short") -> dict:
    """The records of all cells that were measured: (row, column) → record.

    A row is "cnn" or "st_cnn-tps", a column "R" or "RTS".

    Raises:
        ValueError: no such experiment.
    """
    if experiment not in TABLE_ROWS:
        raise ValueError(f"experiment must be one of {', '.join(TABLE_ROWS)}, got {experiment!r}")
    records = {}
    for row, column in product(TABLE_ROWS[experiment], TABLE_COLUMNS[experiment]):
        record = find_record(cell_name(experiment, data, column, row, schedule), _image_counts)
        if record:
            records[_row_name(row), column] = record
    return records


def _image_counts(record: dict) -> tuple[int, int]:
    """How many images a record's networks learnt from, and how many they were tested on."""
    check_trained(record)
    counts = (pattern.search(record["data"])[1] for pattern in (_TRAINING_IMAGES, _TEST_IMAGES))
    training, test = map(int, counts)
    return training, test


def measured_errors(experiment: str, data: str = "mnist", schedule: str = "short") -> dict:
    """Test errors in % after the last epoch: (row, column) → one for each seed."""
    return {
        cell: [100 - 100 * run["accuracy"][-1] for run in record["runs"]]
        for cell, record in measured_records(experiment, data, schedule).items()
    }


def published_errors(experiment: str) -> dict:
    """The paper's test errors in %, where it has any: (row, column) → error."""
    rows = read_record("paper")["test_error_in_percent"].get(experiment, {})
    return {(row, column): error for row, cells in rows.items() for column, error in cells.items()}


def table(experiment: str, data: str = "mnist", schedule: str = "short") -> str:
    """A table of test errors in %: ours, mean ± standard deviation over the seeds, [the paper's].

    Rows and columns of which nothing is known, ours or the paper's, are left out. Below it: how the
    cells were measured, how far the chance of the test moves an error, and which cells are still
    to be measured.

    >>> print(table("tc").splitlines()[2].split())
    ['network', 'parameters', 'TC']
    """
    records = measured_records(experiment, data, schedule)
    measured, published = measured_errors(experiment, data, schedule), published_errors(experiment)
    all_columns = TABLE_COLUMNS[experiment]
    all_rows = [_row_name(row) for row in TABLE_ROWS[experiment]]
    known = {*measured, *published}
    columns = [c for c in all_columns if any((row, c) in known for row in all_rows)] or all_columns
    rows = [row for row in all_rows if any((row, c) in known for c in columns)]
    lines = [["network", "parameters", *columns]]
    for row in rows:
        cells = [format_cell(measured.get((row, c)), published.get((row, c))) for c in columns]
        counts = {records[row, c]["parameters"] for c in columns if (row, c) in records}
        lines.append([_label(row, columns), _format_range(counts), *cells])
    best_of_families = dict.fromkeys(row for row, _ in published if row not in all_rows)
    for row in best_of_families:
        cells = [format_cell(_best_family(measured, row, c), published[row, c]) for c in columns]
        lines.append([f"best {row}", "", *cells])
    what = "mean ± standard deviation over the seeds" + "; [the paper's]" * bool(published)
    text = [f"test error in % on {data}, {schedule} schedule: {what}", ""]
    text += [*align_columns(lines), "", *_describe_runs(records), *_describe_noise(records)]
    missing = {row: [c for c in all_columns if (row, c) not in measured] for row in all_rows}
    names = [f"{row} on {', '.join(without)}" for row, without in missing.items() if without]
    if names:
        text.append(f"not measured yet: {'; '.join(names)}")
    return "\n".join(text)


def align_columns(lines: list[list[str]]) -> list[str]:
    """Lines of words, padded so that they stand below each other.

    >>> align_columns([["class", "1"], ["T", "100"]])
    ['class  1', 'T      100']
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [[word.ljust(w) for word, w in zip(line, widths, strict=True)] for line in lines]
    return ["  ".join(line).rstrip() for line in padded]


def _describe_runs(records: dict) -> list[str]:
    """How records were measured, a line for each way; what was held; how many runs collapsed."""
    if not records:
        return []
    descriptions = dict.fromkeys(
        f"{record['settings']['epochs']} epochs of "
        f"{_image_counts(record)[0]:,} images, "
        f"{record['settings']['precision']}, {record['device']}"
        for record in records.values()
    )
    held = {record["held_parameters"] for record in records.values() if "held_parameters" in record}
    frozen = [f"frozen at the identity: {_format_range(held)} of the parameters do not learn"]
    runs = [run for record in records.values() for run in record["runs"]]
    collapsed = sum(run.get("collapsed_at") is not None for run in runs)
    seeds = _format_range({len(record["runs"]) for record in records.values()})
    summary = f"{collapsed} of {len(runs)} runs collapsed; seeds in a cell: {seeds}"
    return [*descriptions, *(frozen if held else []), summary]


def _describe_noise(records: dict) -> list[str]:
    """A line on how far the choice of the test images moves the smallest and the largest error."""
    if not records:
        return []
    by_error = {}
    for record in records.values():
        error = 100 - 100 * statistics.mean(run["accuracy"][-1] for run in record["runs"])
        by_error[error] = _image_counts(record)[1]
    ends = sorted({min(by_error), max(by_error)})
    noise = ", one of ".join(
        f"{error:.2f} % by {binomial_deviation(error, by_error[error]):.2f}" for error in ends
    )
    other = f"{_format_range({by_error[error] for error in ends})} other test images"
    return [f"test noise (one standard deviation): {other} would move an error of {noise}"]


def binomial_deviation(error: float, images: int) -> float:
    """The standard deviation of a test error in %, by the chance of which images are the test's.

    Each image is right or wrong: a binomial number of errors, √(p (1 − p) / n) of n images.

    >>> round(binomial_deviation(1.0, 10_000), 3)
    0.099
    """
    return math.sqrt(error * (100 - error) / images)


def format_cell(measured: list[float] | None, published: float | None) -> str:
    """One cell: mean ± standard deviation over the seeds if there are several, [the paper's].

    >>> format_cell([1.0, 1.5], 0.8), format_cell([2.0], None), format_cell(None, 0.8)
    ('1.25 ± 0.35 [0.8]', '2.00', '– [0.8]')
    """
    ours = "–" if measured is None else format_mean(measured)
    return ours if published is None else f"{ours} [{published}]"


def format_mean(values: list[float], digits: int = 2) -> str:
    """Mean ± sample standard deviation; of one value alone, itself.

    >>> format_mean([1.0, 2.0, 3.0]), format_mean([98.0], digits=1)
    ('2.00 ± 1.00', '98.0')
    """
    mean = f"{statistics.mean(values):.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


COST_COLUMNS = ["seeds", "epochs", "parameters"]


def cost_cells(record: dict) -> list[str]:
    """How often and how long a record's network was trained, and how large it is, in words.

    They are for the `COST_COLUMNS`.
    """
    epochs, parameters = record["settings"]["epochs"], record["parameters"]
    return [str(len(record["runs"])), str(epochs), f"{parameters:,}"]


def _label(row: str, columns: tuple[str, ...]) -> str:
    """A row's name; the FCN's with its hidden units, for on large images it has few.

    >>> _label("fcn", ("TC",)), _label("cnn", ("TC",))
    ('fcn (64 hidden)', 'cnn')
    """
    if row != "fcn":
        return row
    with torch.device("meta"):  # shapes alone, no memory and no random numbers
        networks = [build_network(column, "fcn") for column in columns]
    hidden = {network.classifier[1].out_features for network in networks}
    return f"fcn ({_format_range(hidden)} hidden)"


def _format_range(counts: set[int]) -> str:
    """From the smallest to the largest.

    >>> _format_range({144106, 175790}), _format_range({7}), _format_range(set())
    ('144,106 to 175,790', '7', '–')
    """
    ends = sorted({min(counts), max(counts)}) if counts else []
    return " to ".join(f"{count:,}" for count in ends) or "–"


def _best_family(measured: dict, network: str, column: str) -> list[float] | None:
    """The errors of the network's best family."""
    of_families = [
        errors
        for (row, its_column), errors in measured.items()
        if its_column == column and row.startswith(f"{network}-")
    ]
    return min(of_families, key=statistics.mean, default=None)


def _row_name(row: tuple) -> str:
    """A network and its family, if it has one, as the tables name them."""
    return "-".join(word for word in row if word)
