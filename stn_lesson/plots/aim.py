"""Aim, drawn: how a training learns to aim, and where in the view the digits come to lie."""

import torch
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.patches import Rectangle
from torch import Tensor

from stn_lesson.plots.curves import check_histories, draw_lines
from stn_lesson.plots.picture import Picture, as_it_is
from stn_lesson.remedies import kind_of
from stn_lesson.training import History, share_found

CELLS = 20  # of a view, on a side
TICKS = (-1, -0.5, 0, 0.5, 1)
FOLLOWS = (0.9, 1.1)  # slopes of a frame that follows its digit


def aim_curves(histories: dict[str, History]) -> Picture:
    """How named runs aim after every epoch: slopes in x and y, digits found, area of the frame.

    A frame whose slope lies in the grey band follows its digit all the way (see `Aim`).

    Args:
        histories: runs by name, whose `aim` was measured.

    Raises:
        TypeError, ValueError: one has none, or there are none.

    >>> from stn_lesson.training import Aim
    >>> lazy = Aim((0.5, 0.4), (0.3, 0.3), 0.6, 0.8, 0.2)
    >>> print(aim_curves({"lazy": History(aim=[lazy])}).alt)
    Aim after every epoch, in the end: lazy: frames follow 0.50 in x, 0.40 in y; 60.0 % found; ...
    """
    check_histories(histories)
    for name, history in histories.items():
        if not history.aim:
            raise ValueError(
                f"{name!r} has no aim to be drawn: it is measured after every epoch, where the "
                "network has an affine transformer and the test split knows the poses of its digits"
            )
    last = "; ".join(f"{name}: {history.aim[-1]}" for name, history in histories.items())
    figure = Picture(10, 3, f"Aim after every epoch, in the end: {last}.")
    values_of = {
        "frame follows in x": lambda aim: aim.slope[0],
        "frame follows in y": lambda aim: aim.slope[1],
        "digits found, in %": lambda aim: 100 * aim.found,
        "frame's share of the picture": lambda aim: aim.area,
    }
    panels = figure.subplots(1, 4)
    panels[1].sharey(panels[0])
    for axes, (title, value_of) in zip(panels, values_of.items(), strict=True):
        curves = {
            name: (range(1, len(history.aim) + 1), [value_of(aim) for aim in history.aim])
            for name, history in histories.items()
        }
        draw_lines(axes, curves, "epoch", "")
        axes.set_title(title, fontsize=10)
    for axes in panels[:2]:
        axes.axhspan(*FOLLOWS, color="#cccccc", zorder=0, label="all the way, ±10 %")
        _make_room(axes, -0.05, 1.15)
    _make_room(panels[2], -5, 105)
    _make_room(panels[3], 0, 1.05)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
    return figure


def _make_room(axes: Axes, low: float, high: float) -> None:
    """Let the y axis reach from `low` to `high` at least."""
    lowest, highest = axes.get_ylim()
    axes.set_ylim(min(low, lowest), max(high, highest))


def landing_places(places: dict[str, Tensor]) -> Picture:
    """Where in the view the digits land, before and after a training, or for several networks.

    One square for each: the brighter a place, the more digits have their centre there. Those within
    the dashed square, the middle half of the view, are found.

    Args:
        places: name → places (N, 2) in half views, x then y (down), as `places_in_view` has them.

    Raises:
        ValueError: places that are not (N, 2), or none.

    >>> print(landing_places({"after": torch.tensor([[0.1, 0.0], [-0.1, 0.0], [0.0, 2.0]])}).alt)
    Where in the view the digits land, of 3: after: 66.7 % in the middle half, 33.3 % outside the
    view, spread 0.10 in x, 1.15 in y.
    """
    if not isinstance(places, dict) or not places:
        raise ValueError(
            f"places must be given by name, got {kind_of(places)}: use "
            "{'after': places_in_view(theta, poses)}"
        )
    words, shares = [], {}
    for name, where in places.items():
        if (
            not isinstance(where, Tensor)
            or where.ndim != 2
            or where.shape[1] != 2
            or len(where) < 2
        ):
            raise ValueError(
                f"places must be (N, 2), two or more, got {kind_of(where)} for {name!r}: use "
                "places_in_view(theta, poses)"
            )
        (x, y), outside = where.std(0), (where.abs() > 1).any(1).float().mean()
        words.append(
            f"{name}: {100 * share_found(where):.1f} % in the middle half, {100 * outside:.1f} % "
            f"outside the view, spread {x:.2f} in x, {y:.2f} in y"
        )
        shares[name] = _share_in_cells(where)
    figure = Picture(2.7 * len(places) + 0.9, 3.2)
    count = len(next(iter(places.values())))
    figure.alt = f"Where in the view the digits land, of {count}: {'; '.join(words)}."
    scale = PowerNorm(1 / 3, 0, max(share.max().item() for share in shares.values()))
    panels = figure.subplots(1, len(places), sharey=True, squeeze=False)[0]
    for axes, (name, share) in zip(panels, shares.items(), strict=True):
        drawn = axes.imshow(share, cmap="cividis", norm=scale, extent=(-1, 1, 1, -1))
        for colour, style in (("black", "-"), ("white", "--")):
            square = dict(fill=False, edgecolor=colour, linestyle=style, linewidth=1.5)
            axes.add_patch(Rectangle((-0.5, -0.5), 1, 1, **square))
        axes.set_title(
            f"{as_it_is(name)}: {100 * share_found(places[name]):.1f} % found", fontsize=10
        )
        axes.set(xticks=TICKS, yticks=TICKS, xlabel="x in the view")
    panels[0].set_ylabel("y in the view")
    marks = [mark for mark in (0, 0.3, 1, 3, 10, 30, 100) if mark <= scale.vmax]
    bar = figure.colorbar(drawn, ax=panels, label="% of the digits", shrink=0.9, ticks=marks)
    bar.ax.yaxis.set_major_formatter("{x:g}")
    return figure


def _share_in_cells(places: Tensor) -> Tensor:
    """In % of all places (N, 2), how many lie in each cell of the view: (`CELLS`, `CELLS`)."""
    inside = places[(places.abs() <= 1).all(1)].cpu()
    columns, rows = ((inside + 1) / 2 * CELLS).long().clamp(max=CELLS - 1).unbind(1)
    counts = torch.bincount(rows * CELLS + columns, minlength=CELLS**2)
    return 100 * counts.view(CELLS, CELLS) / len(places)
