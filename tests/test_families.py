"""Every family as a layer: identity, gradients, degenerate and bad numbers."""

import math

import pytest
import torch
from torch import nn
from torch.func import functional_call

import stn_lesson as stn
from stn_lesson.checks import NotFiniteError
from stn_lesson.families import FAMILIES, thin_plate_spline
from stn_lesson.grid import projective_grid
from stn_lesson.sampler import to_pixels
from stn_lesson.spline import control_points, thin_plate_grid

EVERY = [*FAMILIES.values(), thin_plate_spline(2), thin_plate_spline(3)]
every_family = pytest.mark.parametrize(
    "family", EVERY, ids=lambda family: f"{family.name}-{len(family.identity)}"
)


def layer(family, *shape, **how):
    """A transformer whose localisation network sees images of that shape."""
    localise = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), len(family.identity)))
    return stn.SpatialTransformer(localise, family, **how)


def test_every_family_has_a_name_and_as_many_numbers_as_the_paper_says():
    numbers = {name: len(family.identity) for name, family in FAMILIES.items()}
    assert numbers == {"affine": 6, "attention": 3, "projective": 8, "tps": 32}
    assert all(name == family.name for name, family in FAMILIES.items())
    assert len(thin_plate_spline(6).identity) == 72


@every_family
@pytest.mark.parametrize("size", [(28, 28), (9, 14), (17, 5), (3, 1)])
def test_every_family_starts_by_returning_the_image_pixel_for_pixel(family, size):
    images = torch.randint(0, 256, (3, 1, *size), dtype=torch.uint8)
    warped = layer(family, *size)(images / 255)
    assert torch.equal((warped * 255).round().to(torch.uint8), images)
    assert (warped - images / 255).abs().max() < 2e-5


@every_family
def test_every_family_gives_a_picture_of_another_size(family):
    ramp = torch.linspace(0, 1, 13).expand(2, 1, 7, 13)  # grey grows to the right
    warped = layer(family, 7, 13, size=(4, 5))(ramp)
    torch.testing.assert_close(warped, torch.linspace(0, 1, 5).expand(2, 1, 4, 5))


@every_family
def test_the_gradient_through_every_family_is_right(family):
    torch.manual_seed(2)
    images = torch.rand(2, 2, 5, 6, dtype=torch.double)
    transformer = layer(family, 2, 5, 6, size=(3, 4)).double()
    bias = 0.1 * torch.randn(len(family.identity), dtype=torch.double)
    grid = family.grid(family.theta((transformer.identity + bias)[None]), 3, 4)
    for place in to_pixels(grid, 5, 6):  # a knot is where the gradient jumps
        assert ((place - place.round()).abs() > 1e-4).all()

    def warped(bias, images):
        return functional_call(transformer, {"localisation.1.bias": bias}, (images,))

    assert torch.autograd.gradcheck(warped, (bias.requires_grad_(), images.requires_grad_()))


@every_family
def test_in_half_precision_the_grid_keeps_its_own(family):
    images = torch.randint(0, 256, (2, 1, 33, 60), dtype=torch.uint8)
    transformer = layer(family, 33, 60)
    with torch.autocast("cpu", torch.bfloat16):
        theta = transformer.theta(images / 255)
        warped = transformer(images / 255)
        inside = transformer((images / 255).bfloat16())  # as it comes from a convolution
    assert theta.dtype == warped.dtype == inside.dtype == torch.float32
    assert family.grid(theta, 33, 60).dtype == torch.float32
    assert torch.equal((warped * 255).round().to(torch.uint8), images)
    torch.testing.assert_close(inside, (images / 255).bfloat16().float(), atol=5e-5, rtol=0)


DEGENERATE = {
    "everything is 0": [[0, 0, 0], [0, 0, 0], [0, 0, 0]],
    "rank 1": [[1, 2, 3], [2, 4, 6], [1, 2, 3]],
    "a line": [[1, 1, 0], [1, 1, 0], [0, 0, 1]],
    "the horizon crosses the picture": [[1, 0, 0], [0, 1, 0], [0.8, 2, 1]],
    "the horizon goes through a pixel": [[1, 0, 0], [0, 1, 0], [1, 0, 1]],
    "all is behind": [[1, 0, 0], [0, 1, 0], [0, 0, -1]],
}


@pytest.mark.parametrize("rows", DEGENERATE.values(), ids=DEGENERATE)
def test_degenerate_homographies_give_finite_grids_and_gradients(rows):
    theta = torch.tensor([rows], dtype=torch.float32, requires_grad=True)
    image = torch.rand(1, 1, 5, 7, requires_grad=True)
    grid = projective_grid(theta, 5, 7)
    assert grid.isfinite().all()
    picture = stn.sample(image, grid)
    (picture.square().sum() + grid.sum()).backward()
    assert picture.isfinite().all() and theta.grad.isfinite().all() and image.grad.isfinite().all()


@pytest.mark.parametrize("k", [2, 4])
def test_control_points_that_coincide_give_finite_grids_and_gradients(k):
    points = control_points(k)
    some = points.clone()
    some[1] = some[0]
    theta = torch.stack([torch.zeros_like(points), some, points.flip(0)]).requires_grad_()
    grid = thin_plate_grid(theta, 5, 7)
    picture = stn.sample(torch.rand(3, 1, 5, 7), grid)
    picture.square().sum().backward()
    assert grid.isfinite().all() and theta.grad.isfinite().all()
    assert grid[0].abs().max() < 1e-6  # all in one point: every pixel looks there


@every_family
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_network_that_diverges_is_told_at_which_sample(family, bad):
    transformer = layer(family, 4, 5)
    nn.init.ones_(transformer.localisation[1].weight)
    images = torch.rand(3, 1, 4, 5)
    images[1] = bad
    with pytest.raises(NotFiniteError, match=rf"theta of sample 1 holds {bad}"):
        transformer(images)


@pytest.mark.parametrize(
    ("family", "numbers"), [("projective", 6), ("projective", 9), ("tps", 6), ("affine", 8)]
)
@pytest.mark.filterwarnings("ignore:the localisation network does not end")
def test_a_localisation_made_for_another_family_is_refused(family, numbers):
    localise = nn.Sequential(nn.Flatten(), nn.Linear(20, numbers))
    needed = len(FAMILIES[family].identity)
    message = rf"must return \(N, {needed}\) for the {family} family, got \(2, {numbers}\)"
    with pytest.raises(ValueError, match=message):
        stn.SpatialTransformer(localise, family)(torch.rand(2, 1, 4, 5))
