import numpy as np
import pytest
import torch
from torch import nn

import stn_lesson as stn
from stn_lesson import colocalisation as co
from stn_lesson.colocalisation.scenes import iou, scenes_of_class
from stn_lesson.datasets import Split
from stn_lesson.training import StopTraining, TrainingError


class Ink(nn.Module):
    """An encoder that needs no training: how much ink there is in a window, quarter by quarter."""

    def __init__(self):
        super().__init__()
        self.pool = nn.AvgPool2d(14)
        self.gain = nn.Parameter(torch.tensor(10.0))

    def code(self, windows):
        return self.gain * self.pool(windows).flatten(1)


def bright_scenes(count=24):
    """Blank scenes with a bright square of 20×20 pixels, in the middle of a box of 28×28."""
    squares = torch.zeros(count, 1, 28, 28, dtype=torch.uint8)
    squares[:, :, 4:24, 4:24] = 255
    return scenes_of_class(Split(squares, torch.zeros(count, dtype=torch.long)), 0, count=count)


def test_the_triplet_loss_by_hand():
    seen = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    random = torch.tensor([[2.0, 0.0], [2.0, 1.0], [0.0, 3.0]])
    # ‖seen − others‖²: 4, 1; 4, 5; 1, 5.  ‖seen − random‖²: 4; 1; 4.
    hinges = [4 - 4 + 1, 0, 4 - 1 + 1, 5 - 1 + 1, 0, 5 - 4 + 1]
    assert co.triplet_loss(seen, random).item() == pytest.approx(sum(hinges) / 6)
    assert co.triplet_loss(seen, random, detach_others=False).item() == pytest.approx(
        sum(hinges) / 6
    )
    assert co.triplet_loss(torch.zeros(2, 3), torch.ones(2, 3)) == 0  # all alike, random far away
    assert co.triplet_loss(torch.zeros(2, 3), torch.zeros(2, 3)) == 1  # the empty background


def test_only_the_first_of_a_pair_gets_a_gradient_unless_the_others_are_attached():
    torch.manual_seed(0)
    seen, random = torch.randn(5, 3, dtype=torch.double), torch.randn(5, 3, dtype=torch.double)
    whole, first = torch.zeros(5, 3).double(), torch.zeros(5, 3).double()
    for n in range(5):
        for m in range(5):
            if n == m:
                continue
            to_other, to_random = seen[n] - seen[m], seen[n] - random[n]
            if to_other @ to_other - to_random @ to_random + 1 > 0:
                first[n] += 2 * (to_other - to_random) / 20
                whole[n] += 2 * (to_other - to_random) / 20
                whole[m] -= 2 * to_other / 20
    assert not torch.allclose(whole, first)
    for detach_others, expected in ((True, first), (False, whole)):
        moving = seen.clone().requires_grad_()
        co.triplet_loss(moving, random, detach_others).backward()
        assert torch.allclose(moving.grad, expected)


def test_the_triplet_loss_refuses_codes_that_do_not_belong_together():
    with pytest.raises(ValueError, match="of the same N ≥ 2 pictures, got"):
        co.triplet_loss(torch.zeros(3, 2), torch.zeros(4, 2))
    with pytest.raises(ValueError, match="of the same N ≥ 2 pictures, got"):
        co.triplet_loss(torch.zeros(1, 2), torch.zeros(1, 2))


def test_the_box_of_a_window_is_the_pixels_that_it_looks_at():
    s = 27 / 83
    theta = torch.tensor(
        [[[s, 0, 0], [0, s, 0]], [[s, 0, s - 1], [0, s, 1 - s]], [[1, 0, 0.0], [0, 1, 0]]]
    )
    expected = torch.tensor([[28, 28, 56, 56], [0, 56, 28, 84], [0, 0, 84, 84.0]])
    assert torch.allclose(co.window_boxes(theta), expected, atol=1e-4)
    assert torch.allclose(co.window_boxes(theta[2:], size=28), torch.tensor([[0, 0, 28, 28.0]]))


