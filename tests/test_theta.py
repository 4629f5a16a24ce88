import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import stn_lesson as stn
from stn_lesson.checks import NotFiniteError

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
        (torch.zeros(4, 6), ValueError, r"\(N, 2, 3\), got \(4, 6\): use theta.reshape"),
        (torch.zeros(2, 3), ValueError, r"got \(2, 3\): use theta.reshape"),
        (torch.zeros(2, 3, 1), ValueError, r"use affine_theta\(\) to make one"),
        (torch.zeros(1, 2, 3, dtype=torch.long), TypeError, r"int64: use theta.float\(\)"),
        ([[1, 0, 0], [0, 1, 0]], TypeError, "list"),
    ],
)
def test_a_theta_of_another_shape_or_kind_is_refused(theta, error, message):
    for function in (stn.invert, stn.decompose, lambda t: stn.sampling_grid(t, 2, 2)):
        with pytest.raises(error, match=message):
            function(theta)


def test_a_homography_is_no_affine_theta():
    for function in (stn.decompose, lambda t: stn.sampling_grid(t, 2, 2)):
        with pytest.raises(ValueError, match=r"got \(1, 3, 3\): use theta\[..., :2, :\]"):
            function(torch.zeros(1, 3, 3))


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


def test_numbers_of_any_size_are_undone():
    for scale in (1e-25, 1e20, 1e30):
        theta = stn.affine_theta(scale=scale, translation=(0.5, 0))
        torch.testing.assert_close(theta[0, :, :2], torch.eye(2) / scale, rtol=1e-6, atol=0)
        torch.testing.assert_close(stn.invert(theta)[0, :, :2], scale * torch.eye(2))
    uneven = torch.tensor([[[1e30, 2e30, 0], [0, 1e-30, 0]]])
    expected = torch.linalg.inv(uneven[0, :, :2].double()).float()
    torch.testing.assert_close(stn.invert(uneven)[0, :, :2], expected, rtol=1e-6, atol=0)
    assert torch.equal(stn.invert(stn.invert(uneven))[..., :2], uneven[..., :2])


def test_an_inverse_that_float32_cannot_hold_is_told():
    assert (stn.invert(1e38 * torch.eye(2, 3)[None])[0, :, :2].diagonal() > 0).all()
    tiny = 1e-39 * torch.eye(2, 3)[None]
    with pytest.raises(ValueError, match=r"theta 0 is so .*torch.float32.*use theta.double\(\)"):
        stn.invert(tiny)
    assert stn.invert(tiny.double()).isfinite().all()


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_64_bits_are_undone_to_their_ends(size):
    for theta in (size * torch.eye(2, 3).double(), size * torch.eye(3).double()):
        twice = stn.invert(stn.invert(theta[None]))
        torch.testing.assert_close(twice, theta[None], rtol=1e-12, atol=0)
        uneven = theta[None] * torch.tensor(
            [1, 1 / size, 1], dtype=torch.double
        )  # its second column is 1
        rows = len(theta)
        product = uneven[..., :rows] @ stn.invert(uneven)[..., :rows]
        torch.testing.assert_close(product[0], torch.eye(rows).double())
    with pytest.raises(ValueError, match="theta 0 has determinant 0"):
        stn.invert(size * torch.ones(1, 2, 3).double())
    with pytest.raises(ValueError, match=r"does not fit into torch.float64, .* look at what"):
        stn.invert(1e-320 * torch.eye(2, 3).double()[None])


@pytest.mark.parametrize("scale", [(1e20, 1e20), (1e-25, 1e-25), (2e20, -3e-20)])
def test_scales_of_any_size_are_taken_apart(scale):
    parts = stn.decompose(stn.affine_theta(rotation=30, scale=scale, shear=10))
    torch.testing.assert_close(parts["scale"], torch.tensor([scale]), rtol=1e-5, atol=0)
    for name, degrees in (("rotation", 30.0), ("shear", 10.0)):
        torch.testing.assert_close(parts[name], torch.tensor([degrees]), rtol=1e-4, atol=0)


def test_a_product_too_large_for_its_type_is_told():
    large = 1e30 * torch.eye(2, 3)[None]
    with pytest.raises(ValueError, match=r"product 0 .*float32: use first.double\(\) and then.dou"):
        stn.compose(large, large)
    assert stn.compose(large.double(), large.double()).amax().item() == pytest.approx(1e60)


