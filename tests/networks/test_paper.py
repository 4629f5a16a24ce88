import pytest
import torch
import torch.nn.functional as F

import stn_lesson as stn
from stn_lesson.families import FAMILIES, thin_plate_spline
from stn_lesson.networks import ParallelTransformers


@pytest.mark.parametrize("make", [stn.STFCN, stn.STCNN])
@pytest.mark.parametrize("family", [*FAMILIES, thin_plate_spline(3)])
def test_a_transformer_of_any_family_starts_by_handing_on_the_whole_image(make, family):
    images = torch.rand(2, 3, 28, 28)
    model = make(28, channels=3, family=family)
    assert torch.allclose(model.transformer(images), images, atol=1e-5)
    seen = model.classifier(images)
    assert torch.allclose(model(images), seen, atol=1e-4) and seen.shape == (2, 10)


@pytest.mark.parametrize("make", [stn.STFCN, stn.STCNN])
def test_a_smaller_view_is_sampled_twice_as_densely_and_averaged(make):
    images = torch.rand(2, 1, 42, 42)
    model, given = make(42, view=28), []
    model.classifier.register_forward_pre_hook(lambda _, inputs: given.extend(inputs))
    model(images)
    dense = stn.warp(images, stn.affine_theta(), (56, 56))
    assert torch.allclose(given[0], F.avg_pool2d(dense, 2), atol=1e-6)
    assert stn.look(model, images).grid.shape == (2, 56, 56, 2)


def test_transformers_side_by_side_each_warp_all_channels():
    images, moved = torch.rand(2, 2, 42, 42), stn.affine_theta(translation=(0.5, 0))
    model, given = stn.STFCN(42, channels=2, classes=19, view=28, transformers=2), []
    assert isinstance(model.transformer, ParallelTransformers) and len(model.transformer) == 2
    with torch.no_grad():
        model.transformer[1].localisation[-1].bias[2] = moved[0, 0, 2]  # t_x of the second
    model.classifier.register_forward_pre_hook(lambda _, inputs: given.extend(inputs))
    assert model(images).shape == (2, 19)
    views = given[0]
    assert views.shape == (2, 4, 28, 28)
    for theta, view in ((stn.affine_theta(), views[:, :2]), (moved, views[:, 2:])):
        expected = F.avg_pool2d(stn.warp(images, theta, (56, 56)), 2)
        assert torch.allclose(view, expected, atol=1e-5)


def test_two_pointing_transformers_start_at_the_mean_point_of_one_channel_each():
    model = stn.STFCN(42, 2, 19, view=28, transformers=2, per_channel=True, pointing=True)
    images = torch.rand(3, 2, 42, 42)
    for which, localisation in enumerate(t.localisation for t in model.transformer):
        points = localisation.points(localisation.heat_maps(images)).view(3, 2, -1).mean(-1)
        theta = stn.look(model, images, which).theta
        assert torch.allclose(theta[:, :, 2], points, atol=1e-6)
        assert torch.equal(theta[:, :, :2], torch.eye(2).expand(3, 2, 2))
        other = images.clone()
        other[:, 1 - which] = torch.rand(3, 42, 42)  # it does not look at the other channel
        assert torch.equal(stn.look(model, other, which).theta, theta)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("make", [stn.STFCN, stn.STCNN])
def test_the_gradient_of_the_class_reaches_every_number_of_theta(make, family):
    torch.manual_seed(0)
    data = stn.load_digits().test
    model = make(family=family)
    scores = model(stn.to_floats(data.images[:64]))
    F.cross_entropy(scores, data.labels[:64]).backward()
    last = model.transformer.localisation[-1]
    assert (last.bias.grad != 0).all() and last.bias.grad.isfinite().all()


def test_images_too_small_for_the_convolutions_are_refused():
    for make in (stn.CNN, stn.STCNN):
        with pytest.raises(ValueError, match="too small for the convolutions"):
            make(16)


@pytest.mark.parametrize("make", [stn.STFCN, stn.STCNN])
def test_only_affine_transformers_point(make):
    with pytest.raises(ValueError, match=r"got family='attention': use family=\"affine\""):
        make(pointing=True, family="attention")
    with pytest.raises(TypeError, match="pointing must be True or False, got 'yes'"):
        make(pointing="yes")
