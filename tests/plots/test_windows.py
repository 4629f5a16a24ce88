import matplotlib.colors
import pytest
import torch
from torch import nn

import stn_lesson as stn
from stn_lesson import plots
from stn_lesson.transformer import Look

IMAGES = torch.rand(3, 3, 20, 30)


def looks(count):
    """Windows that lie apart."""
    found = []
    for k in range(count):
        theta = stn.attention_theta(2, (0.2 * k, 0.1)).expand(3, 2, 3)
        grid = stn.sampling_grid(theta, 8, 8)
        found.append(Look(theta, grid, stn.sample(IMAGES, grid)))
    return found


def test_every_window_has_a_colour_of_its_own_on_the_picture_and_around_its_view():
    figure = plots.window_gallery(IMAGES, looks(2), titles=["a", "b", "c"])
    above, first, second = (figure.axes[3 * row] for row in range(3))
    outlines = [matplotlib.colors.to_hex(patch.get_edgecolor()) for patch in above.patches]
    frames = [matplotlib.colors.to_hex(a.spines["left"].get_edgecolor()) for a in (first, second)]
    assert outlines == frames == [plots.ORANGE.lower(), plots.BLUE.lower()]
    assert [axes.get_title() for axes in figure.axes[:3]] == ["a", "b", "c"]
    assert figure.alt.startswith("Above, 3 images with an orange and a blue window; below")


def test_what_a_window_shows_is_its_own_view():
    figure = plots.window_gallery(IMAGES, looks(3))
    drawn = torch.from_numpy(figure.axes[3 * 3 + 1].images[0].get_array().data)
    assert torch.allclose(drawn, looks(3)[2].view[1].permute(1, 2, 0))
    assert "orange, a blue and a green window" in figure.alt


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ([], "looks must be 1 to 4, got 0"),
        (looks(1) * 5, "looks must be 1 to 4, got 5"),
        ([torch.rand(3)], "must be a Look at the 3 images"),
        ([Look(*(value[:2] for value in looks(1)[0]))], "must be a Look at the 3 images"),
    ],
)
def test_what_are_no_looks_at_these_images_is_refused(chosen, message):
    with pytest.raises(ValueError, match=message):
        plots.window_gallery(IMAGES, chosen)


def test_a_look_at_volumes_is_refused_by_all_that_draw_looks_at_pictures():
    localise = nn.Sequential(nn.Flatten(), nn.Linear(8**3, 12))
    volumes = torch.rand(3, 1, 8, 8, 8)
    model = nn.Sequential(stn.SpatialTransformer(localise, "volume"), nn.Flatten())
    looked = stn.look(model, volumes)
    for pictures in (volumes, volumes[:, :, 0]):
        for draw, looks in (
            (plots.look_gallery, looked),
            (plots.window_gallery, [looked]),
            (plots.warped_maps, looked),
        ):
            with pytest.raises(ValueError, match="must be a Look at pictures, got one at volumes"):
                draw(pictures, looks)
    with pytest.raises(ValueError, match=r"use plots.solid\(volume, theta\)"):
        plots.gallery(model, (255 * volumes).byte())
    assert plots.solid(volumes[:1], looked.theta[:1]).alt
