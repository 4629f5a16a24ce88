import math

import pytest
import torch
from torch import nn

import stn_lesson as stn


def test_the_recipe_has_the_layers_of_the_recipe():
    model = stn.RecipeSTN()
    shapes = [tuple(p.shape) for p in model.parameters() if p.ndim > 1]
    localisation = [(20, 1, 5, 5), (20, 20, 5, 5), (50, 1620), (6, 50)]
    classifier = [(32, 1, 3, 3), (32, 32, 3, 3), (256, 288), (10, 256)]
    assert sorted(shapes) == sorted(localisation + classifier)
    assert model.transformer(torch.rand(2, 1, 60, 60)).shape == (2, 1, 20, 20)
    assert model.transformer.padding == "border"


def test_the_recipe_starts_its_weights_as_the_recipe_does():
    model = stn.RecipeSTN()
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear) and len(layer.weight) != 6:
            fan_in = layer.weight[0].numel()
            gain = math.sqrt(2) if len(layer.weight) == 50 else 1
            bound = gain * math.sqrt(3 / fan_in)  # uniform of standard deviation gain/√fan_in
            assert 0.9 * bound < layer.weight.abs().max() <= bound
            assert (layer.bias == 0).all()


def test_a_frozen_transformer_stays_at_the_identity():
    model = stn.frozen_stn()
    digits = stn.load_digits()
    data = stn.clutter(digits)
    history = stn.fit(model, data, epochs=1)
    assert torch.equal(history.theta[0], stn.affine_theta().expand(32, -1, -1))
    assert history.accuracy and not torch.equal(model.classifier[0].bias, torch.zeros(32))


def test_the_baseline_has_about_as_many_parameters():
    ours, plain = stn.count_parameters(stn.RecipeSTN()), stn.count_parameters(stn.PlainCNN())
    assert ours == 178_018 and abs(plain / ours - 1) < 0.05


@pytest.mark.parametrize("network", [stn.RecipeSTN, stn.PlainCNN])
@pytest.mark.parametrize("size", [40, 60])
def test_networks_take_other_sizes(network, size):
    model = network(size=size, classes=7)
    assert model(torch.rand(1, 1, size, size)).shape == (1, 7)


def test_the_classifier_sees_only_the_warped_picture():
    model = stn.RecipeSTN()
    model(torch.rand(4, 1, 60, 60)).square().sum().backward()
    assert (model.transformer.localisation[-1].weight.grad != 0).any()


@pytest.mark.parametrize(
    ("network", "how"),
    [
        (stn.RecipeSTN, {"size": 24}),
        (stn.RecipeSTN, {"size": 20}),
        (stn.RecipeSTN, {"view": 8}),
        (stn.PlainCNN, {"size": 12}),
    ],
)
def test_images_too_small_for_the_network_are_refused(network, how):
    with pytest.raises(ValueError, match="are too small for the convolutions"):
        network(**how)


def test_the_st_fcn_sees_its_whole_input_at_first():
    model, images = stn.STFCN(), torch.rand(3, 1, 28, 28)
    assert torch.allclose(model.transformer(images), images, atol=1e-5)
    assert model(images).shape == (3, 10)
    last = model.transformer.localisation[-1].weight
    model(images).sum().backward()
    assert (last.grad != 0).any()


def test_transformers_side_by_side_can_start_on_one_channel_each():
    plain, separate = (stn.STFCN(8, 2, transformers=2, per_channel=each) for each in (False, True))
    first, second = torch.zeros(2, 1, 2, 8, 8)
    first[:, 0], second[:, 1] = torch.rand(2, 8, 8)
    for image, blind in ((first, 1), (second, 0)):
        for k in (0, 1):
            seen = [
                model.transformer[k].localisation[1](image.flatten(1))
                for model in (plain, separate)
            ]
            assert seen[0].any() and seen[1].any() == (k != blind)
    separate(first + second).sum().backward()
    separate.transformer[0].localisation[-1].weight.data += 0.1  # no longer at the identity
    separate(first + second).sum().backward()
    assert separate.transformer[0].localisation[1].weight.grad[:, 64:].any()  # it may learn to see
