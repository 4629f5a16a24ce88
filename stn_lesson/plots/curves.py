"""Curves of a training."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator
from torch import Tensor

from stn_lesson.arguments import dict_of, list_of, real_number, text
from stn_lesson.plots.looking import check_look, draw_look_gallery
from stn_lesson.plots.picture import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    Picture,
    as_it_is,
    check_pictures,
)
from stn_lesson.remedies import kind_of
from stn_lesson.training import Aim, History
from stn_lesson.transformer import Look

LINE_STYLES = [(BLUE, "o-"), (ORANGE, "s--"), (GREEN, "^-."), (PURPLE, "d:"), (SKY, "v-")]


def training_progress(
    history: History,
    images: Tensor | None = None,
    looked: Look | None = None,
    predictions: Tensor | None = None,
    labels: Tensor | None = None,
) -> Picture:
    """The loss and the test error of a training run, and its aim, if that was measured.

    Beneath, if `looked` is given, its gallery.

    Args:
        history: of the run.
        images: bytes (N, 1, H, W), those of the gallery.
        looked: where the network looks in them.
        predictions: the classes that it gives them, (N,) or (N, K).
        labels: their true classes, the same. Where they are (N, K), the words say of the error that
            all K must be right.

    Raises:
        TypeError, ValueError: no `History`, no `Look` at pictures, or no images where there is one.
    """
    check_histories({"run": history})
    if looked is not None:
        check_look(looked)
        check_pictures(images)
    figure = Picture(10, 2.6 if looked is None else 5.4)
    above, *below = figure.subfigures(1 if looked is None else 2, 1, squeeze=False)[:, 0]
    loss, error, *aim = above.subplots(1, 3 if history.aim else 2)
    errors = [100 - 100 * accuracy for accuracy in history.accuracy]
    _draw_loss(loss, history.step_loss)
    counted = "test error" + " (all labels)" * (getattr(labels, "ndim", 1) == 2)
    epochs = {counted: (range(1, len(errors) + 1), errors)}
    draw_lines(error, epochs, "epoch", f"{counted} in %")
    _use_log_scale(error, errors)
    figure.alt = f"Training loss of {_counted(len(history.step_loss), 'step')}"
    if errors:
        figure.alt += f" and {counted} after {_counted(len(errors), 'epoch')}, "
        figure.alt += f"{errors[-1]:.1f} % in the end."
    else:
        figure.alt += "; no epoch finished."
    for axes in aim:
        figure.alt += f" {_draw_aim(axes, history.aim)}"
    for part in below:
        figure.alt += " Beneath: " + draw_look_gallery(part, images, looked, predictions, labels)
    return figure


def _counted(count: int, noun: str) -> str:
    """So many of them: "1 step", "2 steps"."""
    return f"{count} {noun}{'s' * (count != 1)}"


def _draw_loss(axes: Axes, losses: list[float]) -> None:
    """Draw the loss of every step palely, and their running mean, which the axis is made for."""
    side = max(len(losses) // 40, 1)  # of the steps that are averaged, to each side
    windows = [losses[max(step - side, 0) : step + side + 1] for step in range(len(losses))]
    means = [sum(window) / len(window) for window in windows]  # infinite ones are no error
    steps = range(1, len(losses) + 1)
    axes.plot(steps, losses, color=SKY, alpha=0.35, lw=0.7)
    draw_lines(axes, {"running mean": (steps, means)}, "step", "training loss")
    finite = [mean for mean in means if 0 < mean < math.inf]
    if finite and not any(mean <= 0 for mean in means):
        axes.set_ylim(min(finite) / 2, max(finite) * 1.5)
    _use_log_scale(axes, means)


def _draw_aim(axes: Axes, aims: list[Aim]) -> str:
    """Draw how many digits a run finds and how far its frames follow them; return words for it."""
    columns = {
        "digits found": [aim.found for aim in aims],
        "frame follows in x": [aim.slope[0] for aim in aims],
        "frame follows in y": [aim.slope[1] for aim in aims],
    }
    epochs = range(1, len(aims) + 1)
    curves = {name: (epochs, [100 * v for v in values]) for name, values in columns.items()}
    draw_lines(axes, curves, "epoch", "aim in %")
    axes.set_ylim(min(0, axes.get_ylim()[0]), max(105, axes.get_ylim()[1]))
    axes.legend(frameon=False, fontsize=8)
    return f"The aim in the end: {aims[-1]}."


def error_curves(
    histories: dict[str, History], reference: dict[str, tuple[Sequence, Sequence]] | None = None
) -> Picture:
    """Test error in % after so many epochs, one curve for each named run.

    Args:
        histories: runs by name.
        reference: published curves by names of their own: (epochs, accuracies from 0 to 1); the
            first epoch is 1.

    Raises:
        TypeError, ValueError: what is no `History`, or no such curve.
    """
    check_histories(histories, may_be_none=bool(reference))
    curves = {name: (range(1, len(h.accuracy) + 1), h.accuracy) for name, h in histories.items()}
    for name, (x, y) in _check_curves(reference or {}, "reference").items():
        if name in curves:
            raise ValueError(f"reference must have names of its own, got {name!r}, that of a run")
        shares = f"the accuracies of reference[{name!r}]"
        curves[name] = x, [real_number(accuracy, shares, 0, 1) for accuracy in y]
    errors = {name: (x, [100 - 100 * a for a in y]) for name, (x, y) in curves.items()}
    last = ", ".join(f"{name} {y[-1]:.1f} %" for name, (_, y) in errors.items() if y)
    told = f"Last values: {last}." if last else "No epoch finished."
    figure = lines(errors, "epoch", "test error in %", f"Test error against epochs. {told}")
    _use_log_scale(figure.axes[0], [error for _, y in errors.values() for error in y])
    return figure


def lines(
    curves: dict[str, tuple[Sequence, Sequence]], x_label: str, y_label: str, alt: str = ""
) -> Picture:
    """Named curves (x, y) in one diagram; each has a colour, a line style and a mark of its own.

    Raises:
        TypeError, ValueError: no curves by name, or x and y that are not equally long.
    """
    curves = _check_curves(curves, "curves")
    names = ", ".join(map(str, curves))
    figure = Picture(6.5, 3.4, text(alt, "alt") or f"{y_label} against {x_label}: {names}.")
    axes = figure.add_subplot()
    draw_lines(axes, curves, x_label, y_label)
    if any(curves):
        axes.legend(frameon=False)
    return figure


def _check_curves(curves: dict, name: str) -> dict:
    """The curves, if they are (x, y) by name, both equally long; x and y as lists."""
    checked = {}
    for curve, points in dict_of(curves, name, "name → (x, y)").items():
        if not isinstance(points, tuple | list) or len(points) != 2:
            raise TypeError(f"{name}[{curve!r}] must be a pair (x, y), got {kind_of(points)}")
        x, y = (
            [each.item() if getattr(each, "ndim", None) == 0 else each for each in axis]
            for axis in (list_of(axis, f"{name}[{curve!r}]", "numbers") for axis in points)
        )
        if len(x) != len(y):
            raise ValueError(
                f"{name}[{curve!r}] must have a y for each x, got {len(y)} for {len(x)}"
            )
        checked[curve] = x, y
    return checked


def check_histories(histories: dict[str, History], may_be_none: bool = False) -> None:
    """Raise a clear error for anything but histories by name."""
    if not isinstance(histories, dict):
        raise TypeError(
            f"histories must be given by name, got {kind_of(histories)}: use {{'run': history}}"
        )
    if not histories and not may_be_none:
        raise ValueError("histories must be one or more, by name, got none")
    for name, history in histories.items():
        if not isinstance(history, History):
            raise TypeError(
                f"{name!r} must be a History, as fit returns it, got {kind_of(history)}"
            )


def draw_lines(axes: Axes, curves: dict, x_label: str, y_label: str) -> None:
    """Draw what `lines` draws into a diagram, without a legend."""
    for (name, (x, y)), (colour, style) in zip(curves.items(), LINE_STYLES * 9, strict=False):
        with_marks = len(x) <= 60
        axes.plot(
            x,
            y,
            style if with_marks else style[1:],
            color=colour,
            label=as_it_is(name),
            markersize=4,
        )
    if all(isinstance(place, int) for x, _ in curves.values() for place in x):
        axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(alpha=0.3, which="both")
    axes.spines[["top", "right"]].set_visible(False)


def _use_log_scale(axes: Axes, values: list[float]) -> None:
    """A logarithmic y axis with plain numbers, unless one of the values is 0 or less."""
    if any(value <= 0 for value in values):
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    low, high = axes.get_ylim()
    if high > 8 * low:  # there is no room for them all
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 500 * low else (1,)))
        axes.yaxis.set_minor_formatter("")
