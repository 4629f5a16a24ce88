"""Still pictures: figures that describe themselves in words for readers who cannot see them."""

from stn_lesson.plots.aim import aim_curves, landing_places
from stn_lesson.plots.curves import error_curves, lines, training_progress
from stn_lesson.plots.looking import draw_outline, gallery, grid_border, look_gallery, sampling
from stn_lesson.plots.maps import warped_maps
from stn_lesson.plots.neighbours import point_between_pixels
from stn_lesson.plots.picture import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    Picture,
    images,
    overlay,
)
from stn_lesson.plots.results import compare_with_published, contest, seed_accuracies
from stn_lesson.plots.solids import shade, solid
from stn_lesson.plots.windows import window_gallery

__all__ = [
    "BLUE",
    "GREEN",
    "ORANGE",
    "PURPLE",
    "SKY",
    "Picture",
    "aim_curves",
    "compare_with_published",
    "contest",
    "draw_outline",
    "error_curves",
    "gallery",
    "grid_border",
    "images",
    "landing_places",
    "lines",
    "look_gallery",
    "overlay",
    "point_between_pixels",
    "sampling",
    "seed_accuracies",
    "shade",
    "solid",
    "training_progress",
    "warped_maps",
    "window_gallery",
]
