"""Where a sampling grid reads and what comes of it: for one θ, and for a network's images."""

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Polygon
from torch import Tensor

from stn_lesson.arguments import list_of, one_of, pair, whole_number
from stn_lesson.checks import check_floats, check_image
from stn_lesson.datasets import to_floats
from stn_lesson.datasets.checks import check_bytes
from stn_lesson.families import FAMILIES
from stn_lesson.plots.picture import (
    BLUE,
    ORANGE,
    Picture,
    channels_in_words,
    check_pictures,
    check_titles,
    draw_picture,
)
from stn_lesson.remedies import kind_of
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
    **sample_options,
) -> Picture:
    """The source with the region that θ reads, and the target that it gives.

    Args:
        image: (1, C, H, W), floats from 0 to 1.
        theta: (1, 2, 3), or as its family has it.
        size: (height, width) of the target; None keeps the image's own.
        points: also draw every point of the sampling grid, in the source and in the target.
        family: of `families.FAMILIES`.
        lines: also draw a net of so many squares on a side, straight in the target.
        sample_options: kernel and padding, as in `sample`.

    Raises:
        TypeError, ValueError: more than one image or θ, or an argument that cannot be.
    """
    check_image(image)
    check_floats(theta)
    for name, value in (("image", image), ("theta", theta)):
        if value.ndim > 2 and len(value) != 1:
            raise ValueError(f"{name} must be a single one, got {len(value)}: use {name}[:1]")
    lines = whole_number(lines, "lines", lowest=0)
    # Drawn in float32, whatever they are: in 16 bits a line would be off by a pixel.
    image, theta = image.detach().cpu().float(), theta.detach().cpu().float()
    size = image.shape[-2:] if size is None else size
    size = pair(size, "size = (height, width)", of=whole_number, lowest=1)
    grid_of = FAMILIES[one_of(family, "family", FAMILIES)].grid
    grid = grid_of(theta, *size)
    corners = grid_of(theta, 2, 2).view(4, 2)[[0, 1, 3, 2]]  # around
    alt = (
        f"Left: the source, {image.shape[-2]} by {image.shape[-1]} pixels, with the region that "
        f"is read, its corners at {_format_points(corners)}. "
        f"Right: the target, {size[0]} by {size[1]} pixels."
    )
    tallest = max(image.shape[-2] / image.shape[-1], size[0] / size[1])
    figure = Picture(7, 3.4 * tallest + 0.3, alt)
    source, target = figure.subplots(1, 2)
    draw_picture(source, image[0], "source: where the samples are taken")
    draw_picture(target, sample(image, grid, **sample_options)[0], "target: the picture they make")
    if lines:
        net = grid_of(theta, lines + 1, 99), grid_of(theta, 99, lines + 1).transpose(1, 2)
        for line in torch.cat(net).flatten(0, 1):  # (99, 2) each
            source.plot(*to_pixels(line, *image.shape[-2:]), color=BLUE, linewidth=1, zorder=1)
    draw_outline(source, grid[0], *image.shape[-2:])
    if points:
        x, y = to_pixels(grid[0], *image.shape[-2:])
        colours = torch.arange(x.numel())
        source.scatter(x, y, c=colours, s=14, cmap="cividis", edgecolors="white", linewidths=0.4)
        rows, columns = torch.meshgrid(*map(torch.arange, size), indexing="ij")
        target.scatter(
            columns, rows, c=colours, s=14, cmap="cividis", edgecolors="white", linewidths=0.4
        )
    _show_what_is_read(source, grid_of(theta, 9, 9), *image.shape[-2:])
    return figure


