"""The grid explorer in a bare page: what it says of every pixel, against torch."""

import re

import pytest
import torch
from bare import drag, mount, move, pixels, settle, theta

import stn_lesson as stn
from stn_lesson.widgets import GridExplorer

HOUSE = stn.house(64, 96).mul(255).round() / 255
HANDLE = "pixel of the target"
NUMBER = r"−?\d+\.\d+"


@pytest.fixture
def explorer(page):
    mount(page, GridExplorer(HOUSE, size=(4, 6), start={"rotation": 20, "scale": 0.8}))
    return page


def lines(page):
    settle(page)
    return page.locator(".stn-numbers").inner_text().replace("\xa0", " ").splitlines()


def numbers(line):
    return [float(number.replace("−", "-")) for number in re.findall(NUMBER, line)]


def assert_says(page, row, column, image=HOUSE):
    """Every number shown for this pixel is what stn_lesson computes."""
    (height, width), now = page.evaluate("model.get('size')"), theta(page)
    first, x_line, y_line, place, found = lines(page)
    assert first.startswith(f"row {row}, column {column} of the target")
    assert first.endswith(f"column {row * width + column} of G")
    own = stn.meshgrid(height, width)[:, row * width + column]
    assert numbers(first) == pytest.approx(own[:2].tolist(), abs=6e-4)
    looks = stn.sampling_grid(now, height, width)[0, row, column]
    for axis, line in enumerate((x_line, y_line)):
        a, b, c = now[0, axis].tolist()
        x, y = own[:2].tolist()
        assert numbers(line) == pytest.approx([a, x, b, y, c, looks[axis].item()], abs=6e-4)
    in_pixels = torch.stack(stn.to_pixels(looks, *image.shape[-2:])).tolist()
    assert numbers(place) == pytest.approx(in_pixels, abs=6e-3)
    assert place.endswith("outside the source") == bool(looks.abs().max() > 1 + 1e-5)
    value = stn.warp(image, now, (height, width))[0, :, row, column]
    assert numbers(found) == pytest.approx(value.tolist(), abs=0.5 / 255 + 6e-3)
    patch = page.evaluate("document.querySelector('.stn-swatch').style.background")
    assert [int(n) / 255 for n in re.findall(r"\d+", patch)] == pytest.approx(
        value.expand(3).tolist(), abs=0.51 / 255 + 1e-6
    )


def middle_of(page, row, column):
    """Where on the screen a pixel of the target is."""
    height, width = page.evaluate("model.get('size')")
    box = page.locator(".stn-live canvas").nth(1).bounding_box()
    zoom = 290 / max(height, width)
    border = (box["width"] - width * zoom) / 2, (box["height"] - height * zoom) / 2
    return (
        box["x"] + border[0] + (column + 0.5) * zoom,
        box["y"] + border[1] + (row + 0.5) * zoom,
    )


def test_pointing_shows_a_pixel_and_leaving_returns_to_the_kept_one(explorer):
    for row in range(4):
        for column in range(6):
            explorer.mouse.move(*middle_of(explorer, row, column))
            assert_says(explorer, row, column)
    assert (
        explorer.evaluate("model.get('pixel')") == [0, 0] and explorer.evaluate("model.saved") == 0
    )
    explorer.mouse.move(5, 5)
    assert_says(explorer, 0, 0)


def test_a_click_keeps_a_pixel(explorer):
    explorer.mouse.click(*middle_of(explorer, 2, 4))
    explorer.mouse.move(5, 5)
    assert_says(explorer, 2, 4)
    assert (
        explorer.evaluate("model.get('pixel')") == [2, 4] and explorer.evaluate("model.saved") == 1
    )


def test_arrow_keys_step_from_pixel_to_pixel_and_stop_at_the_edge(explorer):
    move(explorer, HANDLE, "ArrowRight", 2)
    move(explorer, HANDLE, "ArrowDown")
    assert_says(explorer, 1, 2)
    move(explorer, HANDLE, "Shift+ArrowDown")
    assert_says(explorer, 3, 2)
    move(explorer, HANDLE, "ArrowLeft", 5)
    assert_says(explorer, 3, 0)
    move(explorer, HANDLE, "ArrowRight")
    assert_says(explorer, 3, 1)


def test_the_handle_is_dragged(explorer):
    zoom = 290 / 6
    drag(explorer, HANDLE, 3 * zoom, 2 * zoom)
    assert_says(explorer, 2, 3)
    explorer.mouse.move(5, 5)
    assert_says(explorer, 2, 3)


def test_sliders_move_theta(explorer):
    for label, moves in {
        "rotation": {"rotation": 9},
        "scale": {"rotation": 20, "scale": 0.91},
        "shear": {"rotation": 20, "scale": 0.8, "shear": 11},
        "right": {"rotation": 20, "scale": 0.8, "translation": (0.11, 0)},
        "down": {"rotation": 20, "scale": 0.8, "translation": (0, 0.11)},
    }.items():
        step = "Left" if label == "rotation" else "Right"
        move(explorer, label, f"Arrow{step}")
        move(explorer, label, f"Shift+Arrow{step}")
        wanted = {"scale": 0.8} | moves
        assert torch.allclose(theta(explorer), stn.affine_theta(**wanted, size=(64, 96)), atol=1e-5)
        assert_says(explorer, 0, 0)
        explorer.click("text=reset")
        settle(explorer)
    started = stn.affine_theta(20, 0.8, size=(64, 96))
    assert torch.allclose(theta(explorer), started, atol=1e-6)


