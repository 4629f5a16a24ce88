"""The scene that the browser makes, in a bare page: against the package's warp and clutter."""

import base64

import pytest
import torch
from bare import drag, mount, move, settle

import stn_lesson as stn
from stn_lesson.widgets import FoolTheNetwork


@pytest.fixture
def game():
    torch.manual_seed(0)
    return FoolTheNetwork(stn.RecipeSTN(), stn.load_digits().test)


@pytest.fixture
def shown(page, game):
    mount(page, game)
    settle(page)
    return page


def asked(page, nth=-1):
    """The scenes of a question that the browser sent, (N, 1, 60, 60)."""
    text = page.evaluate(
        """n => btoa(String.fromCharCode(...new Uint8Array(model.sent.at(n)[1][0])))""", nth
    )
    raw = torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)
    return stn.to_floats(raw.view(-1, 1, 60, 60))


def answer(page, rotation=0.0):
    """Answer as the kernel would, so that the next question can be asked."""
    theta = stn.affine_theta(rotation=rotation, scale=1.5).flatten().tolist()
    shares = [0.91] + [0.01] * 9
    message = {"question": "one", "theta": [theta], "shares": [shares], "rotation": [rotation]}
    page.evaluate("message => model.tell('msg:custom', message)", message)
    settle(page)


def test_the_scene_is_the_package_s_own_warp(shown, game):
    answer(shown)
    for label, key, name in [
        ("rotation", "Shift+ArrowRight", "rotation"), ("scale", "Shift+ArrowRight", "scale"),
        ("right", "ArrowRight", "x"), ("down", "Shift+ArrowLeft", "y"),
    ]:  # fmt: skip
        move(shown, label, key, 3)
        answer(shown)
        setattr(game, name, shown.evaluate(f"model.get('{name}')"))
        answer(shown)
    assert (game.rotation, game.scale, game.x, game.y) == pytest.approx((30, 1.3, 0.03, -0.3))
    assert (asked(shown) - game.scene).abs().max() <= 1.01 / 255


def test_one_question_at_a_time_and_the_newest_next(shown):
    move(shown, "rotation", "ArrowRight", 12)
    assert shown.evaluate("model.sent.length") == 1  # the first is not answered yet
    answer(shown)
    assert shown.evaluate("model.sent.length") == 2
    answer(shown)
    assert shown.evaluate("model.sent.length") == 2  # nothing has changed since


def test_clutter_and_its_absence(shown, game):
    answer(shown)
    shown.select_option("[aria-label=digit]", "none")
    answer(shown)
    answer(shown)
    assert asked(shown).sum() == 0
    move(shown, "clutter", "ArrowRight", 2)
    answer(shown)
    answer(shown)
    crops = torch.frombuffer(bytearray(game.crops), dtype=torch.uint8).view(-1, 8, 8)[:2]
    expected = torch.zeros(60, 60)
    for crop, (row, column) in zip(crops, game.crop_places, strict=False):
        expected[row : row + 8, column : column + 8] += crop / 255
    assert torch.allclose(asked(shown)[0, 0], expected.clamp(max=1), atol=1e-6)


def test_the_digit_is_dragged_and_moved_by_keys(shown):
    drag(shown, "middle of the digit", 40, -20)
    x, y = shown.evaluate("[model.get('x'), model.get('y')]")
    assert x == pytest.approx(2 * 40 / 4 / 59, abs=0.02) and y == pytest.approx(-x / 2, abs=0.02)
    move(shown, "middle of the digit", "ArrowLeft", 5)
    assert shown.evaluate("model.get('x')") < x


def test_drawing_and_erasing_by_mouse_and_keys(shown):
    answer(shown)
    shown.select_option("[aria-label=digit]", "none")
    shown.select_option("[aria-label='drag to']", "draw")
    answer(shown)
    box = shown.locator(".stn-live canvas").first.bounding_box()
    shown.mouse.move(box["x"] + 40, box["y"] + 40)
    shown.mouse.down()
    shown.mouse.move(box["x"] + 120, box["y"] + 40, steps=5)
    shown.mouse.up()
    settle(shown)
    answer(shown), answer(shown)
    line = asked(shown)[0, 0]
    assert line[10, 12:28].min() > 0.9 and line[15:].max() == 0
    pen = shown.locator("[aria-label^='pen']")
    pen.focus()
    shown.keyboard.press("Shift+ArrowDown")  # lifts the pen
    for _ in range(4):
        shown.keyboard.press("ArrowDown")
    settle(shown)
    answer(shown), answer(shown)
    assert asked(shown)[0, 0, 14:].max() > 0.9 and asked(shown)[0, 0, 12, 30] < 0.5
    shown.click("text=clear the drawing")
    answer(shown), answer(shown)
    assert asked(shown).sum() == 0


def test_the_answer_is_put_into_words(shown):
    answer(shown, rotation=-20)
    said = shown.inner_text(".stn-numbers")
    assert "The network says 0 (91 %)" in said and "it turns by −20°" in said
    shown.select_option("[aria-label=digit]", "3")
    answer(shown)
    answer(shown)
    assert "it is a 3: fooled" in shown.inner_text(".stn-numbers")


def test_a_sweep_asks_for_all_angles_at_once(shown, game):
    shown.click("text=turn it all the way round")
    assert shown.evaluate("model.sent.at(-1)[0].question") == "sweep"
    scenes = shown.evaluate("model.sent.at(-1)[1][0].byteLength") // 3600
    assert scenes == 73
    shown.select_option("[aria-label=digit]", "none")
    shown.click("text=turn it all the way round")
    assert "no digit to turn" in shown.inner_text(".stn-message")


def test_a_silent_kernel_is_explained(shown):
    shown.wait_for_timeout(3200)
    assert "kernel is busy" in shown.inner_text(".stn-message")
    answer(shown)
    assert shown.inner_text(".stn-message") == ""


def test_an_ended_game_listens_no_more(shown):
    shown.evaluate("end()")
    assert shown.evaluate("model.listeners()") == 0
