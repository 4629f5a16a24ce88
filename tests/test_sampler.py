import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import stn_lesson as stn
from stn_lesson.checks import NotFiniteError
from stn_lesson.grid import projective_grid
from stn_lesson.spline import control_points, thin_plate_grid

PADDINGS = ("zeros", "border", "reflection")


def torch_sample(image, grid, padding, mode="bilinear"):
    return F.grid_sample(image, grid, mode=mode, padding_mode=padding, align_corners=True)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 7), st.integers(1, 7), st.sampled_from(PADDINGS))
def test_by_hand_equals_torch_in_values_and_both_gradients(seed, height, width, padding):
    torch.manual_seed(seed)
    image = torch.randn(2, 3, height, width, requires_grad=True)
    grid = (torch.randn(2, 4, 5, 2) * 1.2).requires_grad_()  # about a third falls outside
    weight = torch.randn(2, 3, 4, 5)
    ours, theirs = stn.bilinear_sample(image, grid, padding), torch_sample(image, grid, padding)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    for mine, expected in zip(
        torch.autograd.grad((ours * weight).sum(), (image, grid)),
        torch.autograd.grad((theirs * weight).sum(), (image, grid)),
        strict=True,
    ):
        torch.testing.assert_close(mine, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(stn.sample(image, grid, padding=padding), theirs)


@pytest.mark.parametrize("sampler", [stn.bilinear_sample, stn.sample])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("size", [(28, 28), (60, 60), (41, 97), (1, 5), (2, 1), (1, 1)])
def test_identity_returns_the_image_pixel_for_pixel(sampler, padding, size):
    pixels = torch.randint(0, 256, (2, 3, *size))
    grid = stn.sampling_grid(stn.affine_theta(), *size).expand(2, -1, -1, -1)
    same = sampler(pixels.float() / 255, grid, padding=padding)
    assert torch.equal((same * 255).round().long(), pixels)
    assert (same - pixels / 255).abs().max() < 1e-5


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("size", [(5, 8), (3, 3), (1, 5), (2, 2)])
def test_on_the_pixels_themselves_both_gradients_are_torchs(padding, size):
    image = torch.rand(1, 2, *size).requires_grad_()
    columns, rows = torch.arange(-1.0, size[1] + 1), torch.arange(-1.0, size[0] + 1)
    y, x = torch.meshgrid(rows, columns, indexing="ij")  # all pixels, and one step beyond
    half = torch.tensor([max(size[1] - 1, 1) / 2, max(size[0] - 1, 1) / 2])
    grid = (torch.stack([x, y], -1)[None] / half - 1).requires_grad_()
    weight = torch.rand(1, 2, *x.shape)
    gradients = [
        torch.autograd.grad((sampled * weight).sum(), (image, grid))
        for sampled in (
            stn.bilinear_sample(image, grid, padding),
            torch_sample(image, grid, padding),
        )
    ]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_one_sample_worked_out_by_hand():
    image = torch.tensor([[[[1.0, 2], [3, 5]]]])
    # x = 0.75, y = 0.25 in pixels: weights 3/16, 9/16, 1/16, 3/16.
    grid = torch.tensor([[[[0.5, -0.5]]]])
    expected = (3 * 1 + 9 * 2 + 1 * 3 + 3 * 5) / 16
    assert stn.bilinear_sample(image, grid).item() == pytest.approx(expected)


def test_zeros_fade_out_over_one_pixel_and_border_goes_on():
    image = torch.ones(1, 1, 3, 3)
    grid = torch.tensor([[[[1.0, 0], [1.5, 0], [2.0, 0], [9.0, 0]]]])  # 0, ½, 1 and 8 pixels out
    faded = stn.bilinear_sample(image, grid).flatten()
    assert torch.equal(faded, torch.tensor([1.0, 0.5, 0, 0]))
    assert torch.equal(stn.bilinear_sample(image, grid, "border").flatten(), torch.ones(4))


def test_nearest_is_equation_4_also_half_way_between_pixels():
    image = torch.arange(5.0).view(1, 1, 1, 5)
    x = torch.tensor([-0.5, 0.49, 0.5, 1.5, 2.5, 4.49, 4.5])  # in pixels
    grid = torch.stack([x / 2 - 1, torch.zeros(7)], -1).view(1, 1, 7, 2)
    picked = stn.sample(image, grid, kernel="nearest").flatten()
    assert picked.tolist() == [0, 0, 1, 2, 3, 4, 0]  # ⌊x + 0.5⌋; the last lies outside
    border = stn.sample(image, grid, kernel="nearest", padding="border").flatten()
    assert border.tolist() == [0, 0, 1, 2, 3, 4, 4]


@pytest.mark.parametrize("padding", PADDINGS)
def test_nearest_equals_torch_away_from_ties(padding):
    image, grid = torch.rand(2, 2, 5, 7), torch.randn(2, 6, 6, 2)
    ours = stn.sample(image, grid, "nearest", padding)
    assert torch.equal(ours, torch_sample(image, grid, padding, "nearest"))


def test_gradients_are_equations_6_and_7():
    image = torch.tensor([[[[1.0, 2], [3, 5]]]], requires_grad=True)
    grid = torch.tensor([[[[0.5, -0.5]]]], requires_grad=True)
    stn.bilinear_sample(image, grid).backward()
    weights = torch.tensor([[[[3.0, 9], [1, 3]]]]) / 16
    assert torch.allclose(image.grad, weights)  # (6): the weights themselves
    # (7): differences of neighbours, times (W−1)/2 = ½ because the grid is not in pixels
    dx = 0.5 * ((2 - 1) * 0.75 + (5 - 3) * 0.25)
    dy = 0.5 * ((3 - 1) * 0.25 + (5 - 2) * 0.75)
    assert torch.allclose(grid.grad.flatten(), torch.tensor([dx, dy]))


@pytest.mark.parametrize("sampler", [stn.bilinear_sample, stn.sample])
@pytest.mark.parametrize("padding", PADDINGS)
def test_gradcheck_away_from_knots(sampler, padding):
    torch.manual_seed(1)
    image = torch.randn(2, 2, 4, 6, dtype=torch.double, requires_grad=True)
    pixels = torch.randint(-2, 8, (2, 3, 3, 2)) + 0.2 + 0.6 * torch.rand(2, 3, 3, 2)
    grid = (pixels.double() * 2 / torch.tensor([5.0, 3.0]) - 1).requires_grad_()
    assert torch.autograd.gradcheck(lambda i, g: sampler(i, g, padding=padding), (image, grid))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("sampler", [stn.bilinear_sample, stn.sample])
def test_every_float_type_is_kept(sampler, dtype):
    picture = sampler(torch.rand(1, 1, 3, 4).to(dtype), torch.zeros(1, 2, 2, 2, dtype=dtype))
    assert picture.dtype == dtype and picture.shape == (1, 1, 2, 2)


@pytest.mark.parametrize("sampler", [stn.bilinear_sample, stn.sample])
def test_an_empty_batch_gives_an_empty_picture(sampler):
    assert sampler(torch.zeros(0, 2, 3, 4), torch.zeros(0, 5, 6, 2)).shape == (0, 2, 5, 6)


def test_points_far_outside_stay_finite():
    image = torch.rand(1, 1, 3, 3)
    grid = torch.tensor([[[[1e30, -1e30], [-1e12, 3e9]]]])
    for sampler in (stn.bilinear_sample, stn.sample):
        assert torch.equal(sampler(image, grid), torch.zeros(1, 1, 1, 2))
        for padding in ("border", "reflection"):
            assert sampler(image, grid, padding=padding).isfinite().all()


def test_warp_shares_one_theta_and_takes_a_size():
    image = torch.rand(4, 3, 10, 14)
    assert stn.warp(image, stn.affine_theta()).shape == image.shape
    assert stn.warp(image, stn.affine_theta(), size=(5, 3)).shape == (4, 3, 5, 3)
    assert stn.warp(image[:0], torch.zeros(0, 2, 3)).shape == (0, 3, 10, 14)


@pytest.mark.parametrize(
    ("size", "error", "message"),
    [
        (5, TypeError, r"size \(height, width\) must be a pair of numbers, got 5"),
        ((2, 0), ValueError, r"size \(height, width\) must be at least 1, got 0"),
        ((2.5, 3), TypeError, r"size \(height, width\) must be a whole number, got 2.5"),
        ((2, 3, 4), ValueError, "must be a pair of numbers"),
    ],
)
def test_warp_refuses_a_size_that_is_no_pair_of_whole_numbers(size, error, message):
    with pytest.raises(error, match=message):
        stn.warp(torch.rand(1, 1, 3, 3), stn.affine_theta(), size=size)


@pytest.mark.parametrize("size", [[5, 3], np.array([5, 3]), torch.tensor([5, 3]), np.int64([5, 3])])
def test_a_size_may_be_any_pair(size):
    assert stn.warp(torch.rand(1, 1, 4, 4), stn.affine_theta(), size).shape == (1, 1, 5, 3)


def test_warp_takes_a_homography_or_a_splines_points_as_theta():
    image = torch.rand(2, 3, 8, 9)
    homography = torch.eye(3)[None] + 0.2 * torch.rand(2, 3, 3)
    points = control_points(3) + 0.1 * torch.randn(2, 9, 2)
    for theta, grid in ((homography, projective_grid), (points, thin_plate_grid)):
        expected = stn.sample(image, grid(theta, 4, 5), padding="border")
        assert torch.equal(stn.warp(image, theta, (4, 5), padding="border"), expected)
        shared = stn.warp(image, theta[:1])
        torch.testing.assert_close(shared[1:], stn.warp(image[1:], theta[:1]))
    torch.testing.assert_close(stn.warp(image, control_points(4)[None]), image, atol=2e-5, rtol=0)


@pytest.mark.parametrize(
    ("theta", "error", "message"),
    [
        (torch.zeros(3, 2, 3), ValueError, "one for all or one for each image, got 3 for 4"),
        (torch.zeros(1, 2, 3).double(), TypeError, r"use theta.to\(image\)"),
        (torch.tensor(1.0), ValueError, r"theta must have shape"),
    ],
)
def test_warp_refuses_a_theta_that_does_not_fit(theta, error, message):
    with pytest.raises(error, match=message):
        stn.warp(torch.rand(4, 1, 3, 3), theta)


def test_a_reflection_is_the_image_mirrored_at_its_outermost_pixels():
    image = torch.arange(5.0).view(1, 1, 1, 5)
    x = torch.arange(-9.0, 14)  # in pixels
    grid = torch.stack([x / 2 - 1, 0.7 * x], -1).view(1, 1, -1, 2)
    there_and_back = [0, 1, 2, 3, 4, 3, 2, 1]
    expected = [there_and_back[int(column) % 8] for column in x]
    assert stn.bilinear_sample(image, grid, "reflection").flatten().tolist() == expected
    for kernel in ("bilinear", "nearest"):
        assert stn.sample(image, grid, kernel, "reflection").flatten().tolist() == expected


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("sampler", [stn.bilinear_sample, stn.sample])
def test_a_pixel_that_is_not_finite_is_not_seen_from_outside(sampler, bad):
    image = torch.full((1, 1, 2, 2), bad)
    grid = torch.tensor([[[[3.0, 0], [-9, 4], [0, 1e20]]]])
    assert torch.equal(sampler(image, grid), torch.zeros(1, 1, 1, 3))


def test_a_grid_that_holds_no_number_looks_outside():
    grid = torch.zeros(2, 2, 2, 2)
    grid[1, 0, 0, 1] = grid[1, 1, 0, 0] = float("nan")
    assert stn.looks_outside(grid).tolist() == [0, 0.5]


@pytest.mark.parametrize(
    ("grid", "error", "message"),
    [
        (
            [[0.0, 0.0]],
            TypeError,
            r"grid must be a tensor of floats, got list: use torch.as_tensor",
        ),
        (torch.zeros(1, 2, 2, 2).long(), TypeError, r"int64: use grid.float\(\)"),
        (torch.zeros(1, 2, 2, 3), ValueError, "last axis x then y"),
        (torch.tensor(0.0), ValueError, "last axis x then y"),
    ],
)
def test_what_is_no_grid_is_refused(grid, error, message):
    for function in (stn.looks_outside, lambda grid: stn.to_pixels(grid, 3, 3)):
        with pytest.raises(error, match=message):
            function(grid)


def test_to_pixels_refuses_sides_that_are_none():
    with pytest.raises(TypeError, match="a side in pixels must be a whole number, got 2.5"):
        stn.to_pixels(torch.zeros(2), 2.5, 3)
    with pytest.raises(ValueError, match="a side in pixels must be at least 1, got 0"):
        stn.to_pixels(torch.zeros(2), 3, 0)


def test_looks_outside_counts_samples():
    grid = stn.sampling_grid(stn.affine_theta(translation=(2.001, 0)), 4, 4)
    assert stn.looks_outside(grid).item() == 1
    assert stn.looks_outside(stn.sampling_grid(stn.affine_theta(), 60, 60)).item() == 0


IMAGE, GRID = torch.zeros(2, 1, 3, 3), torch.zeros(2, 4, 4, 2)


@pytest.mark.parametrize(
    ("image", "grid", "how", "error", "message"),
    [
        (IMAGE[0], GRID, {}, ValueError, r"image must have shape \(N, C, H, W\)"),
        (IMAGE[..., :0], GRID, {}, ValueError, "none of the sides 0"),
        (IMAGE.byte(), GRID, {}, TypeError, r"use to_floats\(image\)"),
        (IMAGE, GRID.movedim(-1, 1), {}, ValueError, "last axis x then y"),
        (IMAGE, GRID[:1], {}, ValueError, "same batch size, got 2 and 1"),
        (IMAGE, GRID.double(), {}, TypeError, r"use grid.to\(image\)"),
        (IMAGE, GRID.int(), {}, TypeError, r"use grid.to\(image\)"),
        (IMAGE, [[0.0, 0.0]], {}, TypeError, r"got list: use torch.as_tensor\(grid"),
        (
            IMAGE,
            GRID,
            {"padding": "wrap"},
            ValueError,
            "padding must be one of zeros, border, reflec",
        ),
    ],
)
@pytest.mark.parametrize("sampler", [stn.bilinear_sample, stn.sample])
def test_what_does_not_fit_is_refused(sampler, image, grid, how, error, message):
    with pytest.raises(error, match=message):
        sampler(image, grid, **how)


def test_an_unknown_kernel_is_refused():
    with pytest.raises(ValueError, match="kernel must be one of bilinear, nearest, got 'cubic'"):
        stn.sample(IMAGE, GRID, "cubic")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3e38])
def test_a_grid_that_is_not_finite_names_sample_and_entry(value):
    grid = GRID.clone()
    grid[1, 2, 3, 1] = value
    with pytest.raises(NotFiniteError, match="sample 1 holds .* in row 2, column 3, coordinate y"):
        stn.bilinear_sample(IMAGE, grid)