def test_rows_and_columns_change_and_the_pixel_stays_inside(explorer):
    explorer.evaluate("model.set('pixel', [3, 5])")
    move(explorer, "columns", "ArrowLeft", 2)
    assert explorer.evaluate("model.get('size')") == [4, 4]
    assert_says(explorer, 3, 3)
    move(explorer, "rows", "Home")
    assert explorer.evaluate("model.get('size')") == [1, 4]
    assert_says(explorer, 0, 3)  # one row alone sits at y = 0
    assert numbers(lines(explorer)[0])[1] == 0
    move(explorer, "columns", "Home")
    assert_says(explorer, 0, 0)
    move(explorer, "rows", "End")
    move(explorer, "columns", "End")
    assert explorer.evaluate("model.get('size')") == [32, 32]
    assert_says(explorer, 0, 0)


BLUE = torch.tensor([0x00, 0x72, 0xB2]) / 255


def test_every_point_of_a_small_grid_is_a_dot_where_torch_says(page):
    theta = {"rotation": 40, "scale": 1.5}
    mount(page, GridExplorer(torch.full((1, 1, 8, 12), 0.5), size=(4, 6), start=theta))
    page.evaluate("model.set('pixel', [1, 1])")
    settle(page)
    grid = stn.sampling_grid(stn.affine_theta(**theta, size=(8, 12)), 4, 6)[0]
    x, y = stn.to_pixels(grid, 8, 12)
    places, shown = 54 + (torch.stack([y, x], -1) + 0.5) * 270 / 12, pixels(page, 0)[0]
    for row, column in places.view(-1, 2).int().tolist():
        assert torch.allclose(shown[:, row, column], BLUE, atol=0.02)
    shown = pixels(page, 1)[0]
    for row in range(4):
        for column in range(6):
            place = [int(17 + (n + 0.5) * 290 / 6) for n in (row, column)]
            assert torch.allclose(shown[:, place[0], place[1]], BLUE, atol=0.02)


def test_the_points_of_a_large_grid_are_not_drawn(page):
    image = torch.full((1, 1, 8, 12), 0.5)
    mount(page, GridExplorer(image, size=(40, 60)))
    for which in (0, 1):
        blue = (pixels(page, which) - BLUE.view(1, 3, 1, 1)).abs().amax(1) < 1e-3
        assert not blue.any()
    assert page.get_attribute("[aria-label=columns]", "aria-valuetext") == "60"
    move(page, HANDLE, "ArrowRight", 59)
    assert_says(page, 0, 59, image)


def test_python_moves_everything(explorer):
    wanted = stn.affine_theta(-70, 2.2, 10, (0.4, -0.3), size=(64, 96))
    explorer.evaluate("t => model.set('theta', t)", wanted.flatten().tolist())
    explorer.evaluate("model.set('size', [5, 3])")
    explorer.evaluate("model.set('pixel', [4, 2])")
    assert_says(explorer, 4, 2)
    assert abs(float(explorer.input_value("[aria-label=rotation]")) + 70) < 0.6


def test_a_grey_picture_has_one_number(page):
    image = torch.rand(1, 1, 5, 9).mul(255).round() / 255
    mount(page, GridExplorer(image, size=(5, 9)))
    move(page, HANDLE, "ArrowRight", 3)
    assert_says(page, 0, 3, image)
    assert len(numbers(lines(page)[-1])) == 1


def test_a_theta_without_inverse_is_explained(explorer):
    explorer.evaluate("model.set('theta', [0, 0, 0, 0, 1, 0])")
    settle(explorer)
    assert "no slider can say it" in explorer.locator(".stn-message").inner_text()
    assert_says(explorer, 0, 0)
    move(explorer, "rotation")
    assert explorer.locator(".stn-message").inner_text() == ""


def test_the_explanation_goes_when_python_sets_another_theta(explorer):
    for numbers, words in [([0, 0, 0, 0, 1, 0], "no slider can say it"), ([1, 0, 0, 0, 1, 0], "")]:
        explorer.evaluate("numbers => model.set('theta', numbers)", numbers)
        settle(explorer)
        told = explorer.locator(".stn-message").inner_text()
        assert words in told and bool(words) == bool(told)


def test_the_target_on_its_canvas_is_what_torch_reads(explorer):
    target = stn.warp(HOUSE, theta(explorer), (4, 6))[0, :, 3, 5]
    x, y = middle_of(explorer, 3, 5)
    box = explorer.locator(".stn-live canvas").nth(1).bounding_box()
    beside = pixels(explorer, 1)[0, :, int(y - box["y"]) + 15, int(x - box["x"]) + 15]
    assert torch.allclose(beside, target, atol=1.01 / 255)


def test_an_ended_picture_listens_no_more(explorer):
    assert explorer.evaluate("model.listeners()") == 3
    explorer.evaluate("end()")
    assert explorer.evaluate("model.listeners()") == 0