def test_a_window_on_its_box_shows_the_digit_pixel_for_pixel():
    digits = stn.load_digits().train
    scenes = scenes_of_class(digits, 7, count=20)
    s, middle = 27 / 83, (scenes.boxes[:, :2] + 13.5) / 41.5 - 1
    theta = torch.zeros(20, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = s
    theta[:, :, 2] = middle
    assert torch.allclose(iou(co.window_boxes(theta), scenes.boxes), torch.ones(20))
    shown = stn.warp(stn.to_floats(scenes.images), theta, (28, 28))
    assert torch.allclose(shown.sum((1, 2, 3)), stn.to_floats(scenes.images).sum((1, 2, 3)))


def test_random_windows_lie_inside_and_anywhere():
    theta = co.random_windows(500, 84, torch.Generator().manual_seed(0))
    boxes = co.window_boxes(theta)
    assert boxes.min() >= -1e-4 and boxes.max() <= 84 + 1e-4
    assert torch.allclose(boxes[:, 2:] - boxes[:, :2], torch.tensor(28.0), atol=1e-4)
    assert boxes[:, :2].amin(0).max() < 3 and boxes[:, :2].amax(0).min() > 53


def test_windows_jitter_windows_inside_the_picture_and_pass_the_gradient_on():
    theta = co.random_windows(300, 84, torch.Generator().manual_seed(0)).requires_grad_()
    moved = co.jitter_windows(theta, 0.3, torch.Generator().manual_seed(1))
    boxes = co.window_boxes(moved.detach())
    assert boxes.min() >= -1e-4 and boxes.max() <= 84 + 1e-4
    assert torch.equal(moved[:, :, :2], theta[:, :, :2])
    assert 0.15 < (moved - theta)[:, :, 2].std() < 0.3
    assert torch.equal(co.jitter_windows(theta, 0.0, torch.Generator()), theta)
    moved.sum().backward()
    assert (theta.grad == 1).all()


def test_a_search_finds_bright_squares():
    scenes = bright_scenes()
    search = co.colocalise(
        scenes.images, Ink(), steps=240, seed=1, keep_every=120, progress_bar=False
    )
    assert search.kept_steps == [0, 120, 240] and len(search.step_loss) == 240
    overlap = [iou(co.window_boxes(theta), scenes.boxes).mean().item() for theta in search.theta]
    assert overlap[0] < 0.3 and overlap[-1] > 0.6
    assert search.loss == pytest.approx(sum(search.step_loss[-20:]) / 20)
    assert search.loss < search.step_loss[0] / 2 and not search.interrupted


def test_the_same_seed_gives_the_same_search_and_leaves_random_numbers_and_encoder_alone():
    scenes, encoder = bright_scenes(6), Ink()
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    one, two, other = (
        co.colocalise(scenes.images, encoder, steps=3, seed=seed, progress_bar=False)
        for seed in (4, 4, 5)
    )
    assert torch.equal(torch.rand(3), expected)
    assert one.step_loss == two.step_loss != other.step_loss
    assert torch.equal(one.theta[-1], two.theta[-1])
    assert encoder.gain.grad is None and encoder.gain.requires_grad


@pytest.mark.parametrize("stop", [KeyboardInterrupt, StopTraining])
def test_an_interrupt_keeps_what_was_reached(stop):
    def press_stop(search):
        if len(search.step_loss) == 3:
            raise stop

    images = bright_scenes(6).images
    search = co.colocalise(
        images, Ink(), steps=9, keep_every=2, progress_bar=False, on_step=press_stop
    )
    assert search.interrupted and len(search.step_loss) == 3 and search.kept_steps == [0, 2, 3]
    assert not torch.equal(search.theta[0], search.theta[-1])


def test_the_bar_can_be_left_out(capsys):
    images = bright_scenes(4).images
    co.colocalise(images, Ink(), steps=2)
    assert "step/s" in capsys.readouterr().err
    co.colocalise(images, Ink(), steps=2, progress_bar=False)
    assert capsys.readouterr().err == ""


def test_nan_stops_the_search_with_the_step_and_the_likely_cause():
    broken = Ink()
    with torch.no_grad():
        broken.gain.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"stopped at step 0: the loss is nan.*or an encoder"):
        co.colocalise(bright_scenes(4).images, broken, steps=2, progress_bar=False)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (torch.zeros(4, 1, 84, 84), TypeError, "must be bytes .* got torch.float32"),
        ([1], TypeError, "got list"),
        (torch.zeros(4, 1, 84, 80, dtype=torch.uint8), ValueError, "square, grey and larger than"),
        (torch.zeros(4, 3, 84, 84, dtype=torch.uint8), ValueError, r"shape \(4, 3, 84, 84\)"),
        (torch.zeros(4, 1, 28, 28, dtype=torch.uint8), ValueError, "larger than 28×28"),
        (torch.zeros(1, 1, 84, 84, dtype=torch.uint8), ValueError, "give two at least"),
    ],
)
def test_a_search_refuses_what_are_no_scenes(images, error, message):
    with pytest.raises(error, match=message):
        co.colocalise(images, Ink(), steps=1)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"rate": 1}, TypeError, "settings are steps, learning_rate, .*; there is no 'rate'"),
        ({"steps": 1.5}, TypeError, "steps must be a whole number, got 1.5"),
        ({"steps": -1}, ValueError, "steps must be at least 0"),
        ({"learning_rate": -1e-3}, ValueError, "learning_rate must be at least 0"),
        ({"learning_rate": None}, TypeError, "learning_rate must be a number"),
        ({"jitter": float("nan")}, ValueError, "jitter must be a finite number"),
        ({"seed": 2**64}, ValueError, "seed must be from 0 to"),
        ({"keep_every": 0}, ValueError, "keep_every must be at least 1, got 0"),
    ],
)
def test_a_search_refuses_settings_that_cannot_be(settings, error, message):
    with pytest.raises(error, match=message):
        co.colocalise(bright_scenes(4).images, Ink(), **settings)


def test_a_search_without_gradients_or_with_no_function_to_call_is_refused():
    images = bright_scenes(4).images
    with torch.no_grad(), pytest.raises(ValueError, match="nothing can be learnt under torch.no_"):
        co.colocalise(images, Ink(), steps=1)
    with pytest.raises(TypeError, match="on_step must be a function or None, got 3"):
        co.colocalise(images, Ink(), steps=1, on_step=3)


def test_a_search_refuses_what_gives_no_codes():
    for encoder in (None, nn.Linear(2, 2), Ink):
        with pytest.raises(TypeError, match="encoder must be an Encoder"):
            co.colocalise(bright_scenes(4).images, encoder, steps=1)


def test_a_setting_out_of_numpy_is_taken_for_pythons():
    chosen = co.SearchSettings(steps=np.int64(3), jitter=np.float32(0.5), seed=np.uint8(1))
    assert chosen == co.SearchSettings(steps=3, jitter=0.5, seed=1)
    assert type(chosen.steps) is int and type(chosen.jitter) is float
