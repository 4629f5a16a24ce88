import functools
import gzip
import hashlib
import http.server
import struct
import threading
import zipfile

import numpy as np
import pytest
import torch

import stn_lesson as stn
from stn_lesson.datasets import Split, mnist
from stn_lesson.datasets.mnist import DownloadError

# ---- embedded digits ---------------------------------------------------------


def test_digits_have_the_form_of_mnist():
    digits = stn.load_digits()
    images = torch.cat([digits.train.images, digits.test.images])
    assert images.shape == (1797, 1, 28, 28) and images.dtype == torch.uint8
    assert (images.amax((1, 2, 3)) > 250).all()  # white ink on black
    ink = images[:, 0].float()
    place = torch.arange(28.0)
    centre_x = (ink.sum(1) * place).sum(1) / ink.sum((1, 2))
    centre_y = (ink.sum(2) * place).sum(1) / ink.sum((1, 2))
    assert (centre_x - 13.5).abs().max() < 0.5 and (centre_y - 13.5).abs().max() < 0.5
    rows, columns = (ink > 127).any(2).sum(1), (ink > 127).any(1).sum(1)
    longest = torch.maximum(rows, columns)
    assert longest.float().mean().round() == 20 and longest.max() <= 22
    grey = ((images > 64) & (images < 192)).float().mean() / (images > 64).float().mean()
    assert grey < 0.3  # most ink is clearly ink: the strokes are sharp


def test_the_digits_split_between_two_forms():
    digits = stn.load_digits()
    # Each form begins with three rows from 0 to 9; so does the test split.
    assert digits.test.labels[:30].tolist() == 3 * list(range(10))
    assert len(digits.train) == 1287 and digits.test.labels.bincount().min() > 40


def test_floats_and_odd_labels_are_refused():
    images, labels = torch.zeros(3, 1, 4, 4), torch.zeros(3, dtype=torch.long)
    with pytest.raises(ValueError, match=r"use \(images \* 255\).round\(\).to\(torch.uint8\)"):
        Split(images, labels)
    with pytest.raises(ValueError, match="labels must be whole numbers"):
        Split(images.byte(), labels.float())
    with pytest.raises(ValueError, match="every image needs a label, got 3 images and 2 labels"):
        Split(images.byte(), labels[:2])


# ---- clutter -----------------------------------------------------------------


@pytest.fixture
def digits():
    return stn.load_digits().train.images[:300]


def test_clutter_is_the_same_for_the_same_seed_whatever_the_chunks(digits):
    images = stn.clutter(digits, seed=3)
    assert images.shape == (300, 1, 60, 60) and images.dtype == torch.uint8
    for chunk in (1, 7, 299, 1000):
        assert torch.equal(stn.clutter(digits, seed=3, chunk=chunk), images)
    assert not torch.equal(stn.clutter(digits, seed=4), images)
    assert torch.equal(stn.clutter(digits[:, 0], seed=3), images)


def test_without_distractors_the_digit_itself_is_placed(digits):
    images = stn.clutter(digits, distractors=0)
    assert torch.equal(images.long().sum((1, 2, 3)), digits.long().sum((1, 2, 3)))
    corners = set()
    for image, digit in zip(images[:50, 0], digits[:50, 0], strict=True):
        windows = image.unfold(0, 28, 1).unfold(1, 28, 1)  # (33, 33, 28, 28)
        found = (windows == digit).all(-1).all(-1).nonzero()
        assert len(found) >= 1
        corners.add(tuple(found[0].tolist()))
    assert len(corners) > 45  # anywhere on the canvas


def test_distractors_add_pieces_of_the_asked_size():
    white = torch.full((50, 28, 28), 255, dtype=torch.uint8)
    white[:, 14:] = 0
    nothing = torch.zeros(50, 28, 28, dtype=torch.uint8)
    assert stn.clutter(nothing, distractors=16).sum() == 0
    bare = stn.clutter(white, distractors=0)
    few = stn.clutter(white, distractors=2, crop=6)
    many = stn.clutter(white, distractors=12, crop=10)
    assert bare.float().mean() < few.float().mean() < many.float().mean()
    assert (few > 0).sum((1, 2, 3)).max() <= 28 * 14 + 2 * 36
    assert many.max() == 255


def test_a_data_set_gets_fresh_clutter_every_epoch_and_fixed_test_images():
    data = stn.clutter(stn.load_digits(), seed=1)
    again = stn.clutter(stn.load_digits(), seed=1)
    assert torch.equal(data.training_images(0), data.train.images)
    assert torch.equal(data.training_images(5), again.training_images(5))
    assert not torch.equal(data.training_images(5), data.training_images(6))
    assert torch.equal(data.test.images, again.test.images)
    fixed = stn.clutter(stn.load_digits(), fresh=False)
    assert fixed.training_images(5) is fixed.train.images


