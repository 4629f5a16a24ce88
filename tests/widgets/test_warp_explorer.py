import numpy as np
import pytest
import torch

import stn_lesson as stn
from stn_lesson.widgets import WarpExplorer


def test_theta_is_read_and_written():
    explorer = WarpExplorer(stn.house(20, 30), start={"rotation": 30, "translation": (0.25, 0)})
    expected = stn.affine_theta(rotation=30, translation=(0.25, 0), size=(20, 30))
    assert torch.equal(explorer.theta, expected)
    changes = []
    explorer.observe(lambda change: changes.append(change.new), "theta")
    explorer.theta = stn.affine_theta(scale=2).double()
    assert torch.equal(explorer.theta, stn.affine_theta(scale=2)) and len(changes) == 1
    picture = stn.warp(stn.house(20, 30), stn.affine_theta(scale=2))
    assert torch.equal(explorer.picture, picture)


@pytest.mark.parametrize(
    ("theta", "error", "message"),
    [
        (torch.eye(3), ValueError, r"shape \(N, 2, 3\), got \(3, 3\)"),
        (torch.zeros(2, 2, 3), ValueError, r"one θ, \(1, 2, 3\), got \(2, 2, 3\)"),
        (torch.full((1, 2, 3), float("nan")), ValueError, "holds nan"),
        ([1, 0, 0, 0, 1, 0], TypeError, "got list"),
    ],
)
def test_what_is_no_theta_is_refused_and_the_old_one_stays(theta, error, message):
    explorer = WarpExplorer(stn.house(20, 30))
    with pytest.raises(error, match=message):
        explorer.theta = theta
    assert torch.equal(explorer.theta, stn.affine_theta())


def test_theta_comes_back_from_the_browser_without_an_echo():
    explorer = WarpExplorer(stn.house(20, 30))
    numbers = torch.randn(6).tolist()  # what Math.fround leaves is exact in float32
    explorer.set_state({"theta": numbers})
    assert explorer.theta.flatten().tolist() == numbers
    assert explorer.get_state("theta") == {"theta": numbers}


def test_the_picture_goes_to_the_browser_as_bytes():
    image = torch.tensor([[[[0.0, 1.0], [0.5, 0.2]]]])
    sent = WarpExplorer(image).pictures["the picture"]
    assert list(sent["bytes"]) == [0, 0, 0, 255, 255, 255, 128, 128, 128, 51, 51, 51]
    assert sent["size"] == [2, 2]


def test_a_picture_of_ones_own_comes_back_as_a_tensor():
    explorer = WarpExplorer({"house": stn.house(20, 30), "board": stn.checkerboard(8, 8)})
    explorer.chosen = "board"
    assert torch.equal(explorer.image, stn.checkerboard(8, 8)) and explorer.size == (8, 8)
    own = {"bytes": memoryview(bytes([255, 0, 51] * 6)), "size": [2, 3]}
    explorer.set_state({"chosen": "your own", "pictures": explorer.pictures | {"your own": own}})
    assert explorer.image.shape == (1, 3, 2, 3)
    assert explorer.picture[0, :, 1, 1].tolist() == pytest.approx([1, 0, 0.2])


def test_only_one_of_the_pictures_can_be_chosen():
    explorer = WarpExplorer({"house": stn.house(20, 30), "board": stn.checkerboard(8, 8)})
    with pytest.raises(ValueError, match="pictures are house, board; there is no 'boat'"):
        explorer.chosen = "boat"
    assert explorer.chosen == "house"


@pytest.mark.parametrize("size", [(0, 4), (4, 257), (4,), (4.5, 4), 4, "ab", [[8, 8], 3]])
def test_what_is_no_size_is_refused_at_once_and_later(size):
    with pytest.raises((TypeError, ValueError), match=r"size = \(height, width\) must be .* got"):
        WarpExplorer(stn.house(20, 30), size=size)
    explorer = WarpExplorer(stn.house(20, 30), size=(256, 1))
    with pytest.raises((TypeError, ValueError), match=r"size = \(height, width\) must be .* got"):
        explorer.target_size = size
    assert explorer.size == (256, 1)
    explorer.target_size = []
    assert explorer.size == (20, 30)


