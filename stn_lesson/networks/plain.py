"""Networks without a transformer, to compare with."""

from torch import Tensor, nn

from stn_lesson.networks.recipe import (
    expect_images,
    init_like_the_recipe,
    side_after,
    whole_sizes,
)

FEATURES = 32  # maps that the convolutions of a `FeatureCNN` make


class PlainCNN(nn.Module):
    """A CNN without a transformer, with about as many parameters as `RecipeSTN`.

    Args:
        size: side of the (square) input images in pixels.
        classes: number of classes.
        hidden: units of its dense layer.

    Shape:
        images (N, 1, size, size) → class scores (N, classes).

    Raises:
        TypeError, ValueError: a number that cannot be, a side too small for the convolutions; or,
            when it is asked, images of another kind or size.

    >>> from stn_lesson.networks import count_parameters
    >>> count_parameters(PlainCNN())
    172054
    """

    def __init__(self, size: int = 60, classes: int = 10, hidden: int = 192):
        """See the class."""
        super().__init__()
        size, classes, hidden = whole_sizes(size=size, classes=classes, hidden=hidden)
        expect_images(self, size=size)
        side = side_after(lambda side: (((side - 4) // 2 - 4) // 2 - 2) // 2, size, "size")
        self.classifier = nn.Sequential(
            nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(20, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(20, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * side * side, hidden), nn.ReLU(),
            nn.Linear(hidden, classes),
        )  # fmt: skip
        self.classifier.apply(init_like_the_recipe)

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        return self.classifier(images)


class GlobalMaxCNN(nn.Module):
    """A CNN that reads everywhere at once and keeps, of each feature, the highest value.

    Global max pooling makes it blind to place: where a digit stands can make no difference to the
    scores, and need not be learnt. It forgets where it found what it read, and it spends as much
    work on an empty corner as on a digit.

    Args:
        width: features of its first layer; the next ones have two and four times as many.
        classes: number of classes.

    Shape:
        images (N, 1, H, W) of any size from 8×8 on → class scores (N, classes).

    Raises:
        TypeError, ValueError: a number that cannot be, a side too small for the convolutions; or,
            when it is asked, images of another kind or size.

    >>> from stn_lesson.networks import count_parameters
    >>> count_parameters(GlobalMaxCNN())
    32618
    """

    def __init__(self, width: int = 16, classes: int = 10):
        """See the class."""
        super().__init__()
        width, classes = whole_sizes(width=width, classes=classes)
        expect_images(self, smallest=8)
        self.classifier = nn.Sequential(
            nn.AvgPool2d(2),
            nn.Conv2d(1, width, 5, padding=2), nn.MaxPool2d(2), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, 2 * width, 5, padding=2), nn.MaxPool2d(2),
            nn.BatchNorm2d(2 * width), nn.ReLU(),
            nn.Conv2d(2 * width, 4 * width, 3, padding=1), nn.BatchNorm2d(4 * width), nn.ReLU(),
            nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4 * width, classes),
        )  # fmt: skip
        self.classifier.apply(init_like_the_recipe)

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        return self.classifier(images)


class FeatureCNN(nn.Module):
    """A CNN whose first convolutions, `features`, can be lent to a localisation network.

    Args:
        size: side of the (square) input images in pixels.
        channels: of the input images.
        classes: number of classes.
        hidden: units of its dense layer.

    Shape:
        images (N, channels, size, size) → class scores (N, classes).

    Raises:
        TypeError, ValueError: a number that cannot be, a side too small for the convolutions; or,
            when it is asked, images of another kind or size.

    >>> import torch
    >>> FeatureCNN().features(torch.rand(2, 3, 96, 96)).shape
    torch.Size([2, 32, 24, 24])
    """

    def __init__(self, size: int = 96, channels: int = 3, classes: int = 16, hidden: int = 64):
        """See the class."""
        super().__init__()
        size, channels, classes, hidden = whole_sizes(
            size=size, channels=channels, classes=classes, hidden=hidden
        )
        expect_images(self, channels, size)
        side = side_after(lambda side: side // 16, size, "size")
        self.features = nn.Sequential(
            nn.AvgPool2d(2),
            *convolution(channels, 16, 5, pool=True),
            *convolution(16, FEATURES), *convolution(FEATURES, FEATURES),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.MaxPool2d(2), *convolution(FEATURES, 64, pool=True),
            nn.Flatten(), nn.Linear(64 * side * side, hidden), nn.ReLU(),
            nn.Linear(hidden, classes),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        return self.classifier(self.features(images))


def convolution(inputs: int, outputs: int, kernel: int = 3, pool: bool = False) -> list[nn.Module]:
    """A convolution that keeps the size, or halves it, with batch normalisation and ReLU."""
    pooling = [nn.MaxPool2d(2)] if pool else []
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return [convolution, *pooling, nn.BatchNorm2d(outputs), nn.ReLU()]
