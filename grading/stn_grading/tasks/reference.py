"""The reference solutions: what answers are compared with; not installed with `stn_lesson`."""

from collections.abc import Callable

import torch
from torch import Tensor

from stn_lesson.grid import meshgrid, sampling_grid
from stn_lesson.sampler import bilinear_sample
from stn_lesson.theta import affine_theta

IDENTITY = torch.tensor([1.0, 0, 0, 0, 1, 0])


def warp(image: Tensor, theta: Tensor, height: int, width: int) -> Tensor:
    """Each image (N, C, H, W) seen through its θ (N, 2, 3), as (N, C, height, width)."""
    return bilinear_sample(image, sampling_grid(theta, height, width))


def theta_of(rotation: float, scale: float, translation: tuple[float, float]) -> Tensor:
    """θ (1, 2, 3) of a square picture that is scaled, then turned, then moved."""
    return affine_theta(rotation=rotation, scale=scale, translation=translation)


def rows_to_theta(numbers: Tensor) -> Tensor:
    """Six numbers (N, 6) as θ (N, 2, 3)."""
    return numbers.view(-1, 2, 3)


def transform(
    images: Tensor,
    weight: Tensor,
    bias: Tensor,
    size: tuple[int, int],
    identity: Tensor = IDENTITY,
    to_theta: Callable[[Tensor], Tensor] = rows_to_theta,
) -> Tensor:
    """What a transformer makes of images whose localisation network is one linear layer.

    Args:
        images: (N, C, H, W).
        weight: of the linear layer, (6, C·H·W).
        bias: of the linear layer, (6,).
        size: (height, width) of the result.
        identity: what is added to the layer's output, (6,).
        to_theta: makes θ (N, 2, 3) of the six numbers (N, 6).
    """
    return warp(images, to_theta(identity + images.flatten(1) @ weight.T + bias), *size)


# By the names of the tasks; each answers to the arguments of its questions.
REFERENCE_SOLUTIONS = {
    "meshgrid": meshgrid,
    "bilinear_sample": bilinear_sample,
    "warp": warp,
    "SpatialTransformer": transform,
    "my_theta": theta_of,
    "my_sampling_grid": sampling_grid,
    "my_sample": bilinear_sample,
}
