"""The training monitor's thread: held, let go, stopped, and what any other thread may do to it."""

import threading
import time
from itertools import pairwise

import pytest
import torch
from lab import wait_until
from small_run import QUICK_SETTINGS, small_data, small_model, weights

import stn_lesson as stn
from stn_lesson.training import TrainingError
from stn_lesson.training.watch import CollapseWarning, SilenceWarning
from stn_lesson.widgets import TrainingMonitor

NEVER_ENDING = QUICK_SETTINGS | {"epochs": 100_000}


def plain_model():
    """Without dropout, and hence without any random numbers but the order of the images."""
    torch.manual_seed(0)
    return stn.RecipeSTN(size=40)


def until(holds):
    wait_until(holds, time.sleep)


def steps(monitor):
    return len(monitor.history.step_loss)


@pytest.fixture
def endless():
    """A monitor that is training, and would for hours."""
    monitor = TrainingMonitor(small_model(), small_data(), **NEVER_ENDING)
    monitor.start()
    until(lambda: steps(monitor) > 2)
    yield monitor
    monitor.close()


def test_no_step_happens_while_it_is_paused_and_it_goes_on_where_it_was(endless):
    endless.pause()
    until(lambda: endless.state == "paused")
    held, before = steps(endless), weights(endless.model)
    time.sleep(0.3)
    assert steps(endless) == held and torch.equal(weights(endless.model), before)
    assert endless.progress["step"] == held
    endless.resume()
    until(lambda: steps(endless) > held)
    assert endless.state == "running"


@pytest.mark.parametrize("paused", [False, True])
def test_stop_ends_it_and_wait_returns_what_was_reached(endless, paused):
    if paused:
        endless.pause()
        until(lambda: endless.state == "paused")
    endless.stop()
    history = endless.wait()
    assert history.interrupted and history.step_loss and endless.state == "stopped"
    reached = steps(endless), weights(endless.model)
    time.sleep(0.1)
    assert steps(endless) == reached[0] and torch.equal(weights(endless.model), reached[1])


def test_stop_has_the_last_word(endless):
    endless.stop()
    endless.pause()
    assert endless.wait().interrupted


def test_a_pause_that_overtakes_a_stop_does_not_hold_it_for_ever(endless, monkeypatch):
    report = endless._report

    def pressed_meanwhile(state):
        report(state)
        if state == "paused":
            endless.stop()
            endless.pause()

    monkeypatch.setattr(endless, "_report", pressed_meanwhile)
    endless.pause()
    until(lambda: endless.state == "stopped")


def test_an_observer_may_close_it_and_the_training_does_not_wait_for_itself(endless):
    endless.observe(lambda change: endless.close(), "state")
    endless.pause()
    until(lambda: not endless._thread.is_alive())


def test_an_observer_that_would_start_it_again_is_refused():
    monitor = TrainingMonitor(small_model(), small_data(), **NEVER_ENDING)
    monitor.observe(lambda change: change.new["step"] and monitor.start(), "progress")
    with pytest.raises(RuntimeError, match=r"call start\(\) in a cell"):
        monitor.wait()
    assert monitor.state == "failed"


def test_a_model_has_one_training_at_a_time(endless):
    """The same model in a second cell, or in a cell that ran again and could not be named."""
    second = TrainingMonitor(endless.model, small_data(), **NEVER_ENDING)
    other = TrainingMonitor(small_model(), small_data(), **NEVER_ENDING)
    try:
        other.start()
        second.start()
        assert endless.state == "stopped" and not endless._thread.is_alive()
        until(lambda: steps(second) > 2)
        assert other.state == "running"  # that of another model goes on
        endless.start()
        assert second.state == "stopped"
        until(lambda: steps(endless) > 2)
    finally:
        second.close()
        other.close()


