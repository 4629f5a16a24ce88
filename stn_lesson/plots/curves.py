"""Curves of a training, and figures measured here beside published ones."""

import math
from collections.abc import Sequence
from statistics import mean

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator
from torch import Tensor

from stn_lesson.plots.looking import draw_look_gallery
from stn_lesson.plots.picture import BLUE, GREEN, ORANGE, PURPLE, SKY, Picture
from stn_lesson.training import History
from stn_lesson.transformer import Look

LINE_STYLES = [(BLUE, "o-"), (ORANGE, "s--"), (GREEN, "^-."), (PURPLE, "d:"), (SKY, "v-")]


def training_progress(
    history: History,
    images: Tensor | None = None,
    looked: Look | None = None,
    predictions: Tensor | None = None,
    labels: Tensor | None = None,
) -> Picture:
    """The loss and the test error of a training run; beneath, if `looked` is given, its gallery.

    Args:
        history: of the run.
        images: bytes (N, 1, H, W), those of the gallery.
        looked: where the network looks in them.
        predictions: the classes (N,) that it gives them.
        labels: their true classes (N,).
    """
    figure = Picture(10, 2.6 if looked is None else 5.4)
    above, *below = figure.subfigures(1 if looked is None else 2, 1, squeeze=False)[:, 0]
    loss, error = above.subplots(1, 2)
    steps = {"training loss": (range(1, len(history.step_loss) + 1), history.step_loss)}
    errors = [100 - 100 * accuracy for accuracy in history.accuracy]
    _draw_lines(loss, steps, "step", "training loss")
    epochs = {"test error": (range(1, len(errors) + 1), errors)}
    _draw_lines(error, epochs, "epoch", "test error in %")
    for axes in (loss, error):
        _use_log_scale(axes)
    figure.alt = (
        f"Training loss of {len(history.step_loss)} steps and test error after {len(errors)} epochs"
        + (f", {errors[-1]:.1f} % in the end." if errors else ".")
    )
    for part in below:
        figure.alt += " Beneath: " + draw_look_gallery(part, images, looked, predictions, labels)
    return figure


def error_curves(
    histories: dict[str, History], reference: dict[str, tuple[Sequence, Sequence]] | None = None
) -> Picture:
    """Test error in % after every epoch, one curve for each named run.

    Args:
        histories: runs by name.
        reference: published curves by name: (epochs, accuracies), epochs counted from 0.
    """
    curves = {name: (range(len(h.accuracy)), h.accuracy) for name, h in histories.items()}
    curves |= reference or {}
    last = ", ".join(
        f"{name} {100 - 100 * y[-1]:.1f} %" for name, (_, y) in curves.items() if len(y)
    )
    figure = lines(
        {name: (list(x), [100 - 100 * a for a in y]) for name, (x, y) in curves.items()},
        "epoch",
        "test error in %",
        f"Test error against epochs. Last values: {last}.",
    )
    _use_log_scale(figure.axes[0])
    return figure


def lines(
    curves: dict[str, tuple[Sequence, Sequence]], x_label: str, y_label: str, alt: str = ""
) -> Picture:
    """Named curves (x, y) in one diagram; each has a colour, a line style and a mark of its own."""
    figure = Picture(6.5, 3.4, alt or f"{y_label} against {x_label}: {', '.join(curves)}.")
    axes = figure.add_subplot()
    _draw_lines(axes, curves, x_label, y_label)
    if any(curves):
        axes.legend(frameon=False)
    return figure


def compare_with_published(
    measured: dict, published: dict, label: str = "test error in %"
) -> Picture:
    """Figures measured here beside published ones, on a logarithmic axis.

    Args:
        measured: (row, column) → our figures, one for each seed.
        published: (row, column) → the published figure; cells may be missing on either side.
        label: what the figures are.
    """
    cells = measured | published
    rows = list(dict.fromkeys(row for row, _ in cells))
    columns = list(dict.fromkeys(column for _, column in cells))
    in_both = measured.keys() & published.keys()
    higher = sum(mean(measured[cell]) > published[cell] for cell in in_both)
    alt = (
        f"{label} of {', '.join(rows)} on {', '.join(columns)}: ours as dots, from the lowest to "
        f"the highest seed, the paper's as squares. Ours lie above the paper's in {higher} of "
        f"{len(in_both)} cells."
    )
    figure = Picture(2.3 * len(columns) + 1.5, 0.3 * len(rows) + 1.1, alt)
    for axes, column in zip(
        figure.subplots(1, len(columns), sharey=True, squeeze=False)[0], columns, strict=True
    ):
        for place, row in enumerate(rows):
            if (row, column) in published:
                axes.plot(published[row, column], place, "s", color=ORANGE, label="the paper's")
            if values := measured.get((row, column)):
                axes.plot([min(values), max(values)], [place] * 2, color=BLUE)
                axes.plot(mean(values), place, "o", color=BLUE, label="ours")
        axes.set(title=column, xlabel=label, xscale="log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    axes.set_yticks(range(len(rows)), rows)
    axes.invert_yaxis()
    handles = {text: handle for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside upper right", ncols=2, frameon=False)
    return figure


def _draw_lines(axes: Axes, curves: dict, x_label: str, y_label: str) -> None:
    for (name, (x, y)), (colour, style) in zip(curves.items(), LINE_STYLES * 9, strict=False):
        with_marks = len(x) <= 60
        axes.plot(x, y, style if with_marks else style[1:], color=colour, label=name, markersize=4)
    if all(isinstance(place, int) for x, _ in curves.values() for place in x):
        axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(alpha=0.3, which="both")
    axes.spines[["top", "right"]].set_visible(False)


def _use_log_scale(axes: Axes) -> None:
    """A logarithmic y axis with plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")


def seed_accuracies(by_name: dict[str, tuple[Sequence[float], tuple[float, float]]]) -> Picture:
    """Test accuracies of many seeds: a dot for each, the mean and its confidence interval.

    Args:
        by_name: name → the accuracies (0 to 1), their mean and half the width of its interval
            (infinite where it is not known).
    """
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
    axes.set(yticks=range(len(by_name)), yticklabels=list(by_name), xlabel="test accuracy in %")
    axes.set(ylim=(len(by_name) - 0.4, -0.5))
    figure.alt = (
        "Test accuracy of each seed, the mean and its 95 % confidence interval: "
        + ", ".join(descriptions)
        + "."
    )
    return figure
