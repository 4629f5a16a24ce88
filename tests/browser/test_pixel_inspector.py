"""The pixel inspector in a bare page: every number that it shows, against torch."""

import re

import pytest
import torch
from bare import drag, mount, move, pixels, settle

from stn_lesson.widgets import PixelInspector
from stn_lesson.widgets.pixel_inspector import MAX_OUTSIDE, NOTEBOOK_IMAGE

POINT = "point that is looked at"
ZOOM = 42  # pixels of the screen for one of the image of notebook 03
STATE = ("x", "y", "kernel", "padding")
NUMBER = r"−?\d+\.\d+"


@pytest.fixture
def inspector(page):
    mount(page, PixelInspector())
    return page


def lines(page):
    settle(page)
    return page.locator(".stn-numbers").evaluate("e => [...e.children].map(c => c.textContent)")


def numbers(text):
    return [float(number.replace("−", "-")) for number in re.findall(NUMBER, text)]


def message(page):
    return page.locator(".stn-message").inner_text()


def assert_says(page, image=NOTEBOOK_IMAGE, **expected):
    """Value, weights and slopes are torch's; the sums written out give them too."""
    x, y, kernel, padding = (page.evaluate(f"model.get('{name}')") for name in STATE)
    for name, now in zip(STATE, (x, y, kernel, padding), strict=True):
        assert now == expected.get(name, now) or now == pytest.approx(expected[name], abs=1e-9)
    wanted = PixelInspector(image, start=(x, y), kernel=kernel, padding=padding)
    value, *slopes = lines(page)[:3]
    *terms, total = numbers(value)
    assert terms[::2] == pytest.approx(wanted.weights.flatten().tolist(), abs=5.1e-4)
    by_hand = sum(w * v for w, v in zip(terms[::2], terms[1::2], strict=True))
    assert by_hand == pytest.approx(total, abs=2e-2)  # factors of two digits
    assert total == pytest.approx(wanted.value, abs=5.1e-4)
    for line, slope in zip(slopes, wanted.slope, strict=True):
        *steps, result = numbers(line)
        assert result == pytest.approx(slope, abs=5.1e-4)
        if steps:
            one, more, less, other, most, least = steps
            by_hand = one * (more - less) + other * (most - least)
            assert by_hand == pytest.approx(result, abs=3e-2)
    return wanted


def test_it_starts_with_the_numbers_of_the_notebooks(inspector):
    value, dx, dy = lines(inspector)[:3]
    assert value == "V = 0.375·0.40a + 0.125·0.80b + 0.375·0.80c + 0.125·0.00d = 0.550   (5)"
    assert dx == "∂V/∂x = 0.50·(0.80 − 0.40) + 0.50·(0.00 − 0.80) = −0.200   (7)"
    assert dy == "∂V/∂y = 0.75·(0.80 − 0.40) + 0.25·(0.00 − 0.80) = 0.100   (7)"


@pytest.mark.parametrize("kernel", ["bilinear", "nearest"])
@pytest.mark.parametrize("padding", ["zeros", "border"])
def test_every_number_is_torchs_inside_outside_and_at_the_knots(page, kernel, padding):
    torch.manual_seed(4)
    image = torch.rand(3, 6)
    mount(page, PixelInspector(image, kernel=kernel, padding=padding, start=(0, 0)))
    max_outside = torch.tensor([5 + 2 * MAX_OUTSIDE, 2 + 2 * MAX_OUTSIDE], dtype=torch.double)
    points = (torch.rand(25, 2, dtype=torch.double) * max_outside - MAX_OUTSIDE).tolist()
    points += [(m / 2, n / 2) for m in (-3, -2, 0, 1, 4, 10, 11, 12, 13) for n in (-3, 0, 2, 4, 7)]
    for x, y in points:
        page.evaluate("([x, y]) => model.set({x, y})", [x, y])
        assert_says(page, image, x=x, y=y)


