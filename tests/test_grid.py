import copy
import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RBFInterpolator

import stn_lesson as stn
from stn_lesson.checks import NotFiniteError
from stn_lesson.families import FAMILIES, grid_of, thin_plate_spline
from stn_lesson.grid import pixel_centres, projective_grid, volume_meshgrid
from stn_lesson.homography import projective_theta
from stn_lesson.spline import (
    control_points,
    thin_plate_grid,
    thin_plate_matrix,
    thin_plate_matrix_on,
)

SQUARE = torch.tensor([[[-1.0, -1], [1, -1], [1, 1], [-1, 1]]], dtype=torch.double)


def test_meshgrid_runs_through_the_pixels_as_in_reading():
    grid = stn.meshgrid(height=2, width=3)
    assert torch.equal(grid[0], torch.tensor([-1.0, 0, 1, -1, 0, 1]))  # x_t
    assert torch.equal(grid[1], torch.tensor([-1.0, -1, -1, 1, 1, 1]))  # y_t
    assert torch.equal(grid[2], torch.ones(6))


def test_a_side_of_one_pixel_has_its_sample_at_the_centre():
    assert torch.equal(stn.meshgrid(1, 1), torch.tensor([[0.0], [0.0], [1.0]]))
    assert torch.equal(stn.meshgrid(1, 2)[1], torch.zeros(2))


@pytest.mark.filterwarnings("ignore:Since version 1.3.0")
@pytest.mark.parametrize("size", [(5, 8), (1, 4), (3, 1), (1, 1)])
@pytest.mark.parametrize("batch", [0, 1, 3])
def test_sampling_grid_equals_torch(size, batch):
    theta = torch.randn(batch, 2, 3, dtype=torch.double)
    grid = stn.sampling_grid(theta, *size)
    assert grid.shape == (batch, *size, 2) and grid.dtype == theta.dtype
    if batch:
        expected = F.affine_grid(theta, (batch, 1, *size), align_corners=True)
        torch.testing.assert_close(grid, expected)


def test_the_grid_says_where_the_target_looks():
    # A picture moved to the right: the target's left edge looks outside, its right at the centre.
    grid = stn.sampling_grid(stn.affine_theta(translation=(1, 0)), 1, 3)
    assert torch.equal(grid[0, 0, :, 0], torch.tensor([-2.0, -1, 0]))


@pytest.mark.parametrize("size", [(0, 3), (3, -1)])
def test_a_side_without_pixels_is_refused(size):
    with pytest.raises(ValueError, match=r"size \(height, width\) must be at least 1, got"):
        stn.meshgrid(*size)


@pytest.mark.parametrize("size", [(2.5, 3), ("2", 3), (3, None), (3, True)])
def test_a_side_that_is_no_whole_number_is_refused(size):
    for make in (
        stn.meshgrid,
        lambda *size: stn.sampling_grid(stn.affine_theta(), *size),
        lambda *size: projective_grid(torch.eye(3)[None], *size),
        lambda *size: thin_plate_grid(control_points(2)[None], *size),
    ):
        with pytest.raises(TypeError, match=r"size \(height, width\) must be a whole number, got"):
            make(*size)


def test_sides_may_be_numbers_of_numpy():
    assert torch.equal(stn.meshgrid(*np.array([3, 4])), stn.meshgrid(3, 4))
    theta = control_points(2)[None]
    assert thin_plate_grid(theta, np.int64(3), np.int64(4)).shape == (1, 3, 4, 2)


def test_a_grid_of_16_bits_is_not_made():
    for make in (
        lambda dtype: stn.meshgrid(2, 3, dtype=dtype),
        lambda d: control_points(3, dtype=d),
    ):
        for dtype in (torch.bfloat16, torch.float16, torch.long):
            with pytest.raises(TypeError, match="dtype must be torch.float32 or torch.float64"):
                make(dtype)


def test_a_homography_is_the_same_up_to_a_factor():
    theta = torch.tensor([[[1.2, 0.1, 0.3], [0, 0.9, -0.2], [0.4, -1.5, 1]]])  # and a horizon
    grid = projective_grid(theta, 7, 9)
    for factor in (1e-4, 1e4, 1e-30, 7.0):
        torch.testing.assert_close(projective_grid(factor * theta, 7, 9), grid)
    middle = torch.tensor([[[1.0, 0, 0], [0, 1, 0], [0, 1, 0]]])  # the horizon is the middle row
    for factor in (1.0, 1e-12):
        grid = projective_grid(factor * middle, 3, 3)
        assert grid.isfinite().all() and grid[0, 0].abs().min() == 0
        torch.testing.assert_close(grid[0, 2, :, 1], torch.ones(3))


def test_a_grid_is_of_the_family_that_the_shape_of_theta_tells():
    affine, points = stn.affine_theta(20), control_points(3)[None] * 0.9
    homography = torch.cat([affine, torch.tensor([[[0.1, 0.2, 1]]])], 1)
    assert torch.equal(grid_of(affine, 3, 4), stn.sampling_grid(affine, 3, 4))
    assert torch.equal(grid_of(homography, 3, 4), projective_grid(homography, 3, 4))
    assert torch.equal(grid_of(points, 3, 4), thin_plate_grid(points, 3, 4))


