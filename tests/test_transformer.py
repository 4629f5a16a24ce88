import copy
import io
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import stn_lesson as stn
from stn_lesson.families import thin_plate_spline
from stn_lesson.spline import control_points


def localiser(outputs=6, size=(8, 10), channels=1):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * size[0] * size[1], outputs))


def test_weight_decay_pulls_theta_to_the_identity():
    transformer = stn.SpatialTransformer(localiser())
    with torch.no_grad():
        transformer.localisation[1].bias += 0.5
    images = torch.rand(2, 1, 8, 10)
    optimiser = torch.optim.SGD(transformer.parameters(), lr=0.1, weight_decay=1.0)
    for _ in range(200):
        optimiser.zero_grad()
        (transformer.theta(images).sum() * 0).backward()  # no gradient but the decay
        optimiser.step()
    assert torch.allclose(transformer.theta(images), stn.affine_theta(), atol=1e-4)


def test_attention_is_equation_2():
    transformer = stn.SpatialTransformer(localiser(3), "attention")
    with torch.no_grad():
        transformer.localisation[1].bias += torch.tensor([-0.5, 0.1, -0.2])
    theta = transformer.theta(torch.zeros(1, 1, 8, 10))
    assert torch.allclose(theta, torch.tensor([[[0.5, 0, 0.1], [0, 0.5, -0.2]]]))


def test_the_projective_family_fills_a_homography_row_by_row():
    transformer = stn.SpatialTransformer(localiser(8), "projective")
    with torch.no_grad():
        transformer.localisation[1].bias += torch.arange(8) / 10
    theta = transformer.theta(torch.zeros(2, 1, 8, 10))
    row_by_row = torch.tensor([[1, 0.1, 0.2], [0.3, 1.4, 0.5], [0.6, 0.7, 1]])
    assert torch.allclose(theta, row_by_row.expand(2, 3, 3))


def test_the_spline_family_moves_its_points_one_by_one():
    transformer = stn.SpatialTransformer(localiser(18), thin_plate_spline(3))
    with torch.no_grad():
        transformer.localisation[1].bias[8:10] += torch.tensor([0.5, -0.25])  # the middle's x, y
    theta = transformer.theta(torch.zeros(1, 1, 8, 10))
    assert theta.shape == (1, 9, 2)
    assert torch.equal(theta[0, 4], torch.tensor([0.5, -0.25]))
    assert torch.equal(theta[0, [0, 5, 8]], control_points(3)[[0, 5, 8]])


def test_one_transform_for_all_channels():
    torch.manual_seed(0)
    transformer = stn.SpatialTransformer(localiser(channels=3))
    nn.init.normal_(transformer.localisation[1].weight, std=0.05)
    grey = torch.rand(2, 1, 8, 10)
    warped = transformer(grey.expand(-1, 3, -1, -1))
    assert torch.equal(warped[:, 0], warped[:, 2]) and not torch.allclose(warped[:, :1], grey)


def test_size_and_downsample():
    images = torch.rand(2, 1, 8, 10)
    assert stn.SpatialTransformer(localiser(), size=(4, 7))(images).shape == (2, 1, 4, 7)
    assert stn.SpatialTransformer(localiser(), downsample=2)(images).shape == (2, 1, 4, 5)
    for factors in ((4, 2), [4, 2.0], np.array([4, 2])):
        layer = stn.SpatialTransformer(localiser(), downsample=factors)
        assert layer(images).shape == (2, 1, 2, 5)
    assert stn.SpatialTransformer(localiser(), size=np.array([4, 7])).size == (4, 7)


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"size": 20}, TypeError, r"size \(height, width\) must be a pair of numbers, got 20"),
        ({"size": (20, 0)}, ValueError, r"size \(height, width\) must be at least 1, got 0"),
        ({"size": (20.5, 20)}, TypeError, "must be a whole number, got 20.5"),
        ({"downsample": 0}, ValueError, "downsample must be above 0, got 0"),
        ({"downsample": (2, -1)}, ValueError, r"downsample must be above 0, got -1"),
        ({"downsample": (1, 2, 3)}, ValueError, "downsample must be a pair of numbers"),
        ({"downsample": "2"}, TypeError, "downsample must be a pair of numbers, got '2'"),
        ({"kernel": "cubic"}, ValueError, "kernel must be one of bilinear, nearest, got 'cubic'"),
        ({"padding": "wrap"}, ValueError, "padding must be one of zeros, border, reflection"),
        ({"family": ["affine"]}, ValueError, "family must be one of affine, attention"),
        ({"limit": "much"}, TypeError, "limit must be one bound or 6 of them, got 'much'"),
        (
            {"limit": float("inf")},
            ValueError,
            "limit must be one bound or 6, none below 0, got inf",
        ),
    ],
)
def test_what_cannot_be_is_told_when_the_layer_is_made(how, error, message):
    with pytest.raises(error, match=message):
        stn.SpatialTransformer(localiser(), **how)


