"""Programs made of the lesson: exported, compiled, differentiated forwards, mapped over a batch."""

import logging

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import jacfwd, jvp, vmap

import stn_lesson as stn
from stn_lesson.families import FAMILIES, thin_plate_spline
from stn_lesson.grid import projective_grid
from stn_lesson.homography import projective_theta
from stn_lesson.spline import control_points, thin_plate_grid
from stn_lesson.volume import volume_theta

EYE = torch.eye(2, 3)[None]
IMAGES = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def layer(family, **how):
    numbers = len(FAMILIES.get(family, family).identity)
    localise = nn.Sequential(nn.Flatten(), nn.Linear(64, numbers))
    transformer = stn.SpatialTransformer(localise, family, **how).eval()
    nn.init.normal_(localise[1].weight, std=0.01)
    return transformer


@pytest.fixture(autouse=True)
def quiet():
    """Exporting says much."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_layer_is_exported_for_batches_of_any_size(family):
    transformer = layer(family, size=(4, 6))
    batch = {"images": {0: torch.export.Dim("batch", min=1, max=64)}}
    program = torch.export.export(transformer, (IMAGES,), dynamic_shapes=batch)
    for images in (IMAGES, torch.rand(5, 1, 8, 8)):
        torch.testing.assert_close(program.module()(images), transformer(images))
    torch.testing.assert_close(transformer(IMAGES), transformer(IMAGES))  # nothing of it stays


ANGLES, SPREADS = torch.tensor([10.0, 20, 30]), torch.tensor([[1.0, 2], [3, 4], [1, 1]])
SLANTED = torch.tensor([[-1.0, -0.7], [0.9, -1], [1, 1], [-0.8, 0.9]]).repeat(3, 1, 1)


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (lambda angle, scale: stn.affine_theta(angle, scale), (ANGLES, SPREADS)),
        (lambda theta: stn.compose(theta, stn.affine_theta(30)), (torch.rand(3, 2, 3),)),
        (stn.compose, (torch.rand(3, 2, 3), torch.rand(3, 3, 3))),
        (lambda corners: stn.invert(projective_theta(corners)), (SLANTED,)),
        (projective_theta, (SLANTED, SLANTED / 2)),
        (lambda scale: volume_theta((0, 20, 0), scale), (ANGLES,)),
    ],
)
def test_geometry_is_exported_for_batches_of_any_size(function, inputs):
    class Program(nn.Module):
        def forward(self, *inputs):
            return function(*inputs)

    batch = torch.export.Dim("batch", min=1, max=64)
    sizes = {"inputs": tuple({0: batch} for _ in inputs)}
    program = torch.export.export(Program(), inputs, dynamic_shapes=sizes).module()
    for count in (1, 3):
        some = [value[:count] for value in inputs]
        torch.testing.assert_close(program(*some), function(*some))


def test_a_layer_never_used_before_can_be_exported():
    transformer = layer("tps", kernel="nearest", downsample=2, limit=0.1)
    program = torch.export.export(transformer, (IMAGES,))
    torch.testing.assert_close(program.module()(IMAGES), transformer(IMAGES))


@pytest.mark.parametrize("family", ["affine", "projective", "tps"])
def test_a_layer_compiles_into_one_graph(family):
    transformer = layer(family)
    compiled = torch.compile(transformer, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(IMAGES), transformer(IMAGES))


def test_functions_compile_into_one_graph():
    @torch.compile(backend="eager", fullgraph=True)
    def turned(image, angle):
        theta = stn.affine_theta(rotation=angle, size=(8, 8), centre=(0.5, 0))
        theta = stn.compose(stn.invert(theta), stn.affine_theta(scale=2))
        return stn.warp(image, theta, size=(5, 4)), stn.bilinear_sample(
            image, stn.sampling_grid(theta, 5, 4), "reflection"
        )

    angle = torch.tensor([30.0, 40])
    by_torch, by_hand = turned(IMAGES, angle)
    theta = stn.affine_theta(rotation=angle, size=(8, 8), centre=(0.5, 0))
    theta = stn.compose(stn.invert(theta), stn.affine_theta(scale=2))
    torch.testing.assert_close(by_torch, stn.warp(IMAGES, theta, (5, 4)))
    grid = stn.sampling_grid(theta, 5, 4)
    torch.testing.assert_close(by_hand, stn.bilinear_sample(IMAGES, grid, "reflection"))


CORNERS = torch.tensor([[[-1.0, -0.7], [0.9, -1], [1, 1], [-0.8, 0.9]]]).double()


@pytest.mark.parametrize(
    ("function", "start"),
    [
        (lambda x: stn.affine_theta(x[0], (x[1], 2), x[2], (x[3], 0)), [20.0, 1.5, 5, 0.2]),
        (lambda x: stn.invert(x.view(1, 2, 3)), [1.0, 0.2, 0.3, 0.1, 0.8, 0]),
        (lambda x: stn.compose(x.view(1, 2, 3), x.view(1, 2, 3)), [1.0, 0.2, 0.3, 0.1, 0.8, 0]),
        (lambda x: stn.invert(projective_theta(x.view(1, 4, 2))), CORNERS.flatten().tolist()),
        (lambda x: projective_grid(x.view(1, 3, 3), 3, 4), [1, 0, 0.2, 0, 1, 0, 0.2, 0.3, 1.0]),
        (
            lambda x: thin_plate_grid(x.view(1, 4, 2), 3, 5),
            control_points(2).flatten().tolist(),
        ),
        (
            lambda x: stn.bilinear_sample(
                IMAGES[:1].double(), stn.sampling_grid(x.view(1, 2, 3), 3, 4), "reflection"
            ),
            [1.21, 0.2, 0.33, 0.13, 1.8, 0.07],
        ),
    ],
)
def test_forward_derivatives_equal_those_backwards(function, start):
    start = torch.tensor(start, dtype=torch.double)
    backwards = torch.autograd.functional.jacobian(function, start)
    torch.testing.assert_close(jacfwd(function)(start), backwards)
    way = torch.ones_like(start)
    torch.testing.assert_close(jvp(function, (start,), (way,))[1], backwards @ way)


def test_a_forward_derivative_of_torchs_sampler_names_the_one_that_has_it():
    image, theta = IMAGES[:1].double(), stn.affine_theta(10.0).double()
    way = torch.ones_like(theta)
    with pytest.raises(NotImplementedError, match=r"use bilinear_sample\(image, grid, padding\)"):
        jvp(lambda theta: stn.warp(image, theta), (theta,), (way,))


def test_a_spline_first_seen_in_a_derivative_or_a_program_can_be_used_later():
    theta = control_points(3)[None]
    jvp(lambda theta: thin_plate_grid(theta, 5, 23), (theta,), (torch.ones_like(theta),))
    vmap(lambda theta: thin_plate_grid(theta[None], 5, 24))(theta)
    torch.export.export(layer(thin_plate_spline(3), size=(5, 25)), (IMAGES,))
    for width in (23, 24, 25):
        learnt = theta.clone().requires_grad_()
        thin_plate_grid(learnt, 5, width).sum().backward()
        assert learnt.grad.isfinite().all()


@pytest.mark.parametrize("fake_first", [True, False])
def test_a_spline_of_fake_tensors_leaves_nothing_behind(fake_first):
    theta, size = control_points(3)[None], (5, 26 + fake_first)
    if not fake_first:
        thin_plate_grid(theta, *size)
    with FakeTensorMode() as mode:
        assert thin_plate_grid(mode.from_tensor(theta), *size).shape == (1, *size, 2)
    torch.testing.assert_close(thin_plate_grid(theta, *size), stn.sampling_grid(EYE, *size))


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_vmap_maps_geometry_over_a_batch():
    theta = stn.affine_theta(rotation=20.0 * torch.arange(3), scale=1.3)
    homographies = torch.eye(3) + 0.2 * torch.rand(3, 3, 3)
    points = control_points(3) + 0.1 * torch.rand(3, 9, 2)
    images = torch.rand(3, 2, 6, 5)

    def alone(function):
        return lambda *tensors: function(*(tensor[None] for tensor in tensors))[0]

    for function, tensors in (
        (lambda t: stn.sampling_grid(t, 4, 5), (theta,)),
        (lambda t: projective_grid(t, 4, 5), (homographies,)),
        (lambda t: thin_plate_grid(t, 4, 5), (points,)),
        (stn.invert, (theta,)),
        (stn.invert, (homographies,)),
        (stn.compose, (theta, homographies)),
        (projective_theta, (CORNERS.float() + 0.1 * torch.rand(3, 4, 2),)),
        (stn.warp, (images, theta)),
        (
            lambda i, t: stn.bilinear_sample(i, stn.sampling_grid(t, 4, 5), "border"),
            (images, theta),
        ),
        (stn.looks_outside, (stn.sampling_grid(theta, 4, 5),)),
    ):
        torch.testing.assert_close(vmap(alone(function))(*tensors), function(*tensors))
    angles = torch.tensor([0.0, 30, 60])
    mapped = vmap(lambda angle: stn.affine_theta(rotation=angle)[0])(angles)
    torch.testing.assert_close(mapped, stn.affine_theta(rotation=angles))


def test_the_meta_device_tells_shapes():
    theta, images = stn.affine_theta().to("meta"), IMAGES.to("meta")
    assert stn.warp(images, theta, (3, 4)).shape == (2, 1, 3, 4)
    assert stn.invert(theta).shape == (1, 2, 3)
    assert layer("tps").to("meta")(images).shape == (2, 1, 8, 8)


def test_the_device_that_tensors_are_made_on_by_default_does_not_matter_to_a_spline():
    net = control_points(3)[None]
    with torch.device("meta"):
        grid = thin_plate_grid(net, 5, 28)
    torch.testing.assert_close(grid, stn.sampling_grid(EYE, 5, 28))
