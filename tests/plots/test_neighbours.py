import numpy as np
import pytest
import torch

from stn_lesson import plots

IMAGE, WEIGHTS = torch.rand(4, 5), torch.full((2, 2), 0.25)
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            dict(image=torch.rand(100, 150)),
            ValueError,
            r"32 pixels a side .* use image\[:32, :32\]",
        ),
        (dict(point=(100, 1)), ValueError, "x of the point must be from -2 to 6, got 100"),
        (dict(point=(1, -3)), ValueError, "y of the point must be from -2 to 5, got -3"),
        (dict(point=(1e30, 0)), ValueError, "x of the point must be from -2 to 6"),
        (dict(weights=torch.ones(4) / 4), ValueError, r"must be a tensor \(2, 2\), got"),
        (dict(weights=[[0.25, 0.25], [0.25, 0.25]]), ValueError, "must be a tensor .* got list"),
        (dict(weights=None), ValueError, "must be a tensor .* got NoneType"),
        (dict(weights=torch.ones(2, 2)), ValueError, r"1 in all, got \[\[1.0, 1.0\]"),
        (dict(weights=torch.full((2, 2), NAN)), ValueError, "1 in all, got"),
        (dict(weights=torch.tensor([[2.0, -1], [0, 0]])), ValueError, "from 0 to 1"),
        (dict(slope=3), TypeError, "slope = .* must be a pair of numbers, got 3"),
        (dict(slope=(NAN, 0)), ValueError, "slope = .* must be a finite number, got nan"),
        (dict(slope=(0, INF)), ValueError, "slope = .* must be a finite number, got inf"),
        (dict(slope=(1, 2, 3)), ValueError, "slope = .* must be a pair of numbers"),
        (dict(slope=("a", 0)), TypeError, "slope = .* must be a number, got 'a'"),
    ],
)
def test_what_is_no_point_between_pixels_is_refused(given, error, message):
    arguments = {"image": IMAGE, "point": (1, 1), "weights": WEIGHTS} | given
    with pytest.raises(error, match=message):
        plots.point_between_pixels(**arguments)


def test_a_slope_and_weights_may_have_a_gradient():
    slope = torch.tensor([0.5, -0.5], requires_grad=True)
    weights = WEIGHTS.clone().requires_grad_()
    for way in (slope, tuple(slope), np.array([0.5, -0.5])):
        picture = plots.point_between_pixels(IMAGE, (-1.5, 4.5), weights, way)
        assert len(picture.axes[0].texts) == 4 * 5 + 4 + 2  # values, names, the arrow and its edge
