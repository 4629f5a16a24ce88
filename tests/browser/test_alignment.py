"""The alignment in a bare page: what it shows, its sliders, blur and words."""

import pytest
import torch
from aligning import (
    IMAGE,
    SIZE,
    START,
    WANTED,
    click,
    pause_after,
    shown_loss,
    torch_loss,
    wait_for_message,
)
from bare import mount, move, pixels, theta
from torch.nn.functional import avg_pool2d

import stn_lesson as stn
from stn_lesson.widgets import Alignment


def test_the_numbers_shown_are_those_of_python(page):
    live = Alignment(IMAGE, WANTED, start=START, blur=2)
    mount(page, live)
    assert shown_loss(page) == pytest.approx(live.loss, abs=5.1e-5)
    matrices = page.locator(".stn-matrix")
    assert page.locator("[aria-label='the gradient of the loss']").count() == 1
    texts = matrices.nth(1).locator("> span > span:first-child").all_inner_texts()
    shown = [float(text.replace("−", "-")) for text in texts]
    assert shown == pytest.approx(live.gradient.flatten().tolist(), abs=5.1e-5)
    texts = matrices.nth(0).locator("> span").all_inner_texts()
    shown = [float(text.replace("−", "-")) for text in texts]
    assert shown == pytest.approx(live.theta.flatten().tolist(), abs=5.1e-4)


def test_the_arrows_point_against_the_gradient(page):
    live = Alignment(IMAGE, WANTED, start=START)
    mount(page, live)
    names = page.eval_on_selector_all(".stn-matrix i", "all => all.map(i => i.className)")
    widths = page.eval_on_selector_all(".stn-matrix i", "all => all.map(i => i.style.width)")
    gradient = live.gradient.flatten()
    assert names == ["stn-smaller" if g > 0 else "stn-larger" for g in gradient]
    expected = (50 * gradient.abs() / gradient.abs().max()).tolist()
    assert [float(width[:-1]) for width in widths] == pytest.approx(expected, abs=0.01)


def test_the_pictures_show_warped_over_wanted(page):
    live = Alignment(IMAGE, WANTED, start=START, blur=1)
    mount(page, live)
    soft = [avg_pool2d(picture, 3, 1, 1) for picture in (IMAGE, WANTED)]
    a, b = stn.warp(soft[0], live.theta)[0, 0], soft[1][0, 0]
    expected = torch.stack([230 * a, 159 * a + 114 * b * (1 - a / 2), 178 * b]) / 255
    assert (pixels(page, 1)[0] - expected).abs().max() <= 1.01 / 255
    assert (pixels(page, 2) - soft[1]).abs().max() <= 1.01 / 255


def test_every_slider_moves_by_arrow_key_and_further_with_shift(alignment):
    click(alignment, "reset")
    for label, moves in {
        "rotation": {"rotation": 21},
        "right": {"translation": (0.22, -0.07)},
        "down": {"translation": (0.11, 0.04)},
        "scale": {"scale": 1.41},
    }.items():
        move(alignment, label)
        move(alignment, label, "Shift+ArrowRight")
        expected = stn.affine_theta(**(START | moves), size=SIZE)
        assert torch.allclose(theta(alignment), expected, atol=1e-4)
        click(alignment, "reset")
    assert torch.allclose(theta(alignment), stn.affine_theta(**START, size=SIZE), atol=1e-6)


def test_blur_by_key_and_reset(alignment):
    at = theta(alignment)
    move(alignment, "blur", times=3)
    assert alignment.evaluate("model.get('blur')") == 3
    assert shown_loss(alignment) == pytest.approx(torch_loss(at, 3).item(), abs=5.1e-5)
    move(alignment, "blur", "End")
    assert shown_loss(alignment) == pytest.approx(torch_loss(at, 6).item(), abs=5.1e-5)
    click(alignment, "reset")
    assert alignment.evaluate("model.get('blur')") == 0


def test_a_theta_without_inverse_is_explained_and_left_again(alignment):
    alignment.evaluate("model.set('theta', [0, 0, 0, 0, 1, 0])")
    wait_for_message(alignment, "no slider can say it")
    move(alignment, "rotation")
    wait_for_message(alignment, "Loss")
    assert theta(alignment)[0, 0, 0] != 0
    for numbers, words in [([0, 0, 0, 0, 1, 0], "no slider"), ([1, 0, 0, 0, 1, 0], "Loss")]:
        alignment.evaluate("numbers => model.set('theta', numbers)", numbers)
        wait_for_message(alignment, words)


def test_the_loss_is_told_only_when_things_stand_still(alignment):
    wait_for_message(alignment, "after 0 steps")
    alignment.evaluate("""() => {
      window.told = [];
      new MutationObserver(() => told.push(document.querySelector(".stn-message").textContent))
        .observe(document.querySelector(".stn-message"), {childList: true});
    }""")
    click(alignment, "play")
    pause_after(alignment, 30)
    steps = alignment.evaluate("model.get('steps')")
    wait_for_message(alignment, f"after {steps} steps")
    assert len([words for words in alignment.evaluate("told") if words]) == 1


def test_an_ended_picture_listens_no_more_and_stands(alignment):
    click(alignment, "play")
    assert alignment.evaluate("model.listeners()") > 0
    alignment.evaluate("end()")
    assert alignment.evaluate("model.listeners()") == 0
    steps = alignment.evaluate("model.get('steps')")
    alignment.wait_for_timeout(100)
    assert alignment.evaluate("model.get('steps')") == steps
