import pytest
import torch

import stn_lesson as stn
from stn_lesson.widgets import WarpExplorer


def test_theta_follows_the_sliders():
    explorer = WarpExplorer(stn.house(20, 30), start={"rotation": 30, "x": 0.25})
    expected = stn.affine_theta(rotation=30, translation=(0.25, 0), size=(20, 30))
    assert torch.equal(explorer.theta, expected)
    explorer.canvas.scale = 2.0
    assert torch.allclose(
        explorer.theta, stn.affine_theta(30, 2, translation=(0.25, 0), size=(20, 30))
    )
    assert explorer.picture.shape == (1, 3, 20, 30)


def test_sliders_start_where_they_are_told_and_choices_are_offered():
    explorer = WarpExplorer(
        stn.checkerboard(8, 8), sliders=("scale", "x"), start={"x": 0.5}, choices=True
    )
    scale, x, kernel, padding = explorer.children[0].children
    assert (scale.value, x.value) == (1, 0.5)
    assert kernel.options == ("bilinear", "nearest") and padding.options == ("zeros", "border")


def test_the_picture_goes_to_the_browser_as_bytes():
    image = torch.tensor([[[[0.0, 1.0], [0.5, 0.2]]]])
    canvas = WarpExplorer(image).canvas
    assert list(canvas.source) == [0, 0, 0, 255, 255, 255, 128, 128, 128, 51, 51, 51]
    assert canvas.source_size == [2, 2]


def test_a_still_picture_follows_the_live_one(monkeypatch):
    shown = []
    monkeypatch.setattr(
        "stn_lesson.widgets.warp_explorer.display", lambda item, raw=False: shown.append(item)
    )
    WarpExplorer(stn.house(20, 30))._ipython_display_()
    live, still = shown
    assert "application/vnd.jupyter.widget-view+json" in live
    assert live["text/plain"] == "Run this cell to move the sliders."
    assert "standing still" in still.alt and still.png()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("image", "how", "error", "message"),
    [
        (torch.rand(3, 8, 8), {}, ValueError, r"\(1, 3, H, W\), got \(3, 8, 8\)"),
        ("house.png", {}, ValueError, "got str"),
        (torch.zeros(1, 1, 8, 8, dtype=torch.uint8), {}, TypeError, "divide by 255"),
        (torch.full((1, 1, 8, 8), float("nan")), {}, ValueError, "values from 0 to 1"),
        (torch.full((1, 1, 8, 8), 7.0), {}, ValueError, "got 7 to 7"),
        (torch.rand(1, 1, 8, 8), {"sliders": ("roll",)}, ValueError, "there is no 'roll'"),
        (torch.rand(1, 1, 8, 8), {"kernel": "cubic"}, ValueError, "kernel must be one of"),
        (torch.rand(1, 1, 8, 8), {"wanted": torch.rand(1, 1, 4, 4)}, ValueError, "target's size"),
        (torch.rand(1, 3, 8, 8), {"wanted": torch.rand(1, 1, 8, 8)}, ValueError, "only grey"),
    ],
)
def test_what_is_not_a_picture_is_refused(image, how, error, message):
    with pytest.raises(error, match=message):
        WarpExplorer(image, **how)
