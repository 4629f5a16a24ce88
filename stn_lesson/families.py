"""The families of transformations that a localisation network can choose from, and their grids."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stn_lesson.grid import projective_grid, sampling_grid, volume_grid
from stn_lesson.spline import control_points, thin_plate_grid


def grid_of(theta: Tensor, *size: int) -> Tensor:
    """The sampling grid (N, *size, 2 or 3) of θ, of whichever family its shape tells.

    θ is affine (N, 2, 3), a homography (N, 3, 3), the points of a spline (N, k², 2), or of volumes
    (N, 3, 4); the grid is that of `sampling_grid`, `projective_grid`, `thin_plate_grid` or
    `volume_grid`. The size is height and width, of volumes depth, height and width.

    >>> grid_of(control_points(3)[None], 2, 2).shape
    torch.Size([1, 2, 2, 2])
    """
    shape = tuple(theta.shape) if isinstance(theta, Tensor) else ()
    if shape[1:] == (3, 3):
        return projective_grid(theta, *size)
    if shape[1:] == (3, 4):
        return volume_grid(theta, *size)
    if len(shape) == 3 and shape[2] == 2 and shape[1] >= 4:
        return thin_plate_grid(theta, *size)
    return sampling_grid(theta, *size)


@dataclass(frozen=True)
class Family:
    """A family of transformations that a localisation network can choose from.

    Attributes:
        name: what to call it.
        identity: the P numbers that leave the picture as it is.
        theta: turns a network's numbers (N, P) into θ, of the shape that `grid` takes.
        grid: turns θ, a height and a width into a sampling grid (N, H, W, 2); of volumes, θ, a
            depth, a height and a width into one (N, D, H, W, 3).
        axes: of what it transforms: 2 of pictures, 3 of volumes.
    """

    name: str
    identity: tuple[float, ...]
    theta: Callable[[Tensor], Tensor]
    grid: Callable[..., Tensor]
    axes: int = 2

    def __str__(self) -> str:
        """Its name, and its identity where that is not the one that goes with the name.

        >>> print(FAMILIES["attention"])
        family=attention
        """
        known = (FAMILIES | VOLUME_FAMILIES).get(self.name)
        identity = "" if known and known.identity == self.identity else f", from {self.identity}"
        return f"family={self.name}{identity}"


# By name, for a lambda could not be pickled: neither saved with a model nor sent to a process.
def _affine(numbers: Tensor) -> Tensor:
    return numbers.view(-1, 2, 3)  # equation (1)


def _attention(numbers: Tensor) -> Tensor:
    s, t_x, t_y = numbers.unbind(-1)
    zero = torch.zeros_like(s)
    return torch.stack([s, zero, t_x, zero, s, t_y], -1).view(-1, 2, 3)  # equation (2)


def _projective(numbers: Tensor) -> Tensor:
    return torch.cat([numbers, torch.ones_like(numbers[:, :1])], 1).view(-1, 3, 3)


def _volume(numbers: Tensor) -> Tensor:
    return numbers.view(-1, 3, 4)


def _net(numbers: Tensor) -> Tensor:
    return numbers.unflatten(1, (-1, 2))  # (N, k², 2)


def thin_plate_spline(k: int = 4) -> Family:
    """The family of thin-plate splines with k × k control points: 2k² numbers.

    >>> len(thin_plate_spline(3).identity)
    18
    """
    identity = tuple(control_points(k).flatten().tolist())
    return Family("tps", identity, _net, thin_plate_grid)


FAMILIES = {
    family.name: family
    for family in (
        Family("affine", (1, 0, 0, 0, 1, 0), _affine, sampling_grid),
        Family("attention", (1, 0, 0), _attention, sampling_grid),
        Family("projective", (1, 0, 0, 0, 1, 0, 0, 0), _projective, projective_grid),
        thin_plate_spline(4),
    )
}  # of pictures
VOLUME_FAMILIES = {
    "volume": Family("volume", (1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0), _volume, volume_grid, axes=3)
}