def test_a_downsample_that_leaves_nothing_is_told_with_the_images_size():
    transformer = stn.SpatialTransformer(localiser(), downsample=(1, 11))
    with pytest.raises(ValueError, match=r"downsample \(1.0, 11.0\) leaves nothing of .* 8×10 pix"):
        transformer(torch.rand(2, 1, 8, 10))


@pytest.mark.parametrize("localisation", [None, nn.Linear, lambda images: images])
def test_a_localisation_that_is_no_module_is_refused(localisation):
    with pytest.raises(TypeError, match=r"localisation must be an nn.Module .* to \(N, 6\), got"):
        stn.SpatialTransformer(localisation)


def test_a_lazy_localisation_is_refused_until_it_has_seen_images():
    lazy, images = nn.Sequential(nn.Flatten(), nn.LazyLinear(6)), torch.rand(2, 1, 8, 10)
    with pytest.raises(ValueError, match=r"has lazy layers.*call localisation\(images\) once"):
        stn.SpatialTransformer(lazy)
    lazy(images)
    assert torch.allclose(stn.SpatialTransformer(lazy)(images), images, atol=1e-6)


def test_limit_bounds_the_way_from_the_identity():
    transformer = stn.SpatialTransformer(localiser(), limit=(0.5, 0.5, 1, 0.5, 0.5, 1))
    assert torch.equal(transformer.theta(torch.rand(1, 1, 8, 10)), stn.affine_theta())
    with torch.no_grad():
        transformer.localisation[1].bias += 100
    theta = transformer.theta(torch.rand(1, 1, 8, 10))
    assert torch.allclose(theta, torch.tensor([[[1.5, 0.5, 1], [0.5, 1.5, 1]]]))


def test_a_limit_of_0_holds_a_number_still():
    transformer = stn.SpatialTransformer(localiser(), limit=(0, 0, 1, 0, 0, 1))
    with torch.no_grad():
        transformer.localisation[1].bias += 100
    theta = transformer.theta(torch.rand(1, 1, 8, 10))
    assert torch.allclose(theta, torch.tensor([[[1.0, 0, 1], [0, 1, 1]]]))
    theta.sum().backward()
    assert transformer.localisation[1].bias.grad.isfinite().all()


@pytest.mark.parametrize("limit", [-1, (1, 2), torch.ones(7)])
def test_a_limit_that_does_not_fit_is_refused(limit):
    with pytest.raises(ValueError, match="limit must be one bound or 6, none below 0"):
        stn.SpatialTransformer(localiser(), limit=limit)


def test_gradient_reaches_theta():
    transformer = stn.SpatialTransformer(localiser())
    transformer(torch.rand(2, 1, 8, 10)).square().sum().backward()
    assert (transformer.localisation[1].weight.grad != 0).any()


def test_a_localisation_of_another_size_is_refused():
    with pytest.warns(UserWarning, match=r"does not end in nn.Linear\(…, 6\)"):
        transformer = stn.SpatialTransformer(localiser(5))
    with pytest.raises(ValueError, match=r"must return \(N, 6\) .*, got \(2, 5\)"):
        transformer(torch.rand(2, 1, 8, 10))


