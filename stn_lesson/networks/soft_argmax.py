"""A layer that points: the spatial soft-argmax of feature maps."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stn_lesson.grid import pixel_centres


class SpatialSoftArgmax(nn.Module):
    """The mean place under the softmax of each map: (N, C, H, W) → (N, 2·C), all x, then all y.

    >>> maps = torch.zeros(1, 1, 3, 3)
    >>> maps[0, 0, 0, 2] = 9  # the top right corner
    >>> SpatialSoftArgmax()(maps)
    tensor([[ 1., -1.]])
    """

    INVERSE_TEMPERATURE = 10  # a difference of 1/10 in a map counts e times

    def forward(self, maps: Tensor) -> Tensor:
        """Points (N, 2·C) between −1 and 1."""
        height, width = maps.shape[-2:]
        share = F.softmax(maps.flatten(2) * self.INVERSE_TEMPERATURE, -1).view_as(maps)
        x = (share.sum(2) * pixel_centres(width, device=maps.device)).sum(-1)
        y = (share.sum(3) * pixel_centres(height, device=maps.device)).sum(-1)
        return torch.cat([x, y], 1)
