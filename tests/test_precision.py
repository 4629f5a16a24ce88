"""Geometry in 32 bits, whatever the pictures are and whatever autocast says."""

import pytest
import torch
from torch import nn

import stn_lesson as stn
from stn_lesson.families import FAMILIES
from stn_lesson.grid import projective_grid
from stn_lesson.homography import projective_theta
from stn_lesson.spline import control_points, thin_plate_grid

SIXTEEN = [torch.bfloat16, torch.float16]
CORNERS = torch.tensor([[[-1.0, -0.7], [0.9, -1], [1, 1], [-0.8, 0.9]]])


@pytest.mark.parametrize("dtype", SIXTEEN)
@pytest.mark.parametrize("side", [60, 256])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_a_16_bit_image_is_warped_as_in_32_bits_and_rounded(dtype, side, padding):
    image = torch.rand(1, 2, side, side, generator=torch.Generator().manual_seed(side)).to(dtype)
    for degrees in (0, 10):
        theta = stn.affine_theta(rotation=degrees)
        expected = stn.warp(image.float(), theta, padding=padding)
        grid = stn.sampling_grid(theta, side, side)
        for picture in (
            stn.warp(image, theta, padding=padding),
            stn.bilinear_sample(image, grid, padding),
        ):
            assert picture.dtype == dtype
            torch.testing.assert_close(picture, expected.to(dtype), atol=1e-5, rtol=1e-2)


@pytest.mark.parametrize("dtype", SIXTEEN)
def test_a_16_bit_theta_or_grid_is_lifted_before_it_is_computed_with(dtype):
    image = torch.rand(1, 1, 200, 220)
    theta = stn.affine_theta(rotation=10).to(dtype)
    expected = stn.warp(image, theta.float())
    torch.testing.assert_close(
        stn.warp(image.to(dtype), theta).float(), expected, atol=9e-3, rtol=0
    )
    assert torch.equal(stn.warp(image, theta), expected)
    grid = stn.sampling_grid(theta, 200, 220)
    assert torch.equal(grid, stn.sampling_grid(theta.float(), 200, 220))
    rounded = grid.to(dtype)
    for sampler in (stn.sample, stn.bilinear_sample):
        assert torch.equal(sampler(image, rounded), sampler(image, rounded.float()))


@pytest.mark.parametrize("dtype", SIXTEEN)
def test_whatever_a_16_bit_theta_enters_answers_in_32_bits(dtype):
    theta, corners = stn.affine_theta(20, 1.5, 3, (0.3, 0.1)).to(dtype), CORNERS.to(dtype)
    homography, points = projective_theta(corners), control_points(3)[None].to(dtype) * 0.9
    for function, arguments in (
        (stn.compose, (theta, theta)),
        (stn.invert, (theta,)),
        (stn.invert, (homography.to(dtype),)),
        (projective_theta, (corners,)),
        (projective_theta, (corners, corners / 2)),
        (lambda theta: projective_grid(theta, 9, 7), (homography.to(dtype),)),
        (lambda theta: thin_plate_grid(theta, 9, 7), (points,)),
        (lambda theta: stn.decompose(theta)["rotation"], (theta,)),
        (lambda grid: stn.to_pixels(grid, 300, 300)[0], (corners,)),
    ):
        answer = function(*arguments)
        assert answer.dtype == torch.float32
        assert torch.equal(answer, function(*(argument.float() for argument in arguments)))


@pytest.mark.parametrize("dtype", SIXTEEN)
def test_a_theta_made_of_16_bit_numbers_has_32(dtype):
    angle, scale = torch.tensor([30.0], dtype=dtype), torch.tensor([300.0], dtype=dtype)
    theta = stn.affine_theta(angle, scale)
    assert torch.equal(theta, stn.affine_theta(angle.float(), scale.float()))
    assert theta.dtype == torch.float32 and (theta[0, :, :2] != 0).all()


