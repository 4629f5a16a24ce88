import copy
import dataclasses
import io
import os
import pickle
import subprocess
import sys
import zipfile
from functools import partial

import pytest
import torch
from small_run import QUICK_SETTINGS, small_data, small_model, weights
from torch import nn

import stn_lesson as stn
from stn_lesson.datasets import Dataset, Split
from stn_lesson.families import FAMILIES
from stn_lesson.files import FileError
from stn_lesson.networks import NETWORKS
from stn_lesson.training import (
    CheckpointError,
    Settings,
    StopTraining,
    load_checkpoint,
    save_checkpoint,
)
from stn_lesson.training.run import TrainingRun
from stn_lesson.transformer import freeze_transformers


@pytest.mark.parametrize("stop_in", ["an epoch", "between epochs"])
def test_an_interrupted_run_resumes_bit_for_bit(tmp_path, unbroken, stop_in):
    data, calls = small_data(), []

    def images(epoch):  # in the middle of the second epoch: its images are drawn, then ■
        calls.append(epoch)  # once before the first step, for a trial
        if stop_in == "an epoch" and calls == [1, 1]:
            raise KeyboardInterrupt
        return small_data().training_images(epoch)

    def press_stop(model, history):
        if stop_in == "between epochs":
            raise KeyboardInterrupt

    file = tmp_path / "run.pt"
    broken = Dataset("broken off", data.train, data.test, redraw=images)
    first = stn.fit(small_model(), broken, **QUICK_SETTINGS, checkpoint=file, on_epoch=press_stop)
    assert first.interrupted and len(first.accuracy) == 1
    model = small_model(seed=77)  # other first weights: the file's count
    history = stn.fit(model, data, **QUICK_SETTINGS, checkpoint=file)
    assert torch.equal(weights(model), weights(unbroken[0]))
    assert history.step_loss == unbroken[1].step_loss and not history.interrupted


def test_plain_sgd_resumes_to_the_same_end(tmp_path):
    def stop(model, history):
        raise StopTraining

    settings, file = QUICK_SETTINGS | {"optimiser": "sgd"}, tmp_path / "run.pt"
    whole = stn.fit(small_model(), small_data(), **settings)
    stn.fit(small_model(), small_data(), **settings, checkpoint=file, on_epoch=stop)
    history = stn.fit(small_model(), small_data(), **settings, checkpoint=file)
    assert history.step_loss == whole.step_loss and len(history.accuracy) == 3


KILLED = """
import os, sys, time, stn_lesson as stn
sys.path.insert(0, {tests!r})
from small_run import QUICK_SETTINGS, small_data, small_model
data, drawn = small_data(), []
def images(epoch):
    drawn.append(epoch)  # once before the first step, for a trial
    if drawn == [1, 1]:
        from stn_lesson.training import steps
        convert, converted = steps.to_floats, []
        def wait_at_the_second_step(batch):
            converted.append(batch)
            if len(converted) == 2:
                print("one step of epoch 1 is done", flush=True)
                time.sleep(3600)
            return convert(batch)
        steps.to_floats = wait_at_the_second_step
    return small_data().training_images(epoch)
data = stn.Dataset("killed", data.train, data.test, redraw=images)
stn.fit(small_model(), data, **QUICK_SETTINGS, checkpoint={file!r})
"""


def test_a_killed_run_resumes_bit_for_bit(tmp_path, unbroken):
    file = tmp_path / "run.pt"
    code = KILLED.format(tests=os.path.dirname(os.path.dirname(__file__)), file=str(file))
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout.readline() == "one step of epoch 1 is done\n"  # and three are not
    process.kill()
    assert process.wait() in (-9, 1)  # by the signal (1 on Windows), not by an error of its own
    assert sorted(os.listdir(tmp_path)) == [".run.pt.lock", "run.pt"]  # the lock is nobody's now
    model = small_model(seed=77)
    history = stn.fit(model, small_data(), **QUICK_SETTINGS, checkpoint=file)
    assert torch.equal(weights(model), weights(unbroken[0]))
    assert history.step_loss == unbroken[1].step_loss
    assert os.listdir(tmp_path) == ["run.pt"]


def test_a_finished_run_is_read_back_without_training(tmp_path):
    file = tmp_path / "run.pt"
    first = stn.fit(small_model(), small_data(), **QUICK_SETTINGS, checkpoint=file)
    again = stn.fit(small_model(), small_data(), **QUICK_SETTINGS, checkpoint=file)
    assert again.seconds == first.seconds and again.accuracy == first.accuracy


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_refused(tmp_path):
    file = tmp_path / "run.pt"
    stn.fit(small_model(), small_data(), **QUICK_SETTINGS, checkpoint=file)
    whole = stn.clutter(stn.load_digits(), size=40)
    other = small_model(seed=77)
    other.classifier[-1] = nn.Linear(256, 11)  # the same layers, one of another size
    before = weights(other).clone()
    for model, data, settings, message in [
        (
            small_model(),
            small_data(),
            QUICK_SETTINGS | {"epochs": 4},
            "other settings.*'epochs': 3.*delete",
        ),
        (small_model(), whole, QUICK_SETTINGS, r"other settings.*\[128, 1, 40, 40\]"),
        (other, small_data(), QUICK_SETTINGS, "another network"),
        (stn.PlainCNN(size=40), small_data(), QUICK_SETTINGS, "another network"),
    ]:
        with pytest.raises(CheckpointError, match=message):
            stn.fit(model, data, **settings, checkpoint=file)
    assert torch.equal(weights(other), before)  # a refusal leaves the model alone
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="is not a checkpoint of this lesson"):
        stn.fit(small_model(), small_data(), **QUICK_SETTINGS, checkpoint=file)
    torch.save({"settings": 3}, file)
    with pytest.raises(CheckpointError, match="is not a checkpoint of this lesson"):
        stn.fit(small_model(), small_data(), **QUICK_SETTINGS, checkpoint=file)


