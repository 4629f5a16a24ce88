import pytest
import torch

import stn_lesson as stn
from stn_lesson.widgets import Alignment

BOARD = stn.checkerboard(12, 18)


def test_loss_and_gradient_are_those_of_the_present_state():
    image, wanted = torch.rand(2, 1, 1, 9, 14)
    alignment = Alignment(image, wanted, start={"rotation": 20}, blur=2)
    theta = stn.affine_theta(20, size=(9, 14)).requires_grad_()
    soft = [torch.nn.functional.avg_pool2d(picture, 5, 1, 2) for picture in (image, wanted)]
    loss = (stn.warp(soft[0], theta) - soft[1]).square().mean()
    assert alignment.loss == pytest.approx(loss.item())
    assert torch.allclose(alignment.gradient, torch.autograd.grad(loss, theta)[0])
    alignment.theta, alignment.blur = stn.affine_theta(), 0
    assert alignment.loss == pytest.approx((image - wanted).square().mean().item(), abs=1e-6)
    assert alignment.gradient.shape == (1, 2, 3)


def test_the_state_comes_back_from_the_browser():
    alignment = Alignment(BOARD, BOARD)
    theta = stn.affine_theta(scale=2)
    alignment.set_state({"theta": theta.flatten().tolist(), "steps": 7, "blur": 3})
    assert torch.equal(alignment.theta, theta)
    assert (alignment.steps, alignment.blur) == (7, 3)


def test_theta_set_in_python_begins_a_new_descent():
    alignment = Alignment(BOARD, BOARD)
    alignment.set_state({"theta": stn.affine_theta(scale=2).flatten().tolist(), "steps": 7})
    alignment.theta = stn.affine_theta(scale=3)
    assert alignment.steps == 0
    alignment.set_state({"steps": 8, "theta": stn.affine_theta(scale=2).flatten().tolist()})
    assert alignment.steps == 8


def test_the_pictures_travel_as_floats():
    image = torch.rand(1, 1, 3, 5, dtype=torch.double)
    sent = Alignment(image, image.flip(3)).pictures["wanted"]
    floats = torch.frombuffer(bytearray(sent["bytes"]), dtype=torch.float32)
    assert torch.equal(floats.view(1, 1, *sent["size"]), image.flip(3).float())


def test_the_far_start_is_chosen():
    alignment = Alignment(BOARD, BOARD, far={"translation": (0, 0.5)})
    assert torch.equal(alignment.far, stn.affine_theta(translation=(0, 0.5)))


def test_the_still_picture_says_the_loss():
    alignment = Alignment(BOARD, BOARD.flip(3))
    still = alignment.still()
    assert f"{alignment.loss:.4f}" in still.alt and "wanted" in still.alt
    assert still.png()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("pair", "how", "message"),
    [
        ((torch.rand(1, 3, 8, 8), torch.rand(1, 1, 8, 8)), {}, r"grey, \(1, 1, H, W\), got \(1, 3"),
        ((torch.rand(1, 1, 8, 8), torch.rand(1, 1, 8, 9)), {}, "the same size"),
        ((torch.rand(1, 1, 8, 8), torch.rand(8, 8)), {}, r"got \(8, 8\)"),
        ((BOARD, BOARD), {"blur": 7}, "from 0 to 6, got 7"),
        ((BOARD, BOARD), {"blur": 0.5}, "whole number"),
        ((BOARD, BOARD), {"sliders": ("roll",)}, "there is no 'roll'"),
    ],
)
def test_what_cannot_be_aligned_is_refused(pair, how, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Alignment(*pair, **how)


@pytest.mark.parametrize("names", [["x", "roll"], ["x"], ["x", "x"], ["x", "y", "scale"]])
def test_a_map_is_over_two_different_known_names(names):
    alignment = Alignment(BOARD, BOARD)
    with pytest.raises(ValueError, match=r"map_over (are|must be)"):
        alignment.map_over = names
    assert alignment.map_over == ["x", "rotation"]