def test_the_still_picture_shows_the_present_state():
    explorer = WarpExplorer(stn.house(20, 30), size=(10, 15))
    before = explorer.still()
    explorer.theta = stn.affine_theta(scale=2)
    after = explorer.still()
    assert before.alt != after.alt and "(-0.50, -0.50)" in after.alt and "10 by 15" in after.alt


@pytest.mark.parametrize(
    ("image", "how", "error", "message"),
    [
        (torch.rand(3, 8, 8), {}, ValueError, r"\(1, 3, H, W\), got \(3, 8, 8\)"),
        ("house.png", {}, TypeError, "got str"),
        ({}, {}, ValueError, "several by name, got none"),
        ({"a": torch.rand(1, 1, 8, 8), "b": torch.rand(8, 8)}, {}, ValueError, r"got \(8, 8\)"),
        (torch.rand(1, 1, 0, 8), {}, ValueError, "at least one pixel"),
        (torch.zeros(1, 1, 8, 8, dtype=torch.uint8), {}, TypeError, r"to_floats\(image\)"),
        (
            torch.tensor([[[[0, 1.01]]]]),
            {},
            ValueError,
            "got 0 to 1.00999999: use image / 1.00999999",
        ),
        (torch.rand(1, 16, 8, 8), {}, ValueError, r"use image.mean\(1, keepdim=True\)"),
        (torch.full((1, 1, 8, 8), float("nan")), {}, ValueError, "values from 0 to 1"),
        (torch.full((1, 1, 8, 8), 7.0), {}, ValueError, "got 7 to 7"),
        (torch.rand(1, 1, 8, 8), {"sliders": "roll"}, TypeError, r"use \['roll'\]"),
        (
            torch.rand(1, 1, 8, 8),
            {"start": {"angle": 9}},
            ValueError,
            "start may hold rotation, scale",
        ),
        (torch.rand(1, 1, 8, 8), {"start": 30}, TypeError, "start must be a dict"),
        (torch.rand(1, 1, 8, 8), {"sliders": ("roll",)}, ValueError, "there is no 'roll'"),
        (torch.rand(1, 1, 8, 8), {"choices": ("colour",)}, ValueError, "there is no 'colour'"),
        (torch.rand(1, 1, 8, 8), {"kernel": "cubic"}, ValueError, "kernel must be one of"),
        (torch.rand(1, 1, 8, 8), {"start": {"scale": 0}}, ValueError, "scale must not be 0"),
    ],
)
def test_what_is_not_a_picture_is_refused(image, how, error, message):
    with pytest.raises(error, match=message):
        WarpExplorer(image, **how)


@pytest.mark.parametrize("picture", [stn.checkerboard(), torch.ones(1, 1, 64, 64)])
@pytest.mark.parametrize("scale", [0.8, 1, 1.5, 2])
def test_what_the_lesson_warps_its_explorer_shows(picture, scale):
    for degrees in range(0, 90, 7):
        warped = stn.warp(picture, stn.affine_theta(rotation=degrees, scale=scale))
        explorer = WarpExplorer(warped)
        shown = torch.frombuffer(
            bytearray(explorer.pictures["the picture"]["bytes"]), dtype=torch.uint8
        )
        expected = (warped.clamp(0, 1) * 255).round().flatten()
        assert torch.equal(shown.view(-1, 3)[:, 0].float(), expected)
        explorer.close()


def test_a_picture_may_leave_the_range_by_less_than_half_a_grey_level():
    explorer = WarpExplorer(torch.tensor([[[[-0.0019, 0.5, 1.0019]]]]))
    assert list(explorer.pictures["the picture"]["bytes"])[::3] == [0, 128, 255]


def test_a_size_out_of_numpy_is_a_size():
    house = stn.house(20, 30)
    half = np.array(house.shape[-2:]) // 2
    for size in (half, tuple(half), list(half)):
        explorer = WarpExplorer(house, size=size)
        assert explorer.size == (10, 15) and all(type(side) is int for side in explorer.size)


def test_theta_is_the_explorers_own():
    theta = stn.affine_theta(scale=2)
    explorer = WarpExplorer(stn.house(20, 30))
    explorer.theta = theta
    theta.zero_()
    assert torch.equal(explorer.theta, stn.affine_theta(scale=2))