def test_a_checkpoint_goes_on_only_with_what_made_it(tmp_path):
    """Frozen, held or drawn anew or not, other labels, test images, dropout or padding."""
    file, data = tmp_path / "run.pt", small_data()
    stn.fit(small_model(), data, **QUICK_SETTINGS, checkpoint=file)
    frozen, calmer = freeze_transformers(small_model()), small_model()
    calmer.classifier[7].p = 0.5
    padded, held = small_model(), small_model()
    padded.transformer.padding = "zeros"
    held.classifier[7].eval()
    once = dataclasses.replace(data, redraw=None)
    turned = Split(data.train.images, data.train.labels.roll(1))
    upside_down = Split(data.train.images.flip(2), data.train.labels)
    for model, other, message in [
        (frozen, data, r"other settings \({'frozen': \[\]}\)"),
        (small_model(), dataclasses.replace(data, train=turned), r"other settings \({'train': "),
        (small_model(), dataclasses.replace(data, train=upside_down), r"settings \({'train': "),
        (small_model(), dataclasses.replace(data, test=data.train), r"settings \({'test': "),
        (small_model(), once, r"other settings \({'redrawn': True}\)"),
        (held, data, r"other settings \({'held': \[\]}\)"),
        (calmer, data, "another network"),
        (padded, data, "another network"),
    ]:
        with pytest.raises(CheckpointError, match=message):
            stn.fit(model, other, **QUICK_SETTINGS, checkpoint=file)
    assert stn.fit(small_model(), data, **QUICK_SETTINGS, checkpoint=file).accuracy


@pytest.mark.parametrize(
    ("network", "optimiser"),
    [(stn.PointingSTN, "sgd"), (partial(stn.STCNN, family="tps", filters=4), "adamw")],
)
def test_the_room_that_is_tried_out_holds_the_checkpoint_and_is_not_twice_as_much(
    tmp_path, network, optimiser
):
    file, digits = tmp_path / "run.pt", stn.distort(stn.load_digits(), scale=(1, 1)).test
    few = Split(digits.images[:32], digits.labels[:32], digits.poses[:32])
    settings = Settings(epochs=20, batch_size=4, optimiser=optimiser, learning_rate=1e-4)
    run = TrainingRun(network(28), Dataset("few", few, few), settings, torch.device("cpu"))
    with run.session(file):
        room = run._checkpoint_bytes()
        for epoch in range(20):
            for batch in run.batches(epoch):
                run.step(batch)
            run.finish_epoch()
        run.save(pytest.fail)
    assert room / 2 < file.stat().st_size < room


def test_a_run_without_end_asks_for_no_disk_without_end(tmp_path):
    def stop(model, history):
        raise StopTraining

    file, settings = tmp_path / "run.pt", QUICK_SETTINGS | {"epochs": 10**7}
    assert stn.fit(small_model(), small_data(), **settings, checkpoint=file, on_epoch=stop).accuracy


def test_a_checkpoint_is_a_zip_file_that_torch_reads_and_only_a_sealed_one_is_a_checkpoint(
    tmp_path,
):
    file, model = tmp_path / "run.pt", nn.Linear(3, 2)
    state = {"settings": {}, "model": model.state_dict()}
    save_checkpoint(file, state)
    assert zipfile.is_zipfile(file)
    assert torch.equal(torch.load(file, weights_only=True)["model"]["weight"], model.weight)
    assert torch.equal(load_checkpoint(file, {}, model)["model"]["weight"], model.weight)
    torch.save(state, file)
    with pytest.raises(CheckpointError, match="run.pt is not a checkpoint of this lesson"):
        load_checkpoint(file, {}, model)


def test_a_checkpoint_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    save_checkpoint(tmp_path / "run.pt", {})
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(FileError, match=r"run.pt cannot be read \(Permission denied\)") as told:
        stn.fit(small_model(), small_data(), **QUICK_SETTINGS, checkpoint=tmp_path / "run.pt")
    assert "delete" not in str(told.value)


@pytest.mark.parametrize("checkpoint", ["", 0, False])
def test_a_name_that_is_none_is_told_before_the_first_step(checkpoint):
    with pytest.raises((TypeError, ValueError), match="name"):
        stn.fit(small_model(), small_data(), **QUICK_SETTINGS, checkpoint=checkpoint)


WHOLE = {
    **NETWORKS,
    **{family: partial(stn.STCNN, family=family) for family in FAMILIES},
    "two": partial(stn.STFCN, transformers=2),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_network_can_be_saved_whole_copied_and_sent_to_a_process(name):
    model, file = WHOLE[name]().eval(), io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    side = 60 if name in NETWORKS else 28
    images = torch.rand(2, 1, side, side)
    for other in (
        torch.load(file, weights_only=False),
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),  # as to a process that is spawned
    ):
        assert torch.equal(other(images), model(images))


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "boom"),))

    torch.save({"settings": Bomb()}, tmp_path / "run.pt")
    with pytest.raises(CheckpointError):
        stn.fit(small_model(), small_data(), **QUICK_SETTINGS, checkpoint=tmp_path / "run.pt")
    assert not (tmp_path / "boom").exists()