def test_the_browser_computes_in_full_precision(page):
    """Not only the digits shown: the function behind them, at many points."""
    image = torch.rand(16, 16)
    live = PixelInspector(image)
    script = live._esm.replace("export default {render};", "window.inspect = inspect;")
    page.set_content("<body></body>")
    page.add_script_tag(content=script)
    for kernel in ("bilinear", "nearest"):
        for padding in ("zeros", "border"):
            live.kernel, live.padding = kernel, padding
            points = torch.rand(20, 2, dtype=torch.double) * 18 - MAX_OUTSIDE
            for x, y in [*points.tolist(), [15, 0]]:
                live.x, live.y = x, y
                seen = page.evaluate(
                    "args => window.inspect(...args)", [live.rows, x, y, kernel, padding]
                )
                assert seen["value"] == pytest.approx(live.value, abs=1e-12)
                assert seen["slope"] == pytest.approx(live.slope, abs=1e-12)
                assert seen["weights"] == pytest.approx(live.weights.flatten().tolist(), abs=1e-12)


def test_the_point_moves_by_keys_a_twentieth_of_a_pixel_and_half_of_one_with_shift(inspector):
    move(inspector, POINT, "ArrowRight", 3)
    assert_says(inspector, x=1.4, y=2.5)
    move(inspector, POINT, "Shift+ArrowUp")
    assert_says(inspector, x=1.4, y=2.0)
    move(inspector, POINT, "ArrowDown")
    move(inspector, POINT, "Shift+ArrowLeft")
    assert_says(inspector, x=0.9, y=2.05)
    move(inspector, POINT, "Shift+ArrowLeft", 9)
    assert_says(inspector, x=-1.5)
    move(inspector, POINT)
    assert_says(inspector, x=-1.45)
    assert inspector.evaluate("model.saved") == 16


def test_the_point_is_dragged_out_of_the_image_and_no_further(inspector):
    drag(inspector, POINT, 2 * ZOOM, -ZOOM)
    assert_says(inspector, x=3.25, y=1.5)
    drag(inspector, POINT, 9 * ZOOM, 0)
    assert_says(inspector, x=5.5, y=1.5)
    drag(inspector, POINT, -ZOOM, 7 * ZOOM)
    assert_says(inspector, x=4.5, y=4.5)


def test_sliders(inspector):
    move(inspector, "x")
    move(inspector, "y", "Shift+ArrowLeft")
    assert_says(inspector, x=1.3, y=2.0)
    move(inspector, "x", "End")
    move(inspector, "y", "Home")
    assert_says(inspector, x=5.5, y=-1.5)


def type_into(page, name, text):
    page.fill(f".stn-live [aria-label='{name}']", text)
    page.keyboard.press("Tab")
    settle(page)


def test_coordinates_are_typed(inspector):
    type_into(inspector, "x in pixels", "3.217")
    type_into(inspector, "y in pixels", "−0,5")
    assert_says(inspector, x=3.217, y=-0.5)
    for wrong in ("NaN", "", "left", "5.6", "-1.51", "1e99"):
        type_into(inspector, "x in pixels", wrong)
        assert "x in pixels must be a number from −1.5 to 5.5" in message(inspector)
        assert f"got “{wrong}”" in message(inspector)
        assert_says(inspector, x=3.217, y=-0.5)
        assert inspector.input_value("[aria-label='x in pixels']") == "3.22"
    type_into(inspector, "x in pixels", "1")
    assert message(inspector) == ""
    assert_says(inspector, x=1)


def test_kernel_and_padding_are_chosen(inspector):
    inspector.select_option("[aria-label=kernel]", "nearest")
    assert_says(inspector, kernel="nearest", padding="zeros")
    *_, flat, jump = lines(inspector)
    assert "both slopes are 0" in flat and "sub-gradients" in jump
    inspector.select_option("[aria-label=kernel]", "bilinear")
    inspector.select_option("[aria-label=padding]", "border")
    move(inspector, "x", "End")
    assert_says(inspector, x=5.5, kernel="bilinear", padding="border")
    assert lines(inspector)[1] == "∂V/∂x = 0.000"
    assert lines(inspector)[3] == "Padding border holds the point at the edge: no slope along x."


def test_at_a_knot_it_says_which_side_is_taken(inspector):
    assert [line.strip() for line in lines(inspector)[3:]] == ["", ""]
    inspector.evaluate("model.set({x: 2, y: 1})")
    assert_says(inspector)
    along_x, along_y = lines(inspector)[3:]
    assert (
        along_x
        == "x = 2 is a knot: ⌊x⌋ takes the slope to the right, −0.600; to the left it is −0.100."
    )
    assert along_y == "y = 1 is a knot: ⌊y⌋ takes the slope downwards, 0.000; upwards it is 0.600."


