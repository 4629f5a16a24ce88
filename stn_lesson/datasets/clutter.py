"""Cluttered digits: a digit at a random place among pieces of other digits (section 4.1)."""

from functools import partial

import torch
from torch import Tensor

from stn_lesson.arguments import seed_number, whole_number
from stn_lesson.datasets.checks import check_bytes, check_side
from stn_lesson.datasets.dataset import Dataset, Split, derive_dataset
from stn_lesson.theta import compose

MAX_PIECES = 1000  # of a canvas; more would take gigabytes


def clutter(
    digits: Tensor | Dataset,
    size: int = 60,
    *,
    pieces: int = 6,
    piece_size: int = 8,
    seed: int = 0,
    redraw: bool = True,
    repeats: int = 1,
    chunk: int = 512,
) -> Tensor | Dataset:
    """Place each digit at random on a larger canvas, among pieces of other digits (distractors).

    The pieces are added first, at uniform places, and clipped at white; then the digit is added
    and clipped again. The same seed gives the same images.

    Args:
        digits: bytes (N, 1, h, w) or (N, h, w), or a whole `Dataset` of them.
        size: side of the canvas in pixels. The recipe uses 60; from 84 on, a coarse look at the
            whole canvas is no longer enough to read the digit.
        pieces: how many there are. The recipe uses 6.
        piece_size: side of one in pixels. The recipe uses 8, the paper 6.
        seed: where the random places start from.
        redraw: for a `Dataset`, draw new clutter for the training digits in every epoch. The
            validation and test images are always fixed.
        repeats: for a `Dataset`, how many scenes an epoch shows of each training digit.
        chunk: images made at a time; it changes speed and memory, never the images.

    Returns:
        bytes (N, 1, size, size); or, for a `Dataset`, a `Dataset` of such images, with the poses
        of the digits.

    Raises:
        TypeError, ValueError: digits that are not bytes, a canvas smaller than the digits, or a
            number that cannot be.

    >>> clutter(torch.full((2, 28, 28), 255, dtype=torch.uint8)).shape
    torch.Size([2, 1, 60, 60])
    """
    settings = dict(size=size, pieces=pieces, piece_size=piece_size, chunk=chunk)
    if isinstance(digits, Dataset):
        return derive_dataset(
            digits,
            partial(scenes_with_poses, **settings),
            name=f"cluttered {digits.name}",
            seed=seed,
            seed_stream=0,
            redraw=redraw,
            repeats=repeats,
        )
    return place_digits(digits, digits, **settings, seed=seed)[0]


def place_digits(
    digits: Tensor,
    others: Tensor,
    size: int,
    *,
    pieces: int,
    piece_size: int,
    seed: int = 0,
    chunk: int = 512,
) -> tuple[Tensor, Tensor]:
    """Cluttered images as `clutter` makes them, and where each digit lies.

    Args:
        digits: bytes (N, 1, h, w) or (N, h, w), the digits to place.
        others: bytes (M, 1, h, w) or (M, h, w), the digits that the pieces are taken from.
        size: as all that follow, what it is in `clutter`.
        pieces: see there.
        piece_size: see there.
        seed: see there.
        chunk: see there.

    Returns:
        images, bytes (N, 1, size, size), and corners, whole numbers (N, 2): the column and the row
        of each digit's first pixel.

    >>> digits = torch.full((1, 28, 28), 255, dtype=torch.uint8)
    >>> images, corners = place_digits(digits, digits, 60, pieces=0, piece_size=8)
    >>> column, row = corners[0].tolist()
    >>> images[0, 0, row : row + 28, column : column + 28].eq(255).all().item()
    True
    """
    size, chunk = check_side(size), whole_number(chunk, "chunk", 1)
    pieces = whole_number(pieces, "pieces", 0, MAX_PIECES)
    piece_size = whole_number(piece_size, "piece_size", 1)
    digits, others = (_check_digits(some, size, piece_size) for some in (digits, others))
    if digits.shape[1:] != others.shape[1:]:
        raise ValueError(
            "the pieces must come from digits of the same size, got "
            f"{tuple(others.shape[1:])} beside {tuple(digits.shape[1:])}"
        )
    images = torch.empty(len(digits), 1, size, size, dtype=torch.uint8, device=digits.device)
    draws = _draw_places(digits, len(others), size, pieces, piece_size, seed_number(seed))
    for start in range(0, len(digits), chunk):
        part = slice(start, start + chunk)
        images[part, 0] = _assemble(digits, others, part, draws, size, piece_size)
    return images, torch.stack([draws["column"], draws["row"]], -1)


