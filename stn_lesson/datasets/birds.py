"""Birds drawn by code: species told apart by small marks, as those of section 4.3 are.

A species is a head and a wing: four kinds of marks on either, 16 together. Every mark has one dark
colour, and every other colour is drawn at random, so that colour tells nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stn_lesson.arguments import seed_number, whole_number
from stn_lesson.datasets.checks import MAX_IMAGES, check_generator, check_labels
from stn_lesson.datasets.dataset import Dataset, Split

HEADS = ("cap", "eye stripe", "bib", "ring")
WINGS = ("bars", "streaks", "spots", "chevrons")
PARTS = ("head", "wing")  # whose places `Split.parts` holds, in this order
SIZE = 96  # side of a picture in pixels
DARK = torch.tensor([0.13, 0.11, 0.10])  # the colour of all marks, and of half the leaves
HEAD_RADIUS = 0.44  # in half lengths of the body, and so the wing's
WING_AXES = (0.64, 0.38)
CHUNK = 50  # pictures drawn at a time: few enough to stay in the processor's cache

Between = Callable[..., Tensor]  # uniform random numbers: (low, high, *shape) → (n, *shape)


def drawn_birds(train: int = 6000, test: int = 2000, seed: int = 0) -> Dataset:
    """Drawn birds of 16 species: head `HEADS[label // 4]`, wing `WINGS[label % 4]`.

    A bird's body is 36 to 46 pixels long. It is turned by up to 30°, looks left or right, and holds
    its head high or low, before branches and among leaves as large as heads.

    Args:
        train: number of pictures to learn from.
        test: number of pictures to judge by.
        seed: decides all of them.

    Returns:
        bytes (N, 3, 96, 96), equally many of each species; `parts` (N, 2, 2) has the centres of
        head and wing.

    Raises:
        TypeError, ValueError: a number that cannot be.

    >>> drawn_birds(train=64, test=16)
    drawn birds: 64 training images, 16 test images, 3 channels of 96×96 pixels
    """
    seed = seed_number(seed)
    counts = [
        whole_number(count, name, 1, MAX_IMAGES)
        for count, name in ((train, "train"), (test, "test"))
    ]
    splits = []
    for k, count in enumerate(counts):
        generator = torch.Generator().manual_seed(2 * seed + k)
        species = torch.randperm(count, generator=generator) % (len(HEADS) * len(WINGS))
        images, parts = draw_birds(species, generator)
        splits.append(Split(images, species, parts=parts))
    return Dataset("drawn birds", *splits)


def draw_birds(species: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A bird of each of these species.

    Args:
        species: whole numbers (N,) from 0 to 15.
        generator: of all that is drawn at random.

    Returns:
        images, bytes (N, 3, 96, 96), and the centres of head and wing, (N, 2, 2): x then y, −1 and
        1 at the centres of the corner pixels.

    Raises:
        TypeError, ValueError: what are no species, or no generator.

    >>> images, parts = draw_birds(torch.tensor([0, 5]), torch.Generator().manual_seed(0))
    >>> images.shape, parts.shape
    (torch.Size([2, 3, 96, 96]), torch.Size([2, 2, 2]))
    """
    count = len(HEADS) * len(WINGS)
    check_generator(generator)
    check_labels(species, "species", several=False)
    if not len(species) or not 0 <= species.min() <= species.max() < count:
        raise ValueError(f"species must be one or more, from 0 to {count - 1}, got {species}")
    drawn = [_draw_chunk(few, generator) for few in species.split(CHUNK)]
    images, parts = (torch.cat(each) for each in zip(*drawn, strict=True))
    return images, 2 * parts / (SIZE - 1) - 1


