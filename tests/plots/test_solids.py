import pytest
import torch

import stn_lesson as stn
from stn_lesson import plots
from stn_lesson.plots.solids import AMBIENT


def test_a_wall_straight_on_is_evenly_lit_and_emptiness_is_black():
    wall = torch.zeros(6, 10, 12)
    wall[3, 2:8, 3:9] = 1
    lit = plots.shade(wall)
    assert torch.allclose(lit[2:8, 3:9], torch.tensor(AMBIENT + (1 - AMBIENT) * 0.77))
    assert lit[:2].eq(0).all() and lit[:, 9:].eq(0).all()


def test_a_slope_towards_the_light_is_brighter_than_one_away_from_it():
    rows = torch.arange(12)
    stairs = torch.zeros(12, 12, 12)
    stairs[rows, :, rows] = 1  # near on the left, far on the right: the slope faces right
    facing_right = plots.shade(stairs)[4:8, 4:8]
    facing_left = plots.shade(stairs.flip(0))[4:8, 4:8]
    assert (facing_left - facing_right).min() > 0.3  # the light comes from the left


def test_what_stands_in_front_hides_what_stands_behind():
    both = torch.zeros(5, 8, 8)
    both[1], both[4] = 1, 1
    front = torch.zeros(5, 8, 8)
    front[1] = 1
    assert torch.equal(plots.shade(both), plots.shade(front))


def test_a_solid_is_drawn_with_words_beside_it():
    volume = torch.rand(1, 1, 6, 8, 10)
    figure = plots.solid(volume, stn.volume_theta((0, 30, 0), size=(6, 8, 10)), (4, 8, 8))
    assert "6 by 8 by 10 voxels" in figure.alt and "30 degrees" in figure.alt
    assert "layer 3 of the view's 4 cuts the solid" in figure.alt
    assert len(figure.axes) == 4 and figure.png()[:4] == b"\x89PNG"


def test_the_third_picture_is_where_the_chosen_layer_cuts_the_solid():
    volume, theta = torch.rand(1, 1, 6, 8, 10), stn.volume_theta((20, 30, 0), size=(6, 8, 10))
    figure = plots.solid(volume, theta, (4, 7, 9), layer=3)
    drawn = torch.from_numpy(figure.axes[2].images[0].get_array().data)
    assert torch.allclose(drawn, stn.warp(volume, theta, (4, 7, 9))[0, 0, 3])
    x, z = torch.tensor(figure.axes[3].lines[-1].get_xydata()).T  # drawn thick, from above
    corners = stn.volume_grid(theta, 4, 2, 2)[0, 3].view(4, 3)[[0, 1, 3, 2, 0]].double()
    assert torch.allclose(x, (corners[:, 0] + 1) * 9 / 2, atol=1e-5)
    assert torch.allclose(z, (1 - corners[:, 2]) * 5 / 2, atol=1e-5)
    with pytest.raises(ValueError, match="layer must be from 0 to 3, got 4"):
        plots.solid(volume, theta, (4, 7, 9), layer=4)


def test_the_tilt_in_the_words_is_the_true_one_in_a_volume_that_is_no_cube():
    volume = torch.rand(1, 1, 8, 24, 24)
    words = plots.solid(volume, stn.volume_theta((0, 30, 0), size=(8, 24, 24))).alt
    assert " 30 degrees from the volume's own" in words


@pytest.mark.parametrize("volume", ["wall", torch.rand(1, 4, 4, 4), torch.ones(4, 4, 4).byte()])
def test_what_is_no_volume_is_not_shaded(volume):
    with pytest.raises((TypeError, ValueError), match=r"volume must be floats \(D, H, W\), got "):
        plots.shade(volume)


@pytest.mark.parametrize(
    ("volume", "theta"),
    [
        (torch.rand(2, 1, 4, 4, 4), stn.volume_theta()),
        (torch.rand(1, 3, 4, 4, 4), stn.volume_theta()),
        (torch.rand(1, 1, 4, 4), stn.volume_theta()),
        (torch.rand(1, 1, 4, 4, 4), stn.affine_theta()),
        (torch.rand(1, 1, 4, 4, 4), torch.eye(3, 4).expand(2, -1, -1)),
    ],
)
def test_what_is_no_single_solid_is_refused(volume, theta):
    with pytest.raises(ValueError, match="use "):
        plots.solid(volume, theta)
