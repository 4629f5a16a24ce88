"""The sampling grid: for every target pixel, the point of the source at which it looks.

−1 and 1 are the centres of the corner pixels (torch calls this `align_corners=True`). The
convention is written once, in `pixel_centres`, and once in the other direction, in the sampler.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stn_lesson.theta import check_theta


def pixel_centres(count: int, *, dtype=None, device=None) -> Tensor:
    """Coordinates of `count` pixel centres in a row, from −1 to 1. One pixel alone sits at 0.

    >>> pixel_centres(5)
    tensor([-1.0000, -0.5000,  0.0000,  0.5000,  1.0000])
    """
    if count < 1:
        raise ValueError(f"a picture needs at least 1 pixel on each side, got {count}")
    edge = 1 if count > 1 else 0
    return torch.linspace(-edge, edge, count, dtype=dtype, device=device)


def meshgrid(height: int, width: int, *, dtype=None, device=None) -> Tensor:
    """The regular target grid G in homogeneous coordinates (section 3.2 of the paper).

    Returns:
        (3, H·W): rows x_t, y_t and 1; columns run through the pixels row by row, as in reading.

    Raises:
        ValueError: a side below one pixel.

    >>> meshgrid(height=2, width=3)
    tensor([[-1.,  0.,  1., -1.,  0.,  1.],
            [-1., -1., -1.,  1.,  1.,  1.],
            [ 1.,  1.,  1.,  1.,  1.,  1.]])
    """
    y_t, x_t = torch.meshgrid(
        pixel_centres(height, dtype=dtype, device=device),
        pixel_centres(width, dtype=dtype, device=device),
        indexing="ij",
    )  # both (H, W)
    return torch.stack([x_t.flatten(), y_t.flatten(), torch.ones_like(x_t).flatten()])


def sampling_grid(theta: Tensor, height: int, width: int) -> Tensor:
    """Where each target pixel looks in the source: (x_s, y_s) = θ · (x_t, y_t, 1), equation (1).

    Args:
        theta: (N, 2, 3), from target to source.
        height: rows of the target picture.
        width: columns of the target picture.

    Returns:
        (N, H, W, 2), last axis x then y, in the source's coordinates from −1 to 1; points beyond
        that lie outside the source.

    Raises:
        TypeError, ValueError: θ of another kind or shape, or holding NaN or infinity.

    >>> from stn_lesson.theta import affine_theta
    >>> sampling_grid(affine_theta(translation=(1, 0)), height=1, width=3)
    tensor([[[[-2.,  0.],
              [-1.,  0.],
              [ 0.,  0.]]]])
    """
    target = meshgrid(height, width, dtype=check_theta(theta).dtype, device=theta.device)
    source = theta @ target  # (N, 2, 3) @ (3, H·W) = (N, 2, H·W)
    return source.transpose(1, 2).reshape(len(theta), height, width, 2)


@dataclass(frozen=True)
class Family:
    """A family of transformations that a localisation network can choose from.

    Attributes:
        identity: the numbers that leave the picture as it is.
        theta: turns a network's numbers (N, P) into θ (N, 2, 3).
    """

    identity: tuple[float, ...]
    theta: Callable[[Tensor], Tensor]


def _attention(numbers: Tensor) -> Tensor:
    s, t_x, t_y = numbers.unbind(-1)
    zero = torch.zeros_like(s)
    return torch.stack([s, zero, t_x, zero, s, t_y], -1).view(-1, 2, 3)  # equation (2)


FAMILIES = {
    "affine": Family((1, 0, 0, 0, 1, 0), lambda numbers: numbers.view(-1, 2, 3)),
    "attention": Family((1, 0, 0), _attention),
}
