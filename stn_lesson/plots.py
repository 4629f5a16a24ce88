"""Still pictures: figures that describe themselves in words for readers who cannot see them."""

import base64
import io
from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.patches import Polygon
from PIL import Image
from torch import Tensor

from stn_lesson.collapse import Look, look
from stn_lesson.grid import FAMILIES
from stn_lesson.sampler import sample, to_pixels
from stn_lesson.training import History, predict, to_floats

# Okabe and Ito's colours, which colour-blind readers can tell apart too.
BLUE, ORANGE, GREEN, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9"
STYLES = [(BLUE, "o-"), (ORANGE, "s--"), (GREEN, "^-."), (PURPLE, "d:"), (SKY, "v-")]


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
        drawn, small = io.BytesIO(), io.BytesIO()
        self.savefig(drawn, format="png")
        colours = Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE)
        colours.save(small, "png", optimize=True)
        return small.getvalue()

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
    words = f"{len(pictures)} pictures: {'; '.join(titles)}."
    figure = Picture(side * len(pictures), side * tallest + 0.3, alt or words)
    for k, picture in enumerate(pictures):
        axes = figure.add_subplot(1, len(pictures), k + 1)
        _draw(axes, picture, titles[k] if k < len(titles) else "")
    return figure


def pixel_values(picture: Tensor, alt: str = "") -> Picture:
    """A tiny picture (H, W), floats from 0 to 1, with the values written in its pixels."""
    height, width = picture.shape
    words = f"A picture of {height} by {width} pixels, their values written in them."
    side = min(0.7, 8 / max(height, width))
    figure = Picture(side * (width + 3), side * (height + 3) + 0.3, alt or words)
    axes = figure.add_subplot()
    _draw(axes, picture)
    axes.set(xlim=(-2, width + 1), ylim=(height + 1, -2), facecolor="#cccccc")
    for n, row in enumerate(picture.tolist()):
        for m, value in enumerate(row):
            shade = "black" if value > 0.5 else "white"
            axes.text(m, n, f"{value:.2f}", color=shade, size=14 * side, ha="center", va="center")
    return figure


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
    _draw(source, image[0], "source: where the samples are taken")
    _draw(target, sample(image, grid, **how)[0], "target: the picture they make")
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
    figure.alt = _draw_looks(figure, images, looked, answers, labels, titles)
    return figure


def training(
    history: History,
    images: Tensor | None = None,
    looked: Look | None = None,
    answers: Tensor | None = None,
    labels: Tensor | None = None,
) -> Picture:
    """A training run: its loss and its test error; beneath, if there is a look, its gallery."""
    figure = Picture(10, 2.6 if looked is None else 5.4)
    above, *below = figure.subfigures(1 if looked is None else 2, 1, squeeze=False)[:, 0]
    loss, error = above.subplots(1, 2)
    steps = {"training loss": (range(1, len(history.step_loss) + 1), history.step_loss)}
    errors = [100 - 100 * accuracy for accuracy in history.accuracy]
    _draw_lines(loss, steps, "step", "training loss")
    epochs = {"test error": (range(1, len(errors) + 1), errors)}
    _draw_lines(error, epochs, "epoch", "test error in %")
    for axes in (loss, error):
        _count_in_factors(axes)
    figure.alt = (
        f"Training loss of {len(history.step_loss)} steps and test error after {len(errors)} epochs"
        + (f", {errors[-1]:.1f} % in the end." if errors else ".")
    )
    for part in below:
        figure.alt += " Beneath: " + _draw_looks(part, images, looked, answers, labels)
    return figure


def error_curves(
    histories: dict[str, History], reference: dict[str, tuple[Sequence, Sequence]] | None = None
) -> Picture:
    """Test error in % after every epoch, one curve for each named run.

    Args:
        histories: runs by name.
        reference: published curves by name: (epochs, accuracies), epochs counted from 0.
    """
    curves = {name: (range(len(h.accuracy)), h.accuracy) for name, h in histories.items()}
    curves |= reference or {}
    last = ", ".join(
        f"{name} {100 - 100 * y[-1]:.1f} %" for name, (_, y) in curves.items() if len(y)
    )
    figure = lines(
        {name: (list(x), [100 - 100 * a for a in y]) for name, (x, y) in curves.items()},
        "epoch",
        "test error in %",
        f"Test error against epochs. Last values: {last}.",
    )
    _count_in_factors(figure.axes[0])
    return figure


def lines(
    curves: dict[str, tuple[Sequence, Sequence]], x_label: str, y_label: str, alt: str = ""
) -> Picture:
    """Named curves (x, y) in one diagram, told apart by colour, line and mark."""
    figure = Picture(6.5, 3.4, alt or f"{y_label} against {x_label}: {', '.join(curves)}.")
    axes = figure.add_subplot()
    _draw_lines(axes, curves, x_label, y_label)
    if any(curves):
        axes.legend(frameon=False)
    return figure


def overlay(warped: Tensor, wanted: Tensor) -> Tensor:
    """Two grey pictures (1, H, W) in one (3, H, W): orange and blue, pale where both are bright."""
    green = 159 * warped + 114 * wanted * (1 - warped / 2)
    return torch.cat([230 * warped, green, 178 * wanted]) / 255


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


def _draw_looks(
    figure: FigureBase,
    images: Tensor,
    looked: Look,
    answers: Tensor | None,
    labels: Tensor | None,
    titles: Sequence[str] = (),
) -> str:
    """Draw a gallery, and return it in words."""
    count = len(images)
    axes = figure.subplots(2, count, squeeze=False)
    titles = titles or ([""] * count if labels is None else [f"a {label}" for label in labels])
    for k in range(count):
        _draw(axes[0, k], images[k], titles[k])
        outline(axes[0, k], looked.grid[k], *images.shape[-2:])
        _draw(axes[1, k], looked.view[k], "" if answers is None else f"→ {answers[k]}")
    words = "" if answers is None else ", with its answers"
    if answers is not None and labels is not None:
        words += f", {(answers == labels).sum()} of them right"
    return (
        f"Above, {count} images with the quadrilateral that the transformer reads; below, what the "
        f"classifier gets to see{words}."
    )


def _draw_lines(axes: Axes, curves: dict, x_label: str, y_label: str) -> None:
    for (name, (x, y)), (colour, style) in zip(curves.items(), STYLES * 9, strict=False):
        few = len(x) <= 60
        axes.plot(x, y, style if few else style[1:], color=colour, label=name, markersize=4)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(alpha=0.3, which="both")
    axes.spines[["top", "right"]].set_visible(False)


def _count_in_factors(axes: Axes) -> None:
    """A logarithmic y axis with plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")


def _draw(axes: Axes, picture: Tensor, title: str = "") -> None:
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


def _places(points: Tensor) -> str:
    return ", ".join(f"({x:.2f}, {y:.2f})" for x, y in points.tolist())
