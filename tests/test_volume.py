"""θ of volumes, and the transformer that chooses it."""

import math

import pytest
import torch
from torch import nn

import stn_lesson as stn

TURNED = stn.volume_theta(rotation=(20, -30, 50), scale=1.2, translation=(0.1, -0.2, 0.3))
VOLUME = torch.rand(2, 1, 3, 4, 5)


def solid_motion(theta):
    """What the solid does, (3, 4): from where a point was to where it is."""
    return stn.invert(theta)[0]


def test_a_turn_about_each_axis_goes_where_the_words_say():
    near, top, right = torch.tensor([[0.0, 0, -1], [0, -1, 0], [1, 0, 0]])
    about_x, about_y, about_z = (
        solid_motion(stn.volume_theta(rotation=axis))[:, :3]
        for axis in ((30, 0, 0), (0, 30, 0), (0, 0, 30))
    )
    assert (about_x @ top)[2] == pytest.approx(0.5)  # the top tips away
    assert (about_y @ right)[2] == pytest.approx(0.5)  # the right side turns away
    assert (about_z @ right)[1] == pytest.approx(-0.5)  # the right side goes up
    for turn, axis in ((about_x, right), (about_y, top), (about_z, near)):
        assert torch.allclose(turn @ axis, axis)


def test_about_z_a_volume_turns_as_a_picture_does():
    flat = stn.affine_theta(rotation=40, scale=1.5, translation=(0.3, -0.2))
    solid = stn.volume_theta(rotation=(0, 0, 40), scale=1.5, translation=(0.3, -0.2, 0))
    assert torch.allclose(solid[:, :2, :2], flat[:, :, :2])
    assert torch.allclose(solid[:, :2, 3], flat[:, :, 2])


def test_about_x_comes_first_and_about_z_last():
    one_by_one = [stn.volume_theta(rotation=a) for a in ((20, 0, 0), (0, -30, 0), (0, 0, 50))]
    x_then_y = stn.compose(one_by_one[0], one_by_one[1])
    together = stn.volume_theta(rotation=(20, -30, 50))
    assert torch.allclose(stn.compose(x_then_y, one_by_one[2]), together, atol=1e-6)


def test_theta_takes_a_number_for_all_or_one_for_each():
    angles = torch.tensor([[10.0, 20, 30], [40, 50, 60]])
    both = stn.volume_theta(rotation=angles, scale=torch.tensor([1.0, 2]))
    assert both.shape == (2, 3, 4)
    second = stn.volume_theta(rotation=angles[1].tolist(), scale=2)
    assert torch.allclose(both[1:], second)
    assert torch.allclose(stn.volume_theta(rotation=angles.numpy())[:1], both[:1])
    assert stn.volume_theta(rotation=angles.double()).dtype == torch.double


def test_a_box_of_voxels_turns_without_shear():
    size = (5, 9, 17)
    half = torch.tensor([8.0, 4, 2])  # voxel steps from the middle to the edge, x y z
    theta = stn.volume_theta(rotation=(25, 35, 45), size=size)[0, :, :3]
    in_voxels = theta * half[:, None] / half
    assert torch.allclose(in_voxels @ in_voxels.T, torch.eye(3), atol=1e-5)


def test_a_theta_of_volumes_is_inverted_and_composed():
    there_and_back = stn.compose(TURNED, stn.invert(TURNED))
    assert torch.allclose(there_and_back, torch.eye(3, 4)[None], atol=1e-6)
    with pytest.raises(ValueError, match=r"both of volumes, got \(1, 3, 4\) and \(1, 2, 3\)"):
        stn.compose(TURNED, stn.affine_theta())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(rotation=30), TypeError, "rotation must be a list of three numbers"),
        (dict(rotation=(30, 0)), ValueError, "rotation must be three numbers.*got 2"),
        (dict(translation=torch.zeros(2, 2)), ValueError, "translation must be three numbers"),
        (dict(scale=0), ValueError, "scale must not be 0"),
        (dict(rotation=(0, math.nan, 0)), ValueError, "finite number"),
        (dict(rotation=torch.zeros(2, 3), scale=torch.ones(3)), ValueError, "one number for all"),
        (dict(size=(4, 5)), ValueError, r"three whole numbers, got \(4, 5\)"),
    ],
)
def test_what_makes_no_theta_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        stn.volume_theta(**arguments)


