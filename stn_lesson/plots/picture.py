"""Figures that describe themselves in words for readers who cannot see them."""

import base64
import io
import math
from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from stn_lesson.arguments import list_of, text
from stn_lesson.datasets import to_floats
from stn_lesson.remedies import kind_of, remedy

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

    One channel is drawn in grey, two are drawn one in orange and one in blue, three in colours, and
    more as their mean, in grey; so it is in every gallery, too. Floats that leave 0 to 1 are drawn
    darker or paler, so that all of them fit in.

    Raises:
        TypeError, ValueError: no pictures, or titles that are one word.

    >>> images([torch.rand(16, 8, 8)], ["features"]).alt
    '1 pictures: features. Of 16 channels, the mean is shown.'
    """
    pictures, titles = check_pictures(pictures), check_titles(titles)
    tallest = max(picture.shape[-2] / picture.shape[-1] for picture in pictures)
    widest = max(picture.shape[-1] / picture.shape[-2] for picture in pictures)
    side = min(2.2 * max(widest, 1), 11 / len(pictures))
    default_alt = f"{len(pictures)} pictures: {'; '.join(titles)}.{channels_in_words(pictures)}"
    figure = Picture(side * len(pictures), side * tallest + 0.3, text(alt, "alt") or default_alt)
    for k, picture in enumerate(pictures):
        axes = figure.add_subplot(1, len(pictures), k + 1)
        draw_picture(axes, picture, titles[k] if k < len(titles) else "")
    return figure


def overlay(warped: Tensor, wanted: Tensor) -> Tensor:
    """Two grey pictures (1, H, W) in one (3, H, W): orange and blue, pale where both are bright.

    Raises:
        TypeError, ValueError: no floats, more channels than one, or pictures of two sizes.
    """
    for name, picture in (("warped", warped), ("wanted", wanted)):
        if not check_drawable(picture, name).is_floating_point():
            raise TypeError(
                f"{name} must hold floats from 0 to 1, got {picture.dtype}: use to_floats({name})"
            )
        if picture.ndim != 3 or len(picture) != 1:
            raise ValueError(
                f"{name} must be grey, (1, H, W), got {tuple(picture.shape)}: use "
                f"{name}.view(-1, *{name}.shape[-2:]).mean(0, keepdim=True)"
            )
    if warped.shape != wanted.shape:
        raise ValueError(
            f"warped and wanted must have the same size, got {tuple(warped.shape)} and "
            f"{tuple(wanted.shape)}: use warp(warped[None], affine_theta(), wanted.shape[1:])[0]"
        )
    green = 159 * warped + 114 * wanted * (1 - warped / 2)
    return torch.cat([230 * warped, green, 178 * wanted]) / 255


def draw_picture(axes: Axes, picture: Tensor, title: str = "") -> None:
    """Draw a picture (C, H, W) or (H, W), bytes or floats from 0 to 1, without ticks."""
    picture = check_drawable(picture).detach().cpu()
    picture = to_floats(picture) if picture.dtype == torch.uint8 else picture.float()
    picture = _fit_into_range(picture.reshape(-1, *picture.shape[-2:]))
    if len(picture) == 2:
        picture = overlay(*picture.split(1))
    if len(picture) != 3:
        picture = picture.mean(0, keepdim=True)
    grey = len(picture) == 1
    axes.imshow(picture[0] if grey else picture.permute(1, 2, 0), cmap="gray", vmin=0, vmax=1)
    axes.set_title(as_it_is(title), fontsize=10)
    axes.set_xticks([])
    axes.set_yticks([])


def as_it_is(name) -> str:
    """A name as matplotlib must be given it to be drawn so: no mathematics, and in every legend.

    >>> as_it_is("$5"), as_it_is("_run"), as_it_is(3)
    ('\\\\$5', '$\\\\_$run', '3')
    """
    name = str(name).replace("$", r"\$")
    return r"$\_$" + name[1:] if name.startswith("_") else name  # such ones it leaves out


def _fit_into_range(picture: Tensor) -> Tensor:
    """Floats as they are if they lie from 0 to 1; else squeezed into that range, all of them."""
    finite = picture[picture.isfinite()]
    low = min(finite.min().item(), 0) if len(finite) else 0
    high = max(finite.max().item(), 1) if len(finite) else 1
    return ((picture - low) / (high - low)).clamp(0, 1)


def check_drawable(picture: Tensor, name: str = "picture", among: str = "") -> Tensor:
    """The picture itself, if it can be drawn; an error that says what to write instead.

    Args:
        picture: what was given.
        name: of the argument.
        among: the name of the list that it stands in, if it does.

    Raises:
        TypeError: no tensor, or whole numbers that are no bytes.
        ValueError: no shape of a picture, or no pixel.

    >>> check_drawable(torch.rand(8, 3, 28, 28))
    Traceback (most recent call last):
    ValueError: picture must have shape (C, H, W) or (H, W), got (8, 3, 28, 28): use picture[:1]
    """
    tensor = isinstance(picture, Tensor)
    of_bytes = tensor and picture.dtype in (torch.uint8, torch.bool)
    kind = of_bytes or (tensor and picture.is_floating_point())
    axes = kind and (picture.ndim in (2, 3) or (picture.ndim == 4 and len(picture) == 1))
    if axes and picture.numel():
        return picture
    if axes:
        raise ValueError(f"{name} must have at least one pixel, got {tuple(picture.shape)}")
    how = remedy(picture, "picture" if among else name, single=True, floats=not of_bytes)
    if how and among:
        how = f": use [{how.removeprefix(': use ')} for picture in {among}]"
    if kind:
        raise ValueError(
            f"{name} must have shape (C, H, W) or (H, W), got {tuple(picture.shape)}{how}"
        )
    raise TypeError(
        f"{name} must be a tensor of bytes (torch.uint8, 0 to 255) or of floats from 0 to 1, got "
        f"{kind_of(picture)}{how}"
    )


def check_pictures(pictures: Sequence[Tensor] | Tensor) -> list[Tensor]:
    """Pictures as a list, if each of them can be drawn; an error that says which cannot.

    Raises:
        TypeError, ValueError: none at all, one by itself, or what is no picture among them.
    """
    if isinstance(pictures, Tensor) and pictures.ndim == 2:
        raise ValueError(
            f"pictures must be several, got one of {tuple(pictures.shape)}: use [pictures]"
        )
    pictures = list_of(pictures, "pictures", "tensors (C, H, W)")
    if not pictures:
        raise ValueError("pictures must be one or more, got none")
    return [
        check_drawable(picture, f"pictures[{k}]", among="pictures")
        for k, picture in enumerate(pictures)
    ]


def check_titles(titles: Sequence[str], count: int | None = None) -> list[str]:
    """Titles as a list of words, so many if a count is given and there are any.

    Raises:
        TypeError, ValueError: one word by itself, or more or fewer than there are pictures.
    """
    titles = [str(title) for title in list_of(titles, "titles", "words")]
    if count is not None and titles and len(titles) != count:
        raise ValueError(f"titles must be one for each picture, got {len(titles)} for {count}")
    return titles


def channels_in_words(pictures: Sequence[Tensor]) -> str:
    """What an alternative text says of pictures with more channels than there are colours."""
    counts = {math.prod(picture.shape[:-2]) for picture in pictures}
    many = " or ".join(str(count) for count in sorted(counts) if count > 3)
    return f" Of {many} channels, the mean is shown." if many else ""
