"""Solids seen from the front and from above, flattened and cut: what a view of a volume sees."""

import torch
from matplotlib.axes import Axes
from torch import Tensor

from stn_lesson.arguments import whole_number
from stn_lesson.checks import check_image_and_theta, check_volume
from stn_lesson.grid import pixel_centres, volume_grid
from stn_lesson.plots.picture import BLUE, ORANGE, Picture, draw_picture
from stn_lesson.remedies import kind_of
from stn_lesson.sampler import warp
from stn_lesson.theta_checks import check_volume_theta
from stn_lesson.volume import tilt_between, volume_theta

LIGHT = (-0.4, -0.5, -0.77)  # towards it: left, up and to who looks
AMBIENT = 0.25  # what a face that is turned away from the light still has
BRIGHTNESS = 2.5  # a flattened board is grey; so many times brighter it is drawn
FINE = (32, 64, 64)  # layers, rows and columns that a solid is drawn with


def shade(volume: Tensor) -> Tensor:
    """A solid as seen from the front, lit from the upper left.

    Each ray goes from the first layer to the last and sees most of what it meets first. Where the
    depth that it sees changes from pixel to pixel, the surface is slanted, and the light falls on
    it accordingly.

    Args:
        volume: (D, H, W), floats from 0 (empty) to 1.

    Returns:
        (H, W), from 0 to 1.

    Raises:
        TypeError, ValueError: no volume of this kind.

    >>> wall = torch.zeros(4, 8, 8)
    >>> wall[2] = 1
    >>> round(shade(wall)[4, 4].item(), 2)  # straight on
    0.83
    """
    if not isinstance(volume, Tensor) or not volume.is_floating_point() or volume.ndim != 3:
        raise (ValueError if isinstance(volume, Tensor) else TypeError)(
            f"volume must be floats (D, H, W), got {kind_of(volume)}"
        )
    unseen = torch.cumprod(1 - volume, 0)  # of each ray, behind each layer
    weight = torch.cat([torch.ones_like(volume[:1]), unseen[:-1]]) * volume
    cover = weight.sum(0)
    z = torch.linspace(-1, 1, len(volume))[:, None, None]
    depth = (weight * z).sum(0) / cover.clamp(min=1e-6)
    slopes = [_slope(depth, cover, axis) for axis in (1, 0)]  # along x, along y
    x, y, towards = LIGHT
    lit = (x * slopes[0] + y * slopes[1] - towards) / (
        1 + slopes[0].square() + slopes[1].square()
    ).sqrt()
    return cover * (AMBIENT + (1 - AMBIENT) * lit.clamp(min=0))


def _slope(depth: Tensor, cover: Tensor, axis: int) -> Tensor:
    """By how much the depth grows along an axis; beside what is empty it is as at the pixel."""
    step = 2 / max(depth.shape[axis] - 1, 1)
    beside = []
    for shift in (1, -1):
        moved, seen = depth.roll(shift, axis), cover.roll(shift, axis) > 0.5
        edge = seen.select(axis, 0 if shift == 1 else -1)
        edge[:] = False  # beyond the picture there is nothing
        beside.append(torch.where(seen, moved, depth))
    return (beside[1] - beside[0]) / (2 * step)


