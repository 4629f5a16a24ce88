"""Where a grid reads and what comes of it: in one picture, and for a network's galleries."""

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Polygon
from torch import Tensor

from stn_lesson.datasets import to_floats
from stn_lesson.grid import FAMILIES
from stn_lesson.plots.picture import BLUE, ORANGE, Picture, draw
from stn_lesson.sampler import sample, to_pixels
from stn_lesson.training import predict
from stn_lesson.transformer import Look, look


def sampling(
    image: Tensor,
    theta: Tensor,
    size: tuple[int, int] | None = None,
    points: bool = False,
    *,
    family: str = "affine",
    lines: int = 0,
    **how,
) -> Picture:
    """The source with the region that θ reads, and the target that it gives.

    Args:
        image: (1, C, H, W).
        theta: (1, 2, 3), or as its family has it.
        size: (height, width) of the target; None keeps the image's own.
        points: also draw every point of the sampling grid, in the source and in the target.
        family: of `grid.FAMILIES`.
        lines: also draw a net of so many squares on a side, straight in the target.
        how: kernel and padding, as in `sample`.
    """
    image, theta = image.detach().cpu(), theta.detach().cpu()
    size, grid_of = tuple(size or image.shape[-2:]), FAMILIES[family].grid
    grid = grid_of(theta, *size)
    corners = grid_of(theta, 2, 2).view(4, 2)[[0, 1, 3, 2]]  # around
    alt = (
        f"Left: the source, {image.shape[-2]} by {image.shape[-1]} pixels, with the region that "
        f"is read, its corners at {_places(corners)}. "
        f"Right: the target, {size[0]} by {size[1]} pixels."
    )
    tallest = max(image.shape[-2] / image.shape[-1], size[0] / size[1])
    figure = Picture(7, 3.4 * tallest + 0.3, alt)
    source, target = figure.subplots(1, 2)
    draw(source, image[0], "source: where the samples are taken")
    draw(target, sample(image, grid, **how)[0], "target: the picture they make")
    if lines:
        nets = grid_of(theta, lines + 1, 99), grid_of(theta, 99, lines + 1).transpose(1, 2)
        for line in torch.cat(nets).flatten(0, 1):  # (99, 2) each
            source.plot(*to_pixels(line, *image.shape[-2:]), color=BLUE, linewidth=1, zorder=1)
    outline(source, grid[0], *image.shape[-2:])
    if points:
        x, y = to_pixels(grid[0], *image.shape[-2:])
        colours = torch.arange(x.numel())
        source.scatter(x, y, c=colours, s=14, cmap="cividis", edgecolors="white", linewidths=0.4)
        rows, columns = torch.meshgrid(*map(torch.arange, size), indexing="ij")
        target.scatter(
            columns, rows, c=colours, s=14, cmap="cividis", edgecolors="white", linewidths=0.4
        )
    height, width = image.shape[-2:]
    reach = grid_of(theta, 9, 9).clamp(-4, 4)  # not to the end of a plane that has a horizon
    x, y = to_pixels(reach, height, width)
    source.set_xlim(min(-0.5, x.min() - 0.5), max(width - 0.5, x.max() + 0.5))
    source.set_ylim(max(height - 0.5, y.max() + 0.5), min(-0.5, y.min() - 0.5))
    return figure


def gallery(
    model: torch.nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    titles: Sequence[str] = (),
) -> Picture:
    """What a transformer network is given, with the region it attends to, and what it sees.

    Args:
        model: a network with a `SpatialTransformer`.
        images: bytes (N, 1, H, W); about eight fit well.
        labels: their true classes (N,), to be printed beside the network's answers.
        titles: what to print above the images instead.
    """
    return looks(images, look(model, to_floats(images)), predict(model, images), labels, titles)


def looks(
    images: Tensor,
    looked: Look,
    answers: Tensor | None = None,
    labels: Tensor | None = None,
    titles: Sequence[str] = (),
) -> Picture:
    """The gallery of a look that was taken earlier."""
    figure = Picture(1.25 * len(images), 2.9)
    figure.alt = draw_looks(figure, images, looked, answers, labels, titles)
    return figure


def draw_looks(
    figure: FigureBase,
    images: Tensor,
    looked: Look,
    answers: Tensor | None,
    labels: Tensor | None,
    titles: Sequence[str] = (),
) -> str:
    """Draw the gallery of a look into a figure, and return it in words."""
    count = len(images)
    axes = figure.subplots(2, count, squeeze=False)
    titles = titles or ([""] * count if labels is None else [f"a {label}" for label in labels])
    for k in range(count):
        draw(axes[0, k], images[k], titles[k])
        outline(axes[0, k], looked.grid[k], *images.shape[-2:])
        draw(axes[1, k], looked.view[k], "" if answers is None else f"→ {answers[k]}")
    words = "" if answers is None else ", with its answers"
    if answers is not None and labels is not None:
        words += f", {(answers == labels).sum()} of them right"
    return (
        f"Above, {count} images with the quadrilateral that the transformer reads; below, what the "
        f"classifier gets to see{words}."
    )


def border(grid: Tensor) -> Tensor:
    """The outermost points of a sampling grid (H, W, 2), once around: (2·H + 2·W, 2)."""
    return torch.cat([grid[0], grid[:, -1], grid[-1].flip(0), grid[:, 0].flip(0)])


def outline(axes: Axes, grid: Tensor, height: int, width: int) -> None:
    """Draw the edge of what a grid (H, W, 2) reads over a picture; a dot marks its top left."""
    x, y = to_pixels(border(grid.detach().cpu().float()), height, width)
    points = torch.stack([x, y], -1).numpy()
    axes.add_patch(Polygon(points, closed=True, fill=False, edgecolor=ORANGE, linewidth=2))
    axes.set_facecolor("#cccccc")  # what a frame takes in beyond the picture
    axes.plot(*points[0], "o", color=ORANGE, markersize=6)


def _places(points: Tensor) -> str:
    return ", ".join(f"({x:.2f}, {y:.2f})" for x, y in points.tolist())
