"""Windows on large pictures: where they lie, what they show, and how they are moved at random."""

import torch
from torch import Tensor

from stn_lesson.arguments import whole_number
from stn_lesson.colocalisation.networks import WINDOW_SIZE
from stn_lesson.datasets import to_floats
from stn_lesson.families import FAMILIES
from stn_lesson.grid import sampling_grid
from stn_lesson.sampler import sample, to_pixels
from stn_lesson.theta_checks import check_theta
from stn_lesson.transformer import Look


def window_boxes(theta: Tensor, size: int = 84) -> Tensor:
    """The boxes of windows in pixels, (N, 4): left, top, right, bottom edge.

    Args:
        theta: (N, 2, 3), of attention transformers: s, t_x, t_y.
        size: side of the pictures in pixels.

    >>> window_boxes(torch.tensor([[[0.5, 0, 0.5], [0, 0.5, 0]]]), size=9)
    tensor([[4., 2., 9., 7.]])
    """
    check_theta(theta)
    size = whole_number(size, "size", lowest=1)
    corners = torch.tensor([[-1.0, -1.0, 1.0], [1.0, 1.0, 1.0]], device=theta.device)
    x, y = to_pixels((theta @ corners.T).transpose(1, 2), size, size)  # (N, 2) each
    first, last = torch.stack([x[:, 0], y[:, 0]], 1), torch.stack([x[:, 1], y[:, 1]], 1)
    return torch.cat([first, last + 1], 1)  # from the first pixel's left to the last one's right


def random_windows(count: int, size: int, generator: torch.Generator) -> Tensor:
    """θ (count, 2, 3) of 28×28 windows at random places inside pictures of `size` pixels a side."""
    count, size = whole_number(count, "count", 0), whole_number(size, "size", WINDOW_SIZE)
    s = (WINDOW_SIZE - 1) / (size - 1)
    centres = (2 * torch.rand(count, 2, generator=generator) - 1) * (1 - s)
    return FAMILIES["attention"].theta(torch.cat([torch.full((count, 1), s), centres], 1))


def jitter_windows(theta: Tensor, std: float, generator: torch.Generator) -> Tensor:
    """Move windows at random, but not out of their pictures; gradients pass through to θ.

    Args:
        theta: (N, 2, 3), of attention transformers.
        std: standard deviation of the move, to each side, in half pictures.
        generator: of random numbers.
    """
    moves = std * torch.randn(len(theta), 2, generator=generator).to(theta.device)
    centres, limit = theta.detach()[:, :, 2], 1 - theta.detach()[:, :1, 0]
    moves = (centres + moves).clamp(-limit, limit) - centres
    return torch.cat([theta[:, :, :2], (theta[:, :, 2] + moves)[..., None]], -1)


def look_at_windows(images: Tensor, theta: Tensor) -> Look:
    """Where windows look in some pictures, and what they show.

    Args:
        images: bytes (N, 1, S, S).
        theta: of the windows, (N, 2, 3).

    >>> theta = random_windows(2, 84, torch.Generator().manual_seed(0))
    >>> look_at_windows(torch.zeros(2, 1, 84, 84, dtype=torch.uint8), theta).view.shape
    torch.Size([2, 1, 28, 28])
    """
    grid = sampling_grid(theta, WINDOW_SIZE, WINDOW_SIZE)
    return Look(theta, grid, sample(to_floats(images), grid))


def cut_out(pictures: Tensor, theta: Tensor) -> Tensor:
    """What windows θ (N, 2, 3) show of pictures, floats (N, 1, S, S) → (N, 1, 28, 28)."""
    return sample(pictures, sampling_grid(theta, WINDOW_SIZE, WINDOW_SIZE))
