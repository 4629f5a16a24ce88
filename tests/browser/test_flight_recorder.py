"""The flight recorder in a bare page: every control, by key and by mouse, against torch."""

import pytest
import torch
from bare import mount, move, pixels, settle

import stn_lesson as stn
from stn_lesson.datasets import Dataset, Split
from stn_lesson.widgets import FlightRecorder

generator = torch.Generator().manual_seed(0)
IMAGES = torch.randint(0, 256, (10, 1, 24, 36), dtype=torch.uint8, generator=generator)
SPLIT = Split(IMAGES, torch.arange(10))
FLIGHT = [
    stn.affine_theta(rotation=4.0 * epoch * torch.arange(10), scale=1 + 0.2 * epoch)
    for epoch in (1, 2, 3)
]
SIZE, PADDING = (10, 14), "border"
CURVE, LARGE, SEEN = 10, 11, 12  # canvases that follow those of the ten digits


@pytest.fixture
def recorder():
    data = Dataset("noise", SPLIT, SPLIT)
    accuracy = [0.25, 0.5, 0.75]
    return FlightRecorder(data, FLIGHT, accuracy=accuracy, size=SIZE, padding=PADDING)


@pytest.fixture
def flight(page, recorder):
    mount(page, recorder)
    return page


def epoch(page):
    return page.evaluate("model.get('epoch')")


def assert_shows(page, recorder, expected):
    """Every small view, and the large one, are what torch makes of θ at this epoch."""
    settle(page)
    assert epoch(page) == pytest.approx(expected, abs=1e-6)
    recorder.epoch = expected
    views = stn.warp(stn.to_floats(IMAGES), recorder.theta, SIZE, padding=PADDING)
    for k in range(10):
        assert (pixels(page, k) - views[k]).abs().max() <= 1.01 / 255
    chosen = page.evaluate("model.get('chosen')")
    assert (pixels(page, SEEN) - views[chosen]).abs().max() <= 1.01 / 255
    numbers = page.locator(".stn-numbers").inner_text().replace("−", "-")
    lines = numbers.replace("θ =", "").splitlines()[1:3]
    shown = torch.tensor([[float(n) for n in line.split()] for line in lines])
    assert (shown - recorder.theta[chosen]).abs().max() <= 0.00501


def words(page):
    return page.locator(".stn-words").inner_text()


def test_the_slider_moves_by_a_tenth_of_an_epoch_and_with_shift_by_one(flight, recorder):
    flight.check("text=show what it sees of each")
    move(flight, "epoch", "Home")
    assert_shows(flight, recorder, 0.0)
    move(flight, "epoch", "ArrowRight", 3)
    assert_shows(flight, recorder, 0.3)
    move(flight, "epoch", "Shift+ArrowRight")
    assert_shows(flight, recorder, 1.3)
    move(flight, "epoch", "ArrowLeft")
    assert_shows(flight, recorder, 1.2)
    move(flight, "epoch", "Shift+ArrowRight", 4)
    assert_shows(flight, recorder, 3.0)


def test_the_slider_is_dragged(flight, recorder):
    flight.check("text=show what it sees of each")
    box = flight.locator("[aria-label=epoch]").bounding_box()
    middle = box["y"] + box["height"] / 2
    flight.mouse.move(box["x"] + box["width"] - 8, middle)
    flight.mouse.down()
    flight.mouse.move(box["x"] + box["width"] / 2, middle, steps=5)
    flight.mouse.up()
    assert abs(epoch(flight) - 1.5) < 0.11
    assert_shows(flight, recorder, epoch(flight))


def test_python_moves_the_slider(flight, recorder):
    flight.evaluate("model.set({epoch: 0.5, views: true, chosen: 4})")
    assert_shows(flight, recorder, 0.5)
    assert flight.input_value("[aria-label=epoch]") == "0.5"
    assert flight.is_checked("text=show what it sees of each")


def test_the_accuracy_is_told_in_words_and_marked_on_its_curve(flight):
    told = {}
    for at in (0, 0.5, 1, 1.5, 3):
        flight.evaluate("epoch => model.set({epoch})", at)
        settle(flight)
        told[at] = words(flight)
        assert told[at] in flight.get_attribute("[aria-label=epoch]", "aria-valuetext")
        # The marker: a line at this epoch on an axis from 0 to 3, between its two margins.
        column = round(76 + (1172 - 76 - 34) * at / 3)
        assert (pixels(flight, CURVE)[0, :, 180, column] * 255).round().tolist() == [230, 159, 0]
    assert told == {
        0: "Before training: every frame is the whole picture.",
        0.5: "In the first epoch.",
        1: "After epoch 1 of 3: 25.0 % of the test images right.",
        1.5: "Between epochs 1 and 2: from 25.0 % to 50.0 % of the test images right.",
        3: "After epoch 3 of 3: 75.0 % of the test images right.",
    }


