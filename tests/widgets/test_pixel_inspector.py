"""The pixel inspector in Python: torch's answers, what it refuses, its still picture."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import stn_lesson as stn
from stn_lesson.widgets import PixelInspector
from stn_lesson.widgets.pixel_inspector import NOTEBOOK_IMAGE


def by_the_definition(image, x, y):
    """Equation (5) and both slopes (7) at a point that is no knot, summed over all pixels."""
    m, n = torch.arange(image.shape[1]).double(), torch.arange(image.shape[0]).double()
    across, down = (1 - (x - m).abs()).clamp(min=0), (1 - (y - n).abs()).clamp(min=0)
    right = torch.where((m - x).abs() < 1, (m - x).sign(), 0)
    below = torch.where((n - y).abs() < 1, (n - y).sign(), 0)
    return [
        (image.double() * torch.outer(*pair)).sum().item()
        for pair in ((down, across), (down, right), (below, across))
    ]


coordinates = st.tuples(st.floats(-1.5, 5.5), st.floats(-1.5, 4.5)).filter(
    lambda point: all(abs(number - round(number)) > 1e-6 for number in point)
)


@settings(max_examples=60, deadline=None)
@given(coordinates)
def test_value_and_slope_are_those_of_the_equations(point):
    inspector = PixelInspector(start=point)
    value, dx, dy = by_the_definition(NOTEBOOK_IMAGE, *point)
    assert inspector.value == pytest.approx(value, abs=1e-12)
    assert inspector.slope == pytest.approx((dx, dy), abs=1e-12)


def test_it_starts_at_the_point_of_notebook_03():
    inspector = PixelInspector()
    assert inspector.weights.tolist() == [[0.375, 0.125], [0.375, 0.125]]
    assert inspector.value == pytest.approx(0.55)
    assert inspector.slope == pytest.approx((-0.2, 0.1))


def test_at_a_knot_the_slope_is_the_one_ahead():
    image = torch.rand(3, 4)  # of 4 columns, so that −1 … 1 would round at whole pixels
    for m in range(3):
        inspector = PixelInspector(image, start=(m, 1))
        assert inspector.slope[0] == pytest.approx((image[1, m + 1] - image[1, m]).item(), abs=1e-9)
        assert inspector.value == pytest.approx(image[1, m].item(), abs=1e-12)


def test_border_holds_the_point_at_the_edge():
    inspector = PixelInspector(start=(5.2, 1.5), padding="border")
    assert inspector.value == pytest.approx(0.25)
    assert inspector.slope == pytest.approx((0, -0.1))
    assert inspector.weights.tolist() == [[0.5, 0], [0.5, 0]]


def test_nearest_takes_one_pixel_and_has_no_slope():
    inspector = PixelInspector(start=(1.25, 2.5), kernel="nearest")
    assert inspector.weights.tolist() == [[0, 0], [1, 0]]
    assert inspector.value == pytest.approx(0.8)
    assert inspector.slope == (0, 0)


def test_any_tiny_grey_picture_will_do():
    for image in (torch.rand(16, 2), torch.rand(1, 1, 2, 16), stn.checkerboard(8, 8)):
        inspector = PixelInspector(image, start=(0.5, 0.5))
        assert inspector.value == pytest.approx(image.view(image.shape[-2:])[:2, :2].mean().item())


@pytest.mark.parametrize(
    ("image", "how", "error", "message"),
    [
        (torch.rand(1, 5), {}, ValueError, "2 to 16 pixels a side"),
        (torch.rand(17, 5), {}, ValueError, r"got \(1, 1, 17, 5\)"),
        (torch.rand(1, 3, 4, 5), {}, ValueError, "grey and tiny"),
        (torch.rand(4), {}, ValueError, r"must have shape .* got \(4,\)$"),
        ("house", {}, TypeError, "got str"),
        (NOTEBOOK_IMAGE * 255, {}, ValueError, "values from 0 to 1"),
        (None, {"start": (5.6, 0)}, ValueError, "x must lie between -1.5 and 5.5 pixels, got 5.6"),
        (None, {"start": (0, float("nan"))}, ValueError, "must be a finite number, got nan"),
        (None, {"start": 3}, TypeError, r"start = \(x, y\) must be a pair of numbers, got 3"),
        (None, {"start": (0, 4.6)}, ValueError, "y must lie between -1.5 and 4.5"),
        (None, {"start": ("1", 2)}, TypeError, r"start = \(x, y\) must be a number, got '1'"),
        (None, {"kernel": "cubic"}, ValueError, "kernel must be one of"),
        (None, {"padding": "mirror"}, ValueError, "padding must be one of"),
    ],
)
def test_what_cannot_be_is_refused(image, how, error, message):
    with pytest.raises(error, match=message):
        PixelInspector(image, **how)


def test_a_point_that_cannot_be_changes_nothing():
    inspector = PixelInspector()
    with pytest.raises(ValueError, match="x must lie between"):
        inspector.x = -2
    with pytest.raises(TypeError, match="y must be a number, got 'up'"):
        inspector.y = "up"
    assert (inspector.x, inspector.y) == (1.25, 2.5)
    inspector.set_state({"x": 5, "y": -1.5, "kernel": "nearest"})  # as the browser does
    assert (inspector.x, inspector.y, inspector.kernel) == (5, -1.5, "nearest")


def test_the_still_picture_describes_itself():
    still = PixelInspector().still()
    assert "x = 1.25, y = 2.5 finds 0.550" in still.alt and "-0.200 along x" in still.alt
    assert still.png()[:4] == b"\x89PNG"
    assert {text.get_text() for text in still.axes[0].texts} >= {"0.90", "0.10", "0.00"}


def test_the_image_of_the_notebook_stays_as_it_is():
    inspector = PixelInspector(start=np.array([0, 0]))
    inspector.image.fill_(1)
    assert NOTEBOOK_IMAGE[0, 0] == 0 and PixelInspector(start=(0, 0)).value == 0


def test_a_number_out_of_numpy_moves_the_point():
    inspector = PixelInspector()
    inspector.x, inspector.y = np.float32(0.5), np.int64(1)
    assert (inspector.x, inspector.y) == (0.5, 1.0) and type(inspector.x) is float


def test_the_still_picture_draws_each_weight_as_the_area_opposite():
    _, areas = PixelInspector(start=(1.25, 2.5)).still().axes
    drawn = {text.get_text() for text in areas.texts}
    assert {"a 0.375", "b 0.125", "c 0.375", "d 0.125"} <= drawn
    sizes = [patch.get_width() * patch.get_height() for patch in areas.patches]
    assert sizes == pytest.approx([0.375, 0.125, 0.375, 0.125])


def test_the_still_picture_holds_a_point_at_the_edge_where_the_padding_does():
    pixels, _ = PixelInspector(start=(5.2, 1.5), padding="border").still().axes
    assert pixels.lines[-1].get_xydata().tolist() == [[4, 1.5]]