def test_a_chosen_centre_stays_where_it_is():
    centre = torch.tensor([[0.3, -0.6], [-1.0, 1.0], [0.0, 0.0]])
    theta = stn.affine_theta(rotation=torch.tensor([20.0, 90, 7]), scale=1.5, centre=centre)
    looks = (theta[:, :, :2] @ centre[..., None] + theta[:, :, 2:])[..., 0]
    torch.testing.assert_close(looks, centre)
    assert torch.equal(theta[2:], stn.affine_theta(rotation=7, scale=1.5))
    moved = stn.affine_theta(30, 2, 5, (0.2, 0.1), centre=(0.5, 0.5), size=(30, 50))
    to_middle = stn.affine_theta(translation=(-0.5, -0.5))
    turn, away = stn.affine_theta(30, 2, 5, size=(30, 50)), stn.affine_theta(translation=(0.7, 0.6))
    by_steps = stn.compose(stn.compose(to_middle, turn), away)
    torch.testing.assert_close(moved, by_steps)


def test_a_turn_about_the_corner_keeps_its_pixel():
    image = torch.rand(1, 1, 9, 9)
    turned = stn.warp(image, stn.affine_theta(rotation=-90, centre=(-1, -1)))
    torch.testing.assert_close(turned[..., 0, 0], image[..., 0, 0])


def test_arrays_and_numbers_of_numpy_are_taken():
    expected = stn.affine_theta(20, (2, 0.5), 3, (0.5, -0.25), size=(30, 50))
    pair, size = np.array([0.5, -0.25], dtype=np.float32), np.array([30, 50])
    theta = stn.affine_theta(
        np.float64(20), np.array([2, 0.5]), np.int64(3), pair, centre=np.zeros(2), size=size
    )
    assert torch.equal(theta, expected)
    many = stn.affine_theta(rotation=np.arange(4), scale=np.full(4, 2), translation=np.ones((4, 2)))
    assert many.shape == (4, 2, 3) and many.dtype == torch.float32
    assert stn.affine_theta(scale=np.array([[2.0, 1], [3, 1], [4, 1]])).shape == (3, 2, 3)
    assert stn.affine_theta(scale=torch.ones(2)).shape == (2, 2, 3)  # a tensor (N,) counts N


def test_two_that_cannot_be_composed_are_refused():
    many = stn.affine_theta(rotation=torch.arange(3))
    with pytest.raises(ValueError, match="one for all or as many as each other, got 2 and 3"):
        stn.compose(many[:2], many)
    with pytest.raises(TypeError, match=r"float32 on cpu and .*float64.*use then.to\(first\)"):
        stn.compose(many, many.double())


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"rotation": "30"}, TypeError, "rotation must be a number, got '30'"),
        ({"rotation": True}, TypeError, "rotation must be a number, got True"),
        ({"rotation": [1, 2]}, TypeError, r"use torch.as_tensor\(rotation\)"),
        ({"rotation": torch.zeros(4, 1)}, ValueError, r"use rotation.flatten\(\)"),
        ({"rotation": torch.ones(2, dtype=torch.bool)}, TypeError, "rotation must hold numbers"),
        ({"rotation": float("nan")}, ValueError, "rotation must be a finite number, got nan"),
        ({"shear": torch.tensor([0, torch.inf])}, ValueError, "shear must hold finite numbers"),
        ({"scale": None}, TypeError, "scale must be a number, got None"),
        ({"scale": (1, 2, 3)}, ValueError, "scale must be a pair of numbers"),
        ({"scale": 1e39}, ValueError, r"scale must hold finite numbers, got \[inf\]"),
        ({"scale": 10**400}, ValueError, "scale must be a finite number"),
        ({"translation": 1}, TypeError, "translation must be a pair of numbers, got 1"),
        ({"translation": torch.zeros(3, 3)}, ValueError, "translation must be a pair of numbers"),
        ({"translation": ("a", 1)}, TypeError, "translation must be a number, got 'a'"),
        ({"centre": 0}, TypeError, "centre must be a pair of numbers, got 0"),
        ({"size": 5}, TypeError, r"size \(height, width\) must be a pair of numbers, got 5"),
        ({"size": (0, 5)}, ValueError, r"size \(height, width\) must be at least 1, got 0"),
        (
            {"rotation": torch.zeros(3), "translation": (torch.zeros(2), 0)},
            ValueError,
            "one number for all, or N like the others, got 3 for rotation, 2 for translation",
        ),
    ],
)
def test_what_is_no_number_and_no_pair_is_refused(how, error, message):
    with pytest.raises(error, match=message):
        stn.affine_theta(**how)
