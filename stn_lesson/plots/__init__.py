"""Still pictures: figures that describe themselves in words for readers who cannot see them."""

from stn_lesson.plots.curves import compared, error_curves, lines, seeds, training
from stn_lesson.plots.looking import border, gallery, looks, outline, sampling
from stn_lesson.plots.picture import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    Picture,
    images,
    overlay,
    pixel_values,
)

__all__ = [
    "BLUE",
    "GREEN",
    "ORANGE",
    "PURPLE",
    "SKY",
    "Picture",
    "border",
    "compared",
    "error_curves",
    "gallery",
    "images",
    "lines",
    "looks",
    "outline",
    "overlay",
    "pixel_values",
    "sampling",
    "seeds",
    "training",
]
