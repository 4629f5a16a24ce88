import math
import warnings

import pytest
import torch
from small_run import QUICK_SETTINGS, small_data, small_model
from torch import nn

import stn_lesson as stn
from stn_lesson.training import History
from stn_lesson.training.watch import (
    CollapseWarning,
    SilenceWarning,
    TransformerWatch,
    watch_for_collapse,
)
from stn_lesson.transformer import find_transformer, freeze_transformers, look


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


def test_look_measures_what_falls_outside_wherever_the_transformer_stands():
    model, images = small_model(), torch.rand(5, 1, 40, 40)
    looked = look(model, images)
    assert looked.theta.shape == (5, 2, 3) and looked.grid.shape == (5, 20, 20, 2)
    assert looked.view.shape == (5, 1, 20, 20) and looked.outside == 0
    inner = stn.SpatialTransformer(nn.Sequential(nn.Flatten(), nn.Linear(3 * 38 * 38, 6)))
    second = nn.Sequential(nn.Conv2d(1, 3, 3), inner, nn.Flatten(), nn.Linear(3 * 38 * 38, 10))
    assert look(second, images).view.shape == (5, 3, 38, 38) and second.training
    assert find_transformer(second) is inner
    with pytest.raises(ValueError, match="PlainCNN has no SpatialTransformer"):
        look(stn.PlainCNN(size=40), images)


def test_look_goes_through_each_of_several_transformers():
    model, images = stn.STFCN(size=12, transformers=2), torch.rand(5, 1, 12, 12)
    with torch.no_grad():
        model.transformer[1].localisation[-1].bias += torch.tensor([0, 0, 0.5, 0, 0, 0])
    first, second = look(model, images), look(model, images, which=1)
    assert torch.equal(first.theta, stn.affine_theta().expand(5, -1, -1))
    assert torch.equal(second.theta, stn.affine_theta(translation=(-0.5, 0)).expand(5, -1, -1))
    assert torch.equal(torch.cat([first.view, second.view], 1), model.transformer(images))
    assert first.outside == 0 and second.outside == 0.25  # three of twelve columns
    for which in (2, -1):
        with pytest.raises(ValueError, match=f"STFCN has no SpatialTransformer number {which}"):
            look(model, images, which)


GREYS = torch.arange(0, 250, 25).to(torch.uint8).view(10, 1, 1, 1).expand(10, 1, 4, 4)
LABELS = torch.arange(10)


def network(spread):
    """A network whose t_x goes by the grey of an image: over the greys, with this deviation."""
    localise = nn.Linear(16, 6)
    model = nn.Sequential(
        stn.SpatialTransformer(nn.Sequential(nn.Flatten(), localise)), nn.Flatten()
    )
    with torch.no_grad():
        localise.weight[2] = spread / stn.to_floats(GREYS).mean((1, 2, 3)).std() / 16
    return model


def watched(model, steps, total_steps, images=GREYS, history=None, watch=None):
    """The steps at which the watch told of something, and of what; the losses fall."""
    watch = watch or TransformerWatch(model, LABELS, total_steps)
    history, told = history or History(), []
    for _ in range(steps):
        history.step_loss.append(1.0)
        step = len(history.step_loss)
        watch.check(images, history, lambda warning, step=step: told.append((step, type(warning))))
    return told


@pytest.mark.parametrize(("total", "step"), [(400, 200), (571, 200), (1500, 540), (4000, 1400)])
def test_a_silent_transformer_is_told_once_after_200_steps_and_a_third_of_the_run(total, step):
    history = History()
    assert watched(network(0.0), step - 1, total, history=history) == []
    assert history.silent_at is None
    history = History()
    assert watched(network(0.0), total, total, history=history) == [(step, SilenceWarning)]
    assert history.silent_at == step and history.collapsed_at is None


def test_the_silence_is_told_in_words_with_its_remedy():
    heard, watch = [], TransformerWatch(network(0.0), LABELS, 300)
    watch.check(GREYS, History(step_loss=[1.0] * 220), heard.append)
    (warning,) = heard
    assert str(warning).startswith("step 220: the transformer is silent. For 220 steps θ has been")
    assert "smaller localisation_rate" in str(warning) and "PointingLocalisation" in str(warning)


@pytest.mark.parametrize(("spread", "told"), [(0.019, [(200, SilenceWarning)]), (0.021, [])])
def test_a_transformer_whose_theta_differs_between_images_is_not_silent(spread, told):
    assert watched(network(spread), 500, 500) == told


def test_one_that_falls_silent_later_is_told_when_it_has_been_for_long_enough():
    model, history = network(0.1), History()
    watch = TransformerWatch(model, LABELS, 1000)
    how = dict(history=history, watch=watch)
    assert watched(model, 110, 1000, **how) == []
    nn.init.zeros_(model[0].localisation[1].weight)
    assert watched(model, 890, 1000, **how) == [(460, SilenceWarning)]  # it differed at 100
    assert history.silent_at == 460
    nn.init.eye_(model[0].localisation[1].weight)
    assert watched(model, 40, 1000, **how) == [] and history.silent_at is None  # it speaks again


def test_a_transformer_that_cannot_learn_is_not_told_of():
    frozen = freeze_transformers(network(0.0))
    assert watched(frozen, 500, 500) == []
    assert watched(nn.Sequential(nn.Flatten(), nn.Linear(16, 10)), 500, 500) == []


def test_a_batch_of_one_image_says_nothing_of_how_theta_differs():
    model, history = network(0.0), History()
    watch = TransformerWatch(model, LABELS, 500)
    how = dict(history=history, watch=watch)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch's own, of the deviation of one number
        assert watched(model, 300, 500, GREYS[:1], **how) == []
    assert watched(model, 30, 500, **how) == [(320, SilenceWarning)]


def test_one_that_has_collapsed_is_not_called_silent_too():
    model, history, told = network(0.0), History(), []
    with torch.no_grad():
        model[0].localisation[1].bias += 9
    watch = TransformerWatch(model, LABELS, 500)
    for _ in range(500):
        history.step_loss.append(math.log(10))
        watch.check(GREYS, history, told.append)
    assert [type(warning) for warning in told] == [CollapseWarning]
    assert history.collapsed_at == 40 and history.silent_at is None


def test_a_resumed_run_counts_anew(tmp_path):
    settings = QUICK_SETTINGS | dict(epochs=26, batch_size=8, localisation_rate=0.0)  # of 16 steps

    def stop_after_five(model, history):
        if len(history.accuracy) == 5:
            raise KeyboardInterrupt

    def train(**hooks):
        heard = []
        history = stn.fit(small_model(), small_data(), **settings, **hooks, warn=heard.append)
        return history.silent_at, [type(warning) for warning in heard]

    file = tmp_path / "run.pt"
    assert train(checkpoint=file, on_epoch=stop_after_five) == (None, [])  # 80 steps
    assert train(checkpoint=file) == (280, [SilenceWarning])
    assert train(checkpoint=file) == (280, [])  # it has been told
