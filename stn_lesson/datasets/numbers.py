"""House numbers drawn by code: up to three printed digits on a wall full of other things.

A stand-in for the street-view numbers of section 4.2. A scene is drawn once; what is read of it is
a square crop, and how loose that is decides how much there is to find.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from stn_lesson.arguments import SEEDS, pair, real_number, seed_number, whole_number
from stn_lesson.datasets.checks import MAX_IMAGES
from stn_lesson.datasets.dataset import Dataset, Split, to_floats
from stn_lesson.datasets.fonts import FONTS, GLYPH_HEIGHT, digit_atlas
from stn_lesson.datasets.walls import draw_walls
from stn_lesson.grid import sampling_grid
from stn_lesson.remedies import kind_of
from stn_lesson.sampler import sample, warp
from stn_lesson.theta import affine_theta, compose, invert

SCENE, CROP = 96, 64  # sides in pixels
BLANK = 10  # the class of a place that holds no digit
LENGTH_SHARES = (0.25, 0.45, 0.30)  # of numbers of one digit, of two, of three
HEIGHTS, MAX_WIDTH = (14, 24), 44  # of a number, in pixels of the scene
MAX_ROTATION, MAX_SHEAR = 12, 8.5  # degrees
SMALLEST_HALF = 10  # pixels of the scene: half the side of the tightest crop
TIGHT = 0.15  # the looseness of crops that leave nothing to find
PLATE_MARGIN = 3  # pixels of the scene, between a number and the edge of its plate
_GAP = 3  # pixels between two digits, where they are GLYPH_HEIGHT high
_HALF = (SCENE - 1) / 2  # from the middle of a scene to the centre of its last pixel
_CHUNK = 250  # scenes made at a time; it changes memory and speed alone


@dataclass(frozen=True)
class NumberScenes:
    """Walls with a number on each.

    Attributes:
        images: bytes (N, 3, 96, 96).
        labels: whole numbers (N, 3), digits from left to right and `BLANK` after the last.
        poses: θ (N, 2, 3) that would cut each number out, upright and as tightly as can be: its
            box, by four corners.
    """

    images: Tensor
    labels: Tensor
    poses: Tensor


def draw_numbers(count: int, seed: int = 0) -> NumberScenes:
    """Walls with numbers of one to three digits, in 19 fonts, turned, sheared and coloured.

    Args:
        count: how many.
        seed: decides all of them; the same seed gives the same scenes.

    Raises:
        TypeError, ValueError: a number that cannot be.

    >>> scenes = draw_numbers(4)
    >>> scenes.images.shape, scenes.labels.shape
    (torch.Size([4, 3, 96, 96]), torch.Size([4, 3]))
    """
    return _draw_scenes(whole_number(count, "count", 1, MAX_IMAGES), seed_number(seed))


def _draw_scenes(count: int, seed: int) -> NumberScenes:
    generator = torch.Generator().manual_seed(seed)
    images = torch.empty(count, 3, SCENE, SCENE, dtype=torch.uint8)
    labels, fonts = _choose_digits(count, generator)
    poses = torch.empty(count, 2, 3)
    for start in range(0, count, _CHUNK):
        part = slice(start, start + _CHUNK)
        strips, widths = _print_strips(labels[part], fonts[part])
        poses[part] = _choose_poses(widths, generator)
        images[part] = draw_walls(*_place(strips, widths, poses[part]), generator)
    return NumberScenes(images, labels, poses)


def crop_numbers(
    scenes: NumberScenes, looseness: float | tuple[float, float], seed: int = 0
) -> Split:
    """Cut a square around each number: as tight as it can be, or looser.

    The side is (1 + e) times the number's longer one, e being the looseness, and the number may
    stand anywhere within; the crop never leaves the scene.

    Args:
        scenes: to cut from.
        looseness: e, from 0 on; a pair draws it anew for each number, from the first to the second.
        seed: decides where the numbers stand.

    Returns:
        images, bytes (N, 3, 64, 64); labels (N, 3); and the numbers' poses in the crops.

    Raises:
        TypeError, ValueError: no scenes, or a looseness that cannot be.

    >>> tight = crop_numbers(draw_numbers(4), looseness=0)
    >>> tight.images.shape
    torch.Size([4, 3, 64, 64])
    """
    if not isinstance(scenes, NumberScenes):
        raise TypeError(f"scenes must be NumberScenes, got {kind_of(scenes)}: use draw_numbers(4)")
    several = isinstance(looseness, list | tuple) or getattr(looseness, "ndim", 0)
    both = looseness if several else (looseness, looseness)
    low, high = pair(both, "looseness", lowest=0)
    high = real_number(high, "looseness", lowest=low)
    generator = torch.Generator().manual_seed(seed_number(seed))
    count = len(scenes.labels)
    extents = scenes.poses[:, :, :2].abs().sum(2) * _HALF  # of the boxes, half, in pixels: (N, 2)
    middles = scenes.poses[:, :, 2] * _HALF
    drawn = low + (high - low) * torch.rand(count, 1, generator=generator)
    halves = extents.amax(1, keepdim=True).clamp(min=SMALLEST_HALF) * (1 + drawn)
    halves = halves.clamp(max=_HALF)
    free = _HALF - halves  # so far may the crop's middle be from the scene's
    lowest = (middles - halves + extents).clamp(-free, free)
    highest = (middles + halves - extents).clamp(-free, free)
    centres = lowest + (highest - lowest) * torch.rand(count, 2, generator=generator)
    crops = invert(affine_theta(scale=halves[:, 0] / _HALF, translation=centres / _HALF))
    images = torch.empty(count, 3, CROP, CROP, dtype=torch.uint8)
    for part in torch.arange(count).split(_CHUNK):
        cut = warp(to_floats(scenes.images[part]), crops[part], (CROP, CROP))
        images[part] = (cut * 255).round().to(torch.uint8)
    return Split(images, scenes.labels, compose(invert(crops), scenes.poses))


def house_numbers(
    training: int = 8000,
    test: int = 1000,
    *,
    looseness: float = 1.2,
    epochs: int | None = None,
    seed: int = 0,
) -> Dataset:
    """House numbers to learn from, cut out anew in every epoch, and to test on.

    Args:
        training: how many scenes to learn from.
        test: how many to test on.
        looseness: of the test's crops, and the highest of the training's: each of these draws its
            own, from 0 on.
        epochs: how many there will be. If it is given, a network may first read, then look: the
            crops of the first eighth are tight (0.15), and they grow looser until the half.
        seed: decides scenes and crops.

    Raises:
        TypeError, ValueError: a number that cannot be.

    >>> house_numbers(20, 10)
    house numbers, looseness 1.2: 20 training images, 10 test images, 3 channels of 64×64 pixels
    """
    training, test = (
        whole_number(count, name, 1, MAX_IMAGES)
        for count, name in ((training, "training"), (test, "test"))
    )
    looseness = real_number(looseness, "looseness", lowest=0)
    last = whole_number(epochs, "epochs", lowest=1) if epochs is not None else None
    seed = seed_number(seed)
    scenes = _draw_scenes(training, 2 * seed)
    cut = partial(_cut, scenes, looseness, last, seed)
    return Dataset(
        f"house numbers, looseness {looseness:g}",
        train=cut(0),
        test=crop_numbers(_draw_scenes(test, 2 * seed + 1), looseness, seed),
        redraw=partial(_cut_images, cut),
    )


# By name: a function made inside another could not be sent to a process with its data set.
def _cut(
    scenes: NumberScenes, looseness: float, epochs: int | None, seed: int, epoch: int
) -> Split:
    highest = looseness if epochs is None else loosened(epoch / epochs, looseness)
    return crop_numbers(scenes, (0.0, highest), (seed * 1_000_003 + epoch) % SEEDS)


def _cut_images(cut: Callable[[int], Split], epoch: int) -> Tensor:
    return cut(epoch).images


def number_words(labels: Tensor) -> list[str]:
    """House numbers as they are written; a place without a digit before another is a dash.

    Args:
        labels: whole numbers (N, K) from 0 to `BLANK`, true ones or a network's.

    Raises:
        TypeError, ValueError: anything else.

    >>> number_words(torch.tensor([[7, BLANK, BLANK], [1, BLANK, 3]]))
    ['7', '1–3']
    """
    _check_digits(labels)
    words = ("".join("–" if d == BLANK else str(d) for d in digits) for digits in labels.tolist())
    return [word.rstrip("–") for word in words]


def _check_digits(labels: Tensor) -> None:
    """Raise a clear error for anything but the digits of numbers, (N, K)."""
    if not isinstance(labels, Tensor) or labels.dtype != torch.long or labels.ndim != 2:
        raise (ValueError if isinstance(labels, Tensor) else TypeError)(
            f"labels must be whole numbers (torch.long) of shape (N, K), got {kind_of(labels)}"
        )
    if ((labels < 0) | (labels > BLANK)).any():
        raise ValueError(
            f"labels must be digits, or {BLANK} for none, got {labels.min()} to {labels.max()}"
        )


def loosened(progress: float, looseness: float) -> float:
    """The highest looseness of the training crops, a share of the way through a training.

    >>> [loosened(share, 1.15) for share in (0, 0.125, 0.5, 1)]
    [0.15, 0.15, 1.15, 1.15]
    """
    share = min(max((progress - 1 / 8) / (3 / 8), 0), 1)
    return min(TIGHT, looseness) * (1 - share) + looseness * share


def _choose_digits(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Labels (N, 3), and the font of each number (N,)."""
    labels = torch.randint(10, (count, 3), generator=generator)
    shares = torch.tensor(LENGTH_SHARES).expand(count, 3)
    lengths = 1 + shares.multinomial(1, generator=generator)  # (N, 1)
    labels[torch.arange(3) >= lengths] = BLANK
    return labels, torch.randint(len(FONTS), (count,), generator=generator)


