import re
import zipfile

import numpy as np
import pytest
import torch

import stn_lesson as stn
from stn_lesson.files import FileError


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
        ({"x_train": np.full((12, 4), -0.5)}, "grey values from 0 to 1"),
        ({"x_train": np.zeros((12, 9, 9, 3))}, r"square.*\(12, 9, 9, 3\): save x_train.mean\(-1\)"),
        ({"x_train": np.zeros((12, 3, 9, 9))}, r"square.*\(12, 3, 9, 9\): save x_train.mean\(1\)"),
        ({"y_train": np.full((12, 10), 0.5)}, "one-hot"),
        (
            {"y_train": np.zeros((12, 3), int)},
            r"3 numbers for each, numpy int64 of shape \(12, 3\): save",
        ),
        ({"y_train": np.full(12, 0.5)}, "whole numbers"),
        ({"y_train": np.full(12, 2**63, np.uint64)}, "below 1000000, got 9223372036854775808 to"),
        ({"y_train": np.full(12, 1e30)}, r"below 1000000, got 1e\+30 to"),
        ({"y_train": np.full(12, np.nan)}, "whole numbers"),
        ({"X_train": np.zeros((12, 1600))}, "once, in small letters or in large; it has X_train, "),
        ({"x_test": np.zeros((0, 1600))}, "x_test must hold one picture at least, got none"),
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


def squares(white, kind, levels=16):
    """Four pictures of 9×9 pixels from black to white in 16 levels."""
    steps = np.random.default_rng(0).integers(0, levels, (4, 9, 9)) / (levels - 1)
    steps[:, 0, 0] = 1
    return (steps * white).astype(kind)


def save(path, train, test):
    classes = np.arange(4)
    np.savez(path, x_train=train, y_train=classes, x_test=test, y_test=classes)
    return path


@pytest.mark.parametrize("hair", [np.nextafter(np.float32(1), np.float32(2)), 1.0015])
@pytest.mark.parametrize("where", ["train", "test", "both"])
def test_a_hair_above_white_leaves_every_picture_as_bright_as_it_was(tmp_path, hair, where):
    plain, higher = squares(1, np.float32), squares(1, np.float32)
    higher[0, 5, 5], higher[1, 2, 2] = hair, 1 - hair  # as much below black
    train, test = (higher if where in (part, "both") else plain for part in ("train", "test"))
    data = stn.load_npz(save(tmp_path / "hair.npz", train, test))
    for split, given in ((data.train, train), (data.test, test)):
        expected = torch.from_numpy(given).clamp(0, 1).mul(255).round()[:, None]
        assert torch.equal(split.images.float(), expected) and split.images.max() == 255


@pytest.mark.parametrize(
    ("white", "kind", "remedy"),
    [
        (1.17, np.float32, r"save x.clip\(0, 1\) in place of each x, if 1 is white"),
        (16, np.float64, "save x / 16 in place of each x, if 16 is white"),
        (16, np.uint8, "save x / 16 in place of each x"),
        (1, np.int64, "save x / 1 in place of each x"),
        (-3, np.float32, r"got -3 to 0: save \(x \+ 3\) / 3 in place of each x"),
        (65535, np.uint16, "got 0 to 65535: save x / 65535"),
    ],
)
def test_a_scale_that_is_not_known_is_not_guessed_and_the_remedy_works(
    tmp_path, white, kind, remedy
):
    pictures = squares(white, kind)
    message = f"x_train, x_test must hold grey values from 0.*{remedy}"
    with pytest.raises(ValueError, match=message) as told:
        stn.load_npz(save(tmp_path / "odd.npz", pictures, pictures))
    instead = re.search(r"save (.+) in place of each x", str(told.value)).group(1)
    mended = eval(instead, {"x": pictures})
    images = stn.load_npz(save(tmp_path / "odd.npz", mended, mended)).test.images
    assert images.max() == 255 and images.min() == 0


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32])
def test_numbers_to_255_are_read_as_they_are(tmp_path, kind):
    pictures = squares(255, kind)
    data = stn.load_npz(save(tmp_path / "bytes.npz", pictures, pictures[:, ::-1]))
    assert np.array_equal(data.train.images[:, 0], pictures)
    assert np.array_equal(data.test.images[:, 0], pictures[:, ::-1])


@pytest.mark.parametrize(("train", "test"), [(1, 255), (255, 1)])
def test_splits_of_two_scales_are_refused(tmp_path, train, test):
    pictures = (squares(train, np.float32), squares(test, np.float32))
    one = "x_train" if train == 1 else "x_test"
    message = rf"one scale, but {one} reaches to 1 and another to 255: save {one} \* 255"
    with pytest.raises(ValueError, match=message):
        stn.load_npz(save(tmp_path / "two.npz", *pictures))


def test_true_and_false_are_white_and_black(tmp_path):
    pictures = squares(1, np.float32) > 0.5
    images = stn.load_npz(save(tmp_path / "masks.npz", pictures, pictures)).train.images
    assert np.array_equal(images[:, 0] == 255, pictures) and images.unique().tolist() == [0, 255]


def test_channels_may_stand_last(tmp_path):
    pictures = squares(1, np.float32)
    last = stn.load_npz(save(tmp_path / "last.npz", pictures[..., None], pictures[:, None]))
    assert torch.equal(last.train.images, last.test.images)
    assert last.train.images.shape == (4, 1, 9, 9)


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
    with pytest.raises(FileNotFoundError, match="is a folder: name the file in it"):
        stn.load_npz(tmp_path)
    with pytest.raises(TypeError, match="path must be a path, got 3"):
        stn.load_npz(3)
    with pytest.raises(ValueError, match="got an empty one"):
        stn.load_npz("")
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(ValueError, match="is not a .npz file of named arrays: save") as told:
        stn.load_npz(tmp_path / "array.npy")
    assert "pickle" not in str(told.value)
    np.savez(tmp_path / "array.npy", **recipe_form())  # as it says; numpy adds .npz
    assert len(stn.load_npz(tmp_path / "array.npy.npz").train) == 12


def test_a_folder_that_may_not_be_entered_is_told(tmp_path, monkeypatch):
    def refuse(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.stat", refuse)
    with pytest.raises(FileError, match=r"d.npz cannot be read \(Permission denied\): ask for"):
        stn.load_npz(tmp_path / "d.npz")
