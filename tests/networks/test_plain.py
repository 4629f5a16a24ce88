import torch
import torch.nn.functional as F

import stn_lesson as stn
from stn_lesson.networks import GlobalMaxCNN


def test_global_max_pooling_is_blind_to_place():
    torch.manual_seed(0)
    model, digit = GlobalMaxCNN().eval(), torch.rand(1, 1, 20, 20)
    here, there = (F.pad(digit, (left, 80 - left, 40, 40)) for left in (24, 56))
    assert torch.allclose(model(here), model(there), atol=1e-5)  # 32 pixels: whole cells of a map
    assert not torch.allclose(model(here), model(here.flip(-1)), atol=1e-3)


def test_it_takes_pictures_of_any_size():
    model = GlobalMaxCNN(classes=7).eval()
    assert {model(torch.rand(2, 1, size, size)).shape for size in (28, 60, 100)} == {(2, 7)}


def test_a_wider_dense_layer_changes_the_plain_cnn_by_so_many_parameters():
    one, other = (stn.count_parameters(stn.PlainCNN(hidden=units)) for units in (10, 11))
    assert other - one == 32 * 5 * 5 + 1 + 10
