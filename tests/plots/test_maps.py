"""Feature maps before and after a transformer."""

import pytest
import torch

import stn_lesson as stn
from stn_lesson import plots
from stn_lesson.networks import NumberSTN
from stn_lesson.plots.maps import warped_maps

MODEL, IMAGES = NumberSTN(transformers=2), torch.rand(3, 3, 64, 64)
LOOKED = stn.look(MODEL, IMAGES, which=1)
with torch.no_grad():
    BEFORE = MODEL.eval().layers[:2](IMAGES)


def test_as_many_maps_are_drawn_as_asked_for_with_where_the_transformer_reads():
    figure = warped_maps(BEFORE, LOOKED, which=2, most=5)
    assert len(figure.axes) == 10 and len(figure.axes[0].patches) == 1
    assert "5 of 24 feature maps of 16 by 16 pixels" in figure.alt
    drawn = figure.axes[0].images[0].get_array()
    channel = int(figure.axes[0].get_title().split()[1])
    assert torch.equal(torch.from_numpy(drawn.data), BEFORE[2, channel])
    assert plots.warped_maps(BEFORE, LOOKED, most=100).alt.startswith("Above, 24 of 24")


def test_what_are_no_maps_of_these_images_is_told():
    with pytest.raises(
        ValueError, match=r"must be the maps that were looked at, \(3, 24, H, W\), got torch.fl"
    ):
        warped_maps(IMAGES, LOOKED)
    with pytest.raises(ValueError, match="which must be from 0 to 2, got 3"):
        warped_maps(BEFORE, LOOKED, which=3)
    with pytest.raises(ValueError, match="got str"):
        warped_maps("maps", LOOKED)
