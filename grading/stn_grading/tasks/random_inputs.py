"""Random images, grids and θ for the questions of the checks."""

import torch
from torch import Tensor

from stn_lesson.theta import affine_theta


def random_uniform(generator: torch.Generator, *shape: int) -> Tensor:
    """Numbers from 0 to 1."""
    return torch.rand(shape, generator=generator)


def random_integer(generator: torch.Generator, low: int, high: int) -> int:
    """A whole number from low to high."""
    return int(torch.randint(low, high + 1, (), generator=generator))


def random_size(generator: torch.Generator) -> tuple[int, int]:
    """(height, width) of a picture that is not square, each side from 4 to 9."""
    height, further = random_integer(generator, 4, 9), random_integer(generator, 1, 5)
    return height, 4 + (height - 4 + further) % 6


def random_image(generator: torch.Generator, *shape: int) -> Tensor:
    """Pixels from 0.1 to 1: none is mistaken for what lies outside."""
    return 0.1 + 0.9 * random_uniform(generator, *shape)


def random_grid(
    generator: torch.Generator, count: int, height: int, width: int, limit: float
) -> Tensor:
    """Points (N, H, W, 2) with coordinates from −limit to limit."""
    return (2 * random_uniform(generator, count, height, width, 2) - 1) * limit


def random_thetas(generator: torch.Generator, count: int) -> Tensor:
    """θ (N, 2, 3) that turn by up to 30°, enlarge by 1.1 to 1.6 and move to the upper right."""
    return affine_theta(
        rotation=60 * random_uniform(generator, count) - 30,
        scale=1.1 + 0.5 * random_uniform(generator, count),
        translation=(
            0.3 * random_uniform(generator, count), -0.3 * random_uniform(generator, count)
        ),
    )  # fmt: skip
