import math

import numpy as np
import pytest
import torch

import stn_lesson as stn
from stn_lesson.datasets.solids import turn_solids
from stn_lesson.widgets import SolidExplorer

VOLUMES, POSES = turn_solids(stn.load_digits().test.images[:4], 16, rotation=70, seed=1)
VOLUME = stn.to_floats(VOLUMES[:1])


def test_the_angles_are_read_and_written_and_theta_follows():
    explorer = SolidExplorer(VOLUME, start=(10, 20, 30))
    assert torch.equal(explorer.theta, stn.volume_theta((10, 20, 30), size=(16, 16, 16)))
    heard = []
    explorer.observe(lambda change: heard.append(change.new), "rotation")
    explorer.rotation = np.array([0.0, -45, 180])
    assert explorer.rotation == [0, -45, 180] == heard[0]
    explorer.set_state({"rotation": [1.5, 2, 3]})  # as the browser sends them
    assert explorer.rotation == [1.5, 2, 3]


def test_the_flattened_picture_is_the_mean_over_the_depth_of_the_view():
    explorer = SolidExplorer(VOLUME, view=(4, 8, 10), start=(0, 40, 0))
    theta = stn.volume_theta((0, 40, 0))
    expected = stn.warp(VOLUME, theta, (4, 8, 10)).mean(2)
    assert explorer.flattened.shape == (1, 1, 8, 10)
    assert torch.allclose(explorer.flattened, expected, atol=1e-6)


@pytest.mark.parametrize("which", range(4))
def test_straight_on_looks_at_the_face_of_every_digit(which):
    pose = POSES[which : which + 1]
    explorer = SolidExplorer(stn.to_floats(VOLUMES[which : which + 1]), pose=pose)
    assert explorer.tilt == pytest.approx(stn.tilt_between(stn.volume_theta(), pose).item())
    assert explorer.tilt > 5
    explorer.rotation = explorer.straight
    assert explorer.tilt < 0.01


def test_angles_are_true_in_a_volume_that_is_no_cube():
    size = (8, 24, 16)
    pose = stn.volume_theta((20, -35, 10), size=size)
    explorer = SolidExplorer(torch.rand(1, 1, *size), pose=pose, start=(0, 0, 0))
    cos = math.cos(math.radians(20)) * math.cos(math.radians(35))
    assert explorer.tilt == pytest.approx(math.degrees(math.acos(cos)), abs=1e-3)
    explorer.rotation = explorer.straight
    assert explorer.tilt < 0.01


def test_the_volume_goes_to_the_browser_as_bytes():
    sent = SolidExplorer(torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 1, 1, 3)).volume
    assert list(sent["bytes"]) == [0, 128, 255] and sent["size"] == [1, 1, 3]


def test_the_still_picture_says_how_far_the_view_is_turned():
    explorer = SolidExplorer(VOLUME, start=(0, 30, 0))
    assert "30 degrees" in explorer.still().alt and "layer 5 of the" in explorer.still().alt
    explorer.layer = 2
    assert "layer 3 of the view's 8" in explorer.still().alt
    explorer.rotation = (0, 0, 0)
    assert "0 degrees" in explorer.still().alt and "30 degrees" not in explorer.still().alt


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(volume=VOLUME[0]), ValueError, r"\(N, C, D, H, W\).*use volume\[:, None\]"),
        (dict(volume=VOLUMES[:1]), TypeError, r"use to_floats\(volume\)"),
        (dict(volume=stn.to_floats(VOLUMES)), ValueError, r"use volume\[:1, :1\]"),
        (dict(volume=VOLUME, pose=POSES), ValueError, "pose one θ"),
        (dict(volume=VOLUME, pose=torch.eye(3)), ValueError, r"\(N, 3, 4\)"),
        (dict(volume=VOLUME, view=(8, 24)), ValueError, "three whole numbers"),
        (dict(volume=VOLUME, view=(8, 24, 65)), ValueError, "at most 64 voxels"),
        (dict(volume=torch.rand(1, 1, 65, 2, 2)), ValueError, "at most 64 voxels"),
        (dict(volume=VOLUME, start=(0, 0)), ValueError, "three angles, about x, y, z, got 2"),
        (dict(volume=VOLUME, start=(0, 0, 200)), ValueError, "from -180 to 180"),
        (dict(volume=VOLUME, start=30), TypeError, "rotation must be a list of three angles"),
    ],
)
def test_what_cannot_be_turned_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        SolidExplorer(**arguments)


def test_only_a_layer_of_the_view_can_be_chosen():
    explorer = SolidExplorer(VOLUME, view=(4, 8, 8))
    explorer.layer = 3
    with pytest.raises(ValueError, match="layer must be from 0 to 3, got 4"):
        explorer.layer = 4
    assert explorer.layer == 3
