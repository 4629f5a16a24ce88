"""A bit that is flipped in a file is told, or makes no difference."""

import random

import numpy as np
import pytest
import torch
from tiny_run import TINY_SETTINGS, tiny_data, tiny_model

import stn_lesson as stn
from stn_lesson.experiments import records
from stn_lesson.training import CheckpointError, History, load_checkpoint

FLIPS = 200


def flipped(content, draw):
    damaged = bytearray(content)
    damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    return bytes(damaged)


def read_after_each_flip(path, read, error):
    """What is read after flips that are not told; the error of each other one names the file."""
    content, draw, silent = path.read_bytes(), random.Random(1), []
    for _ in range(FLIPS):
        path.write_bytes(flipped(content, draw))
        try:
            silent.append(read())
        except error as told:
            assert str(path) in str(told)
    return silent


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A checkpoint of two epochs."""
    file = tmp_path_factory.mktemp("flips") / "run.pt"
    stn.fit(tiny_model(), tiny_data(), epochs=2, checkpoint=file, **TINY_SETTINGS)
    return file


def test_no_flip_in_a_checkpoint_is_silent(checkpoint):
    settings = torch.load(checkpoint, weights_only=True)["settings"]
    model = tiny_model()
    assert load_checkpoint(checkpoint, settings, model)  # as it is

    def read():
        return load_checkpoint(checkpoint, settings, model)

    assert read_after_each_flip(checkpoint, read, CheckpointError) == []


def test_no_flip_in_a_record_is_silent(tmp_path):
    history = History(accuracy=[0.5, 0.9], loss=[2.0, 0.125], outside=[0.0, 1 / 3], seconds=[1, 2])
    record = {"experiment": "θ", "runs": [records.run_record(0, history, keep_theta=False)]}
    file = tmp_path / "run.json"
    records.write_record(file, record)
    assert records.load_record(file) == record
    read = read_after_each_flip(file, lambda: records.load_record(file), records.RecordError)
    assert all(other == record for other in read) and len(read) < 0.05 * FLIPS  # a blank, say


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_no_flip_in_a_file_of_arrays_changes_a_picture_or_a_label(tmp_path, save):
    file, rng = tmp_path / "few.npz", np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 5), ("test", 3)):
        arrays[f"x_{part}"] = rng.integers(0, 256, (count, 36), dtype=np.uint8)
        arrays[f"y_{part}"] = np.arange(count)
    arrays["x_train"][0, 0] = arrays["x_test"][0, 0] = 255
    save(file, **arrays)
    whole = stn.load_npz(file)
    for data in read_after_each_flip(file, lambda: stn.load_npz(file), ValueError):
        for split, expected in ((data.train, whole.train), (data.test, whole.test)):
            assert torch.equal(split.images, expected.images)
            assert torch.equal(split.labels, expected.labels)
