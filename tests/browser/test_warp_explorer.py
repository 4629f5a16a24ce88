"""The warp explorer in a bare page: every control, by key and by mouse, against torch."""

import pytest
import torch
from bare import drag, mount, move, pixels, settle, theta

import stn_lesson as stn
from stn_lesson.widgets import WarpExplorer
from stn_lesson.widgets.warp_explorer import CHOICES

HOUSE = stn.house(64, 96).mul(255).round() / 255


@pytest.fixture
def explorer(page):
    pictures = {"house": HOUSE, "checkerboard": stn.checkerboard(16, 16)}
    mount(page, WarpExplorer(pictures, choices=CHOICES))
    return page


def message(page):
    return page.locator(".stn-message").inner_text()


def assert_shows(page, expected_theta, image=HOUSE, size=None, **how):
    settle(page)
    assert torch.allclose(theta(page), expected_theta, atol=1e-5)
    picture = stn.warp(image, theta(page), size, **how)
    assert (pixels(page, 1) - picture).abs().max() <= 1.01 / 255


def test_every_slider_moves_by_arrow_key_and_further_with_shift(explorer):
    for label, moves in {
        "rotation": {"rotation": 11},
        "scale": {"scale": 1.11},
        "shear": {"shear": 11},
        "right": {"translation": (0.11, 0)},
        "down": {"translation": (0, 0.11)},
        "stretch": {"scale": (1, 1.11)},
    }.items():
        move(explorer, label)
        move(explorer, label, "Shift+ArrowRight")
        assert_shows(explorer, stn.affine_theta(**moves, size=(64, 96)))
        explorer.click("text=reset")
        assert_shows(explorer, stn.affine_theta())


def test_a_slider_stops_at_its_ends(explorer):
    move(explorer, "scale", "Shift+ArrowRight", 40)
    assert_shows(explorer, stn.affine_theta(scale=3))
    move(explorer, "scale", "Home")
    assert_shows(explorer, stn.affine_theta(scale=0.25))


@pytest.mark.parametrize(
    ("preset", "moves"),
    [
        ("flip", {"scale": (-1, 1)}),
        ("zoom on the centre", {"scale": 2}),
        ("rotate 45°", {"rotation": 45}),
        ("shear", {"shear": 25}),
    ],
)
def test_presets_and_code(explorer, preset, moves):
    explorer.click(f".stn-live button:text-is('{preset}')")
    assert_shows(explorer, stn.affine_theta(**moves, size=(64, 96)))
    explorer.click("text=copy as code")
    explorer.wait_for_function("document.querySelector('.stn-message').textContent")
    code = message(explorer).split(": ", 1)[1]
    names = {"stn": stn}
    exec(code, names)
    assert torch.allclose(names["theta"], theta(explorer), atol=1e-5)


def test_the_code_of_any_theta_gives_that_theta(explorer):
    wanted = stn.affine_theta(-37, (-1.3, 0.7), 12, (0.2, -0.4), size=(64, 96))
    explorer.evaluate("t => model.set('theta', t)", wanted.flatten().tolist())
    settle(explorer)
    explorer.click("text=copy as code")
    explorer.wait_for_function("document.querySelector('.stn-message').textContent")
    names = {"stn": stn}
    exec(message(explorer).split(": ", 1)[1], names)
    assert torch.allclose(names["theta"], wanted, atol=1e-3)


def test_a_corner_is_dragged_while_its_neighbours_stay(explorer):
    drag(explorer, "top left corner of the region that is read", 30, 20)
    corners = torch.tensor([[-1.0, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]])
    now = (theta(explorer) @ corners.T)[0].T
    assert torch.allclose(now[1], torch.tensor([1.0, -1]), atol=1e-5)  # top right stayed
    assert torch.allclose(now[3], torch.tensor([-1.0, 1]), atol=1e-5)
    step = 280 / 96  # canvas pixels for a pixel of the house
    moved = torch.tensor([-1 + 2 * 30 / step / 95, -1 + 2 * 20 / step / 63])
    assert torch.allclose(now[0], moved, atol=0.02)
    assert torch.allclose(now[2], -now[0], atol=1e-5)  # the opposite corner mirrors it


