import math
import os
import subprocess
import sys
import time
import warnings

import pytest
import torch
from torch import nn

import stn_lesson as stn
from stn_lesson.checkpoints import CheckpointError
from stn_lesson.collapse import CollapseWarning, find_transformer, look, watch_for_collapse
from stn_lesson.datasets import Dataset, Split
from stn_lesson.training import StopTraining, TrainingError, train_step

QUICK = dict(epochs=3, batch_size=32, learning_rate=2e-3, seed=5, device="cpu")


def small_data():
    digits = stn.load_digits()
    train = Split(digits.train.images[:128], digits.train.labels[:128])
    test = Split(digits.test.images[:64], digits.test.labels[:64])
    return stn.clutter(Dataset("few digits", train, test), size=40, distractors=2)


def small_model(seed=0):
    torch.manual_seed(seed)
    model = stn.RecipeSTN(size=40, downsample=2)
    model.classifier.insert(7, nn.Dropout(0.2))  # so that a run needs random numbers too
    return model


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.state_dict().values()])


@pytest.fixture(scope="module")
def unbroken():
    model = small_model()
    return model, stn.fit(model, small_data(), **QUICK)


def test_the_history_holds_every_step_and_every_epoch(unbroken):
    _, history = unbroken
    assert len(history.step_loss) == 3 * 4 and len(history.accuracy) == 3
    assert history.loss[0] == pytest.approx(sum(history.step_loss[:4]) / 4)
    assert [theta.shape for theta in history.theta] == 3 * [(32, 2, 3)]
    assert len(history.outside) == len(history.seconds) == 3
    assert history.seconds == sorted(history.seconds) and not history.interrupted


def test_the_same_seed_gives_the_same_run(unbroken):
    model = small_model()
    history = stn.fit(model, small_data(), **QUICK)
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

    history = stn.fit(model, small_data(), **QUICK, on_epoch=press_stop)
    assert history.interrupted and len(history.accuracy) == 2
    assert not torch.equal(weights(model), start)


@pytest.mark.parametrize("hook", ["on_step", "on_epoch"])
def test_a_hook_stops_the_run_as_the_button_does(hook, unbroken):
    model, calls = small_model(), []

    def stop(model, history):
        calls.append(len(history.step_loss))
        if len(calls) == 2:
            raise StopTraining

    history = stn.fit(model, small_data(), **QUICK, **{hook: stop})
    steps = {"on_step": [1, 2], "on_epoch": [4, 8]}[hook]
    assert history.interrupted and calls == steps
    assert history.step_loss == unbroken[1].step_loss[: steps[-1]]
    assert not torch.equal(weights(model), weights(small_model()))


def test_the_time_that_hooks_take_is_not_counted():
    def slow(model, history):
        time.sleep(0.2)

    history = stn.fit(
        small_model(), small_data(), **QUICK | {"epochs": 1}, on_step=slow, on_epoch=slow
    )
    assert len(history.step_loss) == 4 and history.seconds[0] < 4 * 0.2


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
    stn.fit(small_model(), small_data(), **QUICK | {"epochs": 1})
    assert "step/s" in capsys.readouterr().err
    stn.fit(small_model(), small_data(), **QUICK | {"epochs": 1}, bar=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("stop_in", ["an epoch", "between epochs"])
def test_an_interrupted_run_resumes_bit_for_bit(tmp_path, unbroken, stop_in):
    data, calls = small_data(), []

    def images(epoch):  # in the middle of the second epoch: its images are drawn, then ■
        calls.append(epoch)
        if stop_in == "an epoch" and calls == [1]:
            raise KeyboardInterrupt
        return small_data().training_images(epoch)

    def press_stop(model, history):
        if stop_in == "between epochs":
            raise KeyboardInterrupt

    file = tmp_path / "run.pt"
    broken = Dataset("broken off", data.train, data.test, redraw=images)
    first = stn.fit(small_model(), broken, **QUICK, checkpoint=file, on_epoch=press_stop)
    assert first.interrupted and len(first.accuracy) == 1
    model = small_model(seed=77)  # other first weights: the file's count
    history = stn.fit(model, data, **QUICK, checkpoint=file)
    assert torch.equal(weights(model), weights(unbroken[0]))
    assert history.step_loss == unbroken[1].step_loss and not history.interrupted


KILLED = """
import os, sys, stn_lesson as stn
sys.path.insert(0, {tests!r})
from test_training import QUICK, small_data, small_model
data = small_data()
def images(epoch):
    if epoch == 1:
        print("in epoch 1", flush=True)
        import stn_lesson.training as training
        real = training.to_floats
        def slow(x):
            import time; time.sleep(1)
            return real(x)
        training.to_floats = slow
    return small_data().training_images(epoch)
data = stn.Dataset("killed", data.train, data.test, redraw=images)
stn.fit(small_model(), data, **QUICK, checkpoint={file!r})
"""


def test_a_killed_run_resumes_bit_for_bit(tmp_path, unbroken):
    file = tmp_path / "run.pt"
    code = KILLED.format(tests=os.path.dirname(__file__), file=str(file))
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout.readline() == "in epoch 1\n"
    time.sleep(1.5)  # one step of epoch 1 is done, three are not
    process.kill()
    assert process.wait(30) in (-9, 1)  # by the signal (1 on Windows), not by an error of its own
    assert [p.name for p in tmp_path.iterdir()] == ["run.pt"]
    model = small_model(seed=77)
    history = stn.fit(model, small_data(), **QUICK, checkpoint=file)
    assert torch.equal(weights(model), weights(unbroken[0]))
    assert history.step_loss == unbroken[1].step_loss


def test_a_finished_run_is_read_back_without_training(tmp_path):
    file = tmp_path / "run.pt"
    first = stn.fit(small_model(), small_data(), **QUICK, checkpoint=file)
    again = stn.fit(small_model(), small_data(), **QUICK, checkpoint=file)
    assert again.seconds == first.seconds and again.accuracy == first.accuracy


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_refused(tmp_path):
    file = tmp_path / "run.pt"
    stn.fit(small_model(), small_data(), **QUICK, checkpoint=file)
    whole = stn.clutter(stn.load_digits(), size=40)
    other = small_model(seed=77)
    other.classifier[-1] = nn.Linear(256, 11)  # the same layers, one of another size
    before = weights(other).clone()
    for model, data, settings, message in [
        (small_model(), small_data(), QUICK | {"epochs": 4}, "other settings.*'epochs': 3.*delete"),
        (small_model(), whole, QUICK, r"other settings.*\[128, 1, 40, 40\]"),
        (other, small_data(), QUICK, "another network"),
        (stn.PlainCNN(size=40), small_data(), QUICK, "another network"),
    ]:
        with pytest.raises(CheckpointError, match=message):
            stn.fit(model, data, **settings, checkpoint=file)
    assert torch.equal(weights(other), before)  # a refusal leaves the model alone
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="is not a checkpoint of this lesson"):
        stn.fit(small_model(), small_data(), **QUICK, checkpoint=file)
    torch.save({"settings": 3}, file)
    with pytest.raises(CheckpointError, match="is not a checkpoint of this lesson"):
        stn.fit(small_model(), small_data(), **QUICK, checkpoint=file)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "boom"),))

    torch.save({"settings": Bomb()}, tmp_path / "run.pt")
    with pytest.raises(CheckpointError):
        stn.fit(small_model(), small_data(), **QUICK, checkpoint=tmp_path / "run.pt")
    assert not (tmp_path / "boom").exists()


