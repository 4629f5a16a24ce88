"""The alignment in a bare page: loss, gradient, descent, blur and map against torch."""

import pytest
import torch
from bare import drag, mount, move, pixels, settle, theta
from torch.nn.functional import avg_pool2d, interpolate

import stn_lesson as stn
from stn_lesson.widgets import Alignment
from stn_lesson.widgets.live import script

SIZE = (20, 27)


def smooth(seed, size=SIZE):
    rough = torch.rand(1, 1, 5, 6, generator=torch.Generator().manual_seed(seed))
    return interpolate(rough, size, mode="bicubic", align_corners=True).clamp(0, 1)


IMAGE, WANTED = smooth(1), smooth(2)
START = {"rotation": 10, "scale": 1.3, "translation": (0.11, -0.07)}
DIGIT = stn.to_floats(stn.load_digits().test.images[3:4])
HIDDEN = stn.affine_theta(rotation=-25, scale=1.2, translation=(0.25, -0.15))


@pytest.fixture
def alignment(page):
    mount(page, Alignment(IMAGE, WANTED, start=START))
    return page


def click(page, name):
    page.click(f".stn-live button:text-is('{name}')")
    settle(page)


def press(page, name, times=1):
    """Click a button so many times within one frame."""
    page.evaluate(
        """([name, times]) => {
          const found = [...document.querySelectorAll("button")].find(b => b.textContent === name);
          for (let i = 0; i < times; i++) found.click();
        }""",
        [name, times],
    )
    settle(page)


def message(page):
    """What is told once things stand still."""
    page.wait_for_timeout(500)
    return page.locator(".stn-message").inner_text()


def shown_loss(page):
    return float(page.locator("output", has_text="loss L").inner_text().split("=")[1])


def map_stands(page):
    page.wait_for_function("document.querySelectorAll('.stn-ramp').length === 1")
    page.wait_for_timeout(150)


def torch_loss(at, blur=0, image=IMAGE, wanted=WANTED):
    def soft(picture):
        return avg_pool2d(picture, 2 * blur + 1, 1, blur) if blur else picture

    return (stn.warp(soft(image), at) - soft(wanted)).square().mean()


def torch_descent(at, steps, image=IMAGE, wanted=WANTED):
    """Notebook 04's `align`, from any start."""
    at = at.clone().requires_grad_()
    optimiser = torch.optim.Adam([at], 0.02)
    for _ in range(steps):
        optimiser.zero_grad()
        torch_loss(at, 0, image, wanted).backward()
        optimiser.step()
    return at.detach()


def second_view(page, live):
    """Show the mounted model once more, as a second output of the same widget."""
    page.evaluate(
        """async script => {
          const address = URL.createObjectURL(new Blob([script], {type: "text/javascript"}));
          const el = document.createElement("div"), {default: widget} = await import(address);
          document.body.append(el);
          widget.render({model, el});
        }""",
        live._esm,
    )
    settle(page)


def press_step(page, view, times):
    page.evaluate(
        """([view, times]) => {
          const step = document.querySelectorAll("[aria-label='one step of descent']")[view];
          for (let i = 0; i < times; i++) step.click();
        }""",
        [view, times],
    )
    settle(page)


def as_picture(image):
    height, width = image.shape[-2:]
    return {"grey": image.flatten().tolist(), "height": height, "width": width}


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
    alignment.wait_for_function("model.get('steps') >= 10")
    click(alignment, "pause")
    steps = alignment.evaluate("model.get('steps')")
    assert torch.allclose(theta(alignment), torch_descent(start, steps), atol=1e-3)
    alignment.wait_for_timeout(200)
    assert alignment.evaluate("model.get('steps')") == steps  # it stands
    assert f"after {steps} steps" in message(alignment)
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
    page.wait_for_selector("button:text-is('play')", timeout=30_000)
    assert 20 < page.evaluate("model.get('steps')") < 300
    assert "The loss no longer falls" in message(page)
    assert torch.allclose(theta(page), HIDDEN, atol=0.01)


