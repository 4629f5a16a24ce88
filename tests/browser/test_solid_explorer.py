"""The solid explorer in a bare page: sliders, dragging and every picture, against torch."""

import pytest
import torch
from bare import mount, move, pixels, settle

import stn_lesson as stn
from stn_lesson.datasets.solids import turn_solids
from stn_lesson.plots.solids import BRIGHTNESS, FINE
from stn_lesson.widgets import SolidExplorer

SIZE, VIEW = (9, 12, 17), (4, 10, 14)  # no cube, and a view of yet other sides
POSE = turn_solids(stn.load_digits().test.images[2:3], 2, rotation=70, seed=1)[1]
LEVEL = 1 / 255


def solid_volume():
    """A digit's prism in a volume that is no cube; whole grey levels, as the browser gets them."""
    prism = stn.to_floats(stn.extrude(stn.load_digits().test.images[2:3], depth=15))
    return (stn.warp(prism, stn.volume_theta((20, -30, 10)), SIZE) * 255).round() / 255


@pytest.fixture
def explorer(page):
    mount(page, SolidExplorer(solid_volume(), pose=POSE, view=VIEW))
    settle(page)
    return page


def rotation(page):
    return page.evaluate("model.get('rotation')")


def assert_shows(page, angles, layer=VIEW[0] // 2):
    settle(page)
    assert rotation(page) == pytest.approx(angles, abs=1e-4)
    theta = stn.volume_theta(angles, size=SIZE)
    view = stn.warp(solid_volume(), theta, VIEW)
    flat, cut = (BRIGHTNESS * view.mean(2)).clamp(max=1), view[:, :, layer]
    assert (pixels(page, 1) - flat).abs().max() <= 1.01 * LEVEL
    assert (pixels(page, 2) - cut).abs().max() <= 1.01 * LEVEL


def test_every_turn_moves_by_arrow_key_and_further_with_shift(explorer):
    assert_shows(explorer, [0, 0, 0])
    for axis, label in enumerate(("tip", "turn", "roll")):
        move(explorer, label)
        move(explorer, label, "Shift+ArrowRight", 2)
        angles = [0.0, 0.0, 0.0]
        angles[axis] = 21.0
        assert_shows(explorer, angles)
        move(explorer, label, "Shift+ArrowLeft", 2)
        move(explorer, label, "ArrowLeft")
    for axis, label in enumerate(("tip", "turn", "roll")):
        move(explorer, label, "Shift+ArrowRight", axis + 2)
    assert_shows(explorer, [20.0, 30.0, 40.0])  # about x first, about z last


def test_the_solid_is_lit_as_the_still_picture_is(explorer):
    explorer.evaluate("model.set('rotation', [10, -40, 25])")
    settle(explorer)
    theta = stn.volume_theta((10, -40, 25), size=SIZE)
    expected = stn.plots.shade(stn.warp(solid_volume(), theta, FINE)[0, 0]).clamp(0, 1)
    assert (pixels(explorer, 0)[0, 0] - expected).abs().max() <= 2 * LEVEL
    assert expected.max() > 0.6


def test_dragging_turns_the_solid_the_way_of_the_hand(explorer):
    box = explorer.locator(".stn-live canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    explorer.mouse.move(x, y)
    explorer.mouse.down()
    explorer.mouse.move(x + 50, y + 30, steps=5)
    explorer.mouse.up()
    assert_shows(explorer, [-18.0, 30.0, 0.0])
    near = stn.invert(stn.volume_theta((-18, 30, 0)))[0, :, :3] @ torch.tensor([0.0, 0, -1])
    assert near[0] > 0 and near[1] > 0  # what is near goes right and down, as the hand did
    explorer.mouse.move(x - 40, y)  # let go: it stays
    assert_shows(explorer, [-18.0, 30.0, 0.0])


def test_the_layer_is_chosen_by_its_slider(explorer):
    move(explorer, "layer", "Home")
    assert explorer.evaluate("model.get('layer')") == 0
    assert_shows(explorer, [0, 0, 0], layer=0)
    move(explorer, "layer", "End")
    assert_shows(explorer, [0, 0, 0], layer=VIEW[0] - 1)


def test_straight_on_and_back_again(page):
    volume = stn.to_floats(turn_solids(stn.load_digits().test.images[2:3], 16, 70, 1)[0])
    mount(page, SolidExplorer(volume, pose=POSE, start=(5, 0, 0)))
    settle(page)
    page.click("text=straight on")
    tilt = "document.querySelector('.stn-message').textContent"
    page.wait_for_function(f"{tilt}.includes(' 0° apart')")
    page.click("text=as it came")
    settle(page)
    assert rotation(page) == [5, 0, 0]
    expected = stn.tilt_between(stn.volume_theta((5, 0, 0)), POSE).item()
    page.wait_for_function(f"{tilt}.includes(' {expected:.0f}° apart')")


def test_the_tilt_is_true_in_a_volume_that_is_no_cube(page):
    mount(page, SolidExplorer(solid_volume(), view=VIEW, start=(0, 30, 0)))
    settle(page)
    told = "document.querySelector('.stn-message').textContent"
    page.wait_for_function(f"{told}.includes(' 30° apart')")


def test_python_moves_the_sliders(explorer):
    explorer.evaluate("model.set('rotation', [0, 90, 0])")
    settle(explorer)
    slider = explorer.locator(".stn-live [aria-label='turn']")
    assert slider.input_value() == "90" and slider.get_attribute("aria-valuetext") == "90°"
    words = explorer.locator(".stn-live canvas").first.get_attribute("aria-label")
    assert "0, 90, 0 degrees" in words
