import itertools

import pytest
import torch

import stn_lesson as stn


def test_the_house_shows_which_way_is_up():
    picture = stn.house(64, 96)
    assert picture.shape == (1, 3, 64, 96) and picture.min() >= 0 and picture.max() <= 1
    for other in (picture.flip(3), picture.flip(2), picture.flip(2, 3)):
        assert (picture - other).abs().mean() > 0.05


def test_the_landscape_is_the_same_picture_every_time_and_has_no_symmetry():
    picture = stn.landscape(64, 96)
    assert picture.shape == (1, 3, 64, 96) and picture.min() >= 0 and picture.max() <= 1
    assert torch.equal(picture, stn.landscape(64, 96))
    for other in (picture.flip(3), picture.flip(2), picture.flip(2, 3)):
        assert (picture - other).abs().mean() > 0.05


def test_the_landscape_has_structure_at_every_scale_like_a_photograph():
    """Each octave of frequencies holds about as much: the amplitude falls as one over it."""
    grey = stn.landscape(192, 192).mean(1)[0]
    frequency = torch.fft.fftfreq(192).square()
    frequency = (frequency[:, None] + frequency).sqrt() * 192
    power = torch.fft.fft2(grey).abs().square()
    octaves = [power[(frequency >= low) & (frequency < 2 * low)].sum() for low in (6, 12, 24, 48)]
    assert all(0.2 < fine / coarse < 1.5 for coarse, fine in itertools.pairwise(octaves))


@pytest.mark.parametrize("draw", [stn.house, stn.landscape, stn.checkerboard])
def test_a_picture_is_the_same_whatever_torchs_defaults_are(draw):
    picture = draw(40, 60)
    torch.set_default_dtype(torch.float64)
    try:
        other, theta = draw(40, 60), stn.affine_theta()
        assert stn.warp(other, theta).shape == other.shape  # it goes with what is made beside it
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(other.float(), picture)
    with torch.device("meta"):
        assert draw(40, 60).device == stn.affine_theta().device


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda: stn.house(-1, 5), ValueError, "height must be at least 1, got -1"),
        (lambda: stn.house(5, 2.5), TypeError, "width must be a whole number, got 2.5"),
        (lambda: stn.house((5, 5)), TypeError, "height must be a whole number"),
        (lambda: stn.landscape(0, 5), ValueError, "height must be at least 1, got 0"),
        (lambda: stn.landscape(10**9, 10**9), ValueError, "got 1000000000×1000000000"),
        (lambda: stn.checkerboard(4, 4, 0), ValueError, "squares must be at least 1, got 0"),
        (lambda: stn.checkerboard(0, 4), ValueError, "height must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, error, message):
    with pytest.raises(error, match=message):
        draw()