def _show_what_is_read(
    axes: Axes, grid: Tensor, height: int, width: int, farthest: float = 4
) -> None:
    """Let the axes reach to all that a grid reads, but no farther: a horizon is endlessly far."""
    x, y = to_pixels(grid.clamp(-farthest, farthest), height, width)
    axes.set_xlim(min(-0.5, x.min() - 0.5), max(width - 0.5, x.max() + 0.5))
    axes.set_ylim(max(height - 0.5, y.max() + 0.5), min(-0.5, y.min() - 0.5))


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
        labels: their true classes, (N,) or (N, K) where each image has K, to be printed beside the
            network's predictions.
        titles: what to print above the images instead.

    Raises:
        TypeError, ValueError: images that are no bytes, a network without a transformer, labels or
            titles that are not one for each image.
    """
    check_bytes(images, volumes=True)
    return look_gallery(
        images, look(model, to_floats(images)), predict(model, images), labels, titles
    )


def look_gallery(
    images: Tensor,
    looked: Look,
    predictions: Tensor | None = None,
    labels: Tensor | None = None,
    titles: Sequence[str] = (),
) -> Picture:
    """The gallery of a network from its `Look`, without the network.

    Args:
        images: bytes, or floats from 0 to 1, (N, C, H, W).
        looked: where the network looked in them.
        predictions: the classes that it gave them, (N,) or (N, K).
        labels: their true classes, the same.
        titles: what to print above the images instead.

    Raises:
        TypeError, ValueError: what is no picture or no `Look` at pictures, or not one for each
            image.
    """
    check_look(looked)
    check_pictures(images)
    figure = Picture(1.25 * len(images), 2.9)
    figure.alt = draw_look_gallery(figure, images, looked, predictions, labels, titles)
    return figure


def draw_look_gallery(
    figure: FigureBase,
    images: Tensor,
    looked: Look,
    predictions: Tensor | None,
    labels: Tensor | None,
    titles: Sequence[str] = (),
) -> str:
    """Draw what `look_gallery` draws into a figure; return its description."""
    count, labels, predictions = len(images), _classes(labels), _classes(predictions)
    _check_counts(count, looked, predictions, labels)
    titles = check_titles(titles, count)
    axes = figure.subplots(2, count, squeeze=False)
    answers, truths = (_in_words(classes, count) for classes in (predictions, labels))
    titles = titles or [word and f"a {word}" for word in truths]
    for k in range(count):
        draw_picture(axes[0, k], images[k], titles[k])
        draw_outline(axes[0, k], looked.grid[k], *images[k].shape[-2:])
        _show_what_is_read(axes[0, k], looked.grid[k].cpu(), *images[k].shape[-2:], farthest=2.5)
        draw_picture(axes[1, k], looked.view[k], answers[k] and f"→ {answers[k]}")
    lost = (looked.grid.abs() > 1).any(-1).flatten(1).all(1).sum()
    outside = f", outside the picture in {lost}" if lost else ""
    description = "" if predictions is None else ", with its answers"
    if predictions is not None and labels is not None:
        right = (predictions == labels).view(count, -1).all(1)
        description += f", {right.sum()} of them right"
    channels = channels_in_words([*images, *looked.view])
    return (
        f"Above, {count} images with the quadrilateral that the transformer reads{outside}; "
        f"below, what the classifier gets to see{description}.{channels}"
    )


def _classes(classes) -> Tensor | None:
    """Classes (N,) as a tensor, whatever they came in."""
    if classes is None or isinstance(classes, Tensor):
        return None if classes is None else classes.cpu()
    classes = list_of(classes, "classes", "whole numbers")
    return torch.tensor([whole_number(each, "a class") for each in classes])


def _in_words(classes: Tensor | None, count: int) -> list[str]:
    """The class of each image, or its several ones; nothing where they are not known."""
    if classes is None:
        return [""] * count
    return [",".join(map(str, row)) for row in classes.view(count, -1).tolist()]


def check_look(looked: Look, name: str = "looked") -> Look:
    """The look itself, if it is one at pictures; an error that says what to do otherwise.

    Raises:
        TypeError, ValueError: it is no `Look`, or one at volumes.
    """
    if not isinstance(looked, Look):
        raise TypeError(f"{name} must be a Look, got {kind_of(looked)}: use look(model, images)")
    if looked.grid.ndim != 4:
        raise ValueError(
            f"{name} must be a Look at pictures, got one at volumes: to draw one of these, use "
            "plots.solid(volume, theta)"
        )
    return looked


def _check_counts(count: int, looked: Look, predictions, labels) -> None:
    """Raise a clear error where there is not one look, one answer and one label for each image."""
    for name, values in (("looked", looked.grid), ("predictions", predictions), ("labels", labels)):
        several = name != "looked" and values is not None and values.ndim > 2
        if values is not None and (several or values.ndim == 0 or len(values) != count):
            got = tuple(values.shape) if several else len(values) if values.ndim else "one number"
            raise ValueError(f"{name} must be one for each of the {count} images, got {got}")
    if labels is not None and predictions is not None and labels.shape != predictions.shape:
        raise ValueError(
            "predictions and labels must be of one shape, got "
            f"{tuple(predictions.shape)} and {tuple(labels.shape)}"
        )


def grid_border(grid: Tensor) -> Tensor:
    """The outermost points of a sampling grid (H, W, 2), once around: (2·H + 2·W, 2).

    Raises:
        ValueError: no grid, or several, of this shape.
    """
    if not isinstance(grid, Tensor) or grid.ndim != 3 or grid.shape[-1] != 2:
        got, several = kind_of(grid), isinstance(grid, Tensor) and grid.ndim == 4
        raise ValueError(
            f"grid must have shape (H, W, 2), got {got}" + (": use grid[0]" if several else "")
        )
    return torch.cat([grid[0], grid[:, -1], grid[-1].flip(0), grid[:, 0].flip(0)])


def draw_outline(axes: Axes, grid: Tensor, height: int, width: int, colour: str = ORANGE) -> None:
    """Draw the edge of what a grid (H, W, 2) reads over a picture; a dot marks its top left."""
    x, y = to_pixels(grid_border(grid.detach().cpu().float()), height, width)
    points = torch.stack([x, y], -1).numpy()
    axes.add_patch(Polygon(points, closed=True, fill=False, edgecolor=colour, linewidth=2))
    axes.set_facecolor("#cccccc")  # beyond the picture
    axes.plot(*points[0], "o", color=colour, markersize=6)


def _format_points(points: Tensor) -> str:
    return ", ".join(f"({x:.2f}, {y:.2f})" for x, y in points.tolist())
