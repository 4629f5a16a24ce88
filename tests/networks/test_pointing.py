import pytest
import torch
import torch.nn.functional as F
from torch import nn

import stn_lesson as stn
from stn_lesson.networks import PointingLocalisation, PointingSTN, SpatialSoftArgmax


def test_a_point_is_the_mean_place_under_the_softmax_of_its_map():
    maps = torch.zeros(1, 2, 3, 5)
    maps[0, 0, 1, 3], maps[0, 1, 2, 0] = 2, 2
    x0, x1, y0, y1 = SpatialSoftArgmax()(maps)[0].tolist()
    assert [x0, y0, x1, y1] == pytest.approx([0.5, 0, -1, 1], abs=1e-6)
    share = torch.softmax(torch.tensor([0.0, 0.1, 0.0]) * 10, 0)
    x, _ = SpatialSoftArgmax(inverse_temperature=10)(torch.tensor([[[[0, 0.1, 0]]]]))[0]
    assert x == pytest.approx((share[2] - share[0]).item(), abs=1e-6)


def test_points_have_a_gradient_to_every_pixel_of_the_maps():
    maps = torch.randn(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    layer = SpatialSoftArgmax(inverse_temperature=2)
    layer.forward(maps).sum().backward()
    assert (maps.grad != 0).all()


def test_when_the_digit_moves_the_points_move_with_it():
    torch.manual_seed(0)
    eye, digit = PointingLocalisation(), torch.rand(1, 1, 12, 12)
    eye.points.inverse_temperature = 1e4  # the brightest place alone
    pictures = torch.cat([F.pad(digit, (left, 72 - left, 36, 36)) for left in (24, 40)])
    here, there = eye.points(eye.heat_maps(pictures))
    moved = there - here
    cell = 2 / (84 / 4 - 1)  # the distance of two pixels of a map
    # Maps that are dark on the digit point elsewhere; those that find it go four of their pixels.
    follows = (moved[:16] - 4 * cell).abs() < 0.02
    assert follows.sum() >= 8 and moved[16:][follows].abs().max() < 0.02


def test_the_frame_starts_at_the_mean_point_and_shows_the_whole_picture():
    torch.manual_seed(1)
    model, images = PointingSTN(size=84), torch.rand(3, 1, 84, 84)
    theta = model.transformer.theta(images)
    eye = model.transformer.localisation
    points = eye.points(eye.heat_maps(images))
    centres = torch.stack([points[:, :16].mean(1), points[:, 16:].mean(1)], 1)
    assert torch.allclose(theta[:, :, 2], centres, atol=1e-6)
    assert torch.allclose(theta[:, :, :2], torch.eye(2).expand(3, 2, 2))


def test_every_localisation_weight_gets_a_gradient_at_the_first_step():
    model = PointingSTN()
    digits = stn.clutter(stn.load_digits()).test
    loss = F.cross_entropy(model(stn.to_floats(digits.images[:64])), digits.labels[:64])
    loss.backward()
    for parameter in model.transformer.localisation.parameters():
        assert parameter.grad.isfinite().all()
        if parameter.ndim > 1:
            assert (parameter.grad != 0).any()


def test_pooling_before_the_relu_changes_no_number():
    maps = torch.randn(2, 3, 8, 8)
    assert torch.equal(F.relu(F.max_pool2d(maps, 2)), F.max_pool2d(F.relu(maps), 2))
    ours, recipe = PointingSTN().classifier, stn.RecipeSTN().classifier
    ours.load_state_dict(recipe.state_dict())
    views = torch.rand(2, 1, 20, 20)
    assert torch.allclose(ours(views), recipe(views), atol=1e-6)


@pytest.mark.parametrize("size", [28, 60, 84, 100])
def test_it_takes_all_sizes_of_scenes(size):
    assert PointingSTN(size=size, classes=7)(torch.rand(2, 1, size, size)).shape == (2, 7)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            torch.rand(2, 3, 20, 20),
            r"reads floats \(N, 1, H, W\), got \(2, 3, 20, 20\): use images.m",
        ),
        (torch.rand(2, 1, 3, 20), r"reads .* of 4×4 pixels at least, got \(2, 1, 3, 20\)"),
    ],
)
def test_a_localisation_network_tells_of_images_that_it_cannot_point_in(images, message):
    with pytest.raises(ValueError, match=f"PointingLocalisation {message}"):
        PointingLocalisation()(images)


def test_what_are_no_maps_have_no_points():
    with pytest.raises(ValueError, match=r"maps must have shape .*: use maps\[None, None\]"):
        SpatialSoftArgmax()(torch.rand(3, 3))
    with pytest.raises(TypeError, match="maps must be a tensor of floats .*, got str"):
        SpatialSoftArgmax()("maps")


def test_a_view_too_small_for_its_reader_is_refused():
    with pytest.raises(ValueError, match="too small for the convolutions"):
        PointingSTN(view=8)


def test_freezing_holds_any_network_at_the_identity():
    model = stn.transformer.freeze_transformers(PointingSTN())
    images = torch.rand(2, 1, 60, 60)
    assert torch.equal(model.transformer.theta(images), stn.affine_theta().expand(2, -1, -1))
    with pytest.raises(ValueError, match="PlainCNN has no SpatialTransformer"):
        stn.transformer.freeze_transformers(stn.PlainCNN())
    assert isinstance(model, nn.Module) and model.classifier[0].weight.requires_grad