def test_grids_have_32_bits_also_where_16_are_the_default():
    torch.set_default_dtype(torch.bfloat16)
    try:
        made = stn.meshgrid(3, 300), stn.affine_theta(30), control_points(4)
    finally:
        torch.set_default_dtype(torch.float32)
    expected = stn.meshgrid(3, 300), stn.affine_theta(30), control_points(4)
    assert all(map(torch.equal, made, expected))


@pytest.mark.parametrize("dtype", SIXTEEN)
def test_nearest_reads_the_very_pixel_in_16_bits(dtype):
    image = torch.arange(100.0).view(1, 1, 1, 100).to(dtype)
    grid = stn.sampling_grid(stn.affine_theta(), 1, 100)
    assert torch.equal(stn.sample(image, grid, "nearest"), image)
    assert torch.equal(stn.warp(image, stn.affine_theta().to(dtype), kernel="nearest"), image)
    whole = torch.tensor([[[[-1.0, 0], [0, 0], [1, 0]]]], dtype=dtype)
    three = image[..., :3].contiguous()
    assert torch.equal(stn.sample(three, whole, "nearest"), three)


@pytest.mark.parametrize("dtype", SIXTEEN)
def test_gradients_come_back_in_the_type_of_what_they_belong_to(dtype):
    image = torch.rand(1, 1, 9, 9).to(dtype).requires_grad_()
    theta = stn.affine_theta(10).requires_grad_()
    grid = stn.sampling_grid(theta, 9, 9)
    for picture in (stn.sample(image, grid), stn.bilinear_sample(image, grid)):
        to_image, to_theta = torch.autograd.grad(
            picture.square().sum(), (image, theta), retain_graph=True
        )
        assert to_image.dtype == dtype and to_theta.dtype == torch.float32


@pytest.mark.parametrize("dtype", SIXTEEN)
def test_autocast_does_not_reach_geometry(dtype):
    def geometry():
        theta = stn.affine_theta(30, translation=(0.3, 0.1), centre=(0.2, 0.1))
        homography = projective_theta(CORNERS, CORNERS * 0.9)
        yield from (theta, stn.compose(theta, theta), stn.invert(theta), stn.invert(homography))
        yield stn.sampling_grid(theta, 9, 7)
        yield projective_grid(homography, 9, 7)
        yield thin_plate_grid(control_points(3)[None] * 0.9, 9, 7)
        image = torch.linspace(0, 1, 63).view(1, 1, 9, 7)
        yield stn.warp(image, theta)
        yield stn.bilinear_sample(image, stn.sampling_grid(theta, 9, 7))

    expected = [*geometry()]
    with torch.autocast("cpu", dtype):
        answers = [*geometry()]
        assert torch.is_autocast_enabled("cpu")  # and it is on again afterwards
    for answer, right in zip(answers, expected, strict=True):
        assert answer.dtype == torch.float32 and torch.equal(answer, right)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("dtype", SIXTEEN)
def test_a_layer_of_16_bits_starts_at_the_identity_and_keeps_its_type(family, dtype):
    numbers = len(FAMILIES[family].identity)
    localise = nn.Sequential(nn.Flatten(), nn.Linear(60 * 60, numbers))
    layer, images = (
        stn.SpatialTransformer(localise, family, limit=0.3).to(dtype),
        torch.rand(1, 1, 60, 60),
    )
    warped = layer(images.to(dtype))
    assert warped.dtype == dtype and layer.theta(images.to(dtype)).dtype == torch.float32
    torch.testing.assert_close(warped.float(), images, atol=5e-3, rtol=0)
    assert layer.double().theta(images.double()).dtype == torch.float64


@pytest.mark.parametrize(("side", "lowest", "highest"), [(60, 0.15, 0.25), (512, 1, 2)])
def test_a_grid_of_8_binary_digits_would_be_off_by_as_much_as_notebook_10_says(
    side, lowest, highest
):
    thetas = stn.affine_theta(rotation=torch.tensor([0.0, 10, 30, 45]))
    rounded = (thetas.bfloat16() @ stn.meshgrid(side, side).bfloat16()).float()
    exact = thetas @ stn.meshgrid(side, side)
    pixels = (rounded - exact).abs().max() * (side - 1) / 2
    assert lowest < pixels < highest
