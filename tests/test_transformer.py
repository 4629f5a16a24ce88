import threading

import pytest
import torch
from torch import nn

import stn_lesson as stn
from stn_lesson.grid import control_points, thin_plate_spline


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


def test_a_look_keeps_what_it_sees_apart_from_another_threads_use_of_the_model():
    class Interrupted(nn.Module):
        """A localisation network in the midst of which another thread uses the model."""

        def forward(self, images):
            if len(images) == 2:
                other = threading.Thread(target=lambda: model(torch.ones(5, 1, 4, 4)))
                other.start()
                other.join()
            return images.new_zeros(len(images), 6)

    with pytest.warns(UserWarning, match="its start was left alone"):
        transformer = stn.SpatialTransformer(Interrupted())
    model, images = nn.Sequential(transformer, nn.Conv2d(1, 1, 1)), torch.rand(2, 1, 4, 4)
    looked = stn.look(model, images)
    assert looked.theta.shape == (2, 2, 3) and torch.allclose(looked.view, images, atol=1e-6)
