"""What a classifier says, and what asking it leaves as it was."""

import pytest
import torch
from small_run import QUICK_SETTINGS, small_data
from torch import nn

import stn_lesson as stn
from stn_lesson.datasets import Split
from stn_lesson.training import predict


def test_the_accuracy_is_the_share_that_is_named_correctly():
    images = torch.tensor([0, 255, 255, 255], dtype=torch.uint8).view(4, 1, 1, 1)
    split = Split(images, torch.tensor([0, 1, 0, 1]))

    class AtHalf(nn.Module):  # it has no parameters
        def forward(self, images):
            return torch.cat([1 - images, images], 1).flatten(1)

    assert stn.evaluate(AtHalf(), split) == 0.75


def test_what_cannot_be_evaluated_is_told():
    model, data = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), stn.load_digits()
    none = Split(data.test.images[:0], data.test.labels[:0])
    for arguments, error, message in [
        ((model, data), TypeError, "split must be a Split, got a Dataset: use data.test"),
        ((model, data.test.images), TypeError, "split must be a Split, got Tensor"),
        ((model, none), ValueError, "split holds no images"),
        ((nn.Linear, data.test), TypeError, "got the class Linear: use Linear"),
    ]:
        for ask in (stn.evaluate, stn.measure_aim):
            with pytest.raises(error, match=message):
                ask(*arguments)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Unflatten(1, (10, 1))),
            r"class scores \(N, classes\), got \(64, 10, 1\) for 64 images",
        ),
        (nn.Conv2d(1, 10, 3), r"class scores \(N, classes\), got \(64, 10, 26, 26\)"),
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 3)), "split has labels up to 9"),
        (nn.Sequential(nn.Flatten(0), nn.Linear(784, 10)), r"cannot read images .*\(1, 28, 28\)"),
        (nn.Sequential(nn.Flatten(), nn.Linear(100, 10)), "as split holds them: make it for that"),
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).double(), r"use model.float\(\)"),
    ],
)
def test_a_model_that_does_not_answer_is_told(model, message):
    digits = stn.load_digits().test
    with pytest.raises(ValueError, match=message):
        stn.evaluate(model, Split(digits.images[:64], digits.labels[:64]))


def test_what_cannot_be_predicted_is_told_and_a_class_for_each_place_is_given():
    model, digits = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), stn.load_digits().test
    with pytest.raises(TypeError, match=r"images must be bytes .*: use \(images"):
        predict(model, digits.images / 255)
    with pytest.raises(ValueError, match="cannot read images .* as images holds them"):
        predict(model, digits.images[..., :9])
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        predict(model, digits.images, batch_size=0)
    places = nn.Sequential(nn.Flatten(), nn.Linear(784, 30), nn.Unflatten(1, (10, 3)))
    assert predict(places, digits.images, batch_size=100).shape == (510, 3)


def held_norms():
    """A network with two batch normalisations, of which one is held."""
    torch.manual_seed(0)
    localise = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(1600, 6))
    model = nn.Sequential(
        stn.SpatialTransformer(localise), nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(1600, 10)
    )
    model[1].eval()
    return model


@pytest.mark.parametrize(
    "ask", [stn.evaluate, lambda model, split: stn.look(model, split.images / 255)]
)
def test_asking_leaves_every_module_in_its_mode(ask):
    model = held_norms()
    before = [module.training for module in model.modules()]
    ask(model, small_data().test)
    assert [module.training for module in model.modules()] == before


def test_a_batch_normalisation_that_is_held_stays_held_while_the_others_learn():
    model = held_norms()
    stn.fit(model, small_data(), **QUICK_SETTINGS)
    assert model[1].num_batches_tracked == 0 and model[1].running_mean == 0
    assert model[0].localisation[0].num_batches_tracked == 3 * 4
