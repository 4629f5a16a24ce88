"""What the lesson promises on any device, where there is a GPU to try it on."""

import pytest
import torch

import stn_lesson as stn

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@pytest.mark.parametrize("sampler", [stn.bilinear_sample, stn.sample])
def test_the_samplers_agree_with_the_cpu(sampler):
    image, theta = torch.rand(3, 2, 7, 9), stn.affine_theta(rotation=torch.tensor([0.0, 30, 200]))
    grid = stn.sampling_grid(theta.cuda(), 5, 6)
    picture = sampler(image.cuda(), grid)
    assert picture.is_cuda
    torch.testing.assert_close(picture.cpu(), sampler(image, stn.sampling_grid(theta, 5, 6)))


def test_clutter_is_the_same_on_both_devices():
    digits = stn.load_digits().train.images[:50]
    assert torch.equal(stn.clutter(digits.cuda()).cpu(), stn.clutter(digits))


def test_a_network_trains():
    data = stn.clutter(stn.load_digits())
    model = stn.RecipeSTN()
    history = stn.fit(model, data, epochs=1, device="cuda")
    assert next(model.parameters()).is_cuda and len(history.theta) == 1


def test_the_fused_warp_never_makes_the_cpu_wait():
    pytest.importorskip("triton")
    from stn_lesson.fused import fused_warp

    image = torch.rand(3, 2, 7, 9, device="cuda", requires_grad=True)
    theta = stn.affine_theta(rotation=30).cuda().requires_grad_()
    fused_warp(image, theta).sum().backward()  # the first call compiles
    torch.cuda.set_sync_debug_mode("error")
    try:
        fused_warp(image, theta).sum().backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("padding", ["zeros", "border"])
def test_the_fused_warp_takes_batches_and_pictures_of_any_size(padding):
    pytest.importorskip("triton")
    from stn_lesson.fused import fused_warp

    for shape in [(70_000, 1, 3, 3), (2, 3, 1000, 1300), (64, 128, 28, 28)]:
        image = torch.rand(*shape, device="cuda")
        theta = stn.affine_theta(rotation=30, translation=(0.3, 0)).cuda()
        ours, theirs = (warp(image, theta, padding=padding) for warp in (fused_warp, stn.warp))
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-3)  # 1e-7 of a side of 1300