def test_handles_move_by_keys(explorer):
    move(explorer, "centre of the region that is read", "ArrowRight", 3)
    small = theta(explorer)[0, 0, 2].item()
    move(explorer, "centre of the region that is read", "Shift+ArrowRight", 3)
    assert small > 0 and abs(theta(explorer)[0, 0, 2].item() - 11 * small) < 1e-4
    assert theta(explorer)[0, 1, 2].abs() < 1e-6
    move(explorer, "bottom right corner of the region that is read", "ArrowUp", 5)
    assert theta(explorer)[0, 1, 1] < 1


def type_into(page, name, text):
    page.fill(f".stn-live [aria-label='{name}']", text)
    page.keyboard.press("Tab")
    settle(page)


def test_numbers_of_theta_are_typed(explorer):
    type_into(explorer, "θ₁₂", "0.5")
    expected = torch.tensor([[[1, 0.5, 0], [0, 1, 0]]])
    assert_shows(explorer, expected)
    for wrong in ("NaN", "", "one", "1e99"):
        type_into(explorer, "θ₁₁", wrong)
        assert "θ₁₁ must be a number" in message(explorer)
        assert_shows(explorer, expected)
        assert explorer.input_value(".stn-live [aria-label='θ₁₁']") == "1.00"


def test_what_is_refused_on_enter_gives_way_to_the_old_number(explorer):
    explorer.fill(".stn-live [aria-label='θ₂₃']", "two")
    explorer.keyboard.press("Enter")
    settle(explorer)
    assert "θ₂₃ must be a number such as 0.5, got “two”" in message(explorer)
    assert explorer.input_value(".stn-live [aria-label='θ₂₃']") == "0.00"
    assert explorer.evaluate("document.activeElement.ariaLabel") == "θ₂₃"
    explorer.fill(".stn-live [aria-label='θ₂₃']", "−0,25")
    explorer.keyboard.press("Enter")
    assert_shows(explorer, torch.tensor([[[1, 0, 0], [0, 1, -0.25]]]))
    assert message(explorer) == ""


def test_a_theta_without_inverse_is_shown_and_explained(explorer):
    type_into(explorer, "θ₁₁", "0")
    assert "no slider can say it" in message(explorer)
    flat = torch.tensor([[[0.0, 0, 0], [0, 1, 0]]])
    assert_shows(explorer, flat)
    type_into(explorer, "θ₁₁", "1")
    assert message(explorer) == ""
    assert_shows(explorer, stn.affine_theta())


def test_the_explanation_goes_when_python_sets_another_theta(explorer):
    explorer.evaluate("model.set('theta', [0, 0, 0, 0, 1, 0])")
    settle(explorer)
    assert "no slider can say it" in message(explorer)
    explorer.evaluate("model.set('theta', [1, 0, 0, 0, 1, 0])")
    settle(explorer)
    assert message(explorer) == ""


def test_python_moves_the_sliders(explorer):
    wanted = stn.affine_theta(rotation=30, scale=1.5, size=(64, 96))
    explorer.evaluate("t => model.set('theta', t)", wanted.flatten().tolist())
    assert_shows(explorer, wanted)
    assert abs(float(explorer.input_value("[aria-label=rotation]")) - 30) < 0.6
    assert abs(float(explorer.input_value("[aria-label=scale]")) - 1.5) < 0.006


