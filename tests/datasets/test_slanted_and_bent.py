"""Digits under a homography (the paper's P) and under a thin-plate spline (E)."""

import pytest
import torch
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import map_coordinates

import stn_lesson as stn
from stn_lesson.datasets import distort_elastic, distort_projective
from stn_lesson.datasets.distortions import _is_folded
from stn_lesson.homography import corner_areas, projective_theta

BOTH = pytest.mark.parametrize("distort", [distort_projective, distort_elastic])
SQUARE = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])  # as corners run


def drawn(seed, count, points):
    """The zooms from 0 to 1 and the moves, in standard deviations, that a seed stands for."""
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.rand(count, 1, 1, generator=generator),
        torch.randn(count, points, 2, generator=generator),
    )


def middles(images):
    """Where the ink of each image lies (N, 2): x then y, in pixels from the middle."""
    line = torch.arange(images.shape[-1]) - (images.shape[-1] - 1) / 2
    weight = images[:, 0].float() / images.float().sum((1, 2, 3))[:, None, None]
    return torch.stack([(weight.sum(1) * line).sum(1), (weight.sum(2) * line).sum(1)], 1)


@BOTH
@pytest.mark.parametrize("size", [None, 40])
def test_without_moves_a_digit_stays_pixel_for_pixel(distort, size):
    digits = torch.randint(0, 256, (3, 1, 32, 20), dtype=torch.uint8)
    same = distort(digits, size, jitter=0, scale=(1, 1))
    if size:
        assert same.sum() == digits.sum()
        same = same[:, :, 4:36, 10:30]
    assert torch.equal(same, digits)


@BOTH
def test_scale_makes_a_digit_smaller_about_the_middle(distort):
    digits = torch.full((200, 1, 28, 28), 255, dtype=torch.uint8)
    small = distort(digits, 40, jitter=0)
    area = small.float().sum((1, 2, 3)) / (255 * 28**2)
    expected = 0.75 + 0.25 * drawn(0, 200, 16)[0].flatten()
    torch.testing.assert_close(area.sqrt(), expected, atol=0.01, rtol=0)
    assert middles(small).abs().max() < 0.05


def test_the_corners_of_a_slanted_picture_move_as_drawn():
    zoom, moves = drawn(7, 30, 4)
    expected = (0.75 + 0.25 * zoom) * 10 * SQUARE + 1.5 * moves  # pixels from the middle
    assert not _is_folded(expected).any()
    for k, (x, y) in enumerate(SQUARE.int().tolist()):
        digits = torch.zeros(30, 1, 21, 21, dtype=torch.uint8)
        digits[:, :, 10 + 10 * y, 10 + 10 * x] = 255  # a dot in one corner
        slanted = distort_projective(digits, 41, jitter=1.5, seed=7)
        torch.testing.assert_close(middles(slanted), expected[:, k], atol=0.5, rtol=0)


def test_straight_lines_stay_straight_in_a_slanted_picture():
    digits = torch.zeros(30, 1, 41, 41, dtype=torch.uint8)
    digits[:, :, 19:22] = 255
    for image in distort_projective(digits, 80, jitter=4)[:, 0].double():
        places = (image > 100).nonzero().double()
        spread = torch.linalg.eigvalsh(torch.cov(places.T))
        assert spread[0] < 0.015 * spread[1]  # as thin as a line


def test_a_picture_is_folded_where_the_horizon_comes_near():
    generator = torch.Generator().manual_seed(0)
    corners = SQUARE + 0.6 * torch.randn(300, 4, 2, generator=generator)
    theta = projective_theta(corners.double())
    depth = (theta @ torch.cat([SQUARE.T, torch.ones(1, 4)]).double())[:, 2]
    by_depth = depth.amin(1) <= 0.1
    upright = corner_areas(corners).sum(1) > 0  # else the picture is seen from behind
    assert torch.equal(_is_folded(corners)[upright], by_depth[upright])
    assert 20 < by_depth.sum() < 280 and _is_folded(corners)[~upright].all()


