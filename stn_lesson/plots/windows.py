"""Several windows on the same pictures, and what each of them shows."""

from collections.abc import Sequence

from torch import Tensor

from stn_lesson.arguments import list_of
from stn_lesson.plots.looking import check_look, draw_outline
from stn_lesson.plots.picture import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    Picture,
    check_pictures,
    check_titles,
    draw_picture,
)
from stn_lesson.transformer import Look

WINDOW_COLOURS = {"orange": ORANGE, "blue": BLUE, "green": GREEN, "purple": PURPLE}


def window_gallery(images: Tensor, looks: Sequence[Look], titles: Sequence[str] = ()) -> Picture:
    """Pictures with the windows of several transformers, and below them what each window shows.

    The first window is orange, then blue, green and purple.

    Args:
        images: bytes, or floats from 0 to 1, (N, C, H, W); about eight fit well.
        looks: where each transformer looked in them, one to four.
        titles: what to print above the images.

    Raises:
        TypeError, ValueError: no pictures, no or too many looks, or not one for each image.

    >>> import stn_lesson as stn
    >>> model = stn.networks.window_stn(stn.networks.FeatureCNN())
    >>> birds = stn.to_floats(stn.drawn_birds(1, 3).test.images)
    >>> window_gallery(birds, [stn.look(model, birds, which) for which in (0, 1)]).alt
    'Above, 3 images with an orange and a blue window; below, what each of the windows shows.'
    """
    looks, count = list_of(looks, "looks", "Looks"), len(check_pictures(images))
    titles = check_titles(titles, count)
    if not 1 <= len(looks) <= len(WINDOW_COLOURS):
        raise ValueError(f"looks must be 1 to {len(WINDOW_COLOURS)}, got {len(looks)}")
    for looked in looks:
        if not isinstance(looked, Look) or len(looked.view) != count:
            raise ValueError(f"each of the looks must be a Look at the {count} images: use look")
        check_look(looked, "each of the looks")
    names = [f"{'an' if name == 'orange' else 'a'} {name}" for name in WINDOW_COLOURS][: len(looks)]
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    figure = Picture(
        1.25 * count,
        1.3 * (1 + len(looks)) + 0.3,
        f"Above, {count} images with {listed} window; below, what each of the windows shows.",
    )
    axes = figure.subplots(1 + len(looks), count, squeeze=False)
    for k in range(count):
        draw_picture(axes[0, k], images[k], titles[k] if titles else "")
        for row, (looked, colour) in enumerate(
            zip(looks, WINDOW_COLOURS.values(), strict=False), 1
        ):
            draw_outline(axes[0, k], looked.grid[k], *images[k].shape[-2:], colour)
            draw_picture(axes[row, k], looked.view[k])
            axes[row, k].spines[:].set(color=colour, linewidth=3)
    return figure
