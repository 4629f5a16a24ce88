"""Networks that compute in half the digits, twice as fast where the processor can."""

import torch
from torch import Tensor, nn


class InBfloat16(nn.Module):
    """A network whose convolutions and linear layers multiply in bfloat16, for speed.

    Its weights, and the geometry of its transformers, stay in float32. On processors that know
    bfloat16 a training takes about half the time.

    Shape:
        as the network's own; the class scores are float32.

    >>> fast = InBfloat16(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)))
    >>> fast(torch.ones(1, 1, 2, 2)).dtype
    torch.float32
    """

    def __init__(self, network: nn.Module):
        """See the class."""
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # the layout that is faster

    def forward(self, images: Tensor) -> Tensor:
        """The network's class scores."""
        with torch.autocast(images.device.type, torch.bfloat16):
            return self.network(images).float()
