import copy
import math
import pickle

import numpy as np
import pytest
import torch
from torch import nn

import stn_lesson as stn
from stn_lesson.networks import GlobalMaxCNN


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
    ("network", "name", "side", "smallest"),
    [
        (stn.RecipeSTN, "size", 24, 28),
        (stn.RecipeSTN, "size", 1, 28),
        (stn.RecipeSTN, "view", 8, 10),
        (stn.PlainCNN, "size", 12, 28),
        (stn.CNN, "size", 16, 24),
        (stn.STCNN, "size", 20, 28),
        (stn.STCNN, "view", 16, 24),
        (stn.PointingSTN, "view", 8, 10),
        (stn.PointingSTN, "size", 3, 4),
    ],
)
def test_pictures_too_small_for_a_network_are_refused_with_the_smallest_that_is_not(
    network, name, side, smallest
):
    message = f"are too small for the convolutions.*: use a {name} of at least {smallest}$"
    with pytest.raises(ValueError, match=message):
        network(**{name: side})
    network(**{name: smallest})


@pytest.mark.parametrize(
    "network",
    [stn.RecipeSTN, stn.PointingSTN, stn.PlainCNN, stn.FCN, stn.CNN, stn.STFCN, stn.STCNN],
)
def test_a_size_is_a_whole_number_of_any_library(network):
    size = np.int64(60)
    assert network(size=size)(torch.rand(2, 1, 60, 60)).shape == (2, 10)
    for wrong in (60.0, "60", (60, 60), None):
        with pytest.raises(TypeError, match="size must be a whole number, got"):
            network(size=wrong)
    with pytest.raises(ValueError, match="classes must be from 1 to 4096, got 0"):
        network(size=60, classes=0)


@pytest.mark.parametrize("network", [stn.STFCN, stn.STCNN])
def test_an_unknown_family_is_refused_with_those_there_are(network):
    with pytest.raises(ValueError, match="family must be one of affine, .* got 'rotation'"):
        network(family="rotation")


READERS = [stn.RecipeSTN(), stn.PlainCNN(60), stn.FCN(60), stn.STCNN(60), stn.PointingSTN()]


@pytest.mark.parametrize("network", READERS, ids=lambda network: type(network).__name__)
@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (torch.zeros(2, 1, 60, 60).byte(), TypeError, r"uint8 .*: use to_floats\(images\)$"),
        (torch.rand(2, 1, 28, 28), ValueError, r"use warp\(images, affine_theta\(\), \(60, 60\)\)"),
        (torch.rand(60, 60), ValueError, r"got \(60, 60\): use images\[None, None\]$"),
        (torch.rand(2, 3, 60, 60), ValueError, r"use images.mean\(1, keepdim=True\)$"),
        (torch.rand(2, 1, 60, 60).double(), TypeError, r"use images.to\(torch.float32\)$"),
        (np.zeros((2, 60, 60), np.uint8), TypeError, r"to_floats\(torch.as_tensor\(images\)\[:, N"),
        (None, TypeError, "got NoneType$"),
    ],
)
def test_images_that_a_network_cannot_read_are_refused(network, images, error, message):
    name = type(network).__name__
    with pytest.raises(error, match=rf"^{name} reads floats \(N, 1, 60, 60\).*{message}"):
        network(images)


def test_a_network_that_is_given_no_images_says_so():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'images'"):
        stn.FCN(8)()


def test_a_network_that_checks_its_images_is_a_network_as_any():
    model, images = stn.FCN(8), torch.rand(2, 1, 8, 8)
    scores = model(images)
    assert torch.equal(model(images=images), scores)
    assert torch.equal(copy.deepcopy(model)(images), scores)
    assert torch.equal(pickle.loads(pickle.dumps(model))(images), scores)
    assert torch.equal(torch.vmap(model)(images[:, None])[:, 0], scores)
    assert torch.equal(
        torch.func.functional_call(model, dict(model.named_parameters()), images), scores
    )
    assert torch.export.export(model, (images,)).module()(images).equal(scores)
    assert model.double()(images.double()).dtype == torch.double
    with torch.autocast("cpu", torch.bfloat16):
        assert model(images.double()).shape == (2, 10)


def test_a_network_that_reads_any_size_says_from_which_on():
    model = GlobalMaxCNN()
    assert model(torch.rand(2, 1, 8, 9)).shape == (2, 10)
    with pytest.raises(ValueError, match=r"8×8 pixels at least, .*warp\(.*, \(8, 20\)\)"):
        model(torch.rand(2, 1, 7, 20))


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
