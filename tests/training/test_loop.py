import dataclasses
import subprocess
import sys
import time

import pytest
import torch
from small_run import QUICK_SETTINGS, small_data, small_model, weights
from torch import nn

import stn_lesson as stn
from stn_lesson.datasets import Dataset, Split
from stn_lesson.training import StopTraining, TrainingError
from stn_lesson.training.steps import train_step


def test_the_history_holds_every_step_and_every_epoch(unbroken):
    _, history = unbroken
    assert len(history.step_loss) == 3 * 4 and len(history.accuracy) == 3
    assert history.loss[0] == pytest.approx(sum(history.step_loss[:4]) / 4)
    assert [theta.shape for theta in history.theta] == 3 * [(32, 2, 3)]
    assert len(history.outside) == len(history.seconds) == 3
    assert history.seconds == sorted(history.seconds) and not history.interrupted


def test_the_same_seed_gives_the_same_run(unbroken):
    model = small_model()
    history = stn.fit(model, small_data(), **QUICK_SETTINGS)
    assert torch.equal(weights(model), weights(unbroken[0]))
    assert history.step_loss == unbroken[1].step_loss


def test_training_leaves_the_callers_random_numbers_alone():
    model, data = small_model(), small_data()
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    stn.fit(model, data, epochs=1)
    assert torch.equal(torch.rand(3), expected)


def test_it_learns():
    torch.manual_seed(0)
    digits = stn.load_digits()
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
    history = stn.fit(model, digits, epochs=12, batch_size=64, learning_rate=1e-2)
    assert history.accuracy[-1] > 0.85 and history.theta == []
    assert stn.evaluate(model, digits.test) == history.accuracy[-1]


def test_an_interrupt_keeps_what_was_reached():
    model, start = small_model(), weights(small_model())

    def press_stop(model, history):
        if len(history.accuracy) == 2:
            raise KeyboardInterrupt

    history = stn.fit(model, small_data(), **QUICK_SETTINGS, on_epoch=press_stop)
    assert history.interrupted and len(history.accuracy) == 2
    assert not torch.equal(weights(model), start)


@pytest.mark.parametrize("hook", ["on_step", "on_epoch"])
def test_a_hook_stops_the_run_as_the_button_does(hook, unbroken):
    model, calls = small_model(), []

    def stop(model, history):
        calls.append(len(history.step_loss))
        if len(calls) == 2:
            raise StopTraining

    history = stn.fit(model, small_data(), **QUICK_SETTINGS, **{hook: stop})
    steps = {"on_step": [1, 2], "on_epoch": [4, 8]}[hook]
    assert history.interrupted and calls == steps
    assert history.step_loss == unbroken[1].step_loss[: steps[-1]]
    assert not torch.equal(weights(model), weights(small_model()))


