import zipfile

import numpy as np
import pytest
import torch

import stn_lesson as stn


def recipe_form(side=60, counts=(12, 6, 6)):
    random = np.random.default_rng(0)
    arrays = {}
    for part, count in zip(("train", "valid", "test"), counts, strict=True):
        arrays[f"x_{part}"] = (random.integers(0, 256, (count, side**2)) / 255).astype(np.float32)
        arrays[f"y_{part}"] = np.eye(10, dtype=np.float32)[random.integers(0, 10, count)]
    return arrays


def test_the_recipes_form_is_read(tmp_path):
    arrays = recipe_form()
    np.savez(tmp_path / "cluttered.npz", **arrays)
    data = stn.load_npz(tmp_path / "cluttered.npz")
    assert data.train.images.shape == (12, 1, 60, 60) and len(data.valid) == len(data.test) == 6
    expected = torch.from_numpy(arrays["x_test"]).view(6, 1, 60, 60)
    assert torch.allclose(data.test.images / 255, expected)
    assert data.test.labels.tolist() == arrays["y_test"].argmax(1).tolist()


def test_the_40_by_40_variant_is_read(tmp_path):
    random = np.random.default_rng(0)
    arrays = {
        f"{name}_{part}": value
        for part in ("train", "test", "valid")
        for name, value in (
            ("X", random.random((5, 1600), np.float32)),
            ("y", random.integers(0, 10, (5, 1))),
        )
    }
    np.savez(tmp_path / "small.npz", **arrays)
    data = stn.load_npz(tmp_path / "small.npz")
    assert data.train.images.shape == (5, 1, 40, 40)
    assert data.train.labels.tolist() == arrays["y_train"].flatten().tolist()


def test_bytes_squares_and_a_missing_validation_split_are_read(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 9, 9), np.uint8)
    arrays = {"x_train": images, "y_train": np.arange(4), "x_test": images, "y_test": np.arange(4)}
    np.savez(tmp_path / "bytes.npz", **arrays)
    data = stn.load_npz(tmp_path / "bytes.npz")
    assert data.valid is None and np.array_equal(data.test.images[:, 0], images)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_test": None}, "has no array y_test"),
        ({"y_train": np.eye(10)[:5]}, "y_train must hold 12 labels"),
        ({"x_train": np.zeros((12, 10), np.float32)}, "must hold square pictures"),
        ({"x_train": np.full((12, 4), np.nan, np.float32)}, "grey values from 0 to 1"),
        ({"x_train": np.full((12, 4), 300.0)}, "grey values from 0 to 1"),
        ({"x_train": np.array(["a"] * 12)}, "must hold pictures"),
        ({"y_train": np.full((12, 10), 0.5)}, "one-hot"),
        ({"y_train": np.full(12, 0.5)}, "whole numbers"),
        ({"y_train": np.array([object()] * 12)}, "pickled objects are refused"),
        ({"x_train": np.zeros((12, 30, 120), np.float32)}, "must hold square pictures"),
        ({"x_test": np.zeros((6, 1600), np.float32)}, "pictures of different sizes"),
    ],
)
def test_a_wrong_npz_gives_a_clear_error(tmp_path, change, message):
    arrays = {k: v for k, v in (recipe_form() | change).items() if v is not None}
    np.savez(tmp_path / "wrong.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        stn.load_npz(tmp_path / "wrong.npz")


def test_other_arrays_in_the_file_are_left_alone(tmp_path):
    np.savez(tmp_path / "more.npz", info=np.array([object()]), **recipe_form())
    assert len(stn.load_npz(tmp_path / "more.npz").train) == 12


def test_a_damaged_npz_is_refused(tmp_path):
    file = tmp_path / "damaged.npz"
    np.savez_compressed(file, **recipe_form())
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 3] ^= 255
    file.write_bytes(raw)
    with pytest.raises(ValueError, match="is not a .npz file"):
        stn.load_npz(file)


def test_an_npz_that_promises_a_giant_array_is_refused(tmp_path):
    file = tmp_path / "giant.npz"
    np.savez(tmp_path / "parts.npz", **recipe_form())
    with zipfile.ZipFile(tmp_path / "parts.npz") as source, zipfile.ZipFile(file, "w") as target:
        for name in source.namelist():
            raw = source.read(name)
            if name == "x_train.npy":
                raw = raw.replace(b"(12, 3600)", b"(9999999,)")
            target.writestr(name, raw)
    with pytest.raises(ValueError):
        stn.load_npz(file)
    with zipfile.ZipFile(file, "w") as target:
        target.writestr("x_train.npy", "plain words")
        target.writestr("y_train.npy", "plain words")
    with pytest.raises(ValueError, match="x_train"):
        stn.load_npz(file)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="check the name"):
        stn.load_npz(tmp_path / "nothing.npz")
    for name, raw in (("text.npz", b"hello"), ("empty.npz", b""), ("cut.npz", b"PK\x03\x04abc")):
        (tmp_path / name).write_bytes(raw)
        with pytest.raises(ValueError, match="is not a .npz file"):
            stn.load_npz(tmp_path / name)
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(ValueError, match="is not a .npz file"):
        stn.load_npz(tmp_path / "array.npy")
