"""The scene that the browser makes, in a bare page: against the package's warp and clutter."""

import base64

import pytest
import torch
from bare import drag, mount, move, pixels, settle

import stn_lesson as stn
from stn_lesson.widgets import FoolTheNetwork


@pytest.fixture
def game():
    """One whose network answers from the kernel; test_network.py has those in the browser."""
    torch.manual_seed(0)
    game = FoolTheNetwork(stn.RecipeSTN(), stn.load_digits().test)
    game.network = {}
    return game


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


def answer(page, rotation=0.0, turned=None, **changed):
    """Answer the last question as the kernel would, so that the next can be asked."""
    theta = stn.affine_theta(rotation=rotation or 0, scale=1.5).flatten().tolist()
    count = page.evaluate("model.sent.at(-1)[1][0].byteLength") // 3600
    message = {"theta": count * [theta], "shares": count * [[0.91] + [0.01] * 9]}
    message |= {"rotation": turned or count * [rotation]} | changed
    page.evaluate(
        "message => model.tell('msg:custom', {...model.sent.at(-1)[0], ...message})", message
    )
    settle(page)


def stroke(page, button="left"):
    """Draw over the scene with the mouse, along row 10 from column 10 to 30."""
    box = page.locator(".stn-live canvas").first.bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down(button=button)
    page.mouse.move(box["x"] + 120, box["y"] + 40, steps=5)
    page.mouse.up(button=button)
    settle(page)


def said(page):
    return page.inner_text(".stn-numbers")


def meter(page):
    """How many points the undo meter holds, and its words."""
    words = page.locator("[aria-label^='undo meter: the angle']").get_attribute("aria-label")
    return int(words.split(" points")[0].split()[-1]), words


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
    drag(shown, "middle of the digit", 40, -20)
    assert shown.evaluate("model.sent.length") == 1  # the first is not answered yet
    answer(shown)
    assert shown.evaluate("model.sent.length") == 2
    answer(shown)
    assert shown.evaluate("model.sent.length") == 2  # nothing has changed since


def test_clutter_and_its_absence(shown, game):
    answer(shown)
    shown.select_option("[aria-label=digit]", "none")
    settle(shown)
    assert asked(shown).sum() == 0
    answer(shown)
    move(shown, "clutter", "ArrowRight", 2)
    answer(shown)
    crops = torch.frombuffer(bytearray(game.crops), dtype=torch.uint8).view(-1, 8, 8)[:2]
    expected = torch.zeros(60, 60)
    for crop, (row, column) in zip(crops, game.crop_places, strict=False):
        expected[row : row + 8, column : column + 8] += crop / 255
    answer(shown)
    assert torch.allclose(asked(shown)[0, 0], expected.clamp(max=1), atol=1e-6)


def test_the_digit_is_dragged_and_moved_by_keys(shown):
    drag(shown, "middle of the digit", 40, -20)
    x, y = shown.evaluate("[model.get('x'), model.get('y')]")
    assert x == pytest.approx(2 * 40 / 4 / 59, abs=0.02) and y == pytest.approx(-x / 2, abs=0.02)
    move(shown, "middle of the digit", "ArrowLeft", 5)
    assert shown.evaluate("model.get('x')") == pytest.approx(x - 5 * 2 / 59, abs=1e-6)


def test_the_digit_comes_back_from_the_edge_at_the_first_press(shown):
    move(shown, "middle of the digit", "Shift+ArrowRight", 12)
    assert shown.evaluate("model.get('x')") == 1
    move(shown, "middle of the digit", "Shift+ArrowLeft")
    assert shown.evaluate("model.get('x')") < 0.8


