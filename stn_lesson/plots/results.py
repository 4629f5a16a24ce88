"""The results of many runs: seeds, networks, figures measured here beside published ones."""

import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import mean

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from stn_lesson.arguments import dict_of, list_of, real_number
from stn_lesson.plots.picture import BLUE, ORANGE, Picture, as_it_is


def compare_with_published(
    measured: dict, published: dict, label: str = "test error in %"
) -> Picture:
    """Figures measured here beside published ones, on a logarithmic axis.

    Args:
        measured: (row, column) → our figures, one for each seed.
        published: (row, column) → the published figure; cells may be missing on either side.
        label: what the figures are.

    Raises:
        TypeError, ValueError: no figures by (row, column), or none at all.
    """
    measured = _check_cells(measured, "measured", "a figure for each seed")
    cells = dict_of(published, "published", "(row, column) → a figure")
    published = {cell: real_number(cells[cell], f"published[{cell!r}]") for cell in cells}
    cells = measured | published
    if not cells:
        raise ValueError("measured or published must hold figures, by (row, column), got none")
    rows, columns = _rows_and_columns(cells)
    in_both = measured.keys() & published.keys()
    higher = sum(mean(measured[cell]) > published[cell] for cell in in_both)
    alt = (
        f"{label} of {', '.join(rows)} on {', '.join(columns)}: ours as dots, from the lowest to "
        f"the highest seed, the paper's as squares. Ours lie above the paper's in {higher} of "
        f"{len(in_both)} cells."
    )
    figure = Picture(2.3 * len(columns) + 1.5, 0.3 * len(rows) + 1.1, alt)
    errors = [*published.values(), *(each for values in measured.values() for each in values)]
    lowest = min(errors, default=1)
    for axes, column in _panels(figure, rows, columns, label):
        for place, row in enumerate(rows):
            if (row, column) in published:
                axes.plot(published[row, column], place, "s", color=ORANGE, label="the paper's")
            if values := measured.get((row, column)):
                axes.plot([min(values), max(values)], [place] * 2, color=BLUE)
                axes.plot(mean(values), place, "o", color=BLUE, label="ours")
        if lowest <= 0:  # a logarithmic axis has no room for it
            continue
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
    handles = {text: handle for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside upper right", ncols=2, frameon=False)
    return figure


def contest(results: dict, unit: str = "") -> Picture:
    """Networks against one another on several tasks, such as scenes of several sizes.

    A panel for each task, a row for each network: a small dot for each seed, an upright stroke at
    the mean, and the mean in figures.

    Args:
        results: (network, task) → the test accuracies (0 to 1) of its seeds; cells may be missing.
            Tasks stand in their order, as sizes do from small to large.
        unit: of the tasks, to stand behind their names, such as "pixels".

    Raises:
        TypeError, ValueError: no accuracies by (network, task), or none for any cell.

    >>> print(contest({("aims", 60): [0.97, 0.99], ("looks", 60): [0.95]}, "pixels").alt)
    Test accuracy, mean of the seeds. On 60 pixels: aims 98.0 % (97.0 to 99.0), looks 95.0 %.
    """
    results = _check_cells(results, "results", "an accuracy for each seed")
    cells = {cell: [100 * a for a in accuracies] for cell, accuracies in results.items()}
    if not any(cells.values()):
        raise ValueError(
            "results must hold accuracies, (network, task) → one for each seed, got none"
        )
    rows, columns = _rows_and_columns(cells)
    columns = sorted(columns)
    figure = Picture(1.6 + 2.3 * len(columns), 0.4 * len(rows) + 1.0)
    titles = {column: f"{column} {unit}".strip() for column in columns}
    words = []
    for axes, column in _panels(figure, rows, columns, "test accuracy in %", sharex=True):
        axes.set_title(as_it_is(titles[column]))
        means = []
        for place, row in enumerate(rows):
            if values := cells.get((row, column)):
                axes.plot(values, [place] * len(values), "o", color=BLUE, alpha=0.6, markersize=4)
                axes.plot(mean(values), place, "|", color=ORANGE, markersize=14, markeredgewidth=3)
                at = dict(xy=(mean(values), place), xytext=(0, 8), textcoords="offset points")
                axes.annotate(f"{mean(values):.1f}", **at, ha="center", fontsize=9)
                means.append(f"{row} {mean(values):.1f} %{_range_in_words(values)}")
        words.append(f"On {titles[column]}: {', '.join(means)}.")
        axes.set_ylim(len(rows) - 0.5, -0.7)
    figure.alt = f"Test accuracy, mean of the seeds. {' '.join(words)}"
    return figure


def _range_in_words(values: Sequence[float]) -> str:
    return f" ({min(values):.1f} to {max(values):.1f})" if len(values) > 1 else ""


def _check_cells(cells: dict, name: str, what: str) -> dict:
    """A table's cells, (row, column) → lists of numbers."""
    dict_of(cells, name, f"(row, column) → {what}")
    lists = {cell: list_of(cells[cell], f"{name}[{cell!r}]", "numbers") for cell in cells}
    return {cell: [real_number(n, f"{name}[{cell!r}]") for n in lists[cell]] for cell in cells}


def _rows_and_columns(cells: Iterable[tuple]) -> tuple[list, list]:
    """Of the cells (row, column) of a table, each once, in the order in which they come."""
    for cell in cells:
        if not isinstance(cell, tuple) or len(cell) != 2:
            raise TypeError(f"figures must be given by (row, column), got {cell!r}")
    rows, columns = zip(*cells, strict=True)
    return list(dict.fromkeys(rows)), list(dict.fromkeys(columns))


def _panels(
    figure: Picture, rows: list, columns: list, label: str, sharex: bool = False
) -> Iterator[tuple[Axes, object]]:
    """A diagram for each column of a table, side by side, with its rows from top to bottom."""
    panels = figure.subplots(1, len(columns), sharex=sharex, sharey=True, squeeze=False)[0]
    panels[0].set_yticks(range(len(rows)), map(as_it_is, rows))
    panels[0].invert_yaxis()
    for axes, column in zip(panels, columns, strict=True):
        axes.set(title=column, xlabel=label)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        yield axes, column


def seed_accuracies(by_name: dict[str, tuple[Sequence[float], tuple[float, float]]]) -> Picture:
    """Test accuracies of many seeds: a dot for each, the mean and its confidence interval.

    Args:
        by_name: name → the accuracies (0 to 1), their mean and half the width of its interval
            (infinite where it is not known).

    Raises:
        TypeError, ValueError: no accuracies by name, each with mean and half width.
    """
    wanted = "name → (accuracies, (mean, half width))"
    for name, values in dict_of(by_name, "by_name", wanted).items():
        if len(list_of(values, f"by_name[{name!r}]", "accuracies, and their mean")) != 2:
            raise ValueError(f"by_name must hold {wanted}, got {values!r} for {name!r}")
    descriptions, figure = [], Picture(7, 0.9 + 0.6 * len(by_name))
    axes = figure.add_subplot()
    for row, (name, (accuracies, (average, half_width))) in enumerate(by_name.items()):
        known, count = math.isfinite(half_width), len(accuracies)
        spread = f" ± {100 * half_width:.1f}" if known else ""
        descriptions.append(
            f"{name} {100 * average:.1f}{spread} % ({count} seed{'s' * (count != 1)})"
        )
        axes.plot([100 * a for a in accuracies], [row] * count, "o", color=BLUE, alpha=0.6)
        error_bar = 100 * half_width if known else None
        axes.errorbar(100 * average, row + 0.25, xerr=error_bar, fmt="s", color=ORANGE, capsize=4)
    axes.set(
        yticks=range(len(by_name)),
        yticklabels=[as_it_is(name) for name in by_name],
        xlabel="test accuracy in %",
    )
    axes.set(ylim=(len(by_name) - 0.4, -0.5))
    figure.alt = (
        "Test accuracy of each seed, the mean and its 95 % confidence interval: "
        + ", ".join(descriptions)
        + "."
    )
    return figure
