"""Figures that describe themselves in words for readers who cannot see them."""

import base64
import io
from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from stn_lesson.datasets import to_floats

# Okabe and Ito's colours, which colour-blind readers can tell apart too.
BLUE, ORANGE, GREEN, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9"


class Picture(Figure):
    """A figure with a description in words, which notebooks store beside the picture.

    It needs no pyplot: nothing is drawn twice, nothing stays open, any thread may draw.
    """

    def __init__(self, width: float, height: float, alt: str = ""):
        """A white figure of the given size in inches."""
        super().__init__(figsize=(width, height), dpi=80, layout="constrained", facecolor="white")
        self.alt = alt

    def png(self) -> bytes:
        """The picture as the bytes of a PNG file, in 256 colours to keep notebooks small."""
        full_colour, palette = io.BytesIO(), io.BytesIO()
        self.savefig(full_colour, format="png")
        image = Image.open(full_colour).convert("RGB")
        image = image.quantize(256, dither=Image.Dither.NONE)
        image.save(palette, "png", optimize=True)
        return palette.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {"image/png": base64.b64encode(self.png()).decode(), "text/plain": self.alt}
        return bundle, {"image/png": {"alt": self.alt}}


def images(
    pictures: Sequence[Tensor] | Tensor, titles: Sequence[str] = (), alt: str = ""
) -> Picture:
    """Pictures (C, H, W) or (H, W), bytes or floats from 0 to 1, side by side.

    Two channels are drawn one in orange, one in blue, here and in every gallery.
    """
    tallest = max(picture.shape[-2] / picture.shape[-1] for picture in pictures)
    widest = max(picture.shape[-1] / picture.shape[-2] for picture in pictures)
    side = min(2.2 * max(widest, 1), 11 / len(pictures))
    default_alt = f"{len(pictures)} pictures: {'; '.join(titles)}."
    figure = Picture(side * len(pictures), side * tallest + 0.3, alt or default_alt)
    for k, picture in enumerate(pictures):
        axes = figure.add_subplot(1, len(pictures), k + 1)
        draw_picture(axes, picture, titles[k] if k < len(titles) else "")
    return figure


def pixel_values(picture: Tensor, alt: str = "") -> Picture:
    """A tiny picture (H, W), floats from 0 to 1, with the values written in its pixels."""
    height, width = picture.shape
    default_alt = f"A picture of {height} by {width} pixels, their values written in them."
    side = min(0.7, 8 / max(height, width))
    figure = Picture(side * (width + 3), side * (height + 3) + 0.3, alt or default_alt)
    axes = figure.add_subplot()
    draw_picture(axes, picture)
    axes.set(xlim=(-2, width + 1), ylim=(height + 1, -2), facecolor="#cccccc")
    for y, row in enumerate(picture.tolist()):
        for x, value in enumerate(row):
            colour = "black" if value > 0.5 else "white"
            axes.text(x, y, f"{value:.2f}", color=colour, size=14 * side, ha="center", va="center")
    return figure


def overlay(warped: Tensor, wanted: Tensor) -> Tensor:
    """Two grey pictures (1, H, W) in one (3, H, W): orange and blue, pale where both are bright."""
    green = 159 * warped + 114 * wanted * (1 - warped / 2)
    return torch.cat([230 * warped, green, 178 * wanted]) / 255


def draw_picture(axes: Axes, picture: Tensor, title: str = "") -> None:
    """Draw a picture (C, H, W) or (H, W), bytes or floats from 0 to 1, without ticks."""
    picture = picture.detach().cpu()
    if picture.dtype == torch.uint8:
        picture = to_floats(picture)
    picture = picture.view(-1, *picture.shape[-2:]).clamp(0, 1)
    if len(picture) == 2:
        picture = overlay(*picture.split(1))
    grey = len(picture) == 1
    axes.imshow(picture[0] if grey else picture.permute(1, 2, 0), cmap="gray", vmin=0, vmax=1)
    axes.set_title(title, fontsize=10)
    axes.set_xticks([])
    axes.set_yticks([])
