import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import stn_lesson as stn
from stn_lesson.checks import NotFiniteError
from stn_lesson.grid import projective_grid
from stn_lesson.theta import corner_areas, projective_theta

IDENTITY = torch.tensor([[[1.0, 0, 0], [0, 1, 0]]])
angles = st.floats(-170, 170)
scales = st.floats(0.3, 3)
shifts = st.floats(-1.5, 1.5)


def test_no_change_is_the_identity():
    assert torch.equal(stn.affine_theta(), IDENTITY)
    assert torch.equal(stn.attention_theta(), IDENTITY)


def test_theta_by_hand():
    # A picture twice as big, moved half its width to the right: θ = [1/2, 0, -1/2].
    theta = stn.affine_theta(scale=2, translation=(1, 0))
    assert torch.equal(theta, torch.tensor([[[0.5, 0, -0.5], [0, 0.5, 0]]]))


def test_positive_rotation_is_counter_clockwise_on_the_screen():
    image = torch.zeros(1, 1, 5, 5)
    image[0, 0, 2, 4] = 1  # a dot at three o'clock
    turned = stn.warp(image, stn.affine_theta(rotation=90))
    assert turned[0, 0, 0, 2] > 0.999  # stands at twelve o'clock


def test_positive_shear_leans_to_the_right():
    image = torch.zeros(1, 1, 5, 9)
    image[..., 4] = 1  # a vertical line
    leaning = stn.warp(image, stn.affine_theta(shear=20))
    assert leaning[0, 0, 0].argmax() > 4 > leaning[0, 0, 4].argmax()


def test_positive_translation_moves_the_picture_right_and_down():
    image = torch.zeros(1, 1, 5, 5)
    image[0, 0, 2, 2] = 1
    moved = stn.warp(image, stn.affine_theta(translation=(0.5, 1)))
    assert moved[0, 0, 4, 3] > 0.999


def test_a_picture_that_is_not_square_rotates_without_shear():
    image = torch.zeros(1, 1, 41, 61)
    image[0, 0, 20, 20:41] = 1  # a bar 21 pixels long
    turned = stn.warp(image, stn.affine_theta(rotation=90, size=(41, 61)))
    assert torch.allclose(turned[0, 0, 10:31, 30], torch.ones(21), atol=1e-3)
    assert abs(turned.sum().item() - 21) < 1e-2
    squeezed = stn.warp(image, stn.affine_theta(rotation=90))
    assert squeezed[0, 0, :, 30].sum() < 16  # without the size the bar would shrink


def test_tensors_of_n_give_n_thetas_and_numbers_give_one():
    theta = stn.affine_theta(rotation=torch.arange(4), translation=(torch.zeros(4), 1))
    assert theta.shape == (4, 2, 3) and theta.dtype == torch.float32
    assert stn.affine_theta(scale=torch.ones(3, dtype=torch.float64)).dtype == torch.float64
    assert stn.affine_theta(translation=torch.zeros(0, 2)).shape == (0, 2, 3)
    assert stn.affine_theta(scale=(2, 3)).shape == (1, 2, 3)


@settings(deadline=None)
@given(angles, scales, scales, st.floats(-60, 60), shifts, shifts, st.booleans())
def test_decompose_gives_back_what_affine_theta_was_made_of(r, sx, sy, k, x, y, mirror):
    size = (30, 50)
    given_theta = stn.affine_theta(
        r, (sx, -sy if mirror else sy), k, (torch.tensor([x], dtype=torch.double), y), size=size
    )
    parts = stn.decompose(given_theta, size=size)
    assert torch.allclose(stn.affine_theta(**parts, size=size), given_theta, atol=1e-9)
    assert math.isclose(parts["rotation"].item(), r, abs_tol=1e-6)
    assert torch.allclose(parts["scale"], torch.tensor([[sx, -sy if mirror else sy]]).double())