def test_kernel_padding_size_and_picture_are_chosen(explorer):
    explorer.click(".stn-live button:text-is('rotate 45°')")
    explorer.select_option("[aria-label=kernel]", "nearest")
    explorer.select_option("[aria-label=padding]", "border")
    turned = stn.affine_theta(rotation=45, size=(64, 96))
    assert torch.allclose(theta(explorer), turned, atol=1e-6)
    settle(explorer)
    wrong = (pixels(explorer, 1) - stn.warp(HOUSE, turned, None, "nearest", "border")).abs()
    assert (wrong > 0.01).float().mean() < 0.002  # a few points fall just between two pixels
    explorer.select_option("[aria-label=kernel]", "bilinear")
    move(explorer, "output size", "Home")
    assert_shows(explorer, turned, size=(13, 20), padding="border")
    explorer.select_option("[aria-label=picture]", "checkerboard")
    assert_shows(explorer, turned, stn.checkerboard(16, 16), (13, 20), padding="border")


def upload(page, name, content, done):
    """Choose a file and wait until this expression of JavaScript is true."""
    page.set_input_files(".stn-live input[type=file]", {
        "name": name, "mimeType": "image/png", "buffer": content})  # fmt: skip
    page.wait_for_function(done)
    settle(page)


def test_a_picture_of_ones_own(explorer):
    from io import BytesIO

    from PIL import Image

    options = "[...document.querySelector('[aria-label=picture]').options].map(o => o.value)"
    assert explorer.evaluate(options) == ["house", "checkerboard"]
    explorer.evaluate("""() => {
      const create = createImageBitmap;
      window.createImageBitmap = async file => window.bitmap = await create(file);
    }""")
    for size, note in [((30, 20), ""), ((3000, 1500), "3000×1500 pixels, made smaller to 256×128")]:
        file = BytesIO()
        Image.new("RGB", size, (10, 200, 30)).save(file, "PNG")
        width = 256 if note else size[0]
        uploaded = f"model.get('pictures')['your own']?.size[1] === {width}"
        upload(explorer, "mine.png", file.getvalue(), uploaded)
        assert note in message(explorer) and bool(note) == bool(message(explorer))
        assert explorer.evaluate("window.bitmap.width") == 0  # closed: its memory is free again
        assert explorer.evaluate(options) == ["house", "checkerboard", "your own"]
        assert explorer.input_value("[aria-label=picture]") == "your own"
        shown = pixels(explorer, 1)
        assert shown.shape[-2:] == ((20, 30) if not note else (128, 256))
        middle = shown[0, :, shown.shape[2] // 2, shown.shape[3] // 2] * 255
        assert torch.allclose(middle, torch.tensor([10.0, 200, 30]), atol=1)
    explorer.select_option("[aria-label=picture]", "house")
    assert_shows(explorer, stn.affine_theta())


def test_only_the_button_asks_for_a_file(explorer):
    asked = []
    explorer.on("filechooser", lambda chooser: asked.append(chooser))
    move(explorer, "picture", "ArrowDown", 5)
    assert explorer.evaluate("model.get('chosen')") == "checkerboard"
    explorer.wait_for_timeout(100)
    assert not asked
    with explorer.expect_file_chooser():
        explorer.click("text=your own picture …")


def test_what_is_not_a_picture_leaves_a_message_and_a_living_widget(explorer):
    told = "document.querySelector('.stn-message').textContent"
    upload(explorer, "song.mp3", b"no picture at all", told)
    assert "song.mp3 is not a picture" in message(explorer)
    move(explorer, "rotation")
    assert_shows(explorer, stn.affine_theta(rotation=1, size=(64, 96)))


def test_arrows_and_forwards(explorer):
    explorer.click(".stn-live button:text-is('zoom on the centre')")
    before = pixels(explorer, 0)
    explorer.check("text=show arrows")
    settle(explorer)
    assert (pixels(explorer, 0) != before).any()
    explorer.check("text=send pixels forwards instead")
    settle(explorer)
    filled = (pixels(explorer, 1).sum(1) > 0).float().mean()
    assert 0.2 < filled < 0.3  # twice as big: a quarter of the target is filled


def test_an_ended_picture_listens_no_more(explorer):
    assert explorer.evaluate("model.listeners()") > 0
    explorer.evaluate("end()")
    assert explorer.evaluate("model.listeners()") == 0
