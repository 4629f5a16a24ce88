"""Networks that read solid digits: turned upright first, flattened as they stand, or in 3-D."""

import torch
from torch import Tensor, nn

from stn_lesson.checks import check_sides
from stn_lesson.networks.recipe import side_after, whole_sizes
from stn_lesson.remedies import kind_of
from stn_lesson.transformer import SpatialTransformer


class SolidSTN(nn.Module):
    """A spatial transformer for volumes: turn the solid, flatten it, read the picture (A.3).

    The localisation network ends in batch normalisation and tanh before its last layer: unlike
    ReLUs, they cannot fall silent. The view is averaged along its depth, so that the digit is sharp
    only where the view looks along the board's edges, straight on.

    Args:
        size: side of the cube in voxels.
        view: (depth, height, width) of the transformer's view; the last two are equal.
        classes: number of classes.

    Shape:
        volumes (N, 1, size, size, size) → class scores (N, classes).

    Raises:
        TypeError, ValueError: a number that cannot be, a side too small for the convolutions, a
            view that is not square; or, when it is asked, volumes of another kind or size.

    >>> from stn_lesson.networks import count_parameters
    >>> count_parameters(SolidSTN())
    94534
    """

    def __init__(self, size: int = 24, view: tuple[int, int, int] = (8, 24, 24), classes: int = 10):
        """See the class."""
        super().__init__()
        size, classes = whole_sizes(size=size, classes=classes)
        view = check_sides(view, 3, "view")
        if view[1] != view[2]:
            raise ValueError(f"view must be as high as it is wide, got {view}")
        side_after(_read, view[1], "view")
        side = side_after(lambda side: side // 8, size, "size")
        localisation = nn.Sequential(
            nn.AvgPool3d(2),
            nn.Conv3d(1, 8, 3, padding=1), nn.MaxPool3d(2), nn.ReLU(),
            nn.Conv3d(8, 16, 3, padding=1), nn.MaxPool3d(2), nn.ReLU(),
            nn.Flatten(), nn.Linear(16 * side**3, 32), nn.BatchNorm1d(32), nn.Tanh(),
            nn.Linear(32, 12),
        )  # fmt: skip
        self.size = size
        self.transformer = SpatialTransformer(localisation, "volume", view)
        self.classifier = _flat_reader(view[1], classes)

    def forward(self, volumes: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        _check_volumes(self, volumes)
        view = self.transformer(volumes)  # (N, 1, *view)
        return self.classifier(view.mean(2))  # of (N, 1, height, width)


class FlatCNN(nn.Module):
    """No transformer: the solid is flattened as it stands, then read as `SolidSTN` reads its view.

    Args:
        size: side of the cube in voxels.
        classes: number of classes.

    Shape:
        volumes (N, 1, size, size, size) → class scores (N, classes).

    Raises:
        TypeError, ValueError: as `SolidSTN`.

    >>> from stn_lesson.networks import count_parameters
    >>> count_parameters(FlatCNN())
    76522
    """

    def __init__(self, size: int = 24, classes: int = 10):
        """See the class."""
        super().__init__()
        self.size, classes = whole_sizes(size=size, classes=classes)
        self.classifier = _flat_reader(self.size, classes)

    def forward(self, volumes: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        _check_volumes(self, volumes)
        return self.classifier(volumes.mean(2))


class SolidCNN(nn.Module):
    """No transformer, and nothing flattened: convolutions in three dimensions.

    Args:
        size: side of the cube in voxels.
        classes: number of classes.
        hidden: units of its dense layer.

    Shape:
        volumes (N, 1, size, size, size) → class scores (N, classes).

    Raises:
        TypeError, ValueError: as `SolidSTN`.

    >>> from stn_lesson.networks import count_parameters
    >>> count_parameters(SolidCNN())
    98314
    """

    def __init__(self, size: int = 24, classes: int = 10, hidden: int = 96):
        """See the class."""
        super().__init__()
        size, classes, hidden = whole_sizes(size=size, classes=classes, hidden=hidden)
        side = side_after(lambda side: side // 8, size, "size")
        self.size = size
        self.classifier = nn.Sequential(
            nn.AvgPool3d(2),
            nn.Conv3d(1, 16, 3, padding=1), nn.MaxPool3d(2), nn.ReLU(),
            nn.Conv3d(16, 32, 3, padding=1), nn.MaxPool3d(2), nn.ReLU(),
            nn.Flatten(), nn.Linear(32 * side**3, hidden), nn.ReLU(), nn.Linear(hidden, classes),
        )  # fmt: skip

    def forward(self, volumes: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        _check_volumes(self, volumes)
        return self.classifier(volumes)


def _read(side: int) -> int:
    """What the convolutions of `_flat_reader` leave of a side."""
    return ((side - 2) // 2 - 2) // 2


def _flat_reader(size: int, classes: int) -> nn.Module:
    """A small CNN that reads pictures (N, 1, size, size)."""
    side = side_after(_read, size, "size")
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(32, 32, 3), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * side * side, 128), nn.ReLU(), nn.Linear(128, classes),
    )  # fmt: skip


def _check_volumes(network: nn.Module, volumes: Tensor) -> None:
    """Raise a clear error for anything but volumes of floats of the network's size."""
    sides = (network.size,) * 3
    wanted = f"{type(network).__name__} reads floats (N, 1, {', '.join(map(str, sides))})"
    if not isinstance(volumes, Tensor) or not volumes.is_floating_point():
        of_bytes = isinstance(volumes, Tensor) and volumes.dtype == torch.uint8
        use = ": use to_floats(volumes)" if of_bytes else ""
        raise TypeError(f"{wanted}, got {kind_of(volumes)}{use}")
    weights = next(network.parameters())
    if volumes.dtype != weights.dtype and not torch.is_autocast_enabled(volumes.device.type):
        raise TypeError(
            f"{wanted} of type {weights.dtype}, got {volumes.dtype}: use "
            f"volumes.to({weights.dtype})"
        )
    if volumes.device != weights.device:
        raise TypeError(
            f"{wanted} on {weights.device}, got some on {volumes.device}: use "
            f'volumes.to("{weights.device}")'
        )
    if volumes.ndim != 5 or volumes.shape[1:] != (1, *sides):
        resize = volumes.ndim == 5 and volumes.shape[1] == 1 and 0 not in volumes.shape
        use = f": use warp(volumes, volume_theta(), {sides})" if resize else ""
        raise ValueError(f"{wanted}, got {tuple(volumes.shape)}{use}")