@dataclass(frozen=True)
class Frame:
    """Where something is, how it stands and how large it is, in each of n pictures.

    Attributes:
        centre: (n, 2) in pixels, x then y.
        angle: (n,) in radians.
        length: (n,) its unit of length in pixels.
        side: (n,) 1 looks right, −1 left.
    """

    centre: Tensor
    angle: Tensor
    length: Tensor
    side: Tensor

    def axes(self) -> Tensor:
        """(n, 2, 2): the pixels that one unit along, and one unit across, moves by."""
        cos, sin = self.angle.cos() * self.length, self.angle.sin() * self.length
        return torch.stack([torch.stack([self.side * cos, sin], 1),
                            torch.stack([-self.side * sin, cos], 1)], 1)  # fmt: skip

    def inside(self, place: Tensor, turn: Tensor | float = 0.0) -> "Frame":
        """A frame with the same unit at a place (n, 2), and turned, within this one."""
        centre = self.centre + (place[:, :, None] * self.axes()).sum(1)
        return Frame(centre, self.angle + turn, self.length, self.side)


class Canvas:
    """Pictures (n, 3, 96, 96) that shapes are painted on, one over the other."""

    def __init__(self, pixels: Tensor):
        """Floats from 0 to 1."""
        self.pixels = pixels
        self.ruler = torch.arange(float(SIZE))

    def place(self, frame: Frame) -> tuple[Tensor, Tensor]:
        """Each pixel as a frame sees it: (n, 96, 96) along and across, in its units."""
        x = self.ruler - frame.centre[:, :1]  # (n, 96)
        y = self.ruler - frame.centre[:, 1:]
        axes = frame.axes() / frame.length[:, None, None] ** 2
        u, v = (axes[:, k, :, None] for k in (0, 1))  # (n, 2, 1)
        along = (y * u[:, 1])[:, :, None] + (x * u[:, 0])[:, None, :]
        return along, (y * v[:, 1])[:, :, None] + (x * v[:, 0])[:, None, :]

    def paint(self, cover: Tensor, colour: Tensor) -> None:
        """Paint with a colour (n, 3) or (3,) where the cover (n, 96, 96) is 1, mixed where less."""
        colour = colour.expand(len(cover), 3)[:, :, None, None]
        self.pixels.lerp_(colour, cover[:, None])


