import numpy as np
import pytest
import torch

import stn_lesson as stn
from stn_lesson.datasets import Dataset, Split
from stn_lesson.widgets import FlightRecorder

IMAGES = torch.randint(0, 256, (5, 1, 12, 18), dtype=torch.uint8)
LABELS = torch.arange(5)
DATA = Dataset("noise", Split(IMAGES, LABELS), Split(IMAGES, LABELS))
FLIGHT = [stn.affine_theta(rotation=torch.arange(3.0) * epoch, scale=1.5) for epoch in (1, 2)]


def test_theta_is_the_recorded_one_at_whole_epochs_and_mixed_in_between():
    recorder = FlightRecorder(DATA, FLIGHT)
    assert recorder.epoch == 2 and torch.equal(recorder.theta, FLIGHT[1])
    recorder.epoch = 1.0
    assert torch.equal(recorder.theta, FLIGHT[0])
    recorder.epoch = 0.0
    assert torch.equal(recorder.theta, stn.affine_theta().expand(3, 2, 3))
    recorder.epoch = 1.25
    assert torch.allclose(recorder.theta, 0.75 * FLIGHT[0] + 0.25 * FLIGHT[1])


def test_a_history_brings_its_theta_and_its_accuracy():
    history = stn.History(theta=FLIGHT, accuracy=[0.5, 0.75])
    recorder = FlightRecorder(DATA, history, start=1)
    assert recorder.accuracy == [0.5, 0.75] and recorder.epoch == 1
    assert torch.equal(recorder.theta, FLIGHT[0])


def test_the_browser_is_given_the_first_images_and_every_theta():
    recorder = FlightRecorder(DATA, FLIGHT, size=(4, 6), padding="zeros", kernel="nearest")
    assert recorder.images == IMAGES[:3].numpy().tobytes()
    assert recorder.image_shape == [3, 1, 12, 18] and recorder.labels == [0, 1, 2]
    flight = torch.frombuffer(bytearray(recorder.flight), dtype=torch.float32).view(3, 3, 2, 3)
    assert torch.equal(flight[1:], torch.stack(FLIGHT))
    assert torch.equal(flight[0], stn.affine_theta().expand(3, 2, 3))
    assert recorder.view == {"size": [4, 6], "kernel": "nearest", "padding": "zeros"}
    assert FlightRecorder(IMAGES, FLIGHT).labels == []  # images alone will do


def test_the_still_picture_shows_where_the_slider_stands():
    recorder = FlightRecorder(DATA, FLIGHT, size=(4, 6))
    recorder.epoch = 0.0
    still = recorder.still()
    edge = still.axes[0].patches[0].get_xy()[:-1].tolist()
    corners = [edge[k] for k in (0, 5, 10, 15)]  # a 4×6 grid, once around
    assert corners == [[0, 0], [17, 0], [17, 11], [0, 11]]  # the whole picture
    assert still.alt.startswith("Epoch 0 of 2. Above, 3 images")
    assert [axes.get_title() for axes in still.axes[:3]] == ["a 0", "a 1", "a 2"]
    seen = torch.as_tensor(still.axes[4].images[0].get_array().filled())
    expected = stn.warp(stn.to_floats(IMAGES[1:2]), stn.affine_theta(), (4, 6))[0, 0]
    assert torch.allclose(seen, expected, atol=1e-6)
    assert still.png()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"theta": []}, ValueError, "there is no θ to show: train a network with a transformer"),
        ({"theta": stn.History()}, ValueError, "there is no θ to show"),
        ({"theta": [torch.zeros(3, 6)]}, ValueError, r"theta must have shape \(N, 2, 3\)"),
        ({"theta": [FLIGHT[0], FLIGHT[1][:2]]}, ValueError, r"the same images, got \[2, 3\]"),
        ({"digits": IMAGES[:2]}, ValueError, "3 grey images at least"),
        ({"digits": IMAGES.float()}, TypeError, r"shape \(N, 1, H, W\), or a Dataset"),
        ({"digits": "mnist"}, TypeError, "or a Dataset, got str"),
        ({"accuracy": [0.5]}, ValueError, "one for each epoch, got 1 for 2"),
        ({"theta": FLIGHT[0]}, ValueError, r"got one \(3, 2, 3\): use \[theta\]"),
        ({"theta": 3}, TypeError, r"theta must be a list of θ \(N, 2, 3\), or a History, got 3"),
        ({"accuracy": [0.5, 50]}, ValueError, "accuracy must be from 0 to 1, got 50"),
        ({"size": 28}, TypeError, r"size = \(height, width\) must be a pair"),
        ({"padding": "mirror"}, ValueError, "padding must be one of"),
        ({"start": 3}, ValueError, "epoch must be from 0 to 2, got 3"),
        ({"start": float("nan")}, ValueError, "epoch must be a finite number, got nan"),
    ],
)
def test_what_does_not_fit_together_is_refused(words, error, message):
    with pytest.raises(error, match=message):
        FlightRecorder(**({"digits": DATA, "theta": FLIGHT} | words))


def test_numbers_out_of_numpy_are_taken_for_pythons():
    recorder = FlightRecorder(DATA, FLIGHT, accuracy=np.array([0.5, 0.75]), size=np.array([4, 6]))
    assert recorder.accuracy == [0.5, 0.75] and recorder.view["size"] == [4, 6]
    recorder.epoch, recorder.chosen = np.float32(0.5), np.int64(2)
    assert (recorder.epoch, recorder.chosen) == (0.5, 2)
    assert torch.equal(FlightRecorder(DATA, torch.stack(FLIGHT)).theta, recorder._thetas[-1])
