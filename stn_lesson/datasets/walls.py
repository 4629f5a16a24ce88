"""The walls that house numbers hang on: colours, rectangles, pieces of other digits, plates."""

import torch
import torch.nn.functional as F
from torch import Tensor

from stn_lesson.datasets.fonts import FONTS, digit_atlas
from stn_lesson.grid import pixel_centres, sampling_grid
from stn_lesson.sampler import sample
from stn_lesson.theta import affine_theta

RECTANGLES, PIECES = 3, 5  # of each wall
PIECE = 11  # side of a piece of a digit, in pixels
PLATE_SHARE = 0.5  # of the numbers that have a plate behind them
CONTRAST = (0.3, 0.7)  # between a number and what is behind it, in brightness from 0 to 1
_COARSE = 7  # side of the noise before it is blown up to the scene: smooth stains


def draw_walls(numbers: Tensor, plates: Tensor, generator: torch.Generator) -> Tensor:
    """Paint walls, and on each its number.

    Args:
        numbers: masks of the numbers, floats from 0 to 1 of shape (N, 1, H, W).
        plates: masks of the plates behind them, of the same shape; half of them are painted.
        generator: of all that is left to chance.

    Returns:
        bytes (N, 3, H, W).

    >>> nothing = torch.zeros(2, 1, 48, 64)
    >>> draw_walls(nothing, nothing, torch.Generator().manual_seed(0)).shape
    torch.Size([2, 3, 48, 64])
    """
    count, _, height, width = numbers.shape
    walls = _paint_stains(count, height, width, generator)
    for _ in range(RECTANGLES):
        _cover(walls, _draw_rectangles(count, height, width, generator), _colours(count, generator))
    for _ in range(PIECES):
        _paste_pieces(walls, generator)
    with_plate = torch.rand(count, 1, 1, 1, generator=generator) < PLATE_SHARE
    _cover(walls, plates * with_plate, _colours(count, generator))
    behind = (walls * numbers).sum((2, 3)) / numbers.sum((2, 3)).clamp(min=1e-6)
    _cover(walls, numbers, _contrasting_colours(behind, generator))
    return (walls * 255).round_().clamp_(0, 255).to(torch.uint8)


def _uniform(generator: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)


def _colours(count: int, generator: torch.Generator) -> Tensor:
    return torch.rand(count, 3, 1, 1, generator=generator)


def _cover(walls: Tensor, masks: Tensor, colours: Tensor) -> None:
    """Lay a colour (N, 3, 1, 1) over the walls where a mask (N, 1, H, W) says, on the spot."""
    walls.lerp_(colours.expand_as(walls), masks.expand_as(walls))


def _paint_stains(count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """From one colour to another across the wall, and smooth stains on it: floats (N, 3, H, W)."""
    angle = _uniform(generator, 0, 2 * torch.pi, count, 1, 1, 1)
    x, y = pixel_centres(width), pixel_centres(height)[:, None]
    share = 0.5 + 0.35 * (angle.cos() * x + angle.sin() * y)
    walls = _colours(count, generator).lerp(_colours(count, generator), share)
    stains = torch.randn(count, 3, _COARSE, _COARSE, generator=generator)
    smooth = F.interpolate(stains, (height, width), mode="bilinear", align_corners=True)
    return walls.add_(smooth, alpha=0.06).clamp_(0, 1)


def _draw_rectangles(count: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """A half-transparent rectangle for each wall, as a mask (N, 1, H, W)."""
    sides = []
    for length in (height, width):
        middle = _uniform(generator, -1, 1, count, 1)
        half = _uniform(generator, 0.05, 0.5, count, 1)
        sides.append(((pixel_centres(length) - middle).abs() < half).float())
    opacity = _uniform(generator, 0.3, 1, count, 1, 1, 1)
    return opacity * (sides[0][:, :, None] * sides[1][:, None])[:, None]


def _paste_pieces(walls: Tensor, generator: torch.Generator) -> None:
    """Paint a piece of some digit on each wall, turned, cut off and of any colour, on the spot."""
    count, _, height, width = walls.shape
    masks, _ = digit_atlas()
    font = torch.randint(len(FONTS), (count,), generator=generator)
    digit = torch.randint(10, (count,), generator=generator)
    theta = affine_theta(
        rotation=_uniform(generator, -30, 30, count),
        scale=_uniform(generator, 1.4, 2.2, count),
        translation=_uniform(generator, -0.8, 0.8, count, 2),
    )
    pieces = sample(masks[font, digit][:, None], sampling_grid(theta, PIECE, PIECE))
    row = torch.randint(height - PIECE + 1, (count, 1, 1), generator=generator)
    column = torch.randint(width - PIECE + 1, (count, 1, 1), generator=generator)
    inside = torch.arange(PIECE)
    rows, columns = row + inside[:, None], column + inside
    places = (rows * width + columns).flatten(1)[:, None].expand(-1, 3, -1)  # (N, 3, PIECE²)
    flat = walls.view(count, 3, -1)
    painted = flat.gather(2, places)
    painted.lerp_(_colours(count, generator)[..., 0].expand_as(painted),
                  pieces.flatten(2).expand_as(painted))  # fmt: skip
    flat.scatter_(2, places, painted)


def _contrasting_colours(behind: Tensor, generator: torch.Generator) -> Tensor:
    """Colours (N, 3, 1, 1) that are brighter or darker than those behind, (N, 3), by CONTRAST."""
    count = len(behind)
    brightness = behind.mean(1, keepdim=True)
    step = _uniform(generator, *CONTRAST, count, 1)
    brighter = torch.rand(count, 1, generator=generator) < 0.5
    brighter = torch.where(brightness > 0.6, False, torch.where(brightness < 0.4, True, brighter))
    grey = torch.where(brighter, brightness + step, brightness - step)
    tint = _uniform(generator, -0.15, 0.15, count, 3)
    return (grey + tint - tint.mean(1, keepdim=True)).clamp(0, 1)[..., None, None]