def _draw_chunk(species: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Images, and their parts' places in pixels."""
    count = len(species)

    def between(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    canvas = Canvas(_background(between))
    _paint_branches(canvas, between)
    _paint_leaves(canvas, between)
    body = Frame(between(34, 62, 2), between(-0.5, 0.5), between(18, 23), between(-1, 1).sign())
    high = between(-1, 1).sign()
    neck = torch.stack([between(0.85, 1.05), between(-0.1, 0.1) - 0.15 - 0.45 * high], 1)
    head = body.inside(neck, between(-0.2, 0.2))
    wing = body.inside(torch.tensor([[-0.15, -0.03]]).expand(count, 2), between(0.0, 0.3))
    plumage, shade = between(0.45, 0.85, 3), between(0.85, 1.15, 1)
    _paint_body(canvas, body, neck, plumage)
    _paint_wing(canvas, wing, species % len(WINGS), plumage * shade)
    _paint_head(canvas, head, species // len(WINGS), plumage)
    images = (255 * canvas.pixels.clamp(0, 1)).round().to(torch.uint8)
    return images, torch.stack([head.centre, wing.centre], 1)


def _cover(depth: Tensor, frame: Frame) -> Tensor:
    """How much of each pixel a shape covers, from how deep inside it lies, in the frame's units."""
    return (depth * frame.length[:, None, None] + 0.5).clamp_(0, 1)


def _ellipse(along: Tensor, across: Tensor, a: float, b: float) -> Tensor:
    """How deep inside an ellipse with half axes a and b, about; negative outside."""
    return (1 - ((along / a) ** 2 + (across / b) ** 2).sqrt_()) * min(a, b)


def _background(between: Between) -> Tensor:
    """Sky or meadow: two colours that go over into one another, and smooth noise."""
    top, bottom = between(0.45, 0.95, 3, 1, 1), between(0.45, 0.95, 3, 1, 1)
    pixels = torch.lerp(top, bottom, torch.linspace(0, 1, SIZE)[:, None]).expand(-1, -1, -1, SIZE)
    noise = torch.nn.functional.interpolate(between(-0.12, 0.12, 1, 8, 8), SIZE, mode="bilinear")
    return pixels + noise


def _paint_branches(canvas: Canvas, between: Between) -> None:
    """Two branches, from one side to the other, that keep clear of nothing."""
    for _ in range(2):
        branch = Frame(between(10, 86, 2), between(-1.4, 1.4), between(1, 1), between(1, 1))
        _, across = canvas.place(branch)
        thickness = between(1.0, 2.5)[:, None, None]
        canvas.paint(_cover(thickness - across.abs(), branch), between(0.2, 0.5, 3))


def _paint_leaves(canvas: Canvas, between: Between) -> None:
    """Leaves as large as heads, in a colour of their own or as dark as the marks."""
    for _ in range(5):
        leaf = Frame(between(0, 95, 2), between(-3.1, 3.1), between(8, 11), between(1, 1))
        along, across = canvas.place(leaf)
        dark = (between(0, 1, 1) < 0.5).float()
        colour = torch.lerp(between(0.2, 0.7, 3), DARK.expand(len(dark), 3), dark)
        canvas.paint(_cover(_ellipse(along, across, 1.0, 0.55), leaf), colour)
        canvas.paint(
            _cover(0.06 - across.abs() - (along.abs() - 0.9).relu(), leaf), colour * 0.5 + 0.4
        )


def _paint_body(canvas: Canvas, body: Frame, neck: Tensor, plumage: Tensor) -> None:
    """Tail, beak, breast and neck, in one colour but for the beak's."""
    along, across = canvas.place(body)
    x, y = (neck[:, k, None, None] for k in (0, 1))
    canvas.paint(_cover(_ellipse(along + 1.2, across - 0.1, 0.5, 0.14), body), plumage * 0.8)
    canvas.paint(_cover(_ellipse(along - x - 0.5, across - y, 0.24, 0.09), body), plumage * 0.6)
    share = ((along - 0.4) * (x - 0.4) + across * y) / ((x - 0.4) ** 2 + y**2)
    share = share.clamp_(0, 1)  # of the way from breast to head, at the point nearest to a pixel
    throat = ((along - 0.4 - share * (x - 0.4)) ** 2 + (across - share * y) ** 2).sqrt_()
    depth = torch.maximum(_ellipse(along, across, 1.0, 0.52), 0.3 - throat)
    canvas.paint(_cover(depth, body), plumage)


def _paint_wing(canvas: Canvas, wing: Frame, kind: Tensor, colour: Tensor) -> None:
    """The wing and its marks: bars across, streaks along, spots or chevrons."""
    along, across = canvas.place(wing)
    inside = _ellipse(along, across, *WING_AXES)
    canvas.paint(_cover(inside, wing), colour)
    waves = torch.stack([
        _stripes(along, 0.3),
        _stripes(across, 0.24),
        0.1 - torch.hypot(_offset(along, 0.3), _offset(across, 0.3)),
        _stripes(along + 0.8 * across.abs(), 0.34),
    ])  # fmt: skip
    marks = waves[kind, torch.arange(len(kind))]
    canvas.paint(_cover(torch.minimum(marks, inside - 0.03), wing), DARK)


def _stripes(distance: Tensor, period: float) -> Tensor:
    """How deep inside one of many parallel stripes that cover 45 % of the plane."""
    return 0.225 * period - _offset(distance, period).abs()


def _offset(distance: Tensor, period: float) -> Tensor:
    """How far the nearest of the lines at 0, ± period, ± 2 · period, … is away."""
    return distance - period * (distance / period).round()


def _paint_head(canvas: Canvas, head: Frame, kind: Tensor, plumage: Tensor) -> None:
    """The head and its mark: a cap, a stripe through the eye, a bib or a ring; and the eye."""
    along, across = canvas.place(head)
    inside = _ellipse(along, across, HEAD_RADIUS, HEAD_RADIUS)
    canvas.paint(_cover(inside, head), plumage)
    marks = torch.stack([
        -0.14 - across,
        0.08 - (across + 0.04).abs(),
        across - 0.14,
        0.08 - (inside - 0.14).abs(),
    ])[kind, torch.arange(len(kind))]  # fmt: skip
    canvas.paint(_cover(torch.minimum(marks, inside), head), DARK)
    eye = _ellipse(along - 0.14, across + 0.04, 0.11, 0.11)
    canvas.paint(_cover(eye, head), plumage * 0.3 + 0.7)
    canvas.paint(_cover(eye - 0.05, head), DARK)
