"""Networks that read house numbers, with transformers before several of their layers."""

import pytest
import torch

import stn_lesson as stn
from stn_lesson.networks import NumberCNN, NumberSTN, count_parameters
from stn_lesson.networks.numbers import FILTERS
from stn_lesson.transformer import find_transformer, freeze_transformers, look

IMAGES = torch.rand(6, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def make(transformers):
    torch.manual_seed(0)
    return NumberSTN(transformers=transformers)


@pytest.mark.parametrize("transformers", [1, 2, 3])
def test_a_transformer_stands_before_each_of_the_first_convolutions(transformers):
    model = make(transformers)
    assert find_transformer(model, transformers - 1) and not find_transformer(model, transformers)
    views = [look(model, IMAGES, which).view for which in range(transformers)]
    shapes = [(6, 3, 32, 32), (6, FILTERS[0], 16, 16), (6, FILTERS[1], 8, 8)]
    assert [tuple(view.shape) for view in views] == shapes[:transformers]
    assert model(IMAGES).shape == (6, 11, 3)


def test_the_later_ones_start_at_the_identity_and_do_nothing():
    several = make(3)
    for which in (1, 2):
        theta = look(several, IMAGES, which).theta
        assert torch.equal(theta, stn.affine_theta().expand(6, -1, -1))
    one = make(1)
    later = "layers.2.localisation", "layers.4.localisation"
    weights = [p for name, p in several.named_parameters() if not name.startswith(later)]
    with torch.no_grad():
        for own, other in zip(one.parameters(), weights, strict=True):
            own.copy_(other)
    torch.testing.assert_close(one.eval()(IMAGES), several.eval()(IMAGES), rtol=1e-4, atol=1e-5)


def test_every_transformer_learns_from_the_loss():
    model = make(3)
    model(IMAGES).square().sum().backward()
    for which in range(3):
        last = find_transformer(model, which).localisation
        last = last.linear if which == 0 else last[-1]
        assert last.weight.grad.abs().max() > 0


def test_the_first_frame_follows_what_is_bright_from_the_start():
    theta = look(make(1), IMAGES).theta
    assert theta[:, :, 2].std(0).min() > 0
    assert torch.equal(theta[:, :, :2], torch.eye(2).expand(6, 2, 2))


def test_the_later_transformers_alone_can_be_frozen():
    model = make(3)
    freeze_transformers(model.layers[1:])
    free = [any(p.requires_grad for p in find_transformer(model, k).parameters()) for k in range(3)]
    assert free == [True, False, False]


def test_sizes_and_images_that_cannot_be_are_told():
    with pytest.raises(ValueError, match="transformers must be from 1 to 3, got 4"):
        NumberSTN(transformers=4)
    with pytest.raises(ValueError, match="7×7 pixels are too small .* size of at least 8"):
        NumberCNN(7)
    with pytest.raises(ValueError, match="view of at least 8"):
        NumberSTN(view=4)
    with pytest.raises(ValueError, match=r"reads floats \(N, 3, 64, 64\), got \(6, 1, 64, 64\)"):
        NumberCNN()(IMAGES[:, :1])
    assert count_parameters(NumberCNN(48)) < count_parameters(NumberCNN())
