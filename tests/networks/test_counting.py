import pytest
import torch

import stn_lesson as stn
from stn_lesson.networks import match_parameters


@pytest.mark.parametrize("wanted", [20_000, 144_656, 500_000])
def test_no_other_width_comes_nearer(wanted):
    def make(width):
        return stn.FCN(hidden=width)

    width = match_parameters(make, wanted).classifier[1].out_features
    off = {w: abs(stn.count_parameters(make(w)) - wanted) for w in range(width - 3, width + 4)}
    assert min(off, key=off.get) == width


def test_the_smallest_width_is_one():
    assert match_parameters(lambda width: stn.FCN(hidden=width), 3).classifier[1].out_features == 1


def test_measuring_the_widths_draws_no_random_numbers():
    torch.manual_seed(3)
    expected = stn.FCN(hidden=152).classifier[1].weight
    torch.manual_seed(3)
    found = match_parameters(lambda width: stn.FCN(hidden=width), 144_656)
    assert torch.equal(found.classifier[1].weight, expected)


def test_what_is_no_network_has_no_parameters():
    with pytest.raises(TypeError, match=r"model must be a network .*: use FCN\(\)$"):
        stn.count_parameters(stn.FCN)
    with pytest.raises(TypeError, match=r"model must be a network .* got list$"):
        stn.count_parameters([1])