def test_nan_stops_with_the_step_and_the_likely_cause():
    with pytest.raises(TrainingError, match=r"stopped at step \d+ .*learning rate.*1e\+15"):
        stn.fit(small_model(), small_data(), **(QUICK | {"learning_rate": 1e15}))
    with pytest.raises(TrainingError, match=r"stopped at step \d+"):  # seen in evaluation only
        stn.fit(small_model(), small_data(), epochs=2, batch_size=128, learning_rate=1e30)


def test_a_gradient_that_is_not_finite_changes_no_weight():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad():
        model[1].weight.fill_(1.0)
    optimiser = torch.optim.SGD(model.parameters(), 1.0)
    images, labels = torch.full((1, 1, 2, 2), float("inf")), torch.zeros(1, dtype=torch.long)
    with pytest.raises(ValueError, match="its gradient has length"):
        train_step(model, images, labels, optimiser, 1.0)
    assert (model[1].weight == 1).all()


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
        stn.fit(model, Dataset("few", train, test), **QUICK)
        states.append(weights(model))
    assert torch.equal(*states)


def test_the_collapse_watch_speaks_within_100_steps():
    model = small_model()
    with torch.no_grad():
        model.transformer.localisation[-1].bias += torch.tensor([0, 0, 5.0, 0, 0, 5.0])
    digits = stn.load_digits()
    data = stn.clutter(digits, size=40)
    with pytest.warns(
        CollapseWarning, match=r"collapsed.*fall outside.*loss stays at 2.30"
    ) as said:
        history = stn.fit(model, data, epochs=2, batch_size=16)
    assert 0 < history.collapsed_at <= 100 and len(said) == 1

    heard = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stn.fit(model, data, epochs=1, batch_size=16, learning_rate=1e-9, warn=heard.append)
    assert [type(each) for each in heard] == [CollapseWarning]


def test_the_collapse_watch_stays_silent_while_a_network_learns(unbroken):
    model, images = unbroken[0], torch.rand(4, 1, 40, 40)
    outside = small_model()
    with torch.no_grad():
        outside.transformer.localisation[-1].bias += 9
    plateau, learning = [math.log(10)] * 60, [1.5] * 60
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not watch_for_collapse(model, images, plateau, math.log(10))  # looks at its images
        assert not watch_for_collapse(outside, images, learning, math.log(10))  # its loss falls
    with pytest.warns(CollapseWarning):
        assert watch_for_collapse(outside, images, plateau, math.log(10))


def test_localisation_networks_train_at_their_own_rate():
    """Adam's steps are as long as the learning rate, whatever the gradient."""
    moved = {}
    for rate in (1.0, 0.1):
        model = small_model()
        stn.fit(model, small_data(), epochs=1, batch_size=64, localisation_rate=rate)
        moved[rate] = model.transformer.localisation[-1].bias.abs().max().item()
    assert moved[0.1] == pytest.approx(moved[1.0] / 10, rel=0.1) and moved[1.0] > 1e-4


def test_look_measures_what_falls_outside_wherever_the_transformer_stands():
    model, images = small_model(), torch.rand(5, 1, 40, 40)
    theta, view, outside = look(model, images)
    assert theta.shape == (5, 2, 3) and view.shape == (5, 1, 20, 20) and outside == 0
    inner = stn.SpatialTransformer(nn.Sequential(nn.Flatten(), nn.Linear(3 * 38 * 38, 6)))
    second = nn.Sequential(nn.Conv2d(1, 3, 3), inner, nn.Flatten(), nn.Linear(3 * 38 * 38, 10))
    assert look(second, images).view.shape == (5, 3, 38, 38) and second.training
    assert find_transformer(second) is inner
    with pytest.raises(ValueError, match="PlainCNN has no SpatialTransformer"):
        look(stn.PlainCNN(size=40), images)