def test_a_spline_first_seen_in_inference_mode_can_be_trained_later():
    theta = control_points(3)[None]
    with torch.inference_mode():
        thin_plate_grid(theta, 5, 31)
    theta = theta.clone().requires_grad_()
    thin_plate_grid(theta, 5, 31).sum().backward()
    assert theta.grad.isfinite().all()


def test_the_splines_kept_do_not_pile_up_and_are_nobodys_to_change():
    theta = control_points(2)[None]
    for width in range(1, 40):
        thin_plate_grid(theta, 2, width)
    kept = thin_plate_matrix_on.cache_info()
    assert kept.currsize <= kept.maxsize == 16
    before = thin_plate_grid(theta, 2, 39)
    thin_plate_matrix(2, 2, 39).zero_()
    assert torch.equal(thin_plate_grid(theta, 2, 39), before)


@pytest.mark.parametrize("family", [*FAMILIES.values(), thin_plate_spline(3)])
def test_a_family_can_be_pickled_and_copied(family):
    again = pickle.loads(pickle.dumps(family))
    numbers = torch.tensor([family.identity])
    for other in (again, copy.deepcopy(family)):
        assert torch.equal(other.theta(numbers), family.theta(numbers))


def test_gradient_reaches_theta():
    theta = torch.randn(2, 2, 3, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: stn.sampling_grid(t, 3, 4), theta)


quadrilaterals = st.lists(st.floats(-0.35, 0.35), min_size=8, max_size=8).map(
    lambda moves: SQUARE + torch.tensor(moves, dtype=torch.double).view(1, 4, 2)
)


def homogeneous(points, theta):
    """Points (n, 2) by a matrix (3, 3), written out for one point at a time."""
    results = []
    for x, y in points.tolist():
        a, b, w = (row[0] * x + row[1] * y + row[2] for row in theta.tolist())
        results.append((a / w, b / w))
    return torch.tensor(results, dtype=torch.double)


def test_a_projective_grid_by_hand():
    # A road: x = ⁴⁄₃ x_t / w and y = (y_t − ⅓) / w, with w = 1 − ⅓ y_t. Its far end lies at
    # y_t = −1, where w = ⁴⁄₃; the near end, w = ⅔, is read twice as wide.
    theta = torch.tensor([[[4 / 3, 0, 0], [0, 1, -1 / 3], [0, -1 / 3, 1]]])
    grid = projective_grid(theta, height=3, width=2)
    by_hand = [[[-1, -1], [1, -1]], [[-4 / 3, -1 / 3], [4 / 3, -1 / 3]], [[-2, 1], [2, 1]]]
    torch.testing.assert_close(grid, torch.tensor([by_hand]))


@settings(deadline=None, max_examples=30)
@given(quadrilaterals)
def test_a_projective_grid_is_the_division_pixel_by_pixel(corners):
    theta = projective_theta(corners)
    grid = projective_grid(theta, 3, 5)
    expected = homogeneous(stn.meshgrid(3, 5, dtype=torch.double)[:2].T, theta[0])
    torch.testing.assert_close(grid[0].view(-1, 2), expected)


def test_with_0_0_1_in_the_last_row_a_homography_is_affine():
    theta = torch.randn(3, 2, 3, dtype=torch.double)
    last = theta.new_tensor([0, 0, 1]).expand(3, 1, 3)
    homography = torch.cat([theta, last], 1)
    torch.testing.assert_close(projective_grid(homography, 4, 7), stn.sampling_grid(theta, 4, 7))


def test_beyond_the_horizon_a_grid_looks_far_outside():
    theta = torch.tensor([[[1.0, 0, 0], [0, 1, 0], [0, -1, 0.5]]])  # w = ½ − y: 1.5, 0.5, −0.5
    grid = projective_grid(theta, 3, 2)
    torch.testing.assert_close(grid[0, 0], torch.tensor([[-2 / 3, -2 / 3], [2 / 3, -2 / 3]]))
    assert grid[0, 2].abs().min() > 900 and stn.looks_outside(grid) > 0
    beyond = torch.tensor([[[1.0, 0, 0], [0, 1, 0], [0, 0, -1]]])
    assert stn.sample(torch.ones(1, 1, 4, 6), projective_grid(beyond, 4, 6)).sum() == 0


