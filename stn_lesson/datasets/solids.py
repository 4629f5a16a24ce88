"""Solids: digits cut out of a thick board, turned in three dimensions (appendix A.3)."""

from functools import partial

import torch
from torch import Tensor

from stn_lesson.arguments import check_pixels, real_number, seed_number, whole_number
from stn_lesson.datasets.checks import check_bytes, check_side
from stn_lesson.datasets.dataset import Dataset, Split, derive_dataset
from stn_lesson.grid import pixel_centres, volume_grid
from stn_lesson.sampler import pixels_per_unit, sample
from stn_lesson.theta import invert
from stn_lesson.volume import volume_theta

HALF_THICKNESS = 0.35  # of the board, in half volumes
SCALE = (0.75, 0.95)  # smallest and largest
MAX_SHIFT = 0.25  # from the middle along each axis, in half volumes


def extrude(digits: Tensor, depth: int = 28) -> Tensor:
    """The prism of each digit: its picture in every layer of a board, and nothing around it.

    Args:
        digits: bytes (N, 1, h, w).
        depth: layers of the volume; the board fills those within 0.35 of the middle. With two
            layers, both lie beside it: that is refused.

    Returns:
        bytes (N, 1, depth, h, w).

    Raises:
        TypeError, ValueError: digits that are not bytes, or a depth that is no whole number from 1
            or leaves no layer for the board.

    >>> prism = extrude(torch.full((1, 1, 28, 28), 255, dtype=torch.uint8), depth=7)
    >>> prism[0, 0, :, 14, 14]
    tensor([  0,   0, 255, 255, 255,   0,   0], dtype=torch.uint8)
    """
    digits = check_bytes(digits, "digits", channels=1)
    depth = whole_number(depth, "depth", 1)
    if depth == 2:
        raise ValueError("depth must be 1, or 3 or more: of two layers none lies within the board")
    check_pixels(depth, *digits.shape[2:])
    board = pixel_centres(depth, device=digits.device).abs() <= HALF_THICKNESS  # (depth,)
    return digits[:, :, None] * board[:, None, None]


def solids(
    digits: Tensor | Dataset,
    size: int = 24,
    *,
    rotation: float = 70,
    seed: int = 0,
    redraw: bool = True,
    repeats: int = 1,
    chunk: int = 16,
) -> Tensor | Dataset:
    """Extrude each digit, turn it about all three axes, scale it and move it, in a cube of voxels.

    Args:
        digits: bytes (N, 1, h, w), or a whole `Dataset` of them.
        size: side of the cube in voxels, 2 or more: one voxel alone shows nothing of a turn.
        rotation: the largest angle, 0 to 180 degrees; those about x, y and z are uniform from
            −rotation to rotation (see `volume_theta`).
        seed: where the random numbers start from; the same seed gives the same solids.
        redraw: for a `Dataset`, turn the training digits anew in every epoch. The validation and
            test solids are always fixed.
        repeats: for a `Dataset`, how many solids an epoch shows of each training digit.
        chunk: solids made at a time; it changes speed and memory and, in a voxel here and there,
            which way a grey level is rounded.

    Returns:
        bytes (N, 1, size, size, size); or, for a `Dataset`, a `Dataset` of such volumes, with the
        poses of the digits.

    Raises:
        TypeError, ValueError: digits that are not bytes, or a number that cannot be.

    >>> from stn_lesson.datasets import load_digits
    >>> solids(load_digits())
    solid embedded digits: 1287 training images, 510 test images, 24×24×24 voxels
    """
    settings = dict(size=size, rotation=rotation, chunk=chunk)
    if isinstance(digits, Dataset):
        return derive_dataset(
            digits,
            partial(_turn_split, **settings),
            name=f"solid {digits.name}",
            seed=seed,
            seed_stream=9,
            redraw=redraw,
            repeats=repeats,
        )
    return turn_solids(digits, seed=seed_number(seed), **settings)[0]


def _turn_split(split: Split, seed: int, **settings) -> tuple[Tensor, Tensor]:
    return turn_solids(split.images, seed=seed, **settings)


def turn_solids(
    digits: Tensor, size: int, rotation: float, seed: int, chunk: int = 16
) -> tuple[Tensor, Tensor]:
    """Solids as `solids` makes them, and how each digit stands.

    Args:
        digits: bytes (N, 1, h, w).
        size: as all that follow, what it is in `solids`.
        rotation: see there.
        seed: see there.
        chunk: see there.

    Returns:
        volumes, bytes (N, 1, size, size, size), and poses (N, 3, 4), as in `Split.poses`.

    >>> volumes, poses = turn_solids(torch.zeros(2, 1, 28, 28).byte(), 24, rotation=70, seed=0)
    >>> volumes.shape, poses.shape
    (torch.Size([2, 1, 24, 24, 24]), torch.Size([2, 3, 4]))
    """
    digits = check_bytes(digits, "digits", channels=1, alternative=", or a Dataset")
    size, chunk = check_side(size, axes=3, lowest=2), whole_number(chunk, "chunk", 1)
    rotation, count = real_number(rotation, "rotation", 0, 180), len(digits)
    generator = torch.Generator().manual_seed(seed)
    angles, places, zoom = torch.rand(7, count, generator=generator).split([3, 3, 1])
    smallest, largest = SCALE
    theta = volume_theta(
        rotation=(2 * angles.T - 1) * rotation,
        scale=smallest + (largest - smallest) * zoom[0],
        translation=(2 * places.T - 1) * MAX_SHIFT,
    )
    volumes = torch.empty(count, 1, size, size, size, dtype=torch.uint8, device=digits.device)
    for start in range(0, count, chunk):
        part = slice(start, start + chunk)
        grid = volume_grid(theta[part].to(digits.device), size, size, size)
        volumes[part] = _sample_prisms(digits[part], grid)
    return volumes, invert(theta)


def _sample_prisms(digits: Tensor, grid: Tensor) -> Tensor:
    """What `sample` makes of extruded digits, bytes (N, 1, D, H, W), in a third of the time.

    All layers of a prism are alike: so each point of the grid (N, D, H, W, 3) asks the picture at
    its x and y, and the board at its z whether it lies within.
    """
    shape = grid.shape[:4]
    pictures = sample(digits.float(), grid[..., :2].flatten(1, 2))  # (N, 1, D·H, W)
    depth_inside = (HALF_THICKNESS - grid[..., 2].abs()) * pixels_per_unit(shape[1])  # in voxels
    board = (depth_inside + 0.5).clamp(0, 1)  # a face between two voxels is shared by both
    return (pictures.view(shape) * board).round().to(torch.uint8)[:, None]
