"""The training monitor in a bare page, its reports played by hand; and in JupyterLab, for real."""

import re

import nbformat
import pytest
import torch
from bare import mount, pixels, settle
from lab import open_notebook, running_lab, wait_for_prompt
from monitoring import ACCURACY, BOTTOM, DATA, IMAGES, LEFT, LOSS, RIGHT, SIZE, TOP, at, report
from torch import nn

import stn_lesson as stn
from stn_lesson.datasets import Dataset, Split
from stn_lesson.widgets import TrainingMonitor
from stn_lesson.widgets.live import script

THETAS = stn.affine_theta(rotation=20.0 * torch.arange(4), scale=1.5)
REGIONS, VIEWS = range(2, 10, 2), range(3, 10, 2)  # canvases


@pytest.fixture
def monitor(page):
    torch.manual_seed(0)
    localise = nn.Sequential(nn.Flatten(), nn.Linear(24 * 36, 6))
    transformer = stn.SpatialTransformer(localise, size=SIZE, padding="border")
    model = nn.Sequential(transformer, nn.Flatten(), nn.Linear(10 * 14, 10))
    mount(page, TrainingMonitor(model, DATA, epochs=10, batch_size=2))
    return page


def test_the_figures_and_the_bar_say_how_far_it_is(monitor):
    report(monitor, state="running", step=250, accuracy=[0.5, 0.75])
    figures = monitor.locator(".stn-figures").inner_text()
    assert figures == "running · epoch 3 of 10 · step 250 of 1,000 · 1,235 images/s · 1:23"
    assert monitor.evaluate("document.querySelector('progress').value") == 0.25
    report(monitor, state="finished", step=1000, accuracy=[0.5] * 10)
    assert "finished · epoch 10 of 10" in monitor.locator(".stn-figures").inner_text()
    assert monitor.evaluate("document.querySelector('progress').value") == 1


def test_screen_readers_hear_of_epochs_and_ends_not_of_steps(monitor):
    spoken = monitor.locator(".stn-epochs[role=status]")
    assert spoken.inner_text() == "No epoch is done yet."
    report(monitor, state="running", step=10, accuracy=[0.5])
    spoken_words = "Epoch 1 of 10 done: test accuracy 50.0 %."
    assert spoken.inner_text() == spoken_words
    monitor.evaluate(
        """() => { window.changes = 0; new MutationObserver(() => { changes += 1; }).observe(
            document.querySelector('.stn-epochs'), {childList: true, subtree: true}); }"""
    )
    for step in (20, 30, 40):
        report(monitor, [2.0] * step, step=step)
    assert monitor.evaluate("changes") == 0
    report(monitor, state="stopped")
    assert spoken.inner_text() == f"The training is stopped. {spoken_words}"


def buttons(page):
    return [page.locator(".stn-live button").nth(k) for k in (0, 1)]


def are_off(*both):
    """Both look and sound disabled; or neither does."""
    off = {button.get_attribute("aria-disabled") for button in both}
    looks = {button.evaluate("button => getComputedStyle(button).opacity") for button in both}
    assert (off, looks) in (({"true"}, {"0.5"}), ({"false"}, {"1"}))
    return off == {"true"}


def test_buttons_send_what_they_say_by_mouse_and_by_key(monitor):
    hold, stop = buttons(monitor)
    assert are_off(hold, stop)  # nothing runs yet
    report(monitor, state="running", step=1)
    assert hold.inner_text() == "pause"
    hold.click()
    report(monitor, state="paused")
    assert hold.inner_text() == "resume"
    assert hold.get_attribute("aria-label") == "resume the training"
    hold.focus()
    monitor.keyboard.press("Enter")
    stop.focus()
    monitor.keyboard.press(" ")
    stop.click()
    sent = [content["press"] for content, _ in monitor.evaluate("model.sent")]
    assert sent == ["pause", "resume", "stop", "stop"]
    for state in ("stopped", "finished", "failed"):
        report(monitor, state=state)
        assert are_off(hold, stop)


def test_a_button_that_ends_the_training_keeps_the_focus_and_does_nothing_more(monitor):
    hold, stop = buttons(monitor)
    report(monitor, state="running", step=1)
    assert not are_off(hold, stop)
    stop.focus()
    monitor.keyboard.press("Enter")
    report(monitor, state="stopped")
    assert stop.evaluate("button => button === document.activeElement")
    monitor.keyboard.press("Enter")
    monitor.keyboard.press("Shift+Tab")
    assert hold.evaluate("button => button === document.activeElement")
    monitor.keyboard.press(" ")
    stop.click(force=True)
    assert [content["press"] for content, _ in monitor.evaluate("model.sent")] == ["stop"]