def scenes_with_poses(split: Split, seed: int, size: int, **settings) -> tuple[Tensor, Tensor]:
    """Cluttered images of a split's digits, and the digits' poses in them.

    Args:
        split: the digits.
        seed: as in `clutter`, and so is size.
        size: see there.
        settings: pieces, piece_size and chunk, see there.

    Returns:
        images, bytes (N, 1, size, size), and poses (N, 2, 3), as in `Split.poses`.

    >>> split = Split(torch.zeros(2, 1, 28, 28, dtype=torch.uint8), torch.tensor([3, 4]))
    >>> images, poses = scenes_with_poses(split, 0, 60, pieces=6, piece_size=6)
    >>> tuple(images.shape), tuple(poses.shape)
    ((2, 1, 60, 60), (2, 2, 3))
    """
    images, corners = place_digits(split.images, split.images, size, **settings, seed=seed)
    height, width = split.images.shape[-2:]
    steps = max(images.shape[-1] - 1, 1)  # from pixel to pixel, across the canvas
    extent = torch.tensor([width - 1, height - 1]) / steps  # in canvases
    centres = (2 * corners.cpu() + torch.tensor([width - 1, height - 1])) / steps - 1
    placed = torch.cat([extent.diag().expand(len(split), 2, 2), centres[..., None]], -1)
    return images, placed if split.poses is None else compose(placed, split.poses.cpu())


def _draw_places(
    digits: Tensor, others: int, size: int, pieces: int, piece_size: int, seed: int
) -> dict[str, Tensor]:
    """Every random choice for every image, drawn at once and on the CPU, whatever the device."""
    generator = torch.Generator().manual_seed(seed)
    count, height, width = digits.shape

    def draw(high: int, *shape: int) -> Tensor:
        return torch.randint(high, shape, generator=generator).to(digits.device)

    return {
        "row": draw(size - height + 1, count),
        "column": draw(size - width + 1, count),
        "source": draw(max(others, 1), count, pieces),
        "source_row": draw(height - piece_size + 1, count, pieces),
        "source_column": draw(width - piece_size + 1, count, pieces),
        "piece_row": draw(size - piece_size + 1, count, pieces),
        "piece_column": draw(size - piece_size + 1, count, pieces),
    }


def _assemble(
    digits: Tensor,
    others: Tensor,
    part: slice,
    draws: dict[str, Tensor],
    size: int,
    piece_size: int,
) -> Tensor:
    """The cluttered images of one chunk, (n, size, size)."""
    draws = {name: draw[part] for name, draw in draws.items()}
    _, height, width = digits.shape
    count = len(draws["row"])
    canvas = torch.zeros(count, size * size, dtype=torch.int16, device=digits.device)

    source = draws["source"] * (height * width)
    source = source + draws["source_row"] * width + draws["source_column"]
    inside = _offsets(piece_size, piece_size, width, digits.device)
    patches = others.flatten()[source[..., None] + inside]
    corner = draws["piece_row"] * size + draws["piece_column"]
    offsets = _offsets(piece_size, piece_size, size, digits.device)
    for k in range(patches.shape[1]):
        _paste(canvas, patches[:, k], corner[:, k], offsets)
    canvas.clamp_(max=255)

    corner = draws["row"] * size + draws["column"]
    _paste(canvas, digits[part].flatten(1), corner, _offsets(height, width, size, digits.device))
    return canvas.clamp_(max=255).to(torch.uint8).view(count, size, size)


def _paste(canvas: Tensor, patch: Tensor, corner: Tensor, offsets: Tensor) -> None:
    """Add a patch (n, pixels) to each canvas at its corner."""
    canvas.scatter_add_(1, corner[:, None] + offsets, patch.to(canvas.dtype))


def _offsets(height: int, width: int, row_length: int, device) -> Tensor:
    """Positions of a rectangle's pixels, relative to its first, in a flattened picture."""
    rows = torch.arange(height, device=device)[:, None] * row_length
    return (rows + torch.arange(width, device=device)).flatten()


def _check_digits(digits: Tensor, size: int, piece_size: int) -> Tensor:
    """Digits as (N, H, W), if they fit in the canvas and the pieces in them."""
    if isinstance(digits, Tensor) and digits.dtype == torch.uint8 and digits.ndim == 3:
        digits = digits[:, None]
    check_bytes(digits, "digits", channels=1, alternative=", or a Dataset")
    height, width = digits.shape[2:]
    if max(height, width) > size:
        raise ValueError(
            f"digits of {height}×{width} pixels do not fit in a canvas of {size}×{size}: use a "
            f"size of at least {max(height, width)}"
        )
    if piece_size > min(height, width):
        raise ValueError(
            f"pieces of {piece_size}×{piece_size} pixels cannot be cut out of digits of "
            f"{height}×{width}: use a piece_size of at most {min(height, width)}"
        )
    return digits[:, 0].contiguous()
