"""A point between four pixels: its neighbours, their weights as areas, and the slope there."""

import math

from matplotlib.axes import Axes
from matplotlib.patches import Circle, Rectangle
from torch import Tensor

from stn_lesson.arguments import pair, real_number, text
from stn_lesson.plots.picture import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    Picture,
    check_drawable,
    draw_picture,
)
from stn_lesson.remedies import kind_of

NEIGHBOURS = {"a": BLUE, "b": ORANGE, "c": GREEN, "d": PURPLE}  # two above, two below
LETTER_COLOURS = ["white", "black", "white", "black"]  # on them
MAX_SIDE = 32  # pixels of an image, each with its value written in it
MARGIN = 2  # pixels around the image
SLOPE_LENGTH = 2.5  # of the arrow for a slope of 1, in pixels


def point_between_pixels(
    image: Tensor,
    point: tuple[float, float],
    weights: Tensor,
    slope: tuple[float, float] = (0, 0),
    alt: str = "",
) -> Picture:
    """A tiny image with its values and a point in it; beside it the weights of its four neighbours.

    Each neighbour weighs as much as the area opposite it in the square between the four.

    Args:
        image: (H, W), floats from 0 to 1, `MAX_SIDE` pixels a side at most.
        point: (x, y) in pixels, column and row, at most `MARGIN` outside.
        weights: of the neighbours, (2, 2), from 0 to 1, 1 in all: above and below, left and right.
        slope: (∂V/∂x, ∂V/∂y) per pixel, drawn as an arrow to where the value grows.
        alt: a description in words.

    Raises:
        TypeError, ValueError: no image of this size, a point too far out, no such weights, or a
            slope that is none.

    >>> import torch
    >>> weights = torch.tensor([[0.375, 0.125], [0.375, 0.125]])
    >>> point_between_pixels(torch.zeros(4, 5), (1.25, 2.5), weights).alt
    'An image of 4 by 5 pixels with a point at (1.25, 2.5).'
    """
    if check_drawable(image, "image").ndim != 2:
        cut = "[0]" * (image.ndim - 2)
        raise ValueError(f"image must have shape (H, W), got {tuple(image.shape)}: use image{cut}")
    height, width = image.shape
    if max(height, width) > MAX_SIDE:
        cut = f"use image[:{MAX_SIDE}, :{MAX_SIDE}]"
        raise ValueError(
            f"image must be tiny, {MAX_SIDE} pixels a side at most, got {tuple(image.shape)}: {cut}"
        )
    x, y = pair(point, "point = (x, y)")
    real_number(x, "x of the point", -MARGIN, width - 1 + MARGIN)
    real_number(y, "y of the point", -MARGIN, height - 1 + MARGIN)
    weights, slope = _check_weights(weights), pair(slope, "slope = (∂V/∂x, ∂V/∂y)")
    default_alt = f"An image of {height} by {width} pixels with a point at ({x:g}, {y:g})."
    side = min(0.55, 6 / max(height, width))  # of a pixel, in inches
    tall = side * (height + 2 * MARGIN)
    figure = Picture(
        side * (width + 2 * MARGIN) + tall, tall + 0.3, text(alt, "alt") or default_alt
    )
    ratios = {"width_ratios": [width + 2 * MARGIN, height + 2 * MARGIN]}
    left, right = figure.subplots(1, 2, gridspec_kw=ratios)
    _draw_values(left, image, 14 * side)
    _draw_point(left, x, y, slope)
    _draw_areas(right, weights)
    return figure


def _check_weights(weights: Tensor) -> Tensor:
    """The weights in double, if they are four from 0 to 1, and 1 in all."""
    if not isinstance(weights, Tensor) or weights.shape != (2, 2) or weights.is_complex():
        raise ValueError(f"weights must be a tensor (2, 2), got {kind_of(weights)}")
    weights = weights.detach().cpu().double()
    if not (weights >= 0).all() or not math.isclose(weights.sum(), 1, abs_tol=1e-2):
        got = [[round(weight, 3) for weight in row] for row in weights.tolist()]
        raise ValueError(f"weights must be from 0 to 1, and 1 in all, got {got}")
    return weights


def _draw_values(axes: Axes, image: Tensor, size: float) -> None:
    height, width = image.shape
    draw_picture(axes, image)
    limits = {"xlim": (-MARGIN - 0.5, width + 1.5), "ylim": (height + 1.5, -MARGIN - 0.5)}
    axes.set(facecolor="#cccccc", **limits)
    for y, row in enumerate(image.tolist()):
        for x, value in enumerate(row):
            colour = "black" if value > 0.5 else "white"
            axes.text(x, y, f"{value:.2f}", color=colour, size=size, ha="center", va="center")


def _draw_point(axes: Axes, x: float, y: float, slope: tuple[float, float]) -> None:
    """The point, its four neighbours by name, and the way uphill."""
    for k, (letter, colour) in enumerate(NEIGHBOURS.items()):
        column, row = math.floor(x) + k % 2, math.floor(y) + k // 2
        axes.add_patch(Circle((column, row), 0.42, fill=False, lw=2.5, ec=colour))
        place = column + (0.36 if k % 2 else -0.36), row + (0.36 if k // 2 else -0.36)
        axes.text(*place, letter, **_badge(k))
    if math.hypot(*slope) > 0.005:
        tip = x + SLOPE_LENGTH * slope[0], y + SLOPE_LENGTH * slope[1]
        for colour, line in (("white", 5), ("black", 2.5)):
            arrow = {"arrowstyle": "->", "color": colour, "lw": line, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", tip, (x, y), arrowprops=arrow)
    axes.plot(x, y, "o", color=SKY, markersize=8, mec="black", mew=1.5)
    axes.set_title("the arrow points to where V grows", fontsize=10)


def _draw_areas(axes: Axes, weights: Tensor) -> None:
    """The square between the neighbours, each one's area opposite it, in its colour."""
    u, v = weights[:, 1].sum().item(), weights[1].sum().item()  # where the point stands in it
    for k, (letter, colour) in enumerate(NEIGHBOURS.items()):
        wide, tall = 1 - u if k % 2 == 0 else u, 1 - v if k // 2 == 0 else v
        corner = u if k % 2 == 0 else 0, v if k // 2 == 0 else 0  # opposite the neighbour's own
        axes.add_patch(Rectangle(corner, wide, tall, fc=colour, ec="white", lw=1.5))
        share = f"{letter} {weights[k // 2, k % 2].item():.3f}"
        if wide > 0.1 and tall > 0.1:
            middle = corner[0] + wide / 2, corner[1] + tall / 2
            upright = {"rotation": 90 if wide < 0.35 else 0, "color": LETTER_COLOURS[k]}
            axes.text(*middle, share, size=10, ha="center", va="center", **upright)
        axes.text(k % 2 * 1.3 - 0.15, k // 2 * 1.3 - 0.15, letter, **_badge(k))
    axes.plot(u, v, "o", color=SKY, markersize=10, mec="black", mew=1.5)
    axes.set(xlim=(-0.35, 1.35), ylim=(1.35, -0.35), xticks=[], yticks=[], aspect="equal")
    axes.set_title("weights: the area opposite", fontsize=10)
    axes.spines[:].set_visible(False)


def _badge(k: int) -> dict:
    """How a neighbour's letter is written: on a disc of its colour."""
    disc = {"boxstyle": "circle,pad=0.2", "fc": list(NEIGHBOURS.values())[k], "ec": "white"}
    colour = LETTER_COLOURS[k]
    return {"color": colour, "size": 10, "ha": "center", "va": "center", "bbox": disc}