def test_the_gallery_follows_theta_and_tells_right_from_wrong(monitor):
    thetas = THETAS.flatten(1).tolist()
    report(monitor, state="running", step=5, thetas=thetas, answers=[1, 7, 3, 9], accuracy=[0.5])
    views = stn.warp(stn.to_floats(IMAGES), THETAS, SIZE, padding="border")
    for k, which in enumerate(VIEWS):
        assert (pixels(monitor, which) - views[k]).abs().max() <= 1.01 / 255
    zoom, border = 160 / 36, round(0.12 * 160)
    for theta, which in zip(THETAS, REGIONS, strict=True):
        x, y = (theta @ torch.tensor([-1.0, -1, 1])).tolist()
        row = round(border + ((y + 1) * 23 / 2 + 0.5) * zoom)
        column = round(border + ((x + 1) * 35 / 2 + 0.5) * zoom)
        colour = (pixels(monitor, which)[0, :, row, column] * 255).round().tolist()
        assert colour == [230, 159, 0]  # the dot at the first corner
    captions = monitor.locator(".stn-digit").all_inner_texts()
    assert [re.sub(r"\s+", " ", text).strip() for text in captions] == [
        "a 1 → 1 ✓", "a 2 → 7 ✗", "a 3 → 3 ✓", "a 4 → 9 ✗",
    ]  # fmt: skip
    assert monitor.locator("[aria-label*='its answer, 7, is wrong']").count() == 1


def test_the_rows_of_the_gallery_have_names_that_stand_beside_them(monitor):
    middles = {}
    for words, which in [
        ("where it looks", REGIONS[0]),
        ("what the classifier sees, and says", VIEWS[0]),
    ]:
        name = monitor.locator(f".stn-gallery >> text='{words}'").bounding_box()
        canvas = monitor.locator("canvas").nth(which).bounding_box()
        assert name["x"] + name["width"] <= canvas["x"]
        assert name["y"] < canvas["y"] + canvas["height"]
        assert canvas["y"] < name["y"] + name["height"]
        middles[which] = name["y"] + name["height"] / 2
    first, second = middles.values()
    assert first < second


def blue(page, row, column):
    return (pixels(page, LOSS)[0, :, row, column] * 255).round().tolist() == [0, 114, 178]


def test_the_loss_curve_is_linear_at_first_and_logarithmic_when_it_falls_far(monitor):
    report(monitor, [2.0] * 40, state="running", step=40, stride=10)
    middle = at(200, 0, 1000, LEFT, RIGHT)
    assert blue(monitor, at(2, 0, 2.2, BOTTOM, TOP), middle)
    assert not blue(monitor, at(2, 0, 2.2, BOTTOM, TOP), at(500, 0, 1000, LEFT, RIGHT))
    report(monitor, [2.0] * 20 + [0.02] * 20, step=40)
    logs = torch.tensor([2.0, 0.02 / 1.1, 2.0 * 1.1]).log().tolist()
    assert blue(monitor, at(*logs, BOTTOM, TOP), at(100, 0, 1000, LEFT, RIGHT))
    label = monitor.get_attribute("[aria-label^='training loss against']", "aria-label")
    assert label == "training loss against steps, now 0.02"


@pytest.mark.parametrize(
    ("bounds", "how", "expected"),
    [
        ((0.02, 2.2), {"log": True}, [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]),
        ((1e-6, 5e-5), {"log": True}, [1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5]),
        ((600, 9000), {"log": True}, [1000, 2000, 5000]),
        ((3e-7, 4), {"log": True}, [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1]),
        ((0, 1e-9), {}, [k * 2e-10 for k in range(6)]),
        ((0, 2.5), {}, [0, 0.5, 1, 1.5, 2, 2.5]),
        ((0, 10), {"count": 8, "least": 1}, [0, 2, 4, 6, 8, 10]),
        ((0, 3), {"count": 8, "least": 1}, [0, 1, 2, 3]),
    ],
)
def test_axes_have_round_numbers_whatever_their_bounds(page, bounds, how, expected):
    ticks = "([code, ...words]) => new Function(`${code}; return ticks(...arguments)`)(...words)"
    shown = page.evaluate(ticks, [script("diagram"), *bounds, how])
    assert shown == pytest.approx(expected, rel=1e-9, abs=1e-20)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (0.25, "0.25"), (0.1 + 0.2, "0.3"), (20000, "20000"), (5e-5, "5e-5"), (2e6, "2e+6")],
)
def test_numbers_beside_an_axis_are_short(page, value, words):
    brief = "([code, value]) => new Function('value', `${code}; return brief(value)`)(value)"
    assert page.evaluate(brief, [script("diagram"), value]) == words


