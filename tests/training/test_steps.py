"""A step of gradient descent, in either precision; what only a GPU does is in test_cuda.py."""

import pytest
import torch
from torch import nn

import stn_lesson as stn
from stn_lesson.training import Settings, fastest_precision
from stn_lesson.training.cuda_graph import CudaGraphStep
from stn_lesson.training.steps import (
    load_optimiser_state,
    make_lr_scheduler,
    make_optimiser,
    train_step,
)


def batch(count=32):
    train = stn.load_digits().train
    return train.images[:count], train.labels[:count]


def taken(precision, steps=1, **settings):
    """A model after some steps on one batch, and the losses."""
    torch.manual_seed(0)
    model = stn.STCNN(family="tps")
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    words = dict(optimiser=optimiser, precision=precision) | settings
    return model, [train_step(model, *batch(), **words).item() for _ in range(steps)]


def test_a_step_goes_down():
    _, losses = taken("float32", steps=6)
    assert losses[-1] < losses[0]


def test_bfloat16_comes_near_full_precision_and_is_another_computation():
    exact, rounded = taken("float32", max_grad_norm=1e9), taken("bfloat16", max_grad_norm=1e9)
    assert rounded[1] == pytest.approx(exact[1], rel=0.02) and rounded[1] != exact[1]
    for one, other in zip(exact[0].parameters(), rounded[0].parameters(), strict=True):
        assert other.dtype == other.grad.dtype == torch.float32
        assert (other.grad - one.grad).norm() <= 0.2 * one.grad.norm() + 1e-6


def test_a_loss_weight_scales_the_loss_and_its_gradient():
    whole, half = (
        taken("float32", max_grad_norm=1e9),
        taken("float32", max_grad_norm=1e9, loss_weight=0.5),
    )
    assert half[1][0] == pytest.approx(0.5 * whole[1][0])
    for one, other in zip(whole[0].parameters(), half[0].parameters(), strict=True):
        assert torch.allclose(other.grad, 0.5 * one.grad, atol=1e-7)


def test_a_long_gradient_is_shortened():
    model, _ = taken("float32", max_grad_norm=1e-3)
    assert nn.utils.get_total_norm([p.grad for p in model.parameters()]) <= 1.001e-3


@pytest.mark.parametrize(
    ("optimiser", "torchs"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
def test_the_fused_optimiser_takes_the_steps_of_torchs_plain_one(optimiser, torchs):
    ends = []
    settings = Settings(optimiser=optimiser, learning_rate=1e-2, weight_decay=0.1)
    for make in (
        lambda model: make_optimiser(model, settings, torch.device("cpu")),
        lambda model: torchs(model.parameters(), 1e-2, weight_decay=0.1, foreach=False),
    ):
        torch.manual_seed(0)
        layer = nn.Linear(3, 2)
        optimiser = make(layer)
        for _ in range(5):
            optimiser.zero_grad()
            layer(torch.ones(1, 3)).square().sum().backward()
            optimiser.step()
        ends.append(layer.weight.detach())
    assert torch.allclose(*ends, atol=1e-6)


def test_sgd_is_what_one_would_write_by_hand():
    torch.manual_seed(0)
    model = stn.STCNN()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    settings = Settings(optimiser="sgd", learning_rate=0.02, localisation_rate=0.5)
    optimiser = make_optimiser(model, settings, torch.device("cpu"))
    train_step(model, *batch(), optimiser=optimiser, max_grad_norm=1e9)
    inside = {id(parameter) for parameter in model.transformer.localisation.parameters()}
    for start, parameter in zip(before, model.parameters(), strict=True):
        rate = 0.01 if id(parameter) in inside else 0.02
        assert torch.allclose(parameter, start - rate * parameter.grad, atol=1e-7)
    assert any(parameter.grad.any() for parameter in model.transformer.localisation.parameters())


def test_sgds_rate_is_divided_by_ten_after_a_third_and_after_two_thirds():
    settings = Settings(optimiser="sgd", learning_rate=0.01)
    optimiser = make_optimiser(nn.Linear(3, 2), settings, torch.device("cpu"))
    schedule, rates = make_lr_scheduler(optimiser, settings, total_steps=9), []
    for _ in range(9):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert rates == pytest.approx(3 * [0.01] + 3 * [0.001] + 3 * [0.0001])


def test_an_unknown_optimiser_is_refused():
    with pytest.raises(ValueError, match="optimiser must be one of adamw, sgd, got 'adam'"):
        Settings(optimiser="adam")


def test_the_learning_rate_schedule_moves_rates_that_are_tensors():
    """As on a GPU, where a recorded step reads them anew."""
    layer = nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(
        [{"params": layer.parameters(), "lr": torch.tensor(0.5)}], fused=True
    )
    rate = optimiser.param_groups[0]["lr"]
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [0.5], total_steps=10, cycle_momentum=False
    )
    rates = []
    for _ in range(9):
        rates.append(rate.item())
        optimiser.step()
        schedule.step()
    assert optimiser.param_groups[0]["lr"] is rate  # the same memory
    assert max(rates) == pytest.approx(0.5) and rates[0] == pytest.approx(0.02)


def test_a_step_that_cannot_be_recorded_says_so_and_goes_on():
    """Here there is no GPU, which is one of the reasons."""
    if torch.cuda.is_available():
        pytest.skip("recording works here")
    steps = []

    def step(images, labels, loss_weight):
        steps.append(len(images))
        return torch.tensor(0.0)

    recorded = CudaGraphStep(step)
    images, labels = batch(4)
    for _ in range(3):
        recorded(images, labels)
    with pytest.warns(UserWarning, match="cannot be recorded as a CUDA graph"):
        recorded(images, labels)
    recorded(images, labels)
    assert steps == [4] * 5


def test_the_fastest_precision_is_one_that_fit_knows():
    assert fastest_precision("cpu") in ("float32", "bfloat16")
    with pytest.raises(ValueError, match="precision must be one of float32, bfloat16, got 'half'"):
        stn.fit(nn.Linear(1, 1), stn.load_digits(), precision="half")


@pytest.mark.parametrize("from_tensor", [True, False])
def test_an_optimiser_goes_on_whether_its_rates_were_tensors_or_numbers(from_tensor):
    """A run of a GPU goes on on the CPU, and the other way round."""
    layer = nn.Linear(3, 2)
    numbers, tensors = (
        torch.optim.AdamW([{"params": layer.parameters(), "lr": rate}], fused=True)
        for rate in (0.5, torch.tensor(0.5))
    )
    first, then = (tensors, numbers) if from_tensor else (numbers, tensors)
    layer(torch.ones(1, 3)).sum().backward()
    first.step()
    first.param_groups[0]["lr"] = torch.tensor(0.25) if from_tensor else 0.25
    load_optimiser_state(then, first.state_dict())
    assert isinstance(then.param_groups[0]["lr"], torch.Tensor) != from_tensor
    assert float(then.param_groups[0]["lr"]) == 0.25
    then.step()
    assert then.state[layer.weight]["step"] == 2