def _print_strips(labels: Tensor, fonts: Tensor) -> tuple[Tensor, Tensor]:
    """Each number in one line: masks (N, 1, GLYPH_HEIGHT, W), at the left, and widths (N,)."""
    masks, widths = digit_atlas()
    printed = labels != BLANK
    digits = labels.where(printed, 0)
    spaces = (widths[fonts[:, None], digits] + _GAP) * printed  # (N, 3), each with its gap
    ends = spaces.cumsum(1)
    columns = torch.arange(int(ends[:, -1].max()) - _GAP)
    which = (columns[None, :, None] >= ends[:, None]).sum(2).clamp(max=2)  # (N, W): whose column
    inside = columns - (ends - spaces).gather(1, which)
    inked = (inside < masks.shape[3]) & printed.gather(1, which)
    of_column = masks.transpose(2, 3)[
        fonts[:, None], digits.gather(1, which), inside.clamp(max=masks.shape[3] - 1)
    ]  # (N, W, GLYPH_HEIGHT)
    return (of_column * inked[..., None]).transpose(1, 2)[:, None], ends[:, -1] - _GAP


def _choose_poses(widths: Tensor, generator: torch.Generator) -> Tensor:
    """Where each number lies in its scene and how it stands there, θ (N, 2, 3) from its box."""
    count = len(widths)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    heights = torch.minimum(uniform(*HEIGHTS), MAX_WIDTH * GLYPH_HEIGHT / widths)
    box = torch.stack([heights * widths / GLYPH_HEIGHT, heights], 1) / 2 / _HALF
    pose = invert(
        affine_theta(
            rotation=uniform(-MAX_ROTATION, MAX_ROTATION),
            scale=box,
            shear=uniform(-MAX_SHEAR, MAX_SHEAR),
        )
    )
    free = 1 - pose[:, :, :2].abs().sum(2)
    pose[:, :, 2] = free * (2 * torch.rand(count, 2, generator=generator) - 1)
    return pose


def _place(strips: Tensor, widths: Tensor, poses: Tensor) -> tuple[Tensor, Tensor]:
    """The masks of numbers and of plates in their scenes, each (N, 1, SCENE, SCENE)."""
    in_box = sampling_grid(invert(poses), SCENE, SCENE)  # −1 to 1 within the number's box
    sides = (poses[:, :, :2].norm(dim=1) * _HALF)[:, None, None]  # half, in pixels: (N, 1, 1, 2)
    beyond = (in_box.abs() - 1) * sides  # pixels outside the box, in x and y
    plates = (PLATE_MARGIN + 0.5 - beyond.amax(3)).clamp(0, 1)[:, None]
    share = ((widths - 1) / (strips.shape[3] - 1))[:, None, None]  # of the strip, that is printed
    x, y = in_box.unbind(3)
    grid = torch.stack([(x + 1) * share - 1, y], 3)
    return sample(strips, grid) * (beyond.amax(3) < 0.5)[:, None], plates