def test_the_accuracy_curve_has_a_dot_for_every_epoch(monitor):
    report(monitor, state="running", step=3, accuracy=[0.25, 0.5])
    for epoch, percent in [(1, 25), (2, 50)]:
        row, column = at(percent, 0, 100, BOTTOM, TOP), at(epoch, 0, 10, LEFT, RIGHT)
        colour = (pixels(monitor, ACCURACY)[0, :, row, column] * 255).round().tolist()
        assert colour == [0, 158, 115]
    assert monitor.locator("[aria-label='test accuracy after every epoch: 25.0 %, 50.0 %']").count()


def test_with_several_labels_the_title_says_that_all_must_be_right(page):
    both = Split(IMAGES, torch.tensor([[1, 2], [0, 1], [2, 2], [0, 0]]))
    layers = nn.Flatten(), nn.Linear(24 * 36, 6), nn.Unflatten(1, (3, 2))
    mount(page, TrainingMonitor(nn.Sequential(*layers), Dataset("two", both, both), epochs=10))
    report(page, state="running", step=250, accuracy=[0.5])
    words = "test accuracy (all labels right)"
    assert (
        page.locator(".stn-curves figcaption").nth(1).inner_text() == f"{words}, after every epoch"
    )
    assert f"{words} 50.0 %" in page.locator(".stn-epochs").inner_text()


def test_messages_are_shown(monitor):
    report(monitor, state="failed", message="training stopped at step 3: the loss is nan.")
    assert "the loss is nan" in monitor.locator(".stn-message").inner_text()


def test_a_network_without_a_transformer_has_curves_only(page):
    model = nn.Sequential(nn.Flatten(), nn.Linear(24 * 36, 10))
    mount(page, TrainingMonitor(model, DATA, epochs=10))
    assert page.locator("canvas").count() == 2
    report(page, [1.0] * 3, state="running", step=3, accuracy=[0.5])
    assert "Epoch 1 of 10 done" in page.locator(".stn-epochs").inner_text()


def test_where_no_poses_are_known_no_aim_is_spoken_of(monitor):
    report(monitor, state="running", step=3, accuracy=[0.25])
    assert monitor.locator("figcaption >> text=/aim/").count() == 0
    assert monitor.locator(".stn-curves canvas").count() == 2


def test_an_ended_picture_listens_no_more(monitor):
    assert monitor.evaluate("model.listeners()") > 0
    report(monitor, state="running", step=1)
    before = monitor.locator(".stn-figures").inner_text()
    monitor.evaluate("() => { model.set({state: 'paused'}); end(); }")  # before it is drawn
    assert monitor.evaluate("model.listeners()") == 0
    settle(monitor)
    assert monitor.locator(".stn-figures").inner_text() == before
    report(monitor, state="stopped")
    assert monitor.locator(".stn-figures").inner_text() == before


TRAINS = """
import torch
import stn_lesson as stn
from stn_lesson.datasets import Dataset, Split
from stn_lesson.widgets import TrainingMonitor
model = stn.RecipeSTN(size=28, view=28)
monitor = TrainingMonitor(model, stn.load_digits(), epochs=100_000, batch_size=16)
monitor
"""
WAITS = "history = monitor.wait()\nprint(f'it {monitor.state}, {len(history.step_loss)} steps')"


def test_in_jupyterlab_the_buttons_work_while_a_cell_waits(page, tmp_path):
    cells = [nbformat.v4.new_code_cell(code) for code in (TRAINS, WAITS)]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, tmp_path / "trains.ipynb")

    def press(word):
        page.click(f".stn-live button:text-is('{word}')")

    def shows(pattern):
        page.wait_for_selector(f".stn-figures >> text=/{pattern}/")
        return page.locator(".stn-figures").inner_text()

    with running_lab(tmp_path) as address:
        open_notebook(page, address("trains.ipynb"), ".jp-CodeCell")
        page.click(".jp-NotebookPanel .jp-CodeCell >> nth=0")
        page.keyboard.press("Shift+Enter")
        page.keyboard.press("Shift+Enter")
        shows("running.* step [1-9]")
        wait_for_prompt(page, 0, r"\[\d+\]")
        wait_for_prompt(page, 1, r"\[\*\]")  # the second cell waits
        press("pause")
        held = shows("paused")
        page.wait_for_timeout(600)
        assert shows("paused") == held
        press("resume")
        shows("running")
        press("stop")
        page.wait_for_selector(".jp-OutputArea-output >> text=/it stopped, [1-9]/")
        page.click(".jp-NotebookPanel .jp-CodeCell >> nth=1 >> .jp-InputPrompt")  # leave it
        page.keyboard.press("Control+s")
        page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    stored = nbformat.read(tmp_path / "trains.ipynb", 4).cells[0].outputs[1].data
    assert "image/png" in stored and "loss of 0 steps" not in stored["text/plain"]
    assert "Training loss of" in stored["text/plain"]
