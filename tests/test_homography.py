import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import stn_lesson as stn
from stn_lesson.checks import NotFiniteError
from stn_lesson.grid import projective_grid
from stn_lesson.homography import corner_areas, projective_theta

SQUARE = torch.tensor([[[-1.0, -1], [1, -1], [1, 1], [-1, 1]]], dtype=torch.double)
angles, scales, shifts = st.floats(-170, 170), st.floats(0.3, 3), st.floats(-1.5, 1.5)
quadrilaterals = st.lists(st.floats(-0.45, 0.45), min_size=8, max_size=8).map(
    lambda moves: SQUARE + torch.tensor(moves, dtype=torch.double).view(1, 4, 2)
)


def test_a_homography_by_hand():
    # The bottom twice as wide as the top: the middle is read where the diagonals meet, y = −⅓.
    road = torch.tensor([[[-1.0, -1], [1, -1], [2, 1], [-2, 1]]])
    by_hand = torch.tensor([[[4 / 3, 0, 0], [0, 1, -1 / 3], [0, -1 / 3, 1]]])
    torch.testing.assert_close(projective_theta(road), by_hand)


@settings(deadline=None)
@given(quadrilaterals, scales, shifts, shifts)
def test_the_four_corners_look_at_the_four_points(moved, scale, right, down):
    corners = moved * scale + torch.tensor([right, down])
    theta = projective_theta(corners)
    grid = projective_grid(theta, 2, 2)[0]  # the corners in reading order
    torch.testing.assert_close(grid.view(4, 2)[[0, 1, 3, 2]], corners[0])
    assert theta[0, 2, 2] == 1


@settings(deadline=None)
@given(quadrilaterals, angles, scales)
def test_a_homography_then_an_affine_map_is_their_product(corners, rotation, scale):
    affine = stn.affine_theta(rotation, scale, 5, (0.1, -0.3)).double()[0]
    moved = corners @ affine[:, :2].T + affine[:, 2]
    square = torch.cat([affine, torch.tensor([[0.0, 0, 1]])])
    torch.testing.assert_close(projective_theta(moved)[0], square @ projective_theta(corners)[0])


def test_gradients_flow_through_a_homography():
    corners = SQUARE + 0.2 * torch.randn(2, 4, 2, dtype=torch.double).clamp(-1, 1)
    assert torch.autograd.gradcheck(projective_theta, corners.requires_grad_())


def test_the_areas_at_the_corners_say_how_deep_the_opposite_ones_lie():
    corners = SQUARE + 0.4 * torch.rand(20, 4, 2, dtype=torch.double)
    depth = (projective_theta(corners) @ torch.cat([SQUARE[0].T, torch.ones(1, 4)]))[:, 2]
    areas = corner_areas(corners)
    torch.testing.assert_close(depth, areas.roll(2, 1) / areas.mean(1, keepdim=True))
    dart = torch.tensor([[[0.0, 0], [4, 0], [1, 1], [0, 4]]])  # its third corner points inwards
    assert corner_areas(dart).sign().tolist() == [[1, 1, -1, 1]]


@pytest.mark.parametrize(
    "corners",
    [
        [[0, 0], [1, 1], [2, 2], [0, 1]],
        [[0.1, 0.2], [0.4, 0.37], [1, 0.71], [0, 1]],  # slope 0.567 but for rounding
        [[-1, -1], [-1, -1], [1, 1], [-1, 1]],  # two in one place
        [[3, 3], [3, 3], [3, 3], [3, 3]],
    ],
)
@pytest.mark.parametrize("dtype", [torch.float, torch.double])
def test_corners_on_one_line_have_no_homography(corners, dtype):
    good = SQUARE[0].to(dtype)
    corners = torch.stack([good, torch.tensor(corners, dtype=dtype)])
    with pytest.raises(ValueError, match="corners of sample 1 have three points on one line"):
        projective_theta(corners)


