"""Aim, by hand: frames made to follow, to lag, to stay or to break, and what is said of them."""

import warnings

import pytest
import torch
from small_run import QUICK_SETTINGS, small_data, small_model
from torch import nn

import stn_lesson as stn
from stn_lesson.datasets import Split
from stn_lesson.training import Aim, aim_of_frames, measure_aim, places_in_view
from stn_lesson.training.aim import FAR, MAX_IMAGES

CENTRES = torch.tensor([[-0.6, -0.3], [0.0, 0.3], [0.6, 0.0]])  # of three digits, each a third wide
TURNED_LEFT = torch.tensor([[0.0, 1], [-1, 0]])  # by 90°


def frames(side, centres):
    """Frames (3, 2, 3) of a matrix (2, 2), or of a side, at these centres (3, 2)."""
    matrix = side if isinstance(side, torch.Tensor) else side * torch.eye(2)
    return torch.cat([matrix.expand(3, 2, 2), centres[..., None]], -1)


POSES = frames(1 / 3, CENTRES)


@pytest.mark.parametrize(
    ("centres", "slope"),
    [
        (CENTRES, (1, 1)),
        (0 * CENTRES, (0, 0)),
        (0.5 * CENTRES, (0.5, 0.5)),
        (0.5 * CENTRES + 0.2, (0.5, 0.5)),  # lazy, however dependably it goes along
        (CENTRES * torch.tensor([1, -0.25]), (1, -0.25)),
        (CENTRES.flip(1), (0.25, 1)),  # x and y mixed up: 0.6·0.3 / (2·0.6²) and / (2·0.3²)
    ],
)
def test_the_slope_is_how_far_frames_go_along(centres, slope):
    assert aim_of_frames(frames(0.4, centres), POSES).slope == pytest.approx(slope, abs=1e-6)


def test_spread_found_area_and_theta_spread_by_hand():
    still = aim_of_frames(frames(1, 0 * CENTRES), POSES)  # the digits lie where they lie
    assert still.spread == pytest.approx((0.6, 0.3)) and still.found == pytest.approx(1 / 3)
    assert still.area == 1 and still.theta_spread == 0
    lazy = aim_of_frames(frames(0.5, 0.5 * CENTRES), POSES)  # half of the way, twice as large
    assert lazy.spread == pytest.approx((0.6, 0.3)) and lazy.found == pytest.approx(1 / 3)
    assert lazy.area == 0.25 and lazy.theta_spread == pytest.approx(0.3)
    exact = aim_of_frames(frames(0.5, CENTRES + 0.2), POSES)  # 0.4 half views off, always
    assert exact.spread == pytest.approx((0, 0), abs=1e-6) and exact.found == 1
    assert aim_of_frames(frames(0.5, CENTRES + 0.26), POSES).found == 0  # 0.52 half views off
    sizes = torch.tensor([1.0, 0.5, 0.1])[:, None, None] * torch.eye(2)
    several = torch.cat([sizes, CENTRES[..., None]], -1)
    assert aim_of_frames(several, POSES).area == 0.25  # the median


def test_one_picture_alone_has_a_place_and_no_spread():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        aim = aim_of_frames(POSES[:1], POSES[:1])
    assert aim.spread == (0, 0) and aim.theta_spread == 0 and aim.found == 1


def test_places_are_those_that_theta_takes_to_the_digits():
    theta = frames(TURNED_LEFT, 0 * CENTRES)
    expected = torch.stack([-CENTRES[:, 1], CENTRES[:, 0]], -1)
    assert torch.allclose(places_in_view(theta, POSES), expected)
    theta = stn.affine_theta(rotation=20.0 * torch.arange(3), scale=1.7, shear=10.0)
    theta = theta + frames(0, CENTRES.flip(0))
    places = places_in_view(theta, POSES)
    back = (theta @ torch.cat([places, torch.ones(3, 1)], 1)[..., None])[..., 0]
    assert torch.allclose(back, CENTRES, atol=1e-6)


def test_a_frame_squeezed_to_a_line_finds_nothing_and_every_number_stays_finite():
    theta = POSES.clone()
    theta[0, 0, 0] = 0  # a line through its digit; the others are exact
    places = places_in_view(theta, POSES)
    assert places[0].tolist() == [FAR, FAR] and places[1:].abs().max() == 0
    squeezed = aim_of_frames(theta, POSES)
    assert squeezed.found == pytest.approx(2 / 3) and squeezed.slope == pytest.approx((1, 1))
    assert torch.tensor(squeezed.spread).isfinite().all()
    far = places_in_view(frames(1e-3, CENTRES - 1), POSES)
    assert far.tolist() == [[FAR, FAR]] * 3


def test_a_model_is_measured_by_its_frames_on_the_pictures():
    model, test = small_model(), small_data().test
    with torch.no_grad():
        model.transformer.localisation[-1].bias += torch.tensor([0, 0, 0.1, 0, -0.5, 0])
    theta = torch.tensor([[1, 0, 0.1], [0, 0.5, 0]]).expand(64, 2, 3)
    aim = measure_aim(model, test)
    assert aim == aim_of_frames(theta, test.poses)
    assert aim.slope == pytest.approx((0, 0), abs=1e-5)
    assert aim.area == 0.5 and aim.theta_spread == 0


def test_a_model_that_collapsed_finds_nothing_and_spreads_nothing_out():
    model, test = small_model(), small_data().test
    with torch.no_grad():
        model.transformer.localisation[-1].bias += torch.tensor([0, 0, 5.0, 0, 0, 5.0])
    aim = measure_aim(model, test)
    assert aim.slope == pytest.approx((0, 0), abs=1e-5)
    assert aim.found == 0 and aim.theta_spread == 0
    assert aim.spread == pytest.approx(test.poses[:, :, 2].std(0).tolist(), rel=1e-4)


def test_of_many_pictures_the_first_thousand_are_measured():
    many, model = small_data().test.repeat(20), small_model()  # 1280
    first = Split(*(each[:MAX_IMAGES] for each in (many.images, many.labels, many.poses)))
    assert measure_aim(model, many) == measure_aim(model, first)
    assert measure_aim(model, many) != aim_of_frames(
        stn.affine_theta().expand(1280, 2, 3), many.poses
    )


def test_a_slope_of_next_to_nothing_is_told_without_a_sign():
    assert str(Aim((-1e-7, -0.25), (0, 0), 1, 1, 0)).startswith("frames follow 0.00 in x, -0.25")


def test_where_there_is_nothing_to_measure_there_is_no_aim():
    test = small_data().test
    assert measure_aim(small_model(), Split(test.images, test.labels)) is None
    assert measure_aim(stn.PlainCNN(size=40), test) is None
    localise = nn.Sequential(nn.Flatten(), nn.Linear(1600, 8))
    projective = stn.SpatialTransformer(localise, family="projective")
    assert measure_aim(nn.Sequential(projective, nn.Flatten()), test) is None


def test_a_history_has_an_aim_for_every_epoch_and_a_checkpoint_keeps_them(tmp_path, unbroken):
    data, file = small_data(), tmp_path / "run.pt"
    model, history = unbroken
    assert len(history.aim) == 3 and history.aim[-1] == measure_aim(model, data.test)
    assert str(history.aim[-1]) in repr(history)
    stn.fit(small_model(), data, **QUICK_SETTINGS, checkpoint=file)
    assert stn.fit(small_model(), data, **QUICK_SETTINGS, checkpoint=file).aim == history.aim
