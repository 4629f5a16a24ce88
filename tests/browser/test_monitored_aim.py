"""The aim in the training monitor, in a bare page."""

import pytest
import torch
from bare import mount, pixels
from monitoring import (
    ACCURACY,
    AIM,
    BOTTOM,
    IMAGES,
    LEFT,
    LOSS,
    RIGHT,
    SIZE,
    SPLIT,
    TOP,
    at,
    report,
)
from torch import nn

import stn_lesson as stn
from stn_lesson.datasets import Dataset, Split
from stn_lesson.widgets import TrainingMonitor


def aim(found, x, y):
    """What Python would say of an epoch's aim."""
    return {"found": found, "slope": [x, y], "words": f"follows {x} and {y}, {found} found"}


@pytest.fixture
def aiming(page):
    """The monitor of a network whose data know the poses of the digits."""
    poses = stn.affine_theta().expand(4, 2, 3)
    split = Split(IMAGES, SPLIT.labels, poses)
    localise = nn.Sequential(nn.Flatten(), nn.Linear(24 * 36, 6))
    transformer = stn.SpatialTransformer(localise, size=SIZE)
    model = nn.Sequential(transformer, nn.Flatten(), nn.Linear(10 * 14, 10))
    mount(page, TrainingMonitor(model, Dataset("noise", split, split), epochs=10, batch_size=2))
    return page


BLUE, ORANGE, GREEN = [0, 114, 178], [230, 159, 0], [0, 158, 115]


def colour_in_aim(page, epoch, percent, low=0, high=100):
    row, column = at(percent, low, high, BOTTOM, TOP), at(epoch, 0, 10, LEFT, RIGHT)
    return (pixels(page, AIM)[0, :, row, column] * 255).round().tolist()


def test_the_aim_has_a_dot_for_every_epoch_and_figure(aiming):
    aims = [aim(0.25, 0.5, 0.125), aim(0.9, 0.75, 0.5)]
    report(aiming, state="running", step=3, accuracy=[0.25, 0.5], aim=aims)
    for epoch, each in enumerate(aims, 1):
        assert colour_in_aim(aiming, epoch, 100 * each["found"]) == BLUE
        assert colour_in_aim(aiming, epoch, 100 * each["slope"][0]) == ORANGE
        assert colour_in_aim(aiming, epoch, 100 * each["slope"][1]) == GREEN
    spoken = aiming.locator(".stn-epochs").inner_text()
    assert spoken == "Epoch 2 of 10 done: test accuracy 50.0 %; follows 0.75 and 0.5, 0.9 found."
    words = "aim after every epoch, now: follows 0.75 and 0.5, 0.9 found"
    assert aiming.locator(f"[aria-label='{words}']").count() == 1


def test_aims_below_0_and_beyond_100_percent_are_seen_too(aiming):
    report(aiming, state="running", step=3, accuracy=[0.25], aim=[aim(0.25, 1.5, -0.5)])
    for percent, colour in [(25, BLUE), (150, ORANGE), (-50, GREEN)]:
        assert colour_in_aim(aiming, 1, percent, -50, 150) == colour


def test_the_curves_of_the_aim_are_told_apart_by_their_dashes_and_their_names(aiming):
    before = pixels(aiming, AIM)[0, :, 320 - 17]
    blank = [  # pixels of a name's stroke that the dashes leave white
        (before[:, start : start + 44] > 0.99).all(0).sum().item() for start in strokes_of(before)
    ]
    assert blank[0] == 0 < blank[1] < blank[2]


def strokes_of(row):
    """Where in a row of pixels (3, W) the strokes of the three colours begin."""
    for colour in (BLUE, ORANGE, GREEN):
        is_colour = ((row * 255).round() == torch.tensor(colour)[:, None]).all(0)
        yield is_colour.nonzero()[0].item()


@pytest.mark.parametrize("width", [1280, 390])
def test_all_curves_stay_within_the_page_however_narrow_it_is(aiming, width):
    aiming.set_viewport_size({"width": width, "height": 900})
    report(aiming, state="running", step=3, accuracy=[0.25], aim=[aim(0.25, 1.5, -0.5)])
    assert aiming.evaluate("document.documentElement.scrollWidth") <= width
    boxes = [aiming.locator("canvas").nth(k).bounding_box() for k in (LOSS, ACCURACY, AIM)]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
    assert all(box["width"] / box["height"] == pytest.approx(792 / 320, rel=0.01) for box in boxes)
