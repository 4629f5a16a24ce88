"""Feature maps, drawn as maps: one scale of brightness, one map beside the other."""

from torch import Tensor

from stn_lesson.arguments import whole_number
from stn_lesson.plots.looking import check_look, draw_outline
from stn_lesson.plots.picture import Picture
from stn_lesson.remedies import kind_of
from stn_lesson.transformer import Look


def warped_maps(before: Tensor, looked: Look, which: int = 0, most: int = 8) -> Picture:
    """The feature maps that a transformer is given, and what it makes of them, one below the other.

    Args:
        before: feature maps (N, C, H, W) that it was given.
        looked: where it looked in them, and what it saw there.
        which: of the N images.
        most: how many of the C maps are drawn, those that differ most within themselves.

    Raises:
        TypeError, ValueError: no `Look` at pictures, other maps than those that were looked at, or
            no image of that number.
    """
    count, channels = check_look(looked).view.shape[:2]
    if not isinstance(before, Tensor) or before.shape[:2] != (count, channels) or before.ndim != 4:
        raise ValueError(
            f"before must be the maps that were looked at, ({count}, {channels}, H, W), got "
            f"{kind_of(before)}"
        )
    which = whole_number(which, "which", 0, len(before) - 1)
    given, made = before[which].detach().cpu().float(), looked.view[which].float()
    chosen = given.flatten(1).std(1).topk(min(whole_number(most, "most", 1), len(given))).indices
    figure = Picture(1.25 * len(chosen), 2.9)
    axes = figure.subplots(2, len(chosen), squeeze=False)
    low, high = given[chosen].min().item(), given[chosen].max().item()
    for column, channel in enumerate(chosen.tolist()):
        for row, maps in enumerate((given, made)):
            axes[row, column].imshow(maps[channel], cmap="cividis", vmin=low, vmax=high)
            axes[row, column].set(xticks=[], yticks=[])
        axes[0, column].set_title(f"map {channel}", fontsize=10)
        draw_outline(axes[0, column], looked.grid[which], *given.shape[-2:])
    figure.alt = (
        f"Above, {len(chosen)} of {len(given)} feature maps of {given.shape[1]} by "
        f"{given.shape[2]} pixels, with the quadrilateral that the transformer reads, the same in "
        f"all; below, what it makes of them, {made.shape[1]} by {made.shape[2]}. Bright is high."
    )
    return figure