def test_corners_moved_too_far_are_drawn_back_by_halves_until_the_digit_can_be_seen():
    digits = torch.full((40, 1, 28, 28), 255, dtype=torch.uint8)
    slanted = distort_projective(digits, 400, jitter=40, scale=(1, 1))
    assert (slanted.amax((1, 2, 3)) == 255).all()
    moves = 40 * drawn(0, 40, 4)[1]
    assert _is_folded(13.5 * SQUARE + moves).sum() > 10
    for image, move in zip(slanted, moves, strict=True):
        while _is_folded(13.5 * SQUARE + move[None]):
            move = move / 2
        area = corner_areas(13.5 * SQUARE + move[None]).sum() / 4  # each triangle is twice in it
        assert (image == 255).sum() == pytest.approx(area.item(), rel=0.05, abs=40)


def test_a_bent_digit_follows_scipys_spline():
    digits = stn.load_digits().test.images[:5]
    zoom, moves = drawn(9, 5, 9)
    line = torch.linspace(-13.5, 13.5, 3, dtype=torch.double)
    net = torch.cartesian_prod(line, line).flip(1)  # x then y, in reading order
    side = torch.arange(28, dtype=torch.double) - 13.5
    pixels = torch.cartesian_prod(side, side).flip(1)
    bent = distort_elastic(digits, points=3, jitter=2, scale=(0.8, 0.9), seed=9)
    for n in range(5):
        spline = RBFInterpolator(net, net + 2 * moves[n], kernel="thin_plate_spline", degree=1)
        look = torch.from_numpy(spline(pixels)) / (0.8 + 0.1 * zoom[n]) + 13.5
        expected = map_coordinates(digits[n, 0].double(), look.T.flip(0), order=1).reshape(28, 28)
        assert (bent[n, 0] - torch.from_numpy(expected)).abs().max() < 0.6


@BOTH
def test_the_same_seed_gives_the_same_images_whatever_the_chunk(distort):
    digits = stn.load_digits().test.images[:50]
    first = distort(digits, seed=3)
    assert first.shape == (50, 1, 28, 28) and first.dtype == torch.uint8
    assert torch.equal(first, distort(digits, seed=3, chunk=7))
    assert not torch.equal(first, distort(digits, seed=4))
    assert distort(digits[:0]).shape == (0, 1, 28, 28)


@BOTH
@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"scale": (0, 1)}, ValueError, "both above 0"),
        ({"scale": (2, 1)}, ValueError, "smallest, largest"),
        ({"scale": (1e-30, 1)}, ValueError, "from 1e-06 to 1000000, got"),
        ({"scale": (1, 1e18)}, ValueError, "from 1e-06 to 1000000, got"),
        ({"jitter": -1}, ValueError, "jitter must be from 0 to 1000000, got -1"),
        ({"jitter": float("inf")}, ValueError, "got inf"),
        ({"jitter": float("nan")}, ValueError, "got nan"),
        ({"digits": torch.zeros(2, 1, 8, 8)}, TypeError, r"must be bytes .* got torch.float32"),
        ({"digits": "digits"}, TypeError, "got str"),
    ],
)
def test_what_cannot_be_slanted_or_bent_is_refused(distort, how, error, message):
    digits = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    with pytest.raises(error, match=message):
        distort(**{"digits": digits, **how})


@pytest.mark.parametrize("scale", [1e-6, 1e6])
@pytest.mark.parametrize("distort", [stn.distort, distort_projective, distort_elastic])
def test_between_the_bounds_of_scale_every_number_is_finite(distort, scale):
    digits = torch.full((20, 1, 28, 28), 255, dtype=torch.uint8)
    ink = distort(digits, scale=(scale, scale)).sum()
    assert ink > 0 if scale > 1 else ink < digits.sum() / 100


def test_a_net_of_one_point_bends_nothing_and_is_refused():
    with pytest.raises(ValueError, match="points must be from 2 to 32, got 1"):
        distort_elastic(torch.zeros(1, 1, 8, 8, dtype=torch.uint8), points=1)
