"""What the training monitor shows: its traits, its still picture, and what it refuses."""

import time

import nbclient
import nbformat
import pytest
import torch
from lab import MAX_WAIT
from small_run import QUICK_SETTINGS, small_data, small_model
from torch import nn

import stn_lesson as stn
from stn_lesson.datasets import Dataset, Split
from stn_lesson.training import predict
from stn_lesson.widgets import TrainingMonitor


def test_it_shows_the_run(capsys):
    data = small_data()
    monitor = TrainingMonitor(small_model(), data, **QUICK_SETTINGS, count=5)
    before = torch.tensor(monitor.thetas).view(-1, 2, 3)
    assert monitor.state == "ready" and torch.equal(before, stn.affine_theta().expand(5, 2, 3))
    begin = time.monotonic()
    history = monitor.wait()
    took = time.monotonic() - begin
    assert monitor.state == "finished" and monitor.accuracy == history.accuracy
    losses = torch.frombuffer(bytearray(monitor.losses), dtype=torch.float32)
    assert torch.allclose(losses, torch.tensor(history.step_loss)) and monitor.stride == 1
    assert torch.equal(torch.tensor(monitor.thetas).view(-1, 2, 3), history.theta[-1][:5])
    answers = predict(monitor.model, data.test.images[:5])
    assert monitor.answers == answers.tolist() and monitor.labels == data.test.labels[:5].tolist()
    assert monitor.images == data.test.images[:5].numpy().tobytes()
    assert monitor.view == {"size": [20, 20], "kernel": "bilinear", "padding": "border"}
    progress = monitor.progress
    assert (progress["step"], progress["steps"], progress["epochs"]) == (12, 12, 3)
    assert 0 < progress["seconds"] < took and 0 < history.seconds[-1] < took
    assert progress["images_per_second"] == pytest.approx(3 * 128 / progress["seconds"])
    assert capsys.readouterr().err == ""  # no progress bar of fit's own


def test_the_seconds_of_a_pause_are_not_counted(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monitor = TrainingMonitor(small_model(), small_data(), **QUICK_SETTINGS)
    monitor.pause()

    def wait_a_minute(timeout):
        now[0] += 60
        monitor.resume()
        return True

    monkeypatch.setattr(monitor._resume_event, "wait", wait_a_minute)
    for _ in range(3):  # the first of these steps ends in the pause
        now[0] += 1
        monitor._after_step(monitor.model, stn.History(step_loss=[2.0]))
    monitor._report("running")
    assert now == [63.0] and monitor.progress["seconds"] == 3


def test_a_network_without_a_transformer_has_curves_only():
    model = nn.Sequential(nn.Flatten(), nn.Linear(1600, 10))
    monitor = TrainingMonitor(model, small_data(), **QUICK_SETTINGS)
    monitor.wait()
    assert monitor.thetas == [] and len(monitor.accuracy) == 3
    assert len(monitor.still().axes) == 2


def test_it_shows_the_aim_of_every_epoch_and_so_does_its_still():
    monitor = TrainingMonitor(small_model(), small_data(), **QUICK_SETTINGS, count=2)
    assert monitor.knows_poses and monitor.aim == []
    aims = monitor.wait().aim
    assert [shown["found"] for shown in monitor.aim] == [aim.found for aim in aims]
    assert [tuple(shown["slope"]) for shown in monitor.aim] == [aim.slope for aim in aims]
    assert [shown["words"] for shown in monitor.aim] == [str(aim) for aim in aims]
    assert len(aims) == 3
    still = monitor.still()
    assert len(still.axes) == 3 + 4 and f"The aim in the end: {aims[-1]}." in still.alt
    monitor.start()
    assert monitor.wait().aim and len(monitor.aim) == 3  # those of the new run alone


@pytest.mark.parametrize("lacks", ["poses", "transformer"])
def test_where_no_aim_can_be_measured_none_is_shown(lacks):
    model, data = small_model(), small_data()
    if lacks == "poses":
        test = Split(data.test.images, data.test.labels)
        data = Dataset("of unknown poses", data.train, test)
    else:
        model = nn.Sequential(nn.Flatten(), nn.Linear(1600, 10))
    monitor = TrainingMonitor(model, data, **QUICK_SETTINGS)
    assert monitor.wait().aim == [] == monitor.aim and not monitor.knows_poses
    assert "aim" not in monitor.still().alt


def test_displaying_it_starts_it_once_and_the_end_leaves_the_final_still(monkeypatch):
    shown = []

    class Handle:
        def update(self, picture):
            shown.append(("update", picture))

    def display(picture, metadata=None, raw=False, display_id=False):
        shown.append(("live" if raw else "still", picture))
        return Handle()

    monkeypatch.setattr("stn_lesson.widgets.live.display", display)
    monitor = TrainingMonitor(small_model(), small_data(), **QUICK_SETTINGS)
    monitor._ipython_display_()
    monitor.wait()
    run = monitor.history
    monitor._ipython_display_()  # in another cell: the same run is shown
    assert monitor.history is run
    assert "0 steps" in next(picture.alt for kind, picture in shown if kind == "still")
    final = [picture for kind, picture in shown if kind == "update"][-1]
    assert "12 steps" in final.alt and "after 3 epochs" in final.alt
    assert len(final.axes) == 3 + 2 * 8


TRAINS = """
import torch, stn_lesson as stn
from stn_lesson.widgets import TrainingMonitor
model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
monitor = TrainingMonitor(model, stn.load_digits(), epochs=2)
monitor
"""


@pytest.mark.parametrize("idle", [0, 4])  # it ends while a cell waits, or while none runs
def test_a_notebook_that_is_executed_stores_the_final_picture(idle, tmp_path):
    cells = [nbformat.v4.new_code_cell(code) for code in (TRAINS, "monitor.wait()")]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    resources = {"metadata": {"path": tmp_path}}
    client = nbclient.NotebookClient(notebook, timeout=MAX_WAIT, resources=resources)
    with client.setup_kernel():
        client.execute_cell(cells[0], 0)
        time.sleep(idle)
        client.execute_cell(cells[1], 1)
    live, still = cells[0].outputs[:2]
    assert "application/vnd.jupyter.widget-view+json" in live.data
    assert "image/png" in still.data and "after 2 epochs" in still.data["text/plain"]
    assert cells[1].outputs[0].data["text/plain"].startswith("History: 2 epochs")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"model": "RecipeSTN"}, TypeError, "model must be a Module, got str"),
        ({"data": torch.zeros(3)}, TypeError, "data must be a Dataset, got Tensor"),
        ({"count": 33}, ValueError, "count must be from 1 to 32, got 33"),
        ({"count": 1.5}, TypeError, "count must be a whole number, got 1.5"),
        ({"lr": 1}, TypeError, "settings are epochs, .*there is no 'lr'"),
        ({"on_step": print}, TypeError, "there is no 'on_step'"),
    ],
)
def test_what_cannot_be_trained_is_refused(change, error, message):
    words = {"model": small_model(), "data": small_data()} | change
    with pytest.raises(error, match=message):
        TrainingMonitor(**words)