@settings(deadline=None)
@given(angles, scales, shifts)
def test_invert_undoes(rotation, scale, shift):
    theta = stn.affine_theta(rotation, scale, 10, (shift, 0))
    assert torch.allclose(stn.compose(theta, stn.invert(theta)), IDENTITY, atol=1e-5)
    assert torch.allclose(stn.compose(stn.invert(theta), theta), IDENTITY, atol=1e-5)


def test_compose_is_one_warp_for_two():
    image = torch.rand(1, 1, 33, 33)
    image = torch.nn.functional.avg_pool2d(image, 9, 1, 4)  # smooth, so that resampling is mild
    first, then = stn.affine_theta(rotation=25), stn.affine_theta(translation=(0.2, 0.1))
    twice = stn.warp(stn.warp(image, first), then)
    once = stn.warp(image, stn.compose(first, then))
    other_order = stn.warp(image, stn.compose(then, first))
    middle = (..., slice(8, 25), slice(8, 25))
    assert (twice - once)[middle].abs().max() < 0.02 < (twice - other_order)[middle].abs().max()


def test_compose_shares_one_theta_among_many():
    many = stn.affine_theta(rotation=torch.arange(3))
    assert stn.compose(many, IDENTITY).shape == (3, 2, 3)
    assert torch.allclose(stn.compose(IDENTITY, many), many)


def test_gradients_flow_through_theta():
    numbers = [torch.tensor([v], dtype=torch.double, requires_grad=True) for v in (20.0, 1.3, 5.0)]
    assert torch.autograd.gradcheck(lambda *n: stn.affine_theta(*n), numbers)


@pytest.mark.parametrize(
    ("theta", "error", "message"),
    [
        (torch.zeros(4, 6), ValueError, r"\(N, 2, 3\), got \(4, 6\): use theta.view"),
        (torch.zeros(2, 3), ValueError, r"got \(2, 3\): use theta.view"),
        (torch.zeros(1, 3, 3), ValueError, r"got \(1, 3, 3\): use theta\[..., :2, :\]"),
        (torch.zeros(2, 3, 1), ValueError, "use affine_theta to make one"),
        (torch.zeros(1, 2, 3, dtype=torch.long), TypeError, r"int64: use theta.float\(\)"),
        ([[1, 0, 0], [0, 1, 0]], TypeError, "list"),
    ],
)
def test_a_theta_of_another_shape_or_kind_is_refused(theta, error, message):
    for function in (stn.invert, stn.decompose, lambda t: stn.sampling_grid(t, 2, 2)):
        with pytest.raises(error, match=message):
            function(theta)


def test_nan_in_theta_names_sample_and_entry():
    theta = IDENTITY.repeat(3, 1, 1)
    theta[2, 1, 0] = float("nan")
    with pytest.raises(NotFiniteError, match="sample 2 holds nan in row 1, column 0"):
        stn.sampling_grid(theta, 2, 2)


def test_what_cannot_be_undone_is_refused():
    with pytest.raises(ValueError, match="theta 1 has determinant 0"):
        stn.invert(torch.cat([IDENTITY, torch.zeros(1, 2, 3)]))
    with pytest.raises(ValueError, match="scale must not be 0"):
        stn.affine_theta(scale=0)
    with pytest.raises(ValueError, match="shear must not be ±90"):
        stn.affine_theta(shear=-90)
    with pytest.raises(ValueError, match="translation must be a pair"):
        stn.affine_theta(translation=1)


SQUARE = torch.tensor([[[-1.0, -1], [1, -1], [1, 1], [-1, 1]]], dtype=torch.double)
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
        (SQUARE[0], ValueError, r"\(N, 4, 2\), got \(4, 2\)"),
        (SQUARE.long(), TypeError, r"corners must be .*int64: use corners.float\(\)"),
        (SQUARE.tolist(), TypeError, "got list"),
        (SQUARE / 0, NotFiniteError, "corners of sample 0 holds -inf in corner 0, coordinate 0"),
    ],
)
def test_corners_that_are_none_are_refused(corners, error, message):
    with pytest.raises(error, match=message):
        projective_theta(corners)