def test_drawing_and_erasing_by_mouse_and_keys(shown):
    answer(shown)
    shown.select_option("[aria-label=digit]", "none")
    shown.select_option("[aria-label='drag to']", "draw")
    settle(shown)
    answer(shown)
    stroke(shown)
    answer(shown)
    line = asked(shown)[0, 0]
    assert line[10, 12:28].min() > 0.9 and line[15:].max() == 0
    answer(shown)
    pen = shown.locator("[aria-label^='pen']")
    pen.focus()
    shown.keyboard.press("Shift+ArrowDown")  # lifts the pen
    for _ in range(4):
        shown.keyboard.press("ArrowDown")
    settle(shown)
    answer(shown)
    assert asked(shown)[0, 0, 14:].max() > 0.9 and asked(shown)[0, 0, 14, 30] < 0.5
    answer(shown)
    shown.select_option("[aria-label='drag to']", "erase")
    stroke(shown)
    answer(shown)
    assert asked(shown)[0, 0, 10, 12:28].max() < 0.1
    answer(shown)
    shown.click("text=clear the drawing")
    settle(shown)
    assert asked(shown).sum() == 0


def test_a_right_click_draws_nothing(shown):
    shown.select_option("[aria-label='drag to']", "draw")
    shown.select_option("[aria-label=digit]", "none")
    stroke(shown, button="right")
    answer(shown)
    assert asked(shown).sum() == 0


def test_the_answer_is_put_into_words(shown):
    answer(shown, rotation=-20)
    assert "The network says 0 (91 %); it is a 4: fooled." in said(shown)
    assert "You turn by 0°, it turns by −20°" in said(shown)
    answer(shown)
    shown.select_option("[aria-label=digit]", "0")
    settle(shown)
    answer(shown)
    assert "it is a 0." in said(shown)


def test_a_sweep_fills_the_meter_and_leaves_the_words_alone(shown):
    answer(shown, rotation=-5)
    shown.click("text=turn it all the way round")
    assert shown.evaluate("model.sent.at(-1)[0].question") == "sweep"
    angles = [float(-angle) for angle in range(-180, 181, 5)]
    answer(shown, turned=[*angles[:-1], None])
    assert meter(shown)[0] == 72 and "(175°, −175°)" in meter(shown)[1]
    assert "You turn by 0°, it turns by −5°" in said(shown)
    shown.select_option("[aria-label=digit]", "none")
    settle(shown)
    assert meter(shown)[0] == 0
    answer(shown)
    shown.click("text=turn it all the way round")
    assert "no digit to turn" in shown.inner_text(".stn-message")


def test_an_answer_about_the_digit_before_stays_out_of_the_meter(shown):
    shown.select_option("[aria-label=digit]", "7")
    settle(shown)
    answer(shown, rotation=33.0)  # the first question was about a 4
    assert meter(shown)[0] == 0
    answer(shown, rotation=3.0)
    assert meter(shown)[0] == 1


def test_a_flat_theta_has_no_angle(shown):
    answer(shown, rotation=None)
    assert meter(shown)[0] == 0 and "it turns by" not in said(shown)


def test_an_error_is_told_and_the_next_question_asked(shown):
    answer(shown, error="θ holds nan")
    assert "gave no answer: θ holds nan" in shown.inner_text(".stn-message")
    move(shown, "rotation")
    assert shown.evaluate("model.sent.length") == 2
    answer(shown)
    assert shown.inner_text(".stn-message") == ""


def test_a_view_hears_its_own_answers_only(shown):
    answer(shown, me=-1)
    move(shown, "rotation")
    assert shown.evaluate("model.sent.length") == 1  # still waiting for its own


def test_the_view_is_that_of_the_transformer(page):
    model = stn.RecipeSTN()
    model.transformer.kernel = "nearest"
    game = FoolTheNetwork(model, stn.load_digits().test)
    game.network = {}
    mount(page, game)
    settle(page)
    answer(page, rotation=30.0)
    theta = stn.affine_theta(rotation=30, scale=1.5)
    expected = stn.warp(asked(page), theta, (20, 20), "nearest", "border")
    assert (pixels(page, 1)[:, :1] - expected).abs().max() <= 1.01 / 255


def test_a_silent_kernel_is_explained(shown):
    shown.wait_for_selector(".stn-message >> text=/kernel is busy/")
    answer(shown)
    assert shown.inner_text(".stn-message") == ""


def test_an_ended_game_listens_no_more(shown):
    shown.evaluate("end()")
    assert shown.evaluate("model.listeners()") == 0