def test_an_unknown_family_is_refused():
    with pytest.raises(
        ValueError, match="family must be one of affine, attention, projective, tps"
    ):
        stn.SpatialTransformer(localiser(), "cubist")


def test_the_state_can_be_saved_and_loaded(tmp_path):
    one, other = (stn.SpatialTransformer(localiser()) for _ in range(2))
    nn.init.normal_(one.localisation[1].weight, std=0.1)
    torch.save(one.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    images = torch.rand(2, 1, 8, 10)
    assert torch.equal(one(images), other(images))


class TwoLayers(nn.Module):
    """A localisation network that uses its linear layers in an order of its own."""

    def __init__(self, used_last: str):
        super().__init__()
        self.first, self.second = nn.Linear(80, 6), nn.Linear(6, 6)
        if used_last == "first":
            self.first, self.second = nn.Linear(6, 6), nn.Linear(80, 6)
        self.used_last = used_last

    def forward(self, images):
        """Six numbers an image."""
        ways = self.first, self.second
        before, after = ways if self.used_last == "second" else ways[::-1]
        return after(before(images.flatten(1)))


def test_the_layer_that_is_registered_last_but_not_used_last_is_told_at_the_first_images():
    images = torch.rand(2, 1, 8, 10)
    transformer = stn.SpatialTransformer(TwoLayers("first"))
    with pytest.warns(UserWarning, match=r"registers Linear\(.*\) last.*assign the layer"):
        transformer(images)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        transformer(images)  # once is enough
        stn.SpatialTransformer(TwoLayers("second"))(images)
        trained = stn.SpatialTransformer(TwoLayers("first"))
        nn.init.ones_(trained.localisation.second.weight)
        trained(images)


def test_a_localisation_may_see_to_its_start_by_itself():
    class Aimed(nn.Linear):
        starts_at_identity = True

        def forward(self, images):
            return super().forward(images.flatten(1))

    localisation = Aimed(80, 6)
    before = localisation.weight.clone()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        transformer = stn.SpatialTransformer(localisation)
        transformer(torch.rand(2, 1, 8, 10))
    assert torch.equal(localisation.weight, before)


def test_a_residual_that_is_known_is_not_asked_for_again():
    transformer, images = stn.SpatialTransformer(localiser()), torch.rand(2, 1, 8, 10)
    residual = torch.zeros(2, 6)
    residual[1, 2] = 0.5
    transformer.localisation.register_forward_hook(lambda *_: pytest.fail("it was asked"))
    theta = stn.affine_theta(translation=torch.tensor([[0.0, 0.0], [-0.5, 0.0]]))
    assert torch.allclose(transformer.theta(images, residual), theta)
    assert torch.equal(transformer(images, residual=residual), stn.warp(images, theta))
    with pytest.raises(
        ValueError, match=r"must return \(N, 6\) for the affine family, got \(2, 3\)"
    ):
        transformer(images, residual=residual[:, :3])


def test_a_localisation_that_returns_no_tensor_is_told():
    class Pair(nn.Module):
        def forward(self, images):
            return images, images

    with pytest.warns(UserWarning, match="its start was left alone"):
        transformer = stn.SpatialTransformer(Pair())
    with pytest.raises(ValueError, match=r"must return \(N, 6\) .*, got a tuple for 2 images"):
        transformer(torch.rand(2, 1, 8, 10))


def test_a_layer_can_be_saved_whole_and_copied():
    transformer, images = stn.SpatialTransformer(localiser(32), "tps"), torch.rand(2, 1, 8, 10)
    nn.init.normal_(transformer.localisation[1].weight, std=0.01)
    file = io.BytesIO()
    torch.save(transformer, file)
    file.seek(0)
    for again in (torch.load(file, weights_only=False), copy.deepcopy(transformer)):
        assert torch.equal(again(images), transformer(images))