def colours(page, which, *names):
    """How many pixels of a canvas have each of these colours."""
    shown = pixels(page, which)
    counts = []
    for name in names:
        wanted = torch.tensor([int(name[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        counts.append(((shown - wanted.view(1, 3, 1, 1)).abs().amax(1) < 0.004).sum().item())
    return counts


def test_the_areas_are_the_weights(page):
    mount(page, PixelInspector(start=(1.25, 2.6)))
    shades = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")  # a, b, c, d
    inside = pixels(page, 3)[..., 62:382, 62:382]  # the unit square
    wanted = PixelInspector(start=(1.25, 2.6)).weights.flatten()
    for k, (left, top) in enumerate([(0.9, 0.98), (0.02, 0.98), (0.9, 0.02), (0.02, 0.02)]):
        corner = inside[0, :, int(top * 320), int(left * 320)]  # the corner opposite to neighbour k
        own = torch.tensor([int(shades[k][i : i + 2], 16) for i in (1, 3, 5)]) / 255
        hatched = own + (1 - own) * 0.4
        near = min((corner - own).abs().max(), (corner - hatched).abs().max())
        assert near < 0.25, (k, corner)
    counts = torch.tensor(colours(page, 3, *shades), dtype=torch.double)
    assert torch.allclose(counts / counts.sum(), wanted, atol=0.05)


def test_the_gradient_of_the_pixels_is_shown_as_shades(inspector):
    before = pixels(inspector, 0)
    inspector.check("text=show ∂V/∂U")
    settle(inspector)
    after = pixels(inspector, 0)
    title = inspector.locator("figcaption").first.inner_text()
    assert title.startswith("∂V/∂U") and (before != after).any()
    zoom, weight = 2 * ZOOM, 0.375  # of neighbour a, in column 1, row 2
    place = [round((n + 2.5) * zoom - zoom / 2 + 6) for n in (2, 1)]
    assert after[0, 0, place[0], place[1]] == pytest.approx(weight, abs=0.01)
    assert after[0, 0, round(2.5 * zoom) - 30, round(6.5 * zoom) - 30] == 0  # far from the point


def test_the_strips_follow_the_point(inspector):
    before = [pixels(inspector, which) for which in (1, 2)]
    labels = "() => [...document.querySelectorAll('canvas')].map(c => c.ariaLabel)"
    move(inspector, POINT, "Shift+ArrowRight")
    now = assert_says(inspector, x=1.75, y=2.5)
    for which, name in ((1, "down the column"), (2, "along the row")):
        assert (pixels(inspector, which) != before[which - 1]).any()
        label = inspector.evaluate(labels)[which]
        assert label.startswith(name)
        slope = now.slope[0 if which == 2 else 1]
        assert numbers(label) == pytest.approx([now.value, slope], abs=5.1e-4)


def test_the_strip_along_the_row_draws_v(page):
    image = torch.rand(3, 6)
    mount(page, PixelInspector(image, start=(-1.5, 1.3)))
    zoom, strip = 2 * 38, pixels(page, 2)[0].mean(0)
    for x in torch.linspace(-0.9, 5.9, 40).tolist():
        if abs(x - round(x)) < 0.12:
            continue  # the line of a pixel's centre, and its number
        value = PixelInspector(image, start=(min(x, 6.4), 1.3)).value
        row, column = round(270 - 160 - 90 * value), round((x + 2.5) * zoom)
        assert strip[max(row - 2, 0) : row + 3, column].min() < 0.3, x


def test_python_moves_everything(inspector):
    inspector.evaluate("model.set({x: 0.3, y: -1.2, kernel: 'nearest', padding: 'border'})")
    assert_says(inspector)
    for name, shown in (
        ("x in pixels", "0.30"),
        ("y in pixels", "−1.20"),
        ("padding", "border"),
        ("kernel", "nearest"),
    ):
        assert inspector.input_value(f"[aria-label='{name}']") == shown


def test_every_control_has_a_name(inspector):
    controls = ":is(button, select, canvas, input:not([type=checkbox]))"  # the box has its label
    assert inspector.locator(f".stn-live {controls}").count() == 11
    assert inspector.locator(f".stn-live {controls}:not([aria-label])").count() == 0


def test_an_ended_picture_listens_no_more(inspector):
    assert inspector.evaluate("model.listeners()") == 4
    inspector.evaluate("end()")
    assert inspector.evaluate("model.listeners()") == 0
