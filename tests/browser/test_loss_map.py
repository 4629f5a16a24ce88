"""The map of the loss in a bare page: its values, its axes, the place and the way on it."""

import pytest
import torch
from aligning import (
    SIZE,
    press,
    torch_loss,
    wait_for_map,
)
from bare import drag, move, pixels, settle, theta
from torch.nn.functional import interpolate

import stn_lesson as stn


def test_the_map_is_the_loss_over_two_numbers(alignment):
    wait_for_map(alignment)
    x, rotation = torch.linspace(-1.5, 1.5, 27), torch.linspace(180, -180, 27)
    losses = torch.stack([
        torch_loss(stn.affine_theta(float(r), 1.3, translation=(float(s), -0.07), size=SIZE))
        for r in rotation for s in x
    ]).view(27, 27)  # fmt: skip
    low, high = losses.min().item(), losses.max().item()
    legend = alignment.locator(".stn-row:has(.stn-ramp)").inner_text().replace("\n", " ").split()
    assert [float(legend[1]), float(legend[-2])] == pytest.approx([low, high], abs=6e-4)
    # Grey levels of the ten colours rise with the loss: the orders agree.
    shown = pixels(alignment, 3)[0].sum(0)[::8, ::8]
    enlarged = interpolate(losses[None, None], (224, 224), mode="bilinear", align_corners=True)
    expected = enlarged[0, 0, ::8, ::8]
    pair = torch.stack([shown.flatten(), expected.flatten()])
    assert torch.corrcoef(pair)[0, 1] > 0.97


def test_the_present_place_is_dragged_on_the_map(alignment):
    wait_for_map(alignment)
    before = pixels(alignment, 3)
    drag(alignment, "present place on the map", 30, -20)
    expected = stn.affine_theta(
        10 + 20 / 224 * 360, 1.3, translation=(0.11 + 30 / 224 * 3, -0.07), size=SIZE
    )
    assert torch.allclose(theta(alignment), expected, atol=0.02)
    wait_for_map(alignment)
    assert torch.equal(pixels(alignment, 3), before)  # its two numbers moved: the map is the same
    move(alignment, "down", "Shift+ArrowRight")
    wait_for_map(alignment)
    assert not torch.equal(pixels(alignment, 3), before)


def test_the_present_place_moves_by_keys_and_stays_on_the_map(alignment):
    move(alignment, "present place on the map", "ArrowRight", 3)
    expected = 0.11 + 6 / 224 * 3
    assert float(alignment.input_value("[aria-label=right]")) == pytest.approx(expected, abs=0.006)
    move(alignment, "present place on the map", "Shift+ArrowRight", 12)
    assert float(alignment.input_value("[aria-label=right]")) == pytest.approx(1.5)
    assert float(alignment.input_value("[aria-label=rotation]")) == pytest.approx(10)


def test_the_map_is_turned(alignment):
    alignment.select_option("[aria-label='map, upright']", "down")
    assert alignment.evaluate("model.get('map_over')") == ["x", "y"]
    before = float(alignment.input_value("[aria-label=down]"))
    move(alignment, "present place on the map", "ArrowDown", 5)
    after = float(alignment.input_value("[aria-label=down]"))
    assert after - before == pytest.approx(10 / 224 * 3, abs=0.011)  # down is down
    alignment.select_option("[aria-label='map, upright']", "right")  # taken: they change places
    assert alignment.evaluate("model.get('map_over')") == ["y", "x"]
    assert alignment.input_value("[aria-label='map, left to right']") == "down"
    alignment.evaluate("model.set('map_over', ['scale', 'shear'])")
    settle(alignment)
    assert alignment.input_value("[aria-label='map, upright']") == "shear"


def test_axes_that_change_places_turn_the_map_over(alignment):
    wait_for_map(alignment)
    before = pixels(alignment, 3)
    alignment.select_option("[aria-label='map, upright']", "right")
    wait_for_map(alignment)
    turned = pixels(alignment, 3).transpose(2, 3).flip(2, 3)  # rotation grew upwards, right as well
    assert (turned - before).abs().mean() < 0.02 < (pixels(alignment, 3) - before).abs().mean()


def test_the_way_of_the_descent_is_drawn_on_the_map(alignment):
    press(alignment, "step", 40)
    wait_for_map(alignment)
    with_path = pixels(alignment, 3)
    at = theta(alignment).flatten().tolist()
    alignment.evaluate("t => model.set('theta', t.map(v => v + 1e-6))", at)  # a new beginning here
    wait_for_map(alignment)
    changed = (with_path != pixels(alignment, 3)).any(1).sum()
    assert 30 < changed < 5000
