"""What the lesson promises on any device, where there is a GPU to try it on."""

import warnings

import pytest
import torch

import stn_lesson as stn
from stn_lesson.training import StopTraining, TrainingError, cuda_graph

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


@pytest.mark.parametrize(
    ("network", "optimiser"),
    [(stn.RecipeSTN, "adamw"), (stn.PointingSTN, "adamw"), (stn.RecipeSTN, "sgd")],
)
def test_a_step_recorded_as_a_cuda_graph_does_what_a_step_does(network, optimiser, monkeypatch):
    """The same losses, step by step, with a last batch of another size in every epoch."""
    histories = []
    for possible in (True, False):
        torch.manual_seed(0)
        if not possible:
            monkeypatch.setattr(cuda_graph.CudaGraphStep, "WARM_UP_STEPS", 10**9)
        data = stn.clutter(stn.load_digits().to("cuda"))
        settings = dict(epochs=2, batch_size=100, precision="float32", optimiser=optimiser)
        histories.append(stn.fit(network(), data, **settings, device="cuda"))
    recorded, stepwise = (history.step_loss for history in histories)
    assert recorded == pytest.approx(stepwise, rel=0.02) and recorded[-1] < recorded[0]


def test_models_trained_abreast_are_those_trained_one_by_one():
    data = stn.clutter(stn.load_digits().to("cuda"))
    settings = dict(epochs=2, batch_size=100, localisation_rate=0.1)
    settings |= dict(precision="float32", device="cuda")

    def start(seed):
        torch.manual_seed(seed)
        return stn.PointingSTN()

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # one says that the steps cannot be recorded
        together = stn.fit_abreast([start(0), start(1)], 2 * [data], seeds=[0, 1], **settings)
    for seed, history in enumerate(together):
        alone = stn.fit(start(seed), data, seed=seed, **settings)
        assert history.step_loss == pytest.approx(alone.step_loss, rel=0.02)
        assert history.step_loss[-1] < history.step_loss[0]


def test_a_run_on_the_gpu_resumes_on_the_cpu_and_back(tmp_path):
    data, file = stn.clutter(stn.load_digits()), tmp_path / "run.pt"

    def stop(model, history):
        raise StopTraining

    settings = dict(epochs=3, precision="float32", checkpoint=file)
    for device in ("cuda", "cpu"):
        stn.fit(stn.PointingSTN(), data, **settings, device=device, on_epoch=stop)
    history = stn.fit(stn.PointingSTN(), data, **settings, device="cuda")
    assert len(history.accuracy) == 3 and history.step_loss[-1] < history.step_loss[0]
    assert {theta.device.type for theta in history.theta} == {"cpu"}  # whichever epoch it is of


def test_a_nan_on_the_gpu_is_told_with_its_step():
    with pytest.raises(TrainingError, match=r"stopped at step \d+ "):
        stn.fit(
            stn.PointingSTN(), stn.clutter(stn.load_digits()), learning_rate=1e15, device="cuda"
        )


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
