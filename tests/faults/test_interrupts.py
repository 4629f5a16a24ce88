"""Ctrl-C at any moment between the call of `fit` and its return."""

import os
import signal
import sys
from functools import partial

import pytest
import torch
from small_run import weights
from tiny_run import TINY_SETTINGS, tiny_data, tiny_model

import stn_lesson as stn
from stn_lesson.precision import devices_with_autocast
from stn_lesson.training import History

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
EPOCHS = 3


def press_at(moment, action):
    """What an action returns when Ctrl-C is pressed at its nth call of a Python function.

    With no moment, how many such calls there are.
    """
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event == "call"
        if event == "call" and calls == moment:
            if _is_swallowed(frame):
                calls -= 1
            else:
                os.kill(os.getpid(), signal.SIGINT)

    # Whoever is started in the background has inherited that Ctrl-C is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.setprofile(count)
    try:
        result = action()
    finally:
        sys.setprofile(None)
        signal.signal(signal.SIGINT, before)
    return result if moment else calls


def _is_swallowed(frame):
    """Whether Python ignores what is raised here: in a finaliser."""
    while frame:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


@pytest.mark.parametrize("share", [0.005, 0.02, 0.07, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 0.995])
def test_a_run_that_is_interrupted_gives_its_history_and_goes_on(tmp_path, share):
    file, data, settings = tmp_path / "run.pt", tiny_data(), dict(epochs=EPOCHS, **TINY_SETTINGS)
    settings["checkpoint"] = file
    for _ in range(2):  # the first run makes more calls: it imports, and fills caches
        file.unlink(missing_ok=True)
        unbroken = tiny_model()
        calls = press_at(None, partial(stn.fit, unbroken, data, **settings))
    file.unlink()
    model = tiny_model()
    history = press_at(int(share * calls), partial(stn.fit, model, data, **settings))
    assert isinstance(history, History) and history.interrupted
    epochs = len(history.accuracy)
    lists = history.loss, history.theta, history.outside, history.aim, history.seconds
    assert [len(entries) for entries in lists] == 5 * [epochs]
    assert 4 * epochs <= len(history.step_loss) <= 4 * min(epochs + 1, EPOCHS)
    assert not model.training and 0 <= stn.evaluate(model, data.test) <= 1
    assert len(stn.fit(model, data, **settings | {"epochs": 1, "checkpoint": None}).accuracy) == 1
    fresh = tiny_model()
    again = stn.fit(fresh, data, **settings)
    assert torch.equal(weights(fresh), weights(unbroken)) and len(again.accuracy) == EPOCHS
    assert not again.interrupted and os.listdir(tmp_path) == ["run.pt"]


@pytest.mark.parametrize("train", ["fit", "fit_abreast"])
def test_no_autocast_is_left_on_wherever_in_a_step_ctrl_c_comes(monkeypatch, train):
    """As inside the end of the step's own autocast."""

    def cut_off(*args, **options):
        torch.autocast("cpu", torch.bfloat16).__enter__()
        raise KeyboardInterrupt

    monkeypatch.setattr(torch.nn.functional, "cross_entropy", cut_off)
    settings = dict(epochs=1, precision="bfloat16") | TINY_SETTINGS
    if train == "fit":
        history = stn.fit(tiny_model(), tiny_data(), **settings)
    else:
        del settings["seed"]
        (history,) = stn.fit_abreast([tiny_model()], [tiny_data()], seeds=[0], **settings)
    assert history.interrupted and devices_with_autocast() == []
