"""The paper's networks for street-view house numbers (section 4.2 and appendix A.5)."""

from torch import Tensor, nn

from stn_lesson.arguments import real_number, whole_number
from stn_lesson.networks.numbers import CoarseLocalisation
from stn_lesson.networks.recipe import expect_images, side_after, whole_sizes
from stn_lesson.transformer import SpatialTransformer

FILTERS = (48, 64, 128, 160, 192, 192, 192, 192)  # of the 5×5 convolutions
HIDDEN = 3072  # units of each of the three dense layers
MOST_TRANSFORMERS = 4


class SVHNNet(nn.Module):
    """Eight convolutions, three dense layers, and a class for each of five places.

    The sizes are the paper's; every second convolution is followed by a pooling. As there, dropout
    stands after all layers but the first. Batch normalisation is ours: with it, so many layers
    learn at a high rate.

    Args:
        size: side of the (square) images in pixels.
        transformers: 0, a CNN; 1, a spatial transformer before it; or up to 4, one more before each
            of the next convolutions, which warps their feature maps.
        dropout: the share of activations that is dropped.

    Shape:
        images (N, 3, size, size) → class scores (N, 11, 5).

    Raises:
        TypeError, ValueError: a number that cannot be; or, when it is asked, images of another kind
            or size.

    >>> import torch
    >>> SVHNNet(size=16, transformers=2)(torch.rand(2, 3, 16, 16)).shape
    torch.Size([2, 11, 5])
    """

    def __init__(self, size: int = 64, transformers: int = 0, dropout: float = 0.5):
        """See the class."""
        super().__init__()
        (size,) = whole_sizes(size=size)
        transformers = whole_number(transformers, "transformers", 0, MOST_TRANSFORMERS)
        dropout = real_number(dropout, "dropout", 0, 1)
        expect_images(self, channels=3, size=size)
        layers = []
        for place, (inputs, outputs) in enumerate(zip((3, *FILTERS), FILTERS, strict=False)):
            if place < transformers:
                layers.append(SpatialTransformer(CoarseLocalisation(inputs), padding="border"))
            layers += [nn.Conv2d(inputs, outputs, 5, padding=2, bias=False)]
            layers += [nn.MaxPool2d(2)] if place % 2 else []
            layers += [nn.BatchNorm2d(outputs), nn.ReLU()]
            layers += [nn.Dropout(dropout)] if place else []
        side = side_after(lambda side: side // 16, size, "size")
        layers.append(nn.Flatten())
        inputs = FILTERS[-1] * side * side
        for outputs in (HIDDEN, HIDDEN, HIDDEN):
            layers += [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(dropout)]
            inputs = outputs
        self.layers = nn.Sequential(*layers, nn.Linear(HIDDEN, 55), nn.Unflatten(1, (11, 5)))

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, 11, 5)."""
        return self.layers(images)
