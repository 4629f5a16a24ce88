"""A disk that is full: told before the first step, and survived in the middle."""

import os
import subprocess
import sys

import pytest
import torch
from small_run import weights
from tiny_run import TINY_SETTINGS, tiny_data, tiny_model

import stn_lesson as stn
from stn_lesson.experiments import records
from stn_lesson.files import FileError
from stn_lesson.training import CheckpointWarning

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no limits and no tmpfs there")


class LimitedDisk:
    """A folder in a process that may write no file larger than some bytes, once it is full."""

    def __init__(self, folder):
        resource = pytest.importorskip("resource")
        self.folder, self.kind = folder, resource.RLIMIT_FSIZE
        self.set, self.before = resource.setrlimit, resource.getrlimit(self.kind)

    def fill(self):
        self.set(self.kind, (1000, self.before[1]))

    def free(self):
        self.set(self.kind, self.before)


class TinyDisk:
    """A disk of its own, of half a megabyte, in memory."""

    def __init__(self, folder):
        mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
        try:
            done = subprocess.run(mount, capture_output=True)
        except OSError:
            pytest.skip("no mount here")
        if done.returncode:
            pytest.skip("this user may mount no disk here")
        self.folder = folder

    def fill(self):
        with open(self.folder / "filler", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1024))
            except OSError:
                pass

    def free(self):
        (self.folder / "filler").unlink(missing_ok=True)


@pytest.fixture(params=[LimitedDisk, TinyDisk])
def disk(request, tmp_path):
    disk = request.param(tmp_path)
    yield disk
    disk.free()
    if isinstance(disk, TinyDisk):
        os.chdir(tmp_path.parent)
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_full_disk_is_told_before_the_first_step_with_the_name_that_was_given(disk, monkeypatch):
    monkeypatch.chdir(disk.folder)
    model = tiny_model()
    before = weights(model).clone()
    disk.fill()
    with pytest.raises(FileError, match=r"^run\.pt cannot be written \(.+\)"):
        stn.fit(model, tiny_data(), epochs=2, checkpoint="run.pt", **TINY_SETTINGS)
    assert torch.equal(weights(model), before)
    disk.free()
    assert os.listdir() == []
    stn.fit(model, tiny_data(), epochs=1, checkpoint="run.pt", **TINY_SETTINGS)
    assert os.listdir() == ["run.pt"]


def test_a_disk_that_fills_up_costs_neither_history_nor_weights(disk):
    file, heard, unbroken = disk.folder / "run.pt", [], tiny_model()
    expected = stn.fit(unbroken, tiny_data(), epochs=4, **TINY_SETTINGS)

    def fill(model, history):
        if len(history.accuracy) == 2:
            disk.fill()

    model, settings = tiny_model(), dict(epochs=4, checkpoint=file, **TINY_SETTINGS)
    history = stn.fit(model, tiny_data(), **settings, on_epoch=fill, warn=heard.append)
    disk.free()
    assert history.step_loss == expected.step_loss and len(history.accuracy) == 4
    assert torch.equal(weights(model), weights(unbroken)) and not model.training
    assert [type(warning) for warning in heard] == 2 * [CheckpointWarning]
    assert f"after 3 epochs: {file} cannot be written (" in str(heard[0])
    again = tiny_model(seed=1)  # the file is that of the second epoch: from there it goes on
    epochs = []
    stn.fit(again, tiny_data(), **settings, on_epoch=lambda model, history: epochs.append(1))
    assert len(epochs) == 2 and torch.equal(weights(again), weights(unbroken))


def test_a_record_that_cannot_be_written_leaves_the_old_one(disk):
    file = disk.folder / "run.json"
    records.write_record(file, {"runs": [1]})
    disk.fill()
    with pytest.raises(FileError, match="run.json cannot be written"):
        records.write_record(file, {"runs": list(range(10_000))})
    disk.free()
    assert records.load_record(file) == {"runs": [1]} and os.listdir(disk.folder) == ["run.json"]
