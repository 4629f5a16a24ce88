"""The descent in a bare page: loss, gradient and steps against torch; play, pause, stop."""

import pytest
import torch
from aligning import (
    DIGIT,
    HIDDEN,
    IMAGE,
    SIZE,
    START,
    WANTED,
    as_picture,
    click,
    pause_after,
    press,
    press_step,
    second_view,
    shown_loss,
    smooth,
    torch_descent,
    torch_loss,
    wait_for_message,
)
from bare import mount, move, settle, theta

import stn_lesson as stn
from stn_lesson.widgets import Alignment
from stn_lesson.widgets.live import script


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("blur", [0, 3])
def test_loss_gradient_and_blur_are_those_of_torch(page, seed, blur):
    page.add_script_tag(content=script("descent"))
    generator = torch.Generator().manual_seed(seed)
    at = torch.tensor([[[1.0, 0, 0], [0, 1, 0]]])
    at = (at + 0.3 * torch.randn(1, 2, 3, generator=generator)).double().requires_grad_()
    image, wanted = smooth(seed).double(), torch.rand(1, 1, *SIZE, generator=generator).double()
    found = page.evaluate(
        """([image, wanted, theta, blur]) =>
          assess(blurred(image, blur), blurred(wanted, blur), theta)""",
        [as_picture(image), as_picture(wanted), at.flatten().tolist(), blur],
    )
    loss = torch_loss(at, blur, image, wanted)
    (gradient,) = torch.autograd.grad(loss, at)
    assert found["loss"] == pytest.approx(loss.item(), rel=1e-5)
    scale = gradient.abs().max().item()
    for by_hand, by_torch in zip(found["gradient"], gradient.flatten().tolist(), strict=True):
        assert by_hand == pytest.approx(by_torch, rel=1e-4, abs=1e-5 * scale)


@pytest.mark.parametrize(("axis", "shift"), [(0, -1), (1, -1), (0, 2), (1, 2)])
def test_on_the_border_column_and_row_the_slope_is_the_one_ahead(page, axis, shift):
    """θ₁₃ = −1 puts the first column at x = −1: no pixel, but one right of it. Equation (7)."""
    page.add_script_tag(content=script("descent"))
    image, wanted = torch.rand(2, 1, 1, 3, 3, generator=torch.Generator().manual_seed(0)).double()
    at = torch.tensor([[[1.0, 0, 0], [0, 1, 0]]]).double()
    at[0, axis, 2] = shift
    at.requires_grad_()
    picture = stn.bilinear_sample(image, stn.sampling_grid(at, 3, 3))
    (gradient,) = torch.autograd.grad((picture - wanted).square().mean(), at)
    assert gradient[0, axis].abs().max() > 0.01
    found = page.evaluate(
        "([image, wanted, theta]) => assess(image, wanted, theta).gradient",
        [as_picture(image), as_picture(wanted), at.flatten().tolist()],
    )
    assert found == pytest.approx(gradient.flatten().tolist(), abs=1e-9)


def test_fifty_steps_are_those_of_torch(alignment):
    start = theta(alignment)
    press(alignment, "step", 50)
    expected = torch_descent(start, 50)
    assert (expected - start).abs().max() > 0.1
    assert torch.allclose(theta(alignment), expected, atol=1e-3)
    assert alignment.evaluate("model.get('steps')") == 50
    assert shown_loss(alignment) == pytest.approx(torch_loss(expected).item(), abs=1e-4)


def test_play_pause_and_restart(alignment):
    start = theta(alignment)
    click(alignment, "play")
    pause_after(alignment, 10)
    steps = alignment.evaluate("model.get('steps')")
    assert torch.allclose(theta(alignment), torch_descent(start, steps), atol=1e-3)
    alignment.wait_for_timeout(200)
    assert alignment.evaluate("model.get('steps')") == steps  # it stands
    wait_for_message(alignment, f"after {steps} steps")
    press(alignment, "step", 5)  # the descent goes on where it was
    assert torch.allclose(theta(alignment), torch_descent(start, steps + 5), atol=1e-3)
    click(alignment, "restart")
    assert torch.equal(theta(alignment), start)
    assert alignment.evaluate("model.get('steps')") == 0