def test_the_tilt_is_the_angle_between_lines_of_sight():
    cos = math.cos(math.radians(30)) * math.cos(math.radians(40))
    tilted = stn.volume_theta(rotation=(30, 40, 77), scale=3, translation=(1, 2, 3))
    straight = stn.volume_theta(rotation=torch.tensor([[0.0, 0, 0], [0, 180, 0]]))
    degrees = stn.tilt_between(straight.expand(2, -1, -1), tilted)
    expected = math.degrees(math.acos(cos))
    assert degrees.tolist() == pytest.approx([expected, 180 - expected], abs=1e-3)


def test_the_tilt_is_measured_in_voxels_where_a_volume_is_no_cube():
    size = (8, 24, 24)
    turned = stn.volume_theta(rotation=(0, 30, 0), size=size)
    assert stn.tilt_between(stn.volume_theta(), turned, size=size).item() == pytest.approx(30)
    for rotation in ((50, 0, 0), (0, 0, 70)):
        tilted = stn.volume_theta(rotation=rotation, size=(5, 9, 17))
        tilt = stn.tilt_between(stn.volume_theta(), tilted, size=(5, 9, 17)).item()
        assert tilt == pytest.approx(rotation[0], abs=1e-3)
    with pytest.raises(ValueError, match=r"three whole numbers, got \(24, 24\)"):
        stn.tilt_between(turned, turned, size=(24, 24))


def solid_transformer(size=None, **options):
    localise = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 5, 12))
    return stn.SpatialTransformer(localise, "volume", size, **options)


def test_a_transformer_of_volumes_starts_at_the_identity():
    transformer = solid_transformer()
    assert torch.allclose(transformer(VOLUME), VOLUME, atol=1e-6)
    assert torch.equal(transformer.theta(VOLUME), torch.eye(3, 4).expand(2, -1, -1))


def test_a_transformer_of_volumes_takes_a_size_of_three_or_a_factor():
    assert solid_transformer((2, 3, 4))(VOLUME).shape == (2, 1, 2, 3, 4)
    assert solid_transformer(downsample=1.5)(VOLUME).shape == (2, 1, 2, 2, 3)
    with pytest.raises(ValueError, match="three whole numbers"):
        solid_transformer((3, 4))
    with pytest.raises(TypeError, match="downsample"):
        solid_transformer(downsample=(2, 2))
    with pytest.raises(ValueError, match="leaves nothing of images of 3×4×5 pixels"):
        solid_transformer(downsample=4)(VOLUME)


def test_the_gradient_reaches_all_twelve_numbers():
    transformer = solid_transformer()
    (transformer(VOLUME) * torch.rand(VOLUME.shape)).sum().backward()
    assert (transformer.localisation[-1].bias.grad.abs() > 1e-4).all()


def test_look_shows_where_a_transformer_looks_in_a_volume():
    model = nn.Sequential(solid_transformer((2, 3, 4)), nn.Flatten(), nn.Linear(24, 2))
    seen = stn.look(model, VOLUME)
    assert seen.theta.shape == (2, 3, 4) and seen.grid.shape == (2, 2, 3, 4, 3)
    assert seen.view.shape == (2, 1, 2, 3, 4) and seen.outside == 0
    with pytest.raises(ValueError, match=r"must have shape \(N, C, D, H, W\)"):
        stn.look(model, torch.rand(2, 1, 4, 5))


def test_a_picture_given_to_a_transformer_of_volumes_is_refused():
    localise = nn.Sequential(nn.Flatten(), nn.Linear(20, 12))
    transformer = stn.SpatialTransformer(localise, "volume", (2, 3, 4))
    with pytest.raises(ValueError, match=r"images must have shape \(N, C, D, H, W\)"):
        transformer(torch.rand(2, 1, 4, 5))
    with pytest.raises(ValueError, match=r"use images\[:, :, None\]"):
        transformer(torch.rand(2, 1, 4, 5))
    assert transformer(torch.rand(2, 1, 4, 5)[:, :, None]).shape == (2, 1, 2, 3, 4)


def test_volumes_given_to_a_flat_transformer_are_refused():
    localise = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 5, 6))
    transformer, volumes = stn.SpatialTransformer(localise), torch.rand(2, 1, 3, 4, 5)
    with pytest.raises(ValueError, match=r"use images.flatten\(1, 2\) to treat its layers"):
        transformer(volumes)
    assert transformer(volumes.flatten(1, 2)).shape == (2, 3, 4, 5)
