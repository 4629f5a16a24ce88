import pytest
import torch
import torch.nn.functional as F

import stn_lesson as stn
from stn_lesson.datasets import Dataset, Split
from stn_lesson.datasets.solids import HALF_THICKNESS, MAX_SHIFT, SCALE, turn_solids

DIGITS = stn.load_digits()
FEW = DIGITS.train.images[:40]


def test_a_prism_is_the_digit_in_every_layer_of_the_board_and_empty_beside_it():
    prisms = stn.extrude(FEW, depth=9)
    inside = stn.pixel_centres(9).abs() <= HALF_THICKNESS
    assert prisms.shape == (40, 1, 9, 28, 28) and inside.tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0]
    for layer, filled in enumerate(inside):
        assert torch.equal(prisms[:, :, layer], FEW if filled else torch.zeros_like(FEW))


def test_the_pose_cuts_the_upright_prism_out_of_the_volume():
    volumes, poses = turn_solids(FEW, 32, rotation=70, seed=3)
    cut = stn.warp(volumes.float(), poses, size=(28, 28, 28))
    upright = stn.extrude(FEW).float()
    assert F.cosine_similarity(cut.flatten(1), upright.flatten(1)).min() > 0.95
    wrong = F.cosine_similarity(cut.roll(1, 0).flatten(1), upright.flatten(1))
    assert wrong.median() < 0.7  # so the number above says something


def test_solids_are_the_extruded_digits_warped_but_for_the_faces_of_the_board():
    volumes, poses = turn_solids(FEW, 32, rotation=70, seed=1)
    warped = stn.warp(stn.extrude(FEW, depth=57).float(), stn.invert(poses), size=(32, 32, 32))
    z = stn.volume_grid(stn.invert(poses), 32, 32, 32)[..., 2].abs()[:, None]
    away_from_faces = (z - HALF_THICKNESS).abs() > 0.06
    differences = (volumes - warped).abs()[away_from_faces]
    assert away_from_faces.float().mean() > 0.8 and differences.max() <= 1


def test_angles_places_and_scales_stay_within_their_bounds():
    _, poses = turn_solids(DIGITS.train.images[:500], 2, rotation=70, seed=0)
    matrix, place = poses[:, :, :3], poses[:, :, 3]
    scale = matrix.norm(dim=1)  # of each of the three axes
    assert torch.allclose(scale, scale[:, :1].expand(-1, 3), atol=1e-5)
    assert SCALE[0] - 1e-5 <= scale.min() < 0.76 and 0.94 < scale.max() <= SCALE[1] + 1e-5
    assert 0.24 < place.abs().max() <= MAX_SHIFT + 1e-5
    tilt = stn.tilt_between(stn.volume_theta(), poses)
    assert 50 < tilt.median() < 60 and tilt.max() < 90  # never seen from behind
    turns = matrix @ matrix.mT / scale[:, :1, None].square()
    assert torch.allclose(turns, torch.eye(3).expand(500, -1, -1), atol=1e-5)


def test_without_a_rotation_nothing_is_tilted():
    _, poses = turn_solids(FEW, 2, rotation=0, seed=0)
    assert stn.tilt_between(stn.volume_theta(), poses).max() < 1e-3


def test_the_same_seed_gives_the_same_solids_and_another_chunk_the_same_but_for_rounding():
    first = stn.solids(FEW, 12, seed=5)
    assert torch.equal(first, stn.solids(FEW, 12, seed=5))
    apart = (first.int() - stn.solids(FEW, 12, seed=5, chunk=1).int()).abs()
    assert apart.max() <= 1 and apart.sum() <= 10
    assert not torch.equal(first, stn.solids(FEW, 12, seed=6))


def test_a_data_set_of_solids_turns_its_training_digits_anew_and_keeps_the_others():
    plain = Dataset("few", Split(FEW, torch.arange(40) % 10), Split(FEW[:5], torch.arange(5)))
    data = stn.solids(plain, 12, repeats=2)
    assert data.train.images.shape == (80, 1, 12, 12, 12) and len(data.test) == 5
    assert torch.equal(data.train.labels, plain.train.labels.repeat(2))
    assert data.train.poses.shape == (80, 3, 4)
    assert torch.equal(data.training_images(0), data.train.images)
    assert not torch.equal(data.training_images(1), data.train.images)
    assert repr(data) == "solid few: 80 training images, 5 test images, 12×12×12 voxels"
    still = stn.solids(plain, 12, redraw=False)
    assert torch.equal(still.training_images(1), still.train.images)


@pytest.mark.parametrize(
    ("digits", "arguments", "error", "message"),
    [
        (FEW.float(), {}, TypeError, "digits must be bytes.*or a Dataset, got torch.float32"),
        (FEW[:, 0], {}, ValueError, r"use digits\[:, None\]"),
        (FEW, dict(size=1), ValueError, "size must be at least 2, got 1"),
        (FEW, dict(rotation="far"), TypeError, "rotation must be a number"),
        (FEW, dict(seed=-1), ValueError, "seed must be from 0"),
    ],
)
def test_what_makes_no_solids_is_refused(digits, arguments, error, message):
    with pytest.raises(error, match=message):
        stn.solids(digits, **arguments)


def test_a_board_of_which_no_layer_is_seen_is_refused():
    assert stn.extrude(FEW, 1).any() and stn.extrude(FEW, 3).any()
    with pytest.raises(ValueError, match="depth must be 1, or 3 or more: of two layers none"):
        stn.extrude(FEW, 2)
    with pytest.raises(TypeError, match="depth must be a whole number, got 'deep'"):
        stn.extrude(FEW, "deep")


def test_a_split_of_volumes_wants_poses_of_volumes():
    volumes = torch.zeros(3, 1, 4, 5, 6, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"one θ for each image, \(3, 3, 4\), got \(3, 2, 3\)"):
        Split(volumes, torch.arange(3), torch.zeros(3, 2, 3))
    repeated = Split(volumes, torch.arange(3), torch.zeros(3, 3, 4)).repeat(2)
    assert repeated.images.shape == (6, 1, 4, 5, 6) and repeated.poses.shape == (6, 3, 4)
