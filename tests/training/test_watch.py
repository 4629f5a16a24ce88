import math
import warnings

import pytest
import torch
from small_run import small_model
from torch import nn

import stn_lesson as stn
from stn_lesson.training.watch import CollapseWarning, watch_for_collapse
from stn_lesson.transformer import find_transformer, look


def test_the_collapse_watch_speaks_within_100_steps():
    model = small_model()
    with torch.no_grad():
        model.transformer.localisation[-1].bias += torch.tensor([0, 0, 5.0, 0, 0, 5.0])
    digits = stn.load_digits()
    data = stn.clutter(digits, size=40)
    with pytest.warns(
        CollapseWarning, match=r"collapsed.*fall outside.*loss stays at 2.30"
    ) as said:
        history = stn.fit(model, data, epochs=2, batch_size=16)
    assert 0 < history.collapsed_at <= 100 and len(said) == 1

    heard = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stn.fit(model, data, epochs=1, batch_size=16, learning_rate=1e-9, warn=heard.append)
    assert [type(each) for each in heard] == [CollapseWarning]


def test_the_collapse_watch_stays_silent_while_a_network_learns(unbroken):
    model, images = unbroken[0], torch.rand(4, 1, 40, 40)
    outside = small_model()
    with torch.no_grad():
        outside.transformer.localisation[-1].bias += 9
    plateau, learning = [math.log(10)] * 60, [1.5] * 60
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not watch_for_collapse(model, images, plateau, math.log(10))  # looks at its images
        assert not watch_for_collapse(outside, images, learning, math.log(10))  # its loss falls
    with pytest.warns(CollapseWarning):
        assert watch_for_collapse(outside, images, plateau, math.log(10))


def test_look_measures_what_falls_outside_wherever_the_transformer_stands():
    model, images = small_model(), torch.rand(5, 1, 40, 40)
    looked = look(model, images)
    assert looked.theta.shape == (5, 2, 3) and looked.grid.shape == (5, 20, 20, 2)
    assert looked.view.shape == (5, 1, 20, 20) and looked.outside == 0
    inner = stn.SpatialTransformer(nn.Sequential(nn.Flatten(), nn.Linear(3 * 38 * 38, 6)))
    second = nn.Sequential(nn.Conv2d(1, 3, 3), inner, nn.Flatten(), nn.Linear(3 * 38 * 38, 10))
    assert look(second, images).view.shape == (5, 3, 38, 38) and second.training
    assert find_transformer(second) is inner
    with pytest.raises(ValueError, match="PlainCNN has no SpatialTransformer"):
        look(stn.PlainCNN(size=40), images)


def test_look_goes_through_each_of_several_transformers():
    model, images = stn.STFCN(size=12, transformers=2), torch.rand(5, 1, 12, 12)
    with torch.no_grad():
        model.transformer[1].localisation[-1].bias += torch.tensor([0, 0, 0.5, 0, 0, 0])
    first, second = look(model, images), look(model, images, which=1)
    assert torch.equal(first.theta, stn.affine_theta().expand(5, -1, -1))
    assert torch.equal(second.theta, stn.affine_theta(translation=(-0.5, 0)).expand(5, -1, -1))
    assert torch.equal(torch.cat([first.view, second.view], 1), model.transformer(images))
    assert first.outside == 0 and second.outside == 0.25  # three of twelve columns
    for which in (2, -1):
        with pytest.raises(ValueError, match=f"STFCN has no SpatialTransformer number {which}"):
            look(model, images, which)