@pytest.mark.filterwarnings("ignore:Detected call of")  # torch misses the optimiser's steps
def test_the_time_that_hooks_take_is_not_counted(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def slow(model, history):
        now[0] += 60

    def slow_step(*batch, **settings):
        now[0] += 1
        return torch.tensor(2.0)

    monkeypatch.setattr("stn_lesson.training.run.train_step", slow_step)
    settings = QUICK_SETTINGS | {"epochs": 2}
    history = stn.fit(small_model(), small_data(), **settings, on_step=slow, on_epoch=slow)
    assert len(history.step_loss) == 2 * 4 and history.seconds == [4.0, 8.0]


class Diary(nn.Module):
    """Notes which images it is given; their first pixel is their number."""

    def __init__(self, on_forward=lambda: None):
        super().__init__()
        self.linear, self.seen, self.on_forward = nn.Linear(4, 10), [], on_forward

    def forward(self, images):
        if self.training:
            self.seen.append((images[:, 0, 0, 0] * 255).round().long())
            self.on_forward()
        return self.linear(images.flatten(1))


@pytest.mark.parametrize("disturb", [lambda: None, lambda: torch.rand(7)])
def test_the_order_of_the_images_is_the_seeds_whoever_draws_random_numbers(disturb):
    images = torch.arange(50, dtype=torch.uint8).view(50, 1, 1, 1).repeat(1, 1, 2, 2)
    split = Split(images, torch.arange(50) % 10)
    diary = Diary(disturb)
    stn.fit(diary, Dataset("numbers", split, split), epochs=3, batch_size=16, seed=4)
    orders = torch.cat(diary.seen).split(50)
    for epoch, order in enumerate(orders):
        torch.manual_seed(4 * 1_000_003 + epoch)
        assert torch.equal(order, torch.randperm(50))  # as torch's global generator would have it
    assert len(orders) == 3


def test_the_bar_can_be_left_out(capsys):
    stn.fit(small_model(), small_data(), **QUICK_SETTINGS | {"epochs": 1})
    assert "step/s" in capsys.readouterr().err
    stn.fit(small_model(), small_data(), **QUICK_SETTINGS | {"epochs": 1}, progress_bar=False)
    assert capsys.readouterr().err == ""


def test_nan_stops_with_the_step_and_the_likely_cause():
    with pytest.raises(TrainingError, match=r"stopped at step \d+ .*learning rate.*1e\+15"):
        stn.fit(small_model(), small_data(), **(QUICK_SETTINGS | {"learning_rate": 1e15}))
    with pytest.raises(TrainingError, match=r"stopped at step \d+"):  # seen in evaluation only
        stn.fit(small_model(), small_data(), epochs=2, batch_size=128, learning_rate=1e30)


def test_a_gradient_that_is_not_finite_changes_no_weight():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad():
        model[1].weight.fill_(1e38)
    optimiser = torch.optim.SGD(model.parameters(), 1.0)
    images, labels = torch.full((1, 1, 2, 2), 255, dtype=torch.uint8), torch.zeros(1).long()
    with pytest.raises(ValueError, match="its gradient has length"):
        train_step(model, images, labels, optimiser=optimiser)
    assert (model[1].weight == 1e38).all()


def test_the_test_digits_leave_no_trace_in_the_model():
    """Batch normalisation in the localisation network learns from training digits alone."""
    states = []
    for count in (64, 33):
        digits = stn.load_digits()
        train = Split(digits.train.images[:128], digits.train.labels[:128])
        test = Split(digits.test.images[:count], digits.test.labels[:count])
        torch.manual_seed(0)
        layers = [nn.BatchNorm2d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(784, 6)]
        transformer = stn.SpatialTransformer(nn.Sequential(*layers))
        model = nn.Sequential(transformer, nn.Flatten(), nn.Linear(784, 10))
        stn.fit(model, Dataset("few", train, test), **QUICK_SETTINGS)
        states.append(weights(model))
    assert torch.equal(*states)


def test_localisation_networks_train_at_their_own_rate():
    """Adam's steps are as long as the learning rate, whatever the gradient."""
    moved = {}
    for rate in (1.0, 0.1):
        model = small_model()
        stn.fit(model, small_data(), epochs=1, batch_size=64, localisation_rate=rate)
        moved[rate] = model.transformer.localisation[-1].bias.abs().max().item()
    assert moved[0.1] == pytest.approx(moved[1.0] / 10, rel=0.1) and moved[1.0] > 1e-4


def test_a_run_needs_little_memory_beyond_its_images():
    pytest.importorskip("resource")  # not on Windows
    script = """
import resource, torch, stn_lesson as stn
from stn_lesson.datasets import Dataset, Split
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
train = Split(torch.ones(30_000, 1, 60, 60, dtype=torch.uint8), torch.arange(30_000) % 10)
data = Dataset("100 MB", train, Split(train.images[:100], train.labels[:100]))
model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3600, 10))
before = peak()
stn.fit(model, data, epochs=1, progress_bar=False)
print(peak() - before)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert float(said.stdout) < 300  # MB; a sum by way of 64-bit numbers took 800 more


def abreast(models, data, **settings):
    words = dict(epochs=2, batch_size=50, learning_rate=2e-3, precision="float32", device="cpu")
    return stn.fit_abreast(models, data, **words | settings), words | settings


def without_dropout(seed):
    torch.manual_seed(seed)
    return stn.RecipeSTN(size=40)


def test_models_trained_abreast_are_those_trained_one_by_one():
    data = small_data()  # 128 images: the last batch has 28
    together = [without_dropout(seed) for seed in (3, 4)]
    histories, settings = abreast(together, [data, data], seeds=[3, 4])
    del settings["seeds"]
    for seed, model, history in zip((3, 4), together, histories, strict=True):
        alone = without_dropout(seed)
        wanted = stn.fit(alone, data, seed=seed, **settings)
        assert torch.equal(weights(alone), weights(model))
        assert history.step_loss == wanted.step_loss and history.loss == wanted.loss
        assert history.accuracy == wanted.accuracy and history.outside == wanted.outside
        assert not model.training and len(history.seconds) == 2
    assert histories[0].step_loss != histories[1].step_loss


def test_what_does_not_go_together_is_not_trained_abreast():
    data = small_data()
    for models, sets, message in (
        (1, [data, data], "each model needs its data and its seed, got 1 models, 2 data"),
        (2, [data, stn.load_digits()], "all data must have training images of one shape"),
    ):
        with pytest.raises(ValueError, match=message):
            abreast([without_dropout(0) for _ in range(models)], sets, seeds=[0, 1])


def test_one_that_diverges_stops_those_beside_it():
    models = [without_dropout(0), without_dropout(1)]
    with torch.no_grad():
        models[1].classifier[-1].bias[0] = float("nan")
    with pytest.raises(
        TrainingError, match="in epoch 0, by one of the seeds 0, 1: the loss is nan"
    ):
        abreast(models, 2 * [small_data()], seeds=[0, 1])


def test_an_interrupt_keeps_what_models_abreast_had_reached():
    redraws = []

    def stop(epoch):
        redraws.append(epoch)
        if len(redraws) == 2:  # the first is a trial, before the first step
            raise KeyboardInterrupt
        return data.train.images

    data = small_data()
    data = dataclasses.replace(data, redraw=stop)
    histories, _ = abreast([without_dropout(0)], [data], seeds=[0])
    assert redraws == [1, 1] and histories[0].interrupted and len(histories[0].accuracy) == 1