def solid(
    volume: Tensor,
    theta: Tensor,
    view: tuple[int, int, int] | None = None,
    layer: int | None = None,
) -> Picture:
    """A solid as a view sees it: from its front, flattened, cut, and from above with the box.

    Args:
        volume: (1, 1, D, H, W), floats from 0 to 1.
        theta: (1, 3, 4), of the view.
        view: (depth, height, width) of what is flattened; None takes the volume's own.
        layer: of the view, from 0 on, that is shown by itself: where it cuts the solid; None takes
            the middle one.

    Raises:
        TypeError, ValueError: no volume, no θ of volumes, several of them, no size, or no layer.

    >>> solid(torch.rand(1, 1, 6, 8, 8), volume_theta((0, 30, 0))).alt[:36]
    'A solid of 6 by 8 by 8 voxels. First'
    """
    check_volume(volume)
    theta = check_volume_theta(theta).detach().cpu().float()
    volume = volume.detach().cpu().float()
    if len(volume) != 1 or len(theta) != 1 or volume.shape[1] != 1:
        raise ValueError(
            "one volume with one channel and one θ can be drawn, got "
            f"{tuple(volume.shape)} and {tuple(theta.shape)}: use volume[:1, :1] and theta[:1]"
        )
    view = check_image_and_theta(volume, theta, view)
    layer = view[0] // 2 if layer is None else whole_number(layer, "layer", 0, view[0] - 1)
    sides = " by ".join(map(str, volume.shape[2:]))
    tilt = tilt_between(volume_theta(), theta, size=volume.shape[2:]).item()
    figure = Picture(11, 3, f"A solid of {sides} voxels. First: the solid from the view's front. "
                     "Second: flattened, the mean over the view's depth. Third: where layer "
                     f"{layer + 1} of the view's {view[0]} cuts the solid. Last: the solid from "
                     "above, with the view's box, that layer drawn thick; the line of sight is "
                     f"{tilt:.0f} degrees from the volume's own.")  # fmt: skip
    front, flat, cut, above = figure.subplots(1, 4)
    draw_picture(front, shade(warp(volume, theta, FINE)[0, 0]).clamp(0, 1), "the solid, as seen")
    seen = warp(volume, theta, view)[0]  # (1, *view)
    draw_picture(flat, (BRIGHTNESS * seen.mean(1)).clamp(0, 1), "flattened: what is read")
    draw_picture(cut, seen[:, layer].clamp(0, 1), "one layer of the view")
    draw_from_above(above, volume, theta, pixel_centres(view[0])[layer].item())
    return figure


def draw_from_above(axes: Axes, volume: Tensor, theta: Tensor, layer: float) -> None:
    """A volume (1, 1, D, H, W) from above, its front below, with the box that θ (1, 3, 4) reads.

    The layer of the box is drawn thick whose z in the view, from −1 to 1, is `layer`.
    """
    depth, _, width = volume.shape[2:]
    draw_picture(axes, volume[0, 0].amax(1).flip(0), "from above, with the view's box")
    corners = volume_grid(theta, 2, 2, 2)[0]  # (2, 2, 2, 3), z y x
    x = (corners[..., 0] + 1) * (width - 1) / 2
    z = (1 - corners[..., 2]) * (depth - 1) / 2  # away from who looks is up
    for a, b in _edges():
        front = a[0] == b[0] == 0
        axes.plot([x[a], x[b]], [z[a], z[b]], color=ORANGE if front else BLUE, linewidth=2)
    share = (layer + 1) / 2  # of the way from the box's front to its back
    x_cut, z_cut = (
        torch.lerp(axis[0], axis[1], share).flatten()[[0, 1, 3, 2, 0]] for axis in (x, z)
    )
    axes.plot(x_cut, z_cut, color=ORANGE, linewidth=4)
    start, end = ((axis[0].mean().item(), axis[1].mean().item()) for axis in ((x, z), (x[1], z[1])))
    axes.annotate("", end, start, arrowprops=dict(arrowstyle="->", color=ORANGE, linewidth=2))
    margin = 0.45 * max(depth, width)
    axes.set(xlim=(-margin, width - 1 + margin), ylim=(depth - 1 + margin, -margin))
    axes.set_facecolor("#b8b8b8")


def _edges() -> list[tuple]:
    """The twelve edges of a box: pairs of corners (z, y, x), each 0 or 1; the front's come last."""
    corners = [(z, y, x) for z in (1, 0) for y in (0, 1) for x in (0, 1)]
    pairs = [(a, b) for a in corners for b in corners if a < b]
    edges = [(a, b) for a, b in pairs if sum(i != j for i, j in zip(a, b, strict=True)) == 1]
    return sorted(edges, key=lambda edge: edge[0][0] == edge[1][0] == 0)
