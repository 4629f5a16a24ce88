"""Co-localisation: large scenes that each show a digit of one class, and where (appendix A.2)."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from stn_lesson.arguments import seed_number, true_or_false, whole_number
from stn_lesson.datasets.clutter import clutter, place_digits
from stn_lesson.datasets.dataset import Dataset, Split, derive_dataset
from stn_lesson.remedies import kind_of

DIGIT_SIZE = 28  # of a digit in pixels


@dataclass(frozen=True)
class Scenes:
    """Pictures that have one thing in common, and the truth to judge by: where it is.

    Attributes:
        images: bytes (N, 1, H, W).
        boxes: floats (N, 4), the digits' boxes in pixels: left, top, right, bottom edge. The first
            pixel of a picture lies between the edges 0 and 1.
    """

    images: Tensor
    boxes: Tensor

    def __len__(self) -> int:
        """Number of scenes."""
        return len(self.images)


def scenes_of_class(
    digits: Split,
    label: int,
    count: int = 100,
    *,
    size: int = 84,
    pieces: int = 0,
    piece_size: int = 6,
    second_digit: bool = False,
    seed: int = 0,
) -> Scenes:
    """Scenes that show a digit of the same class, each at a random place, among pieces of others.

    Args:
        digits: the digits to choose from, 28×28, of all classes. The pieces come from any of them.
        label: the class that the scenes have in common.
        count: how many scenes, each with a digit of its own.
        size: side of the scenes in pixels.
        pieces: how many; the paper has 0 (translated) and 16 (and cluttered).
        piece_size: side of one in pixels.
        second_digit: whether each scene also shows a whole digit of another class, beside the
            first. Its box is not among the `boxes`, and the size must be 84 at least.
        seed: decides digits, places and pieces.

    Raises:
        TypeError, ValueError: fewer than `count` digits of the class, digits that are not 28×28,
            scenes too small for a second one, or a number that cannot be.

    >>> from stn_lesson.datasets import load_digits
    >>> scenes = scenes_of_class(load_digits().train, label=4, pieces=16)
    >>> scenes.images.shape, scenes.boxes[0]
    (torch.Size([100, 1, 84, 84]), tensor([10., 28., 38., 56.]))
    """
    _check_28_by_28(digits, Split)
    label, count = whole_number(label, "label", lowest=0), whole_number(count, "count", lowest=1)
    size, seed = whole_number(size, "size", lowest=1), seed_number(seed)
    second_digit = true_or_false(second_digit, "second_digit")
    of_class = (digits.labels == label).nonzero().flatten()
    if len(of_class) < count:
        raise ValueError(
            f"{count} scenes need {count} digits of class {label}, got {len(of_class)}: ask for "
            "fewer scenes, or take the training digits"
        )
    if second_digit and size < 3 * DIGIT_SIZE:
        raise ValueError(
            f"size must be at least {3 * DIGIT_SIZE} for two digits that leave each other alone, "
            f"wherever the first is, got {size}"
        )
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(of_class), generator=generator)[:count]
    chosen = of_class[order.to(of_class.device)]
    seed_of_places = torch.randint(2**31, (), generator=generator).item()
    images, corners = place_digits(
        digits.images[chosen], digits.images, size,
        pieces=pieces, piece_size=piece_size, seed=seed_of_places,
    )  # fmt: skip
    if second_digit:
        _add_second_digits(images, corners, digits.images[digits.labels != label], generator)
    return Scenes(images, torch.cat([corners, corners + DIGIT_SIZE], 1).float())


def _add_second_digits(
    images: Tensor, corners: Tensor, others: Tensor, generator: torch.Generator
) -> None:
    """Draw one of the other digits into each image, at any place where it leaves the first alone.

    Args:
        images: bytes (N, 1, size, size), changed in place.
        corners: column and row of the first digit in each, (N, 2).
        others: bytes (M, 1, 28, 28).
        generator: decides which and where.
    """
    column_or_row = torch.arange(images.shape[-1] - DIGIT_SIZE + 1)
    places = torch.cartesian_prod(column_or_row, column_or_row)  # (P, 2)
    apart = (places - corners[:, None].cpu()).abs().amax(-1) >= DIGIT_SIZE  # (N, P)
    chosen = places[torch.multinomial(apart.float(), 1, generator=generator)[:, 0]]
    seconds = others[torch.randint(len(others), (len(images),), generator=generator)]
    for image, (column, row), digit in zip(images, chosen.tolist(), seconds, strict=True):
        window = image[:, row : row + DIGIT_SIZE, column : column + DIGIT_SIZE]
        window.copy_(torch.maximum(window, digit))


def window_dataset(digits: Dataset, shift: int = 3, pieces: int = 3, seed: int = 0) -> Dataset:
    """A data set of what windows on digits may show: a digit off centre, pieces of others around.

    An encoder that learns to read these gives a window that misses by a little much the same code
    (notebook 09).

    Args:
        digits: 28×28. Training windows are made anew in every epoch.
        shift: by how many pixels, at most, a digit is off centre, to each side.
        pieces: number of 6×6 pieces of other digits.
        seed: where the random numbers start from.

    >>> from stn_lesson.datasets import load_digits
    >>> window_dataset(load_digits())
    windows on embedded digits: 1287 training images, 510 test images, 28×28 pixels
    """
    _check_28_by_28(digits, Dataset)
    shift = whole_number(shift, "shift", 0, DIGIT_SIZE // 2 - 1)
    return derive_dataset(
        digits,
        partial(_look_about, shift=shift, pieces=pieces),
        name=f"windows on {digits.name}",
        seed=seed,
        seed_stream=9,
    )


def _look_about(split: Split, seed: int, *, shift: int, pieces: int) -> tuple[Tensor, None]:
    size, middle = DIGIT_SIZE + 2 * shift, slice(shift, DIGIT_SIZE + shift)
    larger = clutter(split.images, size, pieces=pieces, piece_size=6, seed=seed)
    return larger[:, :, middle, middle].contiguous(), None


def iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of boxes (N, 4) with others (N, 4), pair by pair: (N,).

    >>> iou(torch.tensor([[0., 0., 2., 2.]]), torch.tensor([[1., 0., 3., 2.]]))  # 2 of 6 pixels
    tensor([0.3333])
    """
    for name, value in (("boxes", boxes), ("others", others)):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{name} must be a tensor (N, 4), got {kind_of(value)}: use torch.tensor({name})"
            )
        if value.ndim != 2 or value.shape[1] != 4 or (value[:, 2:] < value[:, :2]).any():
            raise ValueError(
                f"{name} must be (N, 4): left, top, right, bottom, with left ≤ right and top ≤ "
                f"bottom, got shape {tuple(value.shape)}"
            )
    if len(boxes) != len(others):
        one, many = ("boxes", "others") if len(boxes) == 1 else ("others", "boxes")
        use = f": use {one}.expand(len({many}), 4) to compare all with one"
        raise ValueError(
            f"boxes and others must be equally many, got {len(boxes)} and {len(others)}"
            + (use if 1 in (len(boxes), len(others)) else "")
        )
    top_left = torch.maximum(boxes[:, :2], others[:, :2])
    bottom_right = torch.minimum(boxes[:, 2:], others[:, 2:])
    shared = (bottom_right - top_left).clamp(min=0).prod(1)
    areas = [(corners[:, 2:] - corners[:, :2]).prod(1) for corners in (boxes, others)]
    return shared / (sum(areas) - shared).clamp(min=1e-12)  # two empty boxes share nothing


def _check_28_by_28(digits, kind: type[Split] | type[Dataset]) -> None:
    """Raise a clear error for what are no digits, or none of 28×28 pixels."""
    if not isinstance(digits, kind):
        raise TypeError(
            f"digits must be a {kind.__name__}, got {kind_of(digits)}: use "
            f"load_digits(){'.train' if kind is Split else ''}, say"
        )
    for split in (digits,) if kind is Split else (digits.train, digits.test):
        height, width = split.images.shape[-2:]
        if (height, width) != (DIGIT_SIZE, DIGIT_SIZE):
            raise ValueError(
                f"digits must be {DIGIT_SIZE}×{DIGIT_SIZE} pixels, got {height}×{width}: use "
                "load_digits() or load_mnist() as they come"
            )
