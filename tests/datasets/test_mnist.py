"""MNIST, from a server on this machine."""

import functools
import gzip
import hashlib
import http.server
import struct
import threading

import numpy as np
import pytest
import torch

import stn_lesson as stn
from stn_lesson.datasets import mnist
from stn_lesson.datasets.mnist import DownloadError
from stn_lesson.files import FileError


def idx(array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """Four files in MNIST's form on a local server, and the checksums that go with them."""
    random = np.random.default_rng(0)
    content, sums = {}, {}
    for part, count in (("train", 60), ("t10k", 10)):
        content[f"{part}-images-idx3-ubyte.gz"] = idx(random.integers(0, 256, (count, 28, 28)))
        content[f"{part}-labels-idx1-ubyte.gz"] = idx(random.integers(0, 10, count))
    site = tmp_path / "site"
    site.mkdir()
    for name, raw in content.items():
        packed = gzip.compress(raw)
        (site / name).write_bytes(packed)
        sums[name] = tuple(hashlib.md5(each).hexdigest() for each in (packed, raw))
    monkeypatch.setattr(mnist, "FILES", {name: sums[name] for name in mnist.FILES})
    monkeypatch.setattr(mnist, "TRAINING_COUNT", 50)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=site)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(mnist, "MIRRORS", (f"http://127.0.0.1:{server.server_port}/",))
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
        (kept / name).write_bytes(gzip.compress(raw, compresslevel=1))
    assert len(stn.load_mnist().test) == 10


@pytest.mark.parametrize("damage", ["cut", "tampered", "not gzip", "missing"])
def test_a_bad_download_is_refused_and_leaves_nothing_behind(small_mnist, damage):
    site, kept, content = small_mnist
    file = site / "t10k-images-idx3-ubyte.gz"
    raw = content["t10k-images-idx3-ubyte.gz"]
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
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/",))  # nobody listens there
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


def test_a_folder_that_is_none_or_may_not_be_entered_is_told_and_not_the_network(
    tmp_path, monkeypatch
):
    (tmp_path / "a_file").write_bytes(b"")
    with pytest.raises(FileError, match=r"it would lie in a file: name a folder") as told:
        stn.load_mnist(tmp_path / "a_file")
    assert "network" not in str(told.value)

    def refuse(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.exists", refuse)
    with pytest.raises(FileError, match=r"ubyte.gz cannot be read \(Permission denied\)"):
        stn.load_mnist(tmp_path)


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"")
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(OSError, match=r"train-images-idx3-ubyte.gz cannot be read \(Perm") as told:
        mnist.load_mnist(tmp_path)
    assert "delete" not in str(told.value)
