"""Which networks are written out for the browser, and which answer from the kernel."""

import pytest
import torch
from torch import nn

import stn_lesson as stn
from stn_lesson import experiments, networks
from stn_lesson.widgets.browser_network import browser_network


@pytest.mark.parametrize(("name", "side"), [("cluttered", 60), ("turned", 28)])
def test_a_pretrained_network_is_written_in_8_bits_a_weight(name, side):
    model = experiments.pretrained(name)
    written = browser_network(model, side)
    assert len(written["weights"]) == networks.count_parameters(model)
    rows = [len(p) if p.dim() > 1 else 1 for p in model.parameters()]
    assert len(written["exponents"]) == sum(rows)


def test_weights_that_8_bits_would_change_stay_in_32():
    model = stn.RecipeSTN()
    written = browser_network(model, 60)
    weights = torch.frombuffer(bytearray(written["weights"]), dtype=torch.float32)
    own = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert written["exponents"] == [] and weights.sort().values.equal(own.sort().values)


class Twice(stn.RecipeSTN):
    """Its layers do not stand in a row: the scores are doubled."""

    def forward(self, images):
        return 2 * super().forward(images) + 1


def strided():
    model = stn.RecipeSTN()
    model.classifier[0] = nn.Conv2d(1, 32, 3, stride=1, dilation=2, padding=1)
    return model


UNKNOWN = {
    "other weights than float32": lambda: stn.RecipeSTN().double(),
    "a projective transformer": lambda: networks.STFCN(family="projective"),
    "a forward of its own": Twice,
    "a dilated convolution": strided,
    "no classifier": lambda: nn.Sequential(stn.RecipeSTN().transformer, nn.Flatten()),
    "a smaller view, averaged": lambda: networks.STFCN(size=60, view=20),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_the_browser_cannot_compute_answers_from_the_kernel(case):
    assert browser_network(UNKNOWN[case](), 28 if "projective" in case else 60) == {}


def test_writing_it_out_leaves_modes_and_random_numbers_alone():
    model = stn.RecipeSTN().train()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    browser_network(model, 60)
    assert model.classifier.training and torch.get_rng_state().equal(before)
