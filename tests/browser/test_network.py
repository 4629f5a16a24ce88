"""The network in the browser, against torch: the same θ, the same shares."""

from functools import partial

import pytest
import torch
from bare import mount, settle

import stn_lesson as stn
from stn_lesson import experiments
from stn_lesson.widgets import FoolTheNetwork

DIGITS = stn.load_digits().test
ANSWER = """scenes => {
    const network = networkFrom(model.get("network"), model.get("side"), model.get("view"));
    return scenes.map(scene => network(Uint8Array.from(scene)));
}"""


def scenes(side):
    """Eight digits, turned and moved, as bytes (8, 1, side, side)."""
    unit = 27 / (side - 1)
    turns = torch.linspace(-150, 150, 8)
    places = torch.linspace(-0.4, 0.4, 8)
    theta = stn.affine_theta(rotation=turns, scale=unit, translation=(places, -places))
    placed = stn.warp(stn.to_floats(DIGITS.images[:8]), theta, (side, side))
    return (255 * placed).round().byte()


def untrained():
    torch.manual_seed(0)
    model = stn.STFCN()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return model


NETWORKS = {  # the last one's weights are of 32 bits
    "cluttered": (partial(experiments.pretrained, "cluttered"), 60),
    "turned": (partial(experiments.pretrained, "turned"), 28),
    "untrained": (untrained, 28),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_it_answers_as_torch_does(page, name):
    make, side = NETWORKS[name]
    game = FoolTheNetwork(make(), DIGITS, side=side)
    game._esm += "\nwindow.networkFrom = networkFrom;"
    mount(page, game)
    wanted_theta, wanted_shares = game.look(stn.to_floats(scenes(side)))
    answers = page.evaluate(ANSWER, scenes(side).flatten(1).tolist())
    theta = torch.tensor([answer["theta"] for answer in answers], dtype=torch.float32).view(
        -1, 2, 3
    )
    shares = torch.tensor([answer["shares"] for answer in answers])
    torch.testing.assert_close(theta, wanted_theta, atol=1e-5, rtol=0)
    torch.testing.assert_close(shares, wanted_shares, atol=1e-5, rtol=0)


@pytest.fixture
def game(page):
    mount(page, FoolTheNetwork(experiments.pretrained("turned"), DIGITS, side=28, index=7))
    settle(page)
    return page


def test_it_answers_without_asking_the_kernel(game):
    assert "The network says 7" in game.inner_text(".stn-numbers")
    assert game.evaluate("model.sent") == []


def test_it_answers_anew_when_the_digit_is_turned(game):
    game.locator("[aria-label='rotation']").focus()
    for _ in range(3):
        game.keyboard.press("Shift+ArrowRight")
        settle(game)
    settle(game)
    assert "You turn by 30°" in game.inner_text(".stn-numbers")
    assert "4 points" in game.locator("[aria-label^='undo meter']").get_attribute("aria-label")


def test_turned_all_the_way_round_it_fills_the_meter(game):
    game.get_by_text("turn it all the way round").click()
    settle(game)
    assert "73 points" in game.locator("[aria-label^='undo meter']").get_attribute("aria-label")
