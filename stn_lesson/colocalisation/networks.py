"""Networks that find what pictures have in common (appendix A.2)."""

import torch
from torch import Tensor, nn

from stn_lesson.arguments import real_number, whole_number
from stn_lesson.families import FAMILIES, Family
from stn_lesson.networks import PointingLocalisation
from stn_lesson.networks.recipe import expect_images, whole_sizes
from stn_lesson.transformer import SpatialTransformer

WINDOW_SIZE = 28  # side of a window, of what the encoder sees, in pixels


class Encoder(nn.Module):
    """A small CNN that reads 28×28 digits; its hidden activations are the code of a window.

    Shape:
        images (N, 1, 28, 28) → class scores (N, classes).

    >>> encoder = Encoder()
    >>> encoder.code(torch.rand(2, 1, 28, 28)).shape
    torch.Size([2, 64])
    """

    def __init__(self, classes: int = 10):
        """See the class."""
        super().__init__()
        (classes,) = whole_sizes(classes=classes)
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * 4 * 4, 64), nn.ReLU(),
        )  # fmt: skip
        expect_images(self.features, size=WINDOW_SIZE, name="Encoder")
        self.scores = nn.Linear(64, classes)
        self.register_buffer("code_scale", torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, classes), to train it with."""
        return self.scores(self.features(images))

    def code(self, images: Tensor) -> Tensor:
        """The hidden activations (N, 64), divided by `code_scale`."""
        return self.features(images) / self.code_scale

    @torch.no_grad()
    def calibrate(self, digits: Tensor, mean_norm: float = 8.0) -> "Encoder":
        """Choose `code_scale` so that the codes of some digits (floats) have this mean norm.

        Trained encoders differ in how large their activations are, and the margin of the loss is
        1 whatever they are. This makes it small against the distance of two digits, but not
        nothing.
        """
        mean_norm = real_number(mean_norm, "mean_norm", lowest=1e-6)
        self.code_scale.fill_(self.features(digits).norm(dim=1).mean() / mean_norm)
        return self


def window_transformer(size: int = 84, max_stretch: float = 0.1) -> SpatialTransformer:
    """An attention transformer, equation (2), that starts with a 28×28 window in the middle.

    Its localisation network points, and has no bias, which would move all windows together.

    Args:
        size: side of the pictures in pixels.
        max_stretch: by what share a window may grow or shrink. A window of the first size cannot
            leave the picture.

    Raises:
        TypeError, ValueError: pictures smaller than a window, or a stretch that is no share.

    >>> window_transformer().theta(torch.zeros(1, 1, 84, 84))
    tensor([[[0.3253, 0.0000, 0.0000],
             [0.0000, 0.3253, 0.0000]]], grad_fn=<ViewBackward0>)
    """
    size = whole_number(size, "size", lowest=WINDOW_SIZE)
    max_stretch = real_number(max_stretch, "max_stretch", 0, 1)
    s, attention = (WINDOW_SIZE - 1) / (size - 1), FAMILIES["attention"]
    family = Family("window", (s, 0, 0), attention.theta, attention.grid)
    limit = (s * max_stretch, 1 - s, 1 - s)
    localisation = PointingLocalisation(outputs=3, bias=False)
    return SpatialTransformer(localisation, family, (WINDOW_SIZE, WINDOW_SIZE), limit=limit)