def corner_of(recorder, k, side):
    """Where the dot of the first corner stands on a canvas, from θ: (row, column)."""
    x, y = (recorder.theta[k] @ torch.tensor([-1.0, -1, 1])).tolist()
    zoom = side / 36
    border = round(0.12 * side)
    return (
        round(border + ((y + 1) * 23 / 2 + 0.5) * zoom),
        round(border + ((x + 1) * 35 / 2 + 0.5) * zoom),
    )


def test_a_dot_stands_where_each_region_begins(flight, recorder):
    for at in (3.0, 1.5):
        flight.evaluate("epoch => model.set({epoch, chosen: 1})", at)
        settle(flight)
        recorder.epoch = at
        for which, k, side in [(0, 0, 112), (3, 3, 112), (LARGE, 1, 300)]:
            row, column = corner_of(recorder, k, side)
            colour = (pixels(flight, which)[0, :, row, column] * 255).round().tolist()
            assert colour == [230, 159, 0]


def test_a_digit_is_chosen_by_click_and_by_key(flight, recorder):
    flight.check("text=show what it sees of each")
    flight.click("[aria-label='image 4, a 3']")
    assert flight.evaluate("model.get('chosen')") == 3
    assert_shows(flight, recorder, 3.0)
    assert "image 4, a 3" in flight.locator(".stn-numbers").inner_text()
    for key, chosen in [("ArrowLeft", 2), ("ArrowUp", 2), ("ArrowLeft", 1), ("ArrowDown", 9)]:
        flight.keyboard.press(key)
        settle(flight)
        assert flight.evaluate("model.get('chosen')") == chosen
        focused = flight.evaluate("document.activeElement.getAttribute('aria-label')")
        assert focused == f"image {chosen + 1}, a {chosen}"
    assert_shows(flight, recorder, 3.0)
    checked = flight.eval_on_selector_all(
        "[role=radio]", "tiles => tiles.map(t => t.getAttribute('aria-checked') + t.tabIndex)"
    )
    assert checked == ["false-1"] * 9 + ["true0"]  # one stop of the tab key


def test_play_starts_anew_at_the_end_and_can_be_held(flight):
    flight.evaluate("""() => model.on("change:epoch", () => { // in the frame that moves it
        const button = document.querySelector("[aria-label='pause the flight through the epochs']");
        if (model.get("epoch") > 0.05 && !window.paused) { window.paused = true; button.click(); }
    })""")
    flight.click("text=play")
    flight.wait_for_function("window.paused")
    settle(flight)
    held = epoch(flight)
    flight.wait_for_timeout(150)
    assert epoch(flight) == held < 2.5 and flight.locator("text=play").is_visible()
    flight.focus("[aria-label*='flight through the epochs']")
    flight.keyboard.press("Enter")
    flight.wait_for_function("at => model.get('epoch') > at", arg=held)
    move(flight, "epoch", "ArrowRight")  # whoever takes the slider has it
    held = epoch(flight)
    flight.wait_for_timeout(150)
    assert epoch(flight) == held


def test_play_stops_by_itself_at_the_last_epoch(flight):
    flight.evaluate("model.set({epoch: 2.9})")
    flight.click("text=play")
    flight.wait_for_function("model.get('epoch') === 3")
    settle(flight)
    assert flight.locator("text=play").is_visible()
    saved = flight.evaluate("model.saved")
    flight.wait_for_timeout(200)
    assert flight.evaluate("model.saved") == saved


def test_images_without_labels_and_without_accuracy(page):
    mount(page, FlightRecorder(IMAGES, FLIGHT[:1], size=SIZE))
    assert page.locator(".stn-flight").count() == 0
    assert words(page) == "After epoch 1 of 1."
    assert page.locator("[aria-label='image 2']").count() == 1


def test_an_ended_picture_moves_and_listens_no_more(flight):
    flight.click("text=play")
    flight.wait_for_function("model.saved > 0")
    assert flight.evaluate("model.listeners()") > 0
    flight.evaluate("end()")
    assert flight.evaluate("model.listeners()") == 0
    saved = flight.evaluate("model.saved")
    flight.wait_for_timeout(100)
    assert flight.evaluate("model.saved") == saved
