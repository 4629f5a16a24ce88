"""Two who write one file: the second is told at once, and neither loses what it did."""

import os
import signal
import subprocess
import sys
import threading

import pytest
import torch
from tiny_run import TINY_SETTINGS, tiny_data, tiny_model

import stn_lesson as stn
from stn_grading.grade import grade
from stn_lesson.experiments import records, runs
from stn_lesson.files import FileBusyError, locked, write_atomically
from stn_lesson.training import default_device, load_checkpoint, save_checkpoint

HOLD = """
import sys, time
from stn_lesson.files import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(3600)
"""


@pytest.fixture
def held_elsewhere():
    """A function that lets another process work on a file; the process, to be killed."""
    processes = []

    def hold(file):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, file], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in processes:
        process.kill()
        process.wait()


def test_two_trainings_with_one_checkpoint_are_told_until_one_is_killed(tmp_path, held_elsewhere):
    file, model = tmp_path / "run.pt", tiny_model()
    other = held_elsewhere(file)
    with pytest.raises(FileBusyError, match="run.pt is being written by another process"):
        stn.fit(model, tiny_data(), epochs=1, checkpoint=file, **TINY_SETTINGS)
    other.kill()
    other.wait()
    stn.fit(model, tiny_data(), epochs=1, checkpoint=file, **TINY_SETTINGS)
    assert os.listdir(tmp_path) == ["run.pt"]


def test_a_finished_checkpoint_is_read_while_another_has_it(tmp_path, held_elsewhere):
    file, settings = tmp_path / "run.pt", dict(epochs=1, **TINY_SETTINGS)
    first = stn.fit(tiny_model(), tiny_data(), checkpoint=file, **settings)
    held_elsewhere(file)
    again = stn.fit(tiny_model(), tiny_data(), checkpoint=file, **settings)
    assert again.step_loss == first.step_loss


def test_a_training_that_is_done_once_waits_for_who_does_it_already(
    tmp_path, held_elsewhere, monkeypatch
):
    monkeypatch.setenv("STN_LESSON_DATA", str(tmp_path))
    file = records.cached_checkpoint("tiny", default_device())
    file.parent.mkdir(parents=True, exist_ok=True)
    other, settings = held_elsewhere(file), dict(epochs=1, **TINY_SETTINGS)
    del settings["device"]

    def wait_until_the_other_ends(path, **more):
        other.kill()
        return locked(path, **more)

    monkeypatch.setattr(runs, "locked", wait_until_the_other_ends)
    first, second = tiny_model(), tiny_model()
    runs.fit_once(first, tiny_data(), "tiny", **settings)
    runs.fit_once(second, tiny_data(), "tiny", **settings)  # and reads what is there from now on
    for trained, read in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(trained, read)
    held_elsewhere(records.cached_checkpoint("another", default_device()))
    monkeypatch.setattr(runs, "TRAINING_TIME", 0)
    monkeypatch.setattr(runs, "locked", locked)
    with pytest.raises(FileBusyError, match="is being written by another process"):
        runs.fit_once(tiny_model(), tiny_data(), "another", **settings)


def test_threads_that_write_one_file_take_turns(tmp_path):
    file, errors, model = tmp_path / "run.pt", [], torch.nn.Linear(50, 50)

    def write_often():
        try:
            for _ in range(20):
                save_checkpoint(file, {"settings": {}, "model": model.state_dict()})
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write_often) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and os.listdir(tmp_path) == ["run.pt"]
    assert torch.equal(load_checkpoint(file, {}, model)["model"]["weight"], model.weight)


def test_who_works_on_a_file_may_do_so_again_in_the_same_thread(tmp_path):
    file, refused = tmp_path / "a.txt", []

    def other_thread():
        with pytest.raises(FileBusyError), locked(file):
            pass
        refused.append(True)

    with locked(file), locked(file):
        write_atomically(file, b"one")
        thread = threading.Thread(target=other_thread)
        thread.start()
        thread.join()
    assert refused == [True] and os.listdir(tmp_path) == ["a.txt"]
    with locked(file):
        pass


def test_a_second_grader_of_a_gradebook_is_refused(tmp_path, held_elsewhere):
    course = tmp_path / "course"
    held_elsewhere(course / "gradebook.db")
    with pytest.raises(FileBusyError, match="another grading is at work on .*gradebook.db"):
        grade(tmp_path, course=course, trust=True)


@pytest.mark.skipif(os.name == "nt", reason="there it waits for a process of its own")
def test_what_ends_run_py_ends_what_it_has_started(tmp_path):
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    (tmp_path / "wait.py").write_text("import os, time; print(os.getpid(), flush=True)\n"
                                      "while True: time.sleep(1)\n")  # fmt: skip
    code = (
        f"import sys; sys.path.insert(0, {root!r}); import run; run.PYTHON = sys.executable; "
        f"run.hand_over('wait', cwd={str(tmp_path)!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    started = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.raises(ProcessLookupError):
        os.kill(started, 0)