def test_repeats_give_an_epoch_several_scenes_of_each_digit():
    plain = stn.load_digits()
    data = stn.clutter(plain, repeats=3)
    assert len(data.train) == 3 * len(plain.train) == len(data.training_images(1))
    assert torch.equal(data.train.labels, plain.train.labels.repeat(3))
    assert len(data.test) == len(plain.test)


BYTES = torch.zeros(2, 28, 28, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("bad", "how", "error", "message"),
    [
        (torch.zeros(2, 28, 28), {}, TypeError, "must be bytes"),
        ([1, 2], {}, TypeError, "list"),
        (torch.zeros(2, 3, 28, 28, dtype=torch.uint8), {}, ValueError, r"\(N, 1, H, W\)"),
        (
            torch.zeros(2, 28, 28, dtype=torch.uint8),
            {"size": 20},
            ValueError,
            "another crop or size",
        ),
        (
            torch.zeros(2, 28, 28, dtype=torch.uint8),
            {"crop": 40},
            ValueError,
            "another crop or size",
        ),
    ],
)
def test_clutter_refuses_what_is_not_digits(bad, how, error, message):
    with pytest.raises(error, match=message):
        stn.clutter(bad, **how)


# ---- MNIST, from a server on this machine --------------------------------------


def idx(array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """Four files in MNIST's form on a local server, and the checksums that go with them."""
    random = np.random.default_rng(0)
    content = {}
    for part, count in (("train", 60), ("t10k", 10)):
        content[f"{part}-images-idx3-ubyte"] = idx(random.integers(0, 256, (count, 28, 28)))
        content[f"{part}-labels-idx1-ubyte"] = idx(random.integers(0, 10, count))
    monkeypatch.setattr(
        mnist, "FILES", {name: hashlib.md5(content[name]).hexdigest() for name in mnist.FILES}
    )
    monkeypatch.setattr(mnist, "TRAINING", 50)
    site = tmp_path / "site"
    site.mkdir()
    for name, raw in content.items():
        (site / f"{name}.gz").write_bytes(gzip.compress(raw))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=site)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(mnist, "SOURCES", (f"http://127.0.0.1:{server.server_port}/",))
    monkeypatch.setenv("STN_LESSON_DATA", str(tmp_path / "kept"))
    yield site, tmp_path / "kept", content
    server.shutdown()


def test_mnist_is_downloaded_checked_and_kept(small_mnist):
    site, kept, _ = small_mnist
    data = stn.load_mnist()
    assert (len(data.train), len(data.valid), len(data.test)) == (50, 10, 10)
    assert data.train.images.shape == (50, 1, 28, 28) and data.train.labels.dtype == torch.long
    assert sorted(p.name for p in kept.iterdir()) == sorted(p.name for p in site.iterdir())
    for file in site.iterdir():
        file.unlink()
    assert torch.equal(stn.load_mnist().test.images, data.test.images)  # no network needed now


def test_a_file_packed_anew_passes(small_mnist):
    _, kept, content = small_mnist
    kept.mkdir()
    for name, raw in content.items():
        (kept / f"{name}.gz").write_bytes(gzip.compress(raw, compresslevel=1))
    assert len(stn.load_mnist().test) == 10


@pytest.mark.parametrize("damage", ["cut", "tampered", "not gzip", "missing"])
def test_a_bad_download_is_refused_and_leaves_nothing_behind(small_mnist, damage):
    site, kept, content = small_mnist
    file = site / "t10k-images-idx3-ubyte.gz"
    raw = content["t10k-images-idx3-ubyte"]
    packed = file.read_bytes()
    {
        "cut": lambda: file.write_bytes(packed[: len(packed) // 2]),
        "tampered": lambda: file.write_bytes(gzip.compress(raw[:-1] + bytes([raw[-1] ^ 1]))),
        "not gzip": lambda: file.write_text("<html>please log in</html>"),
        "missing": file.unlink,
    }[damage]()
    with pytest.raises(DownloadError, match=r"load_digits\(\)"):
        stn.load_mnist()
    assert sorted(p.name for p in kept.iterdir()) == [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
    ]


def test_without_a_network_the_message_names_the_embedded_digits(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "SOURCES", ("http://127.0.0.1:9/",))  # nobody listens there
    with pytest.raises(DownloadError, match="Without a network, use the embedded digits"):
        stn.load_mnist(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_in_the_folder_is_named(small_mnist):
    _, kept, _ = small_mnist
    stn.load_mnist()
    file = kept / "train-labels-idx1-ubyte.gz"
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(DownloadError, match="train-labels.*is damaged or cut short.*delete it"):
        stn.load_mnist()


# ---- .npz files --------------------------------------------------------------


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


# ---- pictures ------------------------------------------------------------------


def test_the_house_shows_which_way_is_up():
    picture = stn.house(64, 96)
    assert picture.shape == (1, 3, 64, 96) and picture.min() >= 0 and picture.max() <= 1
    for other in (picture.flip(3), picture.flip(2), picture.flip(2, 3)):
        assert (picture - other).abs().mean() > 0.05