@pytest.mark.parametrize(("k", "size"), [(2, (6, 9)), (3, (7, 4)), (4, (11, 8)), (6, (5, 5))])
def test_a_thin_plate_grid_equals_scipys_spline(k, size):
    points = control_points(k, dtype=torch.double)
    theta = points + 0.3 * torch.randn(3, k * k, 2, dtype=torch.double)
    grid = thin_plate_grid(theta, *size)
    assert grid.shape == (3, *size, 2) and grid.dtype == torch.double
    pixels = stn.meshgrid(*size, dtype=torch.double)[:2].T
    for n in range(3):
        spline = RBFInterpolator(points, theta[n], kernel="thin_plate_spline", degree=1)
        expected = torch.from_numpy(spline(pixels.numpy())).view(*size, 2)
        torch.testing.assert_close(grid[n], expected, atol=1e-9, rtol=0)


def test_a_thin_plate_grid_goes_through_its_control_points():
    theta = torch.randn(2, 16, 2, dtype=torch.double)
    torch.testing.assert_close(thin_plate_grid(theta, 4, 4), theta.view(2, 4, 4, 2))
    every_third = thin_plate_grid(theta, 10, 7)[:, ::3, ::2]
    torch.testing.assert_close(every_third, theta.view(2, 4, 4, 2))


def test_a_thin_plate_spline_does_not_bend_an_affine_map():
    affine = stn.affine_theta(30, (1.5, 0.7), 10, (0.3, -0.2)).double()
    points = control_points(4, dtype=torch.double)
    theta = points @ affine[0, :, :2].T + affine[0, :, 2]
    torch.testing.assert_close(thin_plate_grid(theta[None], 9, 5), stn.sampling_grid(affine, 9, 5))


def test_control_points_lie_in_reading_order():
    points = control_points(3)
    assert points[:4].tolist() == [[-1, -1], [0, -1], [1, -1], [-1, 0]]
    assert torch.equal(points.T, stn.meshgrid(3, 3)[:2])


@pytest.mark.parametrize(
    ("grid", "theta"),
    [
        (projective_grid, torch.eye(3, dtype=torch.double) + 0.2 * torch.arange(9).view(3, 3) / 9),
        (thin_plate_grid, control_points(3, dtype=torch.double) + 0.1),
    ],
)
def test_gradients_reach_the_theta_of_other_families(grid, theta):
    theta = theta.repeat(2, 1, 1).requires_grad_()
    assert torch.autograd.gradcheck(lambda t: grid(t, 3, 4), theta)


@pytest.mark.parametrize(
    ("grid", "theta", "error", "message"),
    [
        (
            projective_grid,
            torch.zeros(4, 2, 3),
            ValueError,
            r"\(N, 3, 3\), got \(4, 2, 3\).*affine",
        ),
        (projective_grid, torch.zeros(3, 3), ValueError, r"got \(3, 3\): use theta.reshape"),
        (projective_grid, torch.zeros(1, 3, 3).long(), TypeError, r"int64: use theta.float\(\)"),
        (projective_grid, [[1, 0, 0]], TypeError, "got list"),
        (thin_plate_grid, torch.zeros(16, 2), ValueError, r"got \(16, 2\): use theta\[None\]"),
        (thin_plate_grid, torch.zeros(1, 15, 2), ValueError, r"\(N, k², 2\).*got \(1, 15, 2\)"),
        (thin_plate_grid, torch.zeros(1, 1, 2), ValueError, "k at least 2"),
        (thin_plate_grid, torch.zeros(1, 16, 3), ValueError, r"got \(1, 16, 3\)"),
        (thin_plate_grid, torch.zeros(1, 16, 2).int(), TypeError, "int32"),
    ],
)
def test_a_theta_of_another_family_or_kind_is_refused(grid, theta, error, message):
    with pytest.raises(error, match=message):
        grid(theta, 4, 4)


@pytest.mark.parametrize("bad", [float("nan"), float("-inf")])
def test_numbers_that_are_none_are_named(bad):
    homographies = torch.eye(3).repeat(3, 1, 1)
    homographies[1, 2, 0] = bad
    with pytest.raises(NotFiniteError, match=f"sample 1 holds {bad} in row 2, column 0"):
        projective_grid(homographies, 2, 2)
    points = control_points(3).repeat(3, 1, 1)
    points[2, 4, 1] = bad
    with pytest.raises(NotFiniteError, match=f"sample 2 holds {bad} in point 4, coordinate y"):
        thin_plate_grid(points, 2, 2)


def test_a_net_of_one_point_is_refused():
    with pytest.raises(ValueError, match="at least 2 × 2 control points, got k = 1"):
        control_points(1)
    with pytest.raises(TypeError, match="k must be a whole number, got 2.5"):
        control_points(2.5)


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "", 99, 1.5, [], torch.device("cuda:99")])
def test_a_grid_on_a_device_that_is_not_here_is_refused(device):
    for make in (
        lambda: stn.meshgrid(3, 3, device=device),
        lambda: pixel_centres(3, device=device),
        lambda: control_points(3, device=device),
        lambda: volume_meshgrid(1, 2, 3, device=device),
    ):
        with pytest.raises(ValueError, match=r"device must be one that is here, such as 'c.*, got"):
            make()
    assert stn.meshgrid(3, 3, device="cpu").shape == stn.meshgrid(3, 3, device="meta").shape
