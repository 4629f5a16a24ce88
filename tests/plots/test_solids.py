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
    figure = plots.solid(volume, stn.volume_theta((0, 30, 0)), (4, 8, 8))
    assert "6 by 8 by 10 voxels" in figure.alt and "30 degrees" in figure.alt
    assert len(figure.axes) == 3 and figure.png()[:4] == b"\x89PNG"


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
