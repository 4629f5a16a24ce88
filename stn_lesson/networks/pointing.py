"""The network that aims: its localisation network points at what it looks for."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stn_lesson.arguments import real_number, true_or_false
from stn_lesson.checks import check_image
from stn_lesson.grid import pixel_centres
from stn_lesson.networks.recipe import (
    expect_images,
    init_like_the_recipe,
    side_after,
    whole_sizes,
)
from stn_lesson.transformer import SpatialTransformer

MAPS = 16  # heat maps, and so points, of a localisation network


class SpatialSoftArgmax(nn.Module):
    """The mean place under the softmax of each map: (N, C, H, W) → (N, 2·C), all x, then all y.

    Args:
        inverse_temperature: how sharply the softmax picks: a place where a map is higher by the
            inverse of this counts e times as much.

    Raises:
        TypeError, ValueError: a number that cannot be; or, when it is asked, what are no maps.

    >>> maps = torch.zeros(1, 1, 3, 3)
    >>> maps[0, 0, 0, 2] = 1  # the top right corner
    >>> SpatialSoftArgmax()(maps)
    tensor([[ 1., -1.]])
    """

    def __init__(self, inverse_temperature: float = 30):
        """See the class."""
        super().__init__()
        self.inverse_temperature = real_number(inverse_temperature, "inverse_temperature", 0)

    def extra_repr(self) -> str:
        """How sharply it picks: a run goes on from a checkpoint only with the same."""
        return f"inverse_temperature={self.inverse_temperature}"

    def forward(self, maps: Tensor) -> Tensor:
        """Points (N, 2·C) between −1 and 1."""
        check_image(maps, name="maps")
        height, width = maps.shape[-2:]
        share = F.softmax(maps.flatten(2) * self.inverse_temperature, -1).view_as(maps)
        x = (share.sum(2) * pixel_centres(width, device=maps.device)).sum(-1)
        y = (share.sum(3) * pixel_centres(height, device=maps.device)).sum(-1)
        return torch.cat([x, y], 1)


class PointingLocalisation(nn.Module):
    """A localisation network that points: where is each of its heat maps brightest?

    Two convolutions make 16 heat maps of the picture, four times smaller. The softmax of a map,
    over all its pixels, says where it is bright, and the mean place under it is a point (x, y). One
    linear layer makes θ's numbers of the 16 points. When the digit moves, the points move with it,
    wherever it stands: a dense layer in their place learns every place by itself. The maps are
    padded, for a map that ends before the picture cannot point at its edge.

    Args:
        outputs: how many numbers it returns, 6 for an affine θ.
        channels: of the images.
        bias: whether the linear layer has one. It would move all frames together, whatever the
            pictures show.

    Shape:
        images (N, channels, H, W) → (N, outputs).

    Raises:
        TypeError, ValueError: a number that cannot be; or, when it is asked, images of another kind
            or of fewer than 4×4 pixels.

    >>> PointingLocalisation()(torch.rand(2, 1, 84, 84)).shape
    torch.Size([2, 6])
    """

    def __init__(self, outputs: int = 6, channels: int = 1, bias: bool = True):
        """See the class."""
        super().__init__()
        outputs, channels = whole_sizes(outputs=outputs, channels=channels)
        bias = true_or_false(bias, "bias")
        expect_images(self, channels, smallest=4)
        self.heat_maps = nn.Sequential(
            nn.AvgPool2d(4),
            nn.Conv2d(channels, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, MAPS, 5, padding=2),
        )  # fmt: skip
        self.points = SpatialSoftArgmax()
        self.linear = nn.Linear(2 * MAPS, outputs, bias=bias)

    def forward(self, images: Tensor) -> Tensor:
        """θ's numbers (N, outputs)."""
        maps = self.heat_maps(images)  # (N, 16, H/4, W/4)
        points = self.points(maps)  # (N, 32): 16 x, 16 y
        return self.linear(points)

    @torch.no_grad()
    def start_at_mean_point(self) -> None:
        """Let the centre of an affine frame, (t_x, t_y), start at the mean of the 16 points.

        The other numbers start at the identity.
        """
        weight = nn.init.zeros_(self.linear.weight)  # (6, 32)
        weight[2, :MAPS] = weight[5, MAPS:] = 1 / MAPS


class PointingSTN(nn.Module):
    """A spatial transformer network that aims: its frame goes where its heat maps point.

    It reads what it sees as the recipe's network does, but its localisation network ends in a
    spatial soft-argmax (Levine et al. 2016, arXiv 1504.00702) instead of a dense layer.

    The frame's centre starts at the mean of the points, so that it follows them from the first
    step. If it started in the middle of the picture, as `SpatialTransformer` would have it, nothing
    in the loss would make it follow all the way: a classifier forgives a frame that lags behind by
    a pixel (notebook 05).

    Args:
        size: side of the (square) input images in pixels.
        view: side of what the classifier sees.
        classes: number of classes.

    Shape:
        images (N, 1, size, size) → class scores (N, classes).

    Raises:
        TypeError, ValueError: a number that cannot be, a side too small for the convolutions; or,
            when it is asked, images of another kind or size.

    >>> from stn_lesson.networks import count_parameters
    >>> count_parameters(PointingSTN())
    89744
    """

    def __init__(self, size: int = 60, view: int = 20, classes: int = 10):
        """See the class."""
        super().__init__()
        size, view, classes = whole_sizes(size=size, view=view, classes=classes)
        expect_images(self, size=size)
        side = side_after(lambda side: ((side - 2) // 2 - 2) // 2, view, "view")
        side_after(lambda side: side // 4, size, "size")  # of the heat maps
        self.classifier = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.MaxPool2d(2), nn.ReLU(),  # pooled first: the same numbers,
            nn.Conv2d(32, 32, 3), nn.MaxPool2d(2), nn.ReLU(),  # and a quarter of them to cut off
            nn.Flatten(), nn.Linear(32 * side * side, 256), nn.ReLU(), nn.Linear(256, classes),
        )  # fmt: skip
        localisation = PointingLocalisation()
        for module in (localisation, self.classifier):
            module.apply(init_like_the_recipe)
        self.transformer = SpatialTransformer(localisation, size=(view, view), padding="border")
        localisation.start_at_mean_point()

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        return self.classifier(self.transformer(images))
