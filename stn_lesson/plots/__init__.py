"""Still pictures: figures that describe themselves in words for readers who cannot see them."""

from stn_lesson.plots.curves import (
    compare_with_published,
    error_curves,
    lines,
    seed_accuracies,
    training_progress,
)
from stn_lesson.plots.looking import draw_outline, gallery, grid_border, look_gallery, sampling
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
    "compare_with_published",
    "draw_outline",
    "error_curves",
    "gallery",
    "grid_border",
    "images",
    "lines",
    "look_gallery",
    "overlay",
    "pixel_values",
    "sampling",
    "seed_accuracies",
    "training_progress",
]