def test_the_sliders_follow_the_descent_and_moving_one_pauses_it(alignment):
    before = alignment.input_value("[aria-label=rotation]")
    click(alignment, "play")
    alignment.wait_for_function("model.get('steps') >= 20")
    assert alignment.input_value("[aria-label=rotation]") != before
    move(alignment, "right")
    assert alignment.evaluate("model.get('steps')") == 0
    moved = theta(alignment)
    alignment.wait_for_timeout(200)
    assert torch.equal(theta(alignment), moved)
    assert alignment.locator("button:text-is('play')").count() == 1
    press(alignment, "step", 10)  # a new descent from here
    assert torch.allclose(theta(alignment), torch_descent(moved, 10), atol=1e-3)


def test_python_moves_theta_and_that_pauses_too(alignment):
    click(alignment, "play")
    wanted = stn.affine_theta(scale=0.9)
    alignment.evaluate("t => model.set('theta', t)", wanted.flatten().tolist())
    alignment.wait_for_timeout(200)
    assert torch.equal(theta(alignment), wanted)


def test_two_views_share_theta_and_each_step_counts(page):
    live = Alignment(IMAGE, WANTED, start=START)
    mount(page, live)
    second_view(page, live)
    start = theta(page)
    press_step(page, 0, 10)
    assert torch.allclose(theta(page), torch_descent(start, 10), atol=1e-3)
    assert page.evaluate("model.get('steps')") == 10
    assert page.locator("output", has_text="step 10").count() == 2
    there = theta(page)
    press_step(page, 1, 5)  # for the second view, the steps of the first were something else
    assert torch.allclose(theta(page), torch_descent(there, 5), atol=1e-3)
    assert page.evaluate("model.get('steps')") == 5
    assert page.locator("output", has_text="step 5").count() == 2


def test_a_slider_or_the_map_takes_the_steps_back_to_0_in_one_message(alignment):
    for label in ("rotation", "present place on the map"):
        press(alignment, "step", 3)
        before = alignment.evaluate("model.saved")
        move(alignment, label)
        assert alignment.evaluate("model.get('steps')") == 0
        assert alignment.evaluate("model.saved") == before + 1


def test_steps_that_python_sets_are_shown(alignment):
    press(alignment, "step", 3)
    alignment.evaluate("model.set('theta', [1, 0, 0, 0, 1, 0])")
    alignment.evaluate("model.set('steps', 0)")  # as Alignment does
    settle(alignment)
    assert alignment.locator("output", has_text="step 0").count() == 1


def test_the_descent_stops_where_the_loss_no_longer_falls(page):
    mount(page, Alignment(DIGIT, stn.warp(DIGIT, HIDDEN)))
    click(page, "play")
    page.wait_for_selector("button:text-is('play')")
    assert 20 < page.evaluate("model.get('steps')") < 300
    wait_for_message(page, "The loss no longer falls")
    assert torch.allclose(theta(page), HIDDEN, atol=0.01)


def test_the_descent_stops_after_300_steps_and_goes_on_when_asked(page):
    noise = torch.rand(2, 1, 1, 40, 50, generator=torch.Generator().manual_seed(0))
    mount(page, Alignment(*noise))  # so rugged a loss that Adam never comes to rest
    for steps in (300, 600):
        click(page, "play")
        page.wait_for_selector("button:text-is('play')")
        assert page.evaluate("model.get('steps')") == steps
        wait_for_message(page, "Stopped after 300 steps")


def test_a_picture_out_of_sight_has_no_slope(page):
    mount(page, Alignment(DIGIT, DIGIT, start={"translation": (2.5, 0)}))
    before = theta(page)
    click(page, "play")
    page.wait_for_selector("button:text-is('play')")
    wait_for_message(page, "The gradient is 0")
    assert torch.equal(theta(page), before)


def test_shifted_far_the_sharp_descent_fails_and_the_blurred_one_arrives(page):
    mount(page, Alignment(DIGIT, stn.warp(DIGIT, HIDDEN)))
    click(page, "shift it far")
    far = stn.affine_theta(translation=(0.9, 0))
    assert torch.allclose(theta(page), far, atol=1e-6)
    press(page, "step", 300)
    assert shown_loss(page) > 0.05
    click(page, "restart")
    move(page, "blur", times=4)
    press(page, "step", 300)
    move(page, "blur", "Home")
    press(page, "step", 150)
    assert shown_loss(page) < 0.001
    assert torch.allclose(theta(page), HIDDEN, atol=0.02)
    click(page, "reset")
    assert torch.equal(theta(page), stn.affine_theta())
