"""What the lesson promises on any device, where there is a GPU to try it on."""

import pytest
import torch

import stn_lesson as stn

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@pytest.mark.parametrize("sampler", [stn.bilinear_sample, stn.sample])
def test_the_samplers_agree_with_the_cpu(sampler):
    image, theta = torch.rand(3, 2, 7, 9), stn.affine_theta(rotation=torch.tensor([0.0, 30, 200]))
    grid = stn.sampling_grid(theta.cuda(), 5, 6)
    picture = sampler(image.cuda(), grid)
    assert picture.is_cuda
    torch.testing.assert_close(picture.cpu(), sampler(image, stn.sampling_grid(theta, 5, 6)))


def test_clutter_is_the_same_on_both_devices():
    digits = stn.load_digits().train.images[:50]
    assert torch.equal(stn.clutter(digits.cuda()).cpu(), stn.clutter(digits))


def test_a_network_trains():
    data = stn.clutter(stn.load_digits())
    model = stn.RecipeSTN()
    history = stn.fit(model, data, epochs=1, device="cuda")
    assert next(model.parameters()).is_cuda and len(history.theta) == 1
