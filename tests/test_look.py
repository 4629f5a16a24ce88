"""Where a network looks: `look`, and the evaluation that it takes."""

import gc
import threading

import pytest
import torch
from torch import nn

import stn_lesson as stn
from stn_lesson.transformer import evaluating


def turner():
    """A localisation network for images (N, 1, 8, 10)."""
    return nn.Sequential(nn.Flatten(), nn.Linear(80, 6))


def test_a_look_keeps_what_it_sees_apart_from_another_threads_use_of_the_model():
    class Interrupted(nn.Module):
        """A localisation network in the midst of which another thread uses the model."""

        def forward(self, images):
            if len(images) == 2:
                other = threading.Thread(target=lambda: model(torch.ones(5, 1, 4, 4)))
                other.start()
                other.join()
            return images.new_zeros(len(images), 6)

    with pytest.warns(UserWarning, match="its start was left alone"):
        transformer = stn.SpatialTransformer(Interrupted())
    model, images = nn.Sequential(transformer, nn.Conv2d(1, 1, 1)), torch.rand(2, 1, 4, 4)
    looked = stn.look(model, images)
    assert looked.theta.shape == (2, 2, 3) and torch.allclose(looked.view, images, atol=1e-6)


def test_a_look_leaves_every_layer_in_its_own_mode():
    model = nn.Sequential(stn.SpatialTransformer(turner()), nn.BatchNorm2d(1)).train()
    model[1].eval()  # frozen
    stn.look(model, torch.rand(2, 1, 8, 10))
    assert model.training and model[0].training and not model[1].training


def test_an_evaluation_that_was_cut_off_does_not_put_the_modes_back_later():
    """As when Ctrl-C comes at its very end: what the caller has set since then stays."""
    model = nn.Sequential(nn.Dropout())
    evaluation = evaluating(model)
    evaluation.__enter__()
    model.eval()
    del evaluation
    gc.collect()
    assert not model[0].training


def test_a_look_that_cannot_be_is_told():
    images, model = torch.rand(2, 1, 8, 10), nn.Sequential(stn.SpatialTransformer(turner()))
    with pytest.raises(TypeError, match="model must be a network \(nn.Module\), got str"):
        stn.look("model", images)
    with pytest.raises(TypeError, match=r"images must be .* floats .*: use to_floats\(images\)"):
        stn.look(model, images.byte())
    with pytest.raises(ValueError, match=r"Sequential cannot take images of shape \(2, 1, 4, 4\)"):
        stn.look(model, images[..., :4, :4])

    class Unused(nn.Sequential):
        def forward(self, images):
            return images

    with pytest.raises(ValueError, match="Unused does not show its transformer 0 these images"):
        stn.look(Unused(*model), images)
