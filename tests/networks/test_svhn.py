"""The paper's network for street-view house numbers, small."""

import pytest
import torch

from stn_lesson.networks import SVHNNet
from stn_lesson.transformer import find_transformer, look


@pytest.mark.parametrize("transformers", [0, 1, 4])
def test_it_has_five_places_and_a_transformer_before_each_of_the_first_convolutions(transformers):
    model, images = SVHNNet(16, transformers), torch.rand(2, 3, 16, 16)
    assert model(images).shape == (2, 11, 5)
    assert not find_transformer(model, transformers)
    channels = [look(model, images, which).view.shape[1] for which in range(transformers)]
    assert channels == [3, 48, 64, 128][:transformers]


def test_what_cannot_be_is_told():
    with pytest.raises(ValueError, match="transformers must be from 0 to 4, got 5"):
        SVHNNet(16, 5)
    with pytest.raises(ValueError, match="size of at least 16"):
        SVHNNet(8)
    with pytest.raises(ValueError, match="dropout must be a finite number, got nan"):
        SVHNNet(16, dropout=float("nan"))
    with pytest.raises(ValueError, match="dropout must be from 0 to 1, got 2"):
        SVHNNet(16, dropout=2)
    with pytest.raises(TypeError, match="dropout must be a number, got 'half'"):
        SVHNNet(16, dropout="half")