@pytest.mark.parametrize(
    ("corners", "error", "message"),
    [
        (SQUARE[:, [0, 1, 3, 2]], ValueError, "sample 0 have sides that cross.*around the picture"),
        (SQUARE[0], ValueError, r"\(N, 4, 2\), got \(4, 2\): use corners.reshape"),
        (SQUARE.long(), TypeError, r"corners must be .*int64: use corners.float\(\)"),
        (SQUARE.tolist(), TypeError, "got list"),
        (SQUARE / 0, NotFiniteError, "corners of sample 0 holds -inf in corner 0, coordinate x"),
    ],
)
def test_corners_that_are_none_are_refused(corners, error, message):
    with pytest.raises(error, match=message):
        projective_theta(corners)


@settings(deadline=None)
@given(quadrilaterals, quadrilaterals, scales)
def test_four_points_of_the_target_look_at_four_of_the_source(source, target, scale):
    theta = projective_theta(source * scale, target)
    points = torch.cat([target, torch.ones(1, 4, 1)], 2)
    x, y, depth = (points @ theta.mT).unbind(2)
    assert (depth > 0).all()
    torch.testing.assert_close(torch.stack([x / depth, y / depth], 2), source * scale)


def test_with_the_corners_as_target_it_is_the_homography_of_corners():
    corners = SQUARE + 0.3 * torch.rand(3, 4, 2, dtype=torch.double)
    torch.testing.assert_close(projective_theta(corners, SQUARE), projective_theta(corners))


def test_a_target_that_does_not_fit_is_refused():
    with pytest.raises(TypeError, match=r"corners and target must agree.*use target.to\(corners\)"):
        projective_theta(SQUARE, SQUARE.float())
    with pytest.raises(ValueError, match="target of sample 0 have three points on one line"):
        projective_theta(SQUARE, SQUARE[:, [0, 0, 1, 2]])
    with pytest.raises(ValueError, match="as many as each other, got 2 and 3"):
        projective_theta(SQUARE.repeat(2, 1, 1), SQUARE.repeat(3, 1, 1))


@settings(deadline=None)
@given(quadrilaterals, st.sampled_from([1.0, 1e-30, 3e25]))
def test_a_homography_is_undone(corners, factor):
    theta = factor * projective_theta(corners)
    wanted = torch.linalg.inv(theta)
    unit = wanted.abs().max()  # what should be 0 may be off by the rounding of the largest
    torch.testing.assert_close(stn.invert(theta) / unit, wanted / unit, rtol=1e-9, atol=1e-12)
    there_and_back = stn.compose(theta, stn.invert(theta))
    torch.testing.assert_close(there_and_back, torch.eye(3, dtype=torch.double)[None])


def test_a_homography_without_an_inverse_is_refused():
    flat = torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])  # of rank 2
    with pytest.raises(ValueError, match="theta 1 has determinant 0"):
        stn.invert(torch.stack([torch.eye(3), flat]))


def test_gradients_flow_through_inverse_and_product_of_homographies():
    theta = projective_theta(SQUARE + 0.2 * torch.rand(2, 4, 2, dtype=torch.double))
    affine = stn.affine_theta(rotation=20).double()
    assert torch.autograd.gradcheck(
        lambda t, a: stn.invert(stn.compose(t, a)),
        (theta.requires_grad_(), affine.requires_grad_()),
    )


def test_an_affine_map_and_a_homography_are_composed():
    homography = projective_theta(SQUARE + 0.2 * torch.rand(2, 4, 2, dtype=torch.double))
    affine = stn.affine_theta(20, 1.5, 0, (0.2, 0.1)).double()
    square = torch.cat([affine, torch.tensor([[[0.0, 0, 1]]])], 1)
    torch.testing.assert_close(stn.compose(homography, affine), homography @ square)
    torch.testing.assert_close(stn.compose(affine, homography), square @ homography)
    assert stn.compose(affine, affine).shape == (1, 2, 3)