def test_buttons_are_messages_that_any_thread_may_bring(endless):
    def press(word):
        content = {"method": "custom", "content": {"press": word}}
        message = {"content": {"data": content}, "buffers": []}
        thread = threading.Thread(target=endless._handle_msg, args=[message])
        thread.start()
        thread.join()

    press("pause")
    until(lambda: endless.state == "paused")
    press("close")  # no word of this picture
    assert endless.state == "paused"
    press("resume")
    until(lambda: endless.state == "running")
    press("stop")
    assert endless.wait().interrupted


def test_two_runs_are_those_of_fit_whoever_draws_random_numbers_meanwhile():
    expected = plain_model()
    history = stn.fit(expected, small_data(), **QUICK_SETTINGS)
    for _ in range(2):
        monitor = TrainingMonitor(plain_model(), small_data(), **QUICK_SETTINGS)
        monitor.start()
        while monitor.state in ("ready", "running"):
            torch.rand(3)
        run = monitor.wait()
        assert run.step_loss == history.step_loss and run.accuracy == history.accuracy
        assert torch.equal(weights(monitor.model), weights(expected))


def test_a_long_run_sends_400_points_at_most_and_four_times_a_second_at_most(monkeypatch):
    monitor = TrainingMonitor(small_model(), small_data(), **NEVER_ENDING)
    sent = []
    monkeypatch.setattr(monitor, "send_state", lambda key=None: sent.append(time.monotonic()))
    monitor.start()
    until(lambda: len(sent) >= 4)
    monitor.stop()
    monitor.wait()
    *reports, _ = sent  # the last says that it ends, whenever that is
    assert all(later - earlier >= 0.25 for earlier, later in pairwise(reports))
    assert monitor.stride == 1000
    short = TrainingMonitor(small_model(), small_data(), **QUICK_SETTINGS | {"epochs": 150})
    assert short.stride == 2  # of 600 steps


def test_an_error_of_the_training_is_shown_and_raised_where_one_waits():
    monitor = TrainingMonitor(
        small_model(), small_data(), **QUICK_SETTINGS | {"learning_rate": 1e15}
    )
    with pytest.raises(TrainingError, match="stopped at step"):
        monitor.wait()
    assert monitor.state == "failed" and "Make a new model and try a tenth" in monitor.message


def test_a_collapse_is_shown_and_warned_of_where_one_waits():
    model = small_model()
    with torch.no_grad():
        model.transformer.localisation[-1].bias += torch.tensor([0, 0, 5.0, 0, 0, 5.0])
    data = stn.clutter(stn.load_digits(), size=40)
    monitor = TrainingMonitor(model, data, epochs=1, batch_size=16)
    with pytest.warns(CollapseWarning, match="collapsed") as said:
        monitor.wait()
    assert len(said) == 1 and "collapsed" in monitor.message
    assert [type(warning) for warning in monitor.warnings] == [CollapseWarning]


def test_a_silence_is_shown_and_warned_of_as_a_collapse_is(monkeypatch):
    monkeypatch.setattr("stn_lesson.training.watch.PATIENCE_STEPS", 40)
    settings = dict(epochs=4, batch_size=8, localisation_rate=0.0)  # 64 steps
    monitor = TrainingMonitor(small_model(), small_data(), **settings)
    with pytest.warns(SilenceWarning, match="step 40: the transformer is silent") as said:
        history = monitor.wait()
    assert len(said) == 1 and history.silent_at == 40 and monitor.state == "finished"
    assert monitor.message == str(said[0].message) == str(monitor.warnings[0])


def test_the_stop_button_of_the_notebook_stops_it_while_one_waits(endless, monkeypatch):
    wait = endless._ended_event.wait
    presses = iter([KeyboardInterrupt])

    def interrupted(seconds=None):
        for press in presses:
            raise press
        return wait(seconds)

    monkeypatch.setattr(endless._ended_event, "wait", interrupted)
    history = endless.wait()
    assert history.interrupted and endless.state == "stopped"


def test_starting_again_or_closing_ends_the_run_before(endless):
    def training():
        return sum(thread.name == "training" for thread in threading.enumerate())

    endless.start()
    until(lambda: steps(endless) > 0)
    until(lambda: training() == 1)
    endless.close()
    until(lambda: training() == 0)
