"""What a transformer is shown, and what its repr shows."""

import dataclasses
import re

import pytest
import torch
from torch import nn

import stn_lesson as stn
from stn_lesson.families import FAMILIES


def localiser():
    return nn.Sequential(nn.Flatten(), nn.Linear(80, 6))


@pytest.mark.parametrize(
    ("images", "error", "remedy"),
    [
        (torch.zeros(2, 1, 8, 10, dtype=torch.uint8), TypeError, "use to_floats(images)"),
        (torch.zeros(2, 1, 8, 10).double(), TypeError, "use images.to(torch.float32)"),
        (torch.zeros(2, 1, 8, 10).half(), TypeError, "use images.to(torch.float32)"),
        (torch.zeros(2, 1, 8, 10).numpy(), TypeError, "use torch.as_tensor(images)"),
        (torch.zeros(2, 8, 10), ValueError, "use images[:, None]"),
        (torch.zeros(2, 1, 8, 10, device="meta"), TypeError, 'use images.to("cpu")'),
    ],
)
def test_what_the_layer_cannot_read_is_told_before_its_localisation_network_is_asked(
    images, error, remedy
):
    with pytest.raises(error, match=re.escape(remedy)):
        stn.SpatialTransformer(localiser())(images)
    if "meta" not in str(getattr(images, "device", "")):  # the remedy works
        made = eval(remedy.removeprefix("use "), vars(stn) | {"images": images, "torch": torch})
        assert stn.SpatialTransformer(localiser())(made).shape == (2, 1, 8, 10)


def test_volumes_of_another_kind_are_told_as_images_are():
    localise = nn.Sequential(nn.Flatten(), nn.Linear(24, 12))
    transformer = stn.SpatialTransformer(localise, "volume")
    with pytest.raises(ValueError, match=r"images must have shape \(N, C, D, H, W\)"):
        transformer(torch.zeros(2, 1, 4, 6))
    with pytest.raises(TypeError, match=r"use images.to\(torch.float32\)"):
        transformer(torch.zeros(2, 1, 2, 3, 4).double())


def test_its_repr_tells_all_that_decides_what_it_does():
    ways = [{}, {"size": (4, 4)}, {"limit": 0.1}, {"limit": 0.2}, {"kernel": "nearest"}]
    ways += [{"padding": "border"}, {"downsample": 2}]
    other = dataclasses.replace(FAMILIES["affine"], identity=(0.5, 0, 0, 0, 0.5, 0))
    layers = [stn.SpatialTransformer(localiser(), **way) for way in (*ways, {"family": other})]
    assert len(set(map(repr, layers))) == len(layers)
    assert repr(layers[2].to(torch.float64)) == repr(layers[2])
