"""Networks that read house numbers: one transformer before them, or one before each layer (4.2)."""

from torch import Tensor, nn

from stn_lesson.arguments import whole_number
from stn_lesson.networks.pointing import MAPS, PointingLocalisation, SpatialSoftArgmax
from stn_lesson.networks.recipe import expect_images, init_like_the_recipe, side_after, whole_sizes
from stn_lesson.transformer import SpatialTransformer

FILTERS = (24, 48, 64)  # of the three convolutions
HIDDEN = 192  # units of the dense layer
SMALL = 0.1  # what the localisation networks of feature maps are multiplied by
SHARPNESS = 10  # of the softmax over a heat map
HEADS, CLASSES = 3, 11  # of a number: three places, each a digit or none


class NumberCNN(nn.Module):
    """A convolutional network that reads a house number: a class for each of three places.

    Shape:
        images (N, 3, size, size) → class scores (N, 11, 3).

    Raises:
        TypeError, ValueError: a size that cannot be; or, when it is asked, images of another kind.

    >>> import torch
    >>> NumberCNN()(torch.rand(2, 3, 64, 64)).shape
    torch.Size([2, 11, 3])
    """

    def __init__(self, size: int = 64):
        """See the class; the size is that of the crops in pixels, 8 or more."""
        super().__init__()
        (size,) = whole_sizes(size=size)
        expect_images(self, channels=3, size=size)
        self.layers = nn.Sequential(*_convolutions(), _reader(size, "size"))

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, 11, 3)."""
        return self.layers(images)


class NumberSTN(nn.Module):
    """A `NumberCNN` that looks first: with one spatial transformer, or with several.

    The first stands before the first convolution and cuts a small view out of the image. Where
    there are several, one more stands before each of the next convolutions and warps its feature
    maps, all channels alike; what it does to them nobody could draw beforehand.

    Args:
        size: side of the (square) images in pixels.
        view: side of the first transformer's view.
        transformers: 1, 2 or 3.

    Shape:
        images (N, 3, size, size) → class scores (N, 11, 3).

    Raises:
        TypeError, ValueError: as `NumberCNN`.

    >>> import torch
    >>> NumberSTN(transformers=3)(torch.rand(2, 3, 64, 64)).shape
    torch.Size([2, 11, 3])
    """

    def __init__(self, size: int = 64, view: int = 32, transformers: int = 1):
        """See the class."""
        super().__init__()
        size, view = whole_sizes(size=size, view=view)
        transformers = whole_number(transformers, "transformers", 1, len(FILTERS))
        expect_images(self, channels=3, size=size)
        localisation = DeepPointingLocalisation().apply(init_like_the_recipe)
        first = SpatialTransformer(localisation, size=(view, view), padding="border")
        localisation.start_at_mean_point()
        of_maps = [CoarseLocalisation(channels) for channels in FILTERS[: transformers - 1]]
        later = [SpatialTransformer(localisation, padding="border") for localisation in of_maps]
        layers = list(_convolutions())
        for place, transformer in enumerate([first, *later]):
            layers.insert(2 * place, transformer)
        self.layers = nn.Sequential(*layers, _reader(view, "view"))

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, 11, 3)."""
        return self.layers(images)


class DeepPointingLocalisation(PointingLocalisation):
    """A `PointingLocalisation` whose heat maps are made by four convolutions instead of two.

    Each of their pixels sees 56×56 of the image, more than a number is wide: among pieces of
    digits, a number is no bright spot.

    Shape:
        images (N, 3, H, W) → θ's numbers (N, 6).

    >>> import torch
    >>> DeepPointingLocalisation()(torch.rand(2, 3, 64, 64)).shape
    torch.Size([2, 6])
    """

    def __init__(self):
        """See the class."""
        super().__init__(channels=3)
        self.heat_maps = nn.Sequential(
            nn.AvgPool2d(2),
            nn.Conv2d(3, 16, 5, padding=2), nn.MaxPool2d(2), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1), nn.MaxPool2d(2), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, MAPS, 3, padding=1),
        )  # fmt: skip
        self.points = SpatialSoftArgmax(SHARPNESS)


class CoarseLocalisation(nn.Sequential):
    """θ's numbers of feature maps, from their means in 4×4 fields.

    Batch normalisation and tanh keep it from falling silent, as ReLUs would let it. What it returns
    is made small: it learns at a tenth of the rate, and leaves the first look to the first
    transformer.

    Shape:
        feature maps (N, channels, H, W) → θ's numbers (N, 6).

    >>> import torch
    >>> CoarseLocalisation(24)(torch.rand(2, 24, 16, 16)).shape
    torch.Size([2, 6])
    """

    def __init__(self, channels: int):
        """See the class."""
        (channels,) = whole_sizes(channels=channels)
        super().__init__(
            nn.AdaptiveAvgPool2d(4), nn.Flatten(),
            nn.Linear(16 * channels, 32), nn.BatchNorm1d(32), nn.Tanh(), nn.Linear(32, 6),
        )  # fmt: skip

    def forward(self, maps: Tensor) -> Tensor:
        """θ's numbers (N, 6)."""
        return SMALL * super().forward(maps)


def _convolutions() -> list[nn.Sequential]:
    """Three convolutions, each of which halves the side of its maps."""
    return [
        nn.Sequential(
            nn.Conv2d(inputs, outputs, side, padding="same", bias=False),
            nn.MaxPool2d(2), nn.BatchNorm2d(outputs), nn.ReLU(),
        )
        for inputs, outputs, side in zip((3, *FILTERS), FILTERS, (5, 3, 3), strict=False)
    ]  # fmt: skip


def _reader(size: int, name: str) -> nn.Sequential:
    """A dense layer, and the scores of each place, of what the convolutions leave of a size."""
    side = side_after(lambda side: side // 8, size, name)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(FILTERS[-1] * side * side, HIDDEN), nn.ReLU(),
        nn.Linear(HIDDEN, CLASSES * HEADS), nn.Unflatten(1, (CLASSES, HEADS)),
    )  # fmt: skip