def test_the_descent_stops_after_300_steps_and_goes_on_when_asked(page):
    noise = torch.rand(2, 1, 1, 40, 50, generator=torch.Generator().manual_seed(0))
    mount(page, Alignment(*noise))  # so rugged a loss that Adam never comes to rest
    for steps in (300, 600):
        click(page, "play")
        page.wait_for_selector("button:text-is('play')", timeout=30_000)
        assert page.evaluate("model.get('steps')") == steps
        assert "Stopped after 300 steps" in message(page)


def test_a_picture_out_of_sight_has_no_slope(page):
    mount(page, Alignment(DIGIT, DIGIT, start={"translation": (2.5, 0)}))
    before = theta(page)
    click(page, "play")
    page.wait_for_selector("button:text-is('play')", timeout=30_000)
    assert "The gradient is 0" in message(page)
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


def test_blur_by_key_and_reset(alignment):
    at = theta(alignment)
    move(alignment, "blur", times=3)
    assert alignment.evaluate("model.get('blur')") == 3
    assert shown_loss(alignment) == pytest.approx(torch_loss(at, 3).item(), abs=5.1e-5)
    move(alignment, "blur", "End")
    assert shown_loss(alignment) == pytest.approx(torch_loss(at, 6).item(), abs=5.1e-5)
    click(alignment, "reset")
    assert alignment.evaluate("model.get('blur')") == 0


def test_the_map_is_the_loss_over_two_numbers(alignment):
    map_stands(alignment)
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
    map_stands(alignment)
    before = pixels(alignment, 3)
    drag(alignment, "present place on the map", 30, -20)
    expected = stn.affine_theta(
        10 + 20 / 224 * 360, 1.3, translation=(0.11 + 30 / 224 * 3, -0.07), size=SIZE
    )
    assert torch.allclose(theta(alignment), expected, atol=0.02)
    map_stands(alignment)
    assert torch.equal(pixels(alignment, 3), before)  # its two numbers moved: the map is the same
    move(alignment, "down", "Shift+ArrowRight")
    map_stands(alignment)
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
    map_stands(alignment)
    before = pixels(alignment, 3)
    alignment.select_option("[aria-label='map, upright']", "right")
    map_stands(alignment)
    turned = pixels(alignment, 3).transpose(2, 3).flip(2, 3)  # rotation grew upwards, right as well
    assert (turned - before).abs().mean() < 0.02 < (pixels(alignment, 3) - before).abs().mean()


def test_the_way_of_the_descent_is_drawn_on_the_map(alignment):
    press(alignment, "step", 40)
    map_stands(alignment)
    with_path = pixels(alignment, 3)
    at = theta(alignment).flatten().tolist()
    alignment.evaluate("t => model.set('theta', t.map(v => v + 1e-6))", at)  # a new beginning here
    map_stands(alignment)
    changed = (with_path != pixels(alignment, 3)).any(1).sum()
    assert 30 < changed < 5000


def test_a_theta_without_inverse_is_explained_and_left_again(alignment):
    alignment.evaluate("model.set('theta', [0, 0, 0, 0, 1, 0])")
    assert "no slider can say it" in message(alignment)
    move(alignment, "rotation")
    assert "Loss" in message(alignment) and theta(alignment)[0, 0, 0] != 0
    for numbers, words in [([0, 0, 0, 0, 1, 0], "no slider"), ([1, 0, 0, 0, 1, 0], "Loss")]:
        alignment.evaluate("numbers => model.set('theta', numbers)", numbers)
        assert words in message(alignment)


def test_the_loss_is_told_only_when_things_stand_still(alignment):
    assert "after 0 steps" in message(alignment)
    alignment.evaluate("""() => {
      window.told = [];
      new MutationObserver(() => told.push(document.querySelector(".stn-message").textContent))
        .observe(document.querySelector(".stn-message"), {childList: true});
    }""")
    click(alignment, "play")
    alignment.wait_for_function("model.get('steps') >= 30")
    click(alignment, "pause")
    message(alignment)
    assert len([words for words in alignment.evaluate("told") if words]) == 1


def test_an_ended_picture_listens_no_more_and_stands(alignment):
    click(alignment, "play")
    assert alignment.evaluate("model.listeners()") > 0
    alignment.evaluate("end()")
    assert alignment.evaluate("model.listeners()") == 0
    steps = alignment.evaluate("model.get('steps')")
    alignment.wait_for_timeout(100)
    assert alignment.evaluate("model.get('steps')") == steps
