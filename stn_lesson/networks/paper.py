"""The networks of the paper's experiments with digits (section 4.1 and appendix A.1)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stn_lesson.arguments import one_of, true_or_false
from stn_lesson.families import FAMILIES, Family
from stn_lesson.networks.pointing import PointingLocalisation
from stn_lesson.networks.recipe import (
    expect_images,
    init_like_the_recipe,
    side_after,
    whole_sizes,
)
from stn_lesson.transformer import SpatialTransformer


class FCN(nn.Module):
    """A fully connected classifier with two hidden layers: the FCN of section 4.1.

    Shape:
        images (N, channels, size, size) → class scores (N, classes).

    Raises:
        TypeError, ValueError: a number that cannot be; or, when it is asked, images of another
            kind or size.

    >>> from stn_lesson.networks import count_parameters
    >>> count_parameters(FCN())
    118282
    """

    def __init__(self, size: int = 28, channels: int = 1, classes: int = 10, *, hidden: int = 128):
        """See the class."""
        super().__init__()
        size, channels, classes = whole_sizes(size=size, channels=channels, classes=classes)
        expect_images(self, channels, size)
        self.classifier = _fully_connected(channels * size * size, hidden, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        return self.classifier(images)


class CNN(nn.Module):
    """The convolutional classifier of section 4.1: 9×9 and 7×7 filters, each with a pooling.

    Shape:
        images (N, channels, size, size) → class scores (N, classes).

    Raises:
        TypeError, ValueError: a number that cannot be, a side too small for the convolutions; or,
            when it is asked, images of another kind or size.

    >>> from stn_lesson.networks import count_parameters
    >>> count_parameters(CNN())
    105610
    """

    def __init__(self, size: int = 28, channels: int = 1, classes: int = 10, *, filters: int = 32):
        """See the class; `filters` are those of the first layer, the second has twice as many."""
        super().__init__()
        size, channels, classes = whole_sizes(size=size, channels=channels, classes=classes)
        expect_images(self, channels, size)
        self.classifier = _convolutional(size, channels, filters, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        return self.classifier(images)


class STFCN(nn.Module):
    """A fully connected classifier behind spatial transformers: the ST-FCN of section 4.1.

    Its classifier cannot share what it learns between places and poses, so it has much to gain
    from a transformer that brings digits into one pose.

    Args:
        size: side of the (square) input images in pixels.
        channels: of the input images.
        classes: number of classes.
        family: what the transformers may do, a name from `FAMILIES` or a `Family`.
        view: side of what the classifier sees; None keeps the size of the images. A smaller view
            is sampled twice as densely and averaged over 2×2 points, against aliasing.
        transformers: how many look side by side (appendix A.1): each warps all channels, and the
            classifier gets all their views.
        per_channel: start each localisation network on one channel alone, the first on the first:
            its weights for the other channels start at 0, and may grow.
        pointing: whether the localisation networks point, as in `PointingSTN`; affine θ alone.
        hidden: units in each of the classifier's two hidden layers.

    Shape:
        images (N, channels, size, size) → class scores (N, classes).

    Raises:
        TypeError, ValueError: a number or a family that cannot be; or, when it is asked, images of
            another kind or size.

    >>> from stn_lesson.networks import count_parameters
    >>> count_parameters(STFCN())
    144656
    """

    def __init__(
        self,
        size: int = 28,
        channels: int = 1,
        classes: int = 10,
        *,
        family: str | Family = "affine",
        view: int | None = None,
        transformers: int = 1,
        per_channel: bool = False,
        pointing: bool = False,
        hidden: int = 128,
    ):
        """See the class."""
        super().__init__()
        size, channels, classes = whole_sizes(size=size, channels=channels, classes=classes)
        view, (transformers,) = _whole_view(view), whole_sizes(transformers=transformers)
        per_channel = true_or_false(per_channel, "per_channel")
        _check_pointing(pointing, family)
        expect_images(self, channels, size)
        localisations = [
            PointingLocalisation(channels=channels) if pointing else nn.Sequential(
                nn.Flatten(), nn.Linear(channels * size * size, 32), nn.ReLU(),
                nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, _theta_numbers(family)),
            )
            for _ in range(transformers)
        ]  # fmt: skip
        self.pool = 1 if view is None else 2
        inputs = transformers * channels * (view or size) ** 2
        self.classifier = _fully_connected(inputs, hidden, classes)
        self.transformer = _transformers(localisations, family, self.pool * (view or size))
        if per_channel:
            with torch.no_grad():
                for k, localisation in enumerate(localisations):
                    first = localisation.heat_maps[1] if pointing else localisation[1]
                    of_channels = first.weight.view(len(first.weight), channels, -1)
                    of_channels *= (torch.arange(channels) == k % channels)[:, None]

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        return self.classifier(F.avg_pool2d(self.transformer(images), self.pool))


class STCNN(nn.Module):
    """A convolutional classifier behind a spatial transformer: the ST-CNN of section 4.1.

    The localisation network looks at the image at half its size.

    Args:
        size: side of the (square) input images in pixels.
        channels: of the input images.
        classes: number of classes.
        family: what the transformer may do, as in `STFCN`.
        view: side of what the classifier sees, as in `STFCN`.
        pointing: as in `STFCN`.
        filters: of the classifier's first layer; the second has twice as many.

    Shape:
        images (N, channels, size, size) → class scores (N, classes).

    Raises:
        TypeError, ValueError: a number that cannot be, a side too small for the convolutions; or,
            when it is asked, images of another kind or size.

    >>> from stn_lesson.networks import count_parameters
    >>> count_parameters(STCNN())
    116696
    """

    def __init__(
        self,
        size: int = 28,
        channels: int = 1,
        classes: int = 10,
        *,
        family: str | Family = "affine",
        view: int | None = None,
        pointing: bool = False,
        filters: int = 32,
    ):
        """See the class."""
        super().__init__()
        size, channels, classes = whole_sizes(size=size, channels=channels, classes=classes)
        view = _whole_view(view)
        _check_pointing(pointing, family)
        expect_images(self, channels, size)
        side = side_after(lambda side: (side // 2 - 4) // 2 - 4, size, "size")
        localisation = PointingLocalisation(channels=channels) if pointing else nn.Sequential(
            nn.AvgPool2d(2), nn.Conv2d(channels, 20, 5), nn.ReLU(),
            nn.MaxPool2d(2), nn.Conv2d(20, 20, 5), nn.ReLU(),
            nn.Flatten(), nn.Linear(20 * side * side, 20), nn.ReLU(),
            nn.Linear(20, _theta_numbers(family)),
        )  # fmt: skip
        self.pool = 1 if view is None else 2
        self.classifier = _convolutional(
            view or size, channels, filters, classes, "size" if view is None else "view"
        )
        self.transformer = _transformers([localisation], family, self.pool * (view or size))

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        return self.classifier(F.avg_pool2d(self.transformer(images), self.pool))


class ParallelTransformers(nn.ModuleList):
    """Spatial transformers that all look at the same images; their views are stacked as channels.

    Shape:
        (N, C, H, W) → (N, transformers · C, H', W').
    """

    def forward(self, images: Tensor) -> Tensor:
        """The views of all transformers, one after the other."""
        return torch.cat([transformer(images) for transformer in self], 1)


def _fully_connected(inputs: int, hidden: int, classes: int) -> nn.Sequential:
    (hidden,) = whole_sizes(hidden=hidden)
    classifier = nn.Sequential(
        nn.Flatten(), nn.Linear(inputs, hidden), nn.ReLU(),
        nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, classes),
    )  # fmt: skip
    return classifier.apply(init_like_the_recipe)


def _convolutional(
    size: int, channels: int, filters: int, classes: int, name: str = "size"
) -> nn.Sequential:
    (filters,) = whole_sizes(filters=filters)
    # A 9×9 and a 7×7 convolution without padding, and two poolings.
    side = side_after(lambda side: ((side - 8) // 2 - 6) // 2, size, name)
    classifier = nn.Sequential(
        nn.Conv2d(channels, filters, 9), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(filters, 2 * filters, 7), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(2 * filters * side * side, classes),
    )  # fmt: skip
    return classifier.apply(init_like_the_recipe)


def _transformers(localisations: list[nn.Module], family: str | Family, side: int) -> nn.Module:
    """The transformers of these localisation networks: one by itself, more side by side."""
    transformers = [
        SpatialTransformer(localisation.apply(init_like_the_recipe), family, (side, side))
        for localisation in localisations
    ]
    for localisation in localisations:
        if isinstance(localisation, PointingLocalisation):
            localisation.start_at_mean_point()
    return transformers[0] if len(transformers) == 1 else ParallelTransformers(transformers)


def _whole_view(view: int | None) -> int | None:
    return None if view is None else whole_sizes(view=view)[0]


def _check_pointing(pointing: bool, family: str | Family) -> None:
    """Raise a clear error for localisation networks that point, where θ is not affine."""
    if true_or_false(pointing, "pointing") and getattr(family, "name", family) != "affine":
        raise ValueError(f'pointing makes an affine θ, got family={family!r}: use family="affine"')


def _theta_numbers(family: str | Family) -> int:
    """How many numbers a family asks of a localisation network."""
    chosen = family if isinstance(family, Family) else FAMILIES[one_of(family, "family", FAMILIES)]
    return len(chosen.identity)
