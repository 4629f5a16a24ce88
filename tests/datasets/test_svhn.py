"""SVHN, from tiny archives in the real layout on a server on this machine."""

import functools
import hashlib
import http.server
import io
import sys
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from svhn_archives import TEST, TRAIN, archive, digit_struct

from stn_lesson.datasets import svhn
from stn_lesson.datasets.download import DownloadError
from stn_lesson.datasets.svhn import Archive, crop_picture, load_svhn, read_digit_struct
from stn_lesson.files import FileError

pytest.importorskip("h5py")


@pytest.fixture
def small_svhn(tmp_path, monkeypatch):
    """Archives on a local server, and the sizes and checksums that go with them."""
    site = tmp_path / "site"
    site.mkdir()

    def publish(part, packed):
        (site / f"{part}.tar.gz").write_bytes(packed)
        known = f"sha256:{hashlib.sha256(packed).hexdigest()}" if part != "extra" else None
        monkeypatch.setitem(svhn.ARCHIVES, part, Archive(len(packed), 4, known))

    for part, numbers in (("train", TRAIN), ("test", TEST), ("extra", TEST)):
        publish(part, archive(part, numbers))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setattr(svhn, "ADDRESS", f"http://127.0.0.1:{server.server_port}/")
    yield tmp_path / "kept", site, publish
    server.shutdown()
    server.server_close()


def test_boxes_and_labels_are_read_as_matlab_wrote_them():
    numbers = read_digit_struct(digit_struct(TRAIN))
    assert numbers.names == ["1.png", "2.png", "4.png"]
    assert numbers.labels.tolist() == [[1, 0, *3 * [10]], [7, *4 * [10]], [5, 0, 9, 10, 10]]
    assert numbers.boxes.tolist() == [[10, 8, 22, 21], [20, 10, 30, 26], [2, 3, 30, 25]]


def test_every_number_is_cut_out_with_its_label_and_kept(small_svhn, capsys):
    kept, site, _ = small_svhn
    data = load_svhn(kept)
    assert "0.0 GB to download and 0.0 GB of crops to write into" in capsys.readouterr().out
    assert data.train.images.shape == (5, 3, 64, 64) and len(data.test) == 2
    assert data.train.labels[:, 0].tolist() == [1, 7, 5, 3, 2]
    shades = [40 * place + 20 for place in (0, 1, 3, 0, 1)]  # the third has six digits
    assert data.train.images[:, 0, 5, 5].tolist() == shades
    assert data.train.images[:, 2, 60, 60].tolist() == [200, 200, 200, 50, 50]
    for file in site.iterdir():
        file.unlink()
    again = load_svhn(kept)  # no network needed now
    assert torch.equal(again.train.images, data.train.images) and capsys.readouterr().out == ""
    assert not list(kept.glob("*.part"))


def test_without_extra_only_train_is_fetched(small_svhn):
    kept, site, _ = small_svhn
    (site / "extra.tar.gz").unlink()
    assert len(load_svhn(kept, extra=False).train) == 3
    with pytest.raises(DownloadError, match=r"extra.tar.gz could not be fetched"):
        load_svhn(kept)


def test_the_crop_is_the_box_and_a_little_more_as_far_as_the_picture_goes():
    picture = np.zeros((50, 80, 3), np.uint8)
    picture[20:30, 30:50] = 255  # the number: 20 wide, 10 high
    packed = io.BytesIO()
    Image.fromarray(picture).save(packed, "PNG")
    crop = crop_picture(packed.getvalue(), (30, 20, 50, 30))
    assert crop.shape == (3, 64, 64)
    bright = (crop[0] > 127).mean(0), (crop[0] > 127).mean(1)
    for share in bright:  # 64 / 1.3 = 49 pixels of 64, whatever the proportions
        assert 47 <= (share > 0.5).sum() <= 51
    at_edge = crop_picture(packed.getvalue(), (0, 0, 50, 30))
    assert at_edge[0, -1, -1] == 0 and at_edge.shape == (3, 64, 64)


def test_what_is_missing_or_damaged_is_told(small_svhn):
    kept, _, publish = small_svhn
    publish("test", archive("test", TEST, without=["2.png"]))
    with pytest.raises(DownloadError, match=r"test.tar.gz lacks test/2.png: delete it"):
        load_svhn(kept, extra=False)
    (kept / "test.tar.gz").unlink()
    publish("test", archive("test", TEST, without=["digitStruct.mat"]))
    with pytest.raises(DownloadError, match=r"test.tar.gz is damaged or cut short"):
        load_svhn(kept, extra=False)
    (kept / "test.tar.gz").unlink()
    publish("test", archive("test", TEST)[:-500])
    with pytest.raises(DownloadError, match=r"test.tar.gz is damaged or cut short"):
        load_svhn(kept, extra=False)
    (kept / "test.tar.gz").unlink()
    publish("test", archive("test", TEST))
    assert len(load_svhn(kept, extra=False).test) == 2  # the remedy works


def test_a_disk_too_small_is_told_before_anything_is_fetched(small_svhn, monkeypatch):
    kept, _, _ = small_svhn
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    with pytest.raises(FileError, match=r"SVHN needs .* MB in .*0.0 MB are free: make room"):
        load_svhn(kept)
    assert not kept.exists()


def test_what_has_come_is_not_asked_for_twice(small_svhn, monkeypatch, capsys):
    kept, site, _ = small_svhn
    packed = (site / "train.tar.gz").read_bytes()
    monkeypatch.setitem(svhn.ARCHIVES, "train", Archive(10**9, 4, None))
    monkeypatch.setitem(svhn.ARCHIVES, "test", Archive(len(packed), 10**5, None))
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 0}))
    kept.mkdir()
    (kept / "test.tar.gz").write_bytes(packed)
    for come in (0, 4 * 10**8):
        with open(kept / "train.tar.gz.part", "wb") as part:
            part.truncate(come)
        with pytest.raises(FileError, match=f"SVHN needs {2228.85 - come / 1e6:,.1f} MB in"):
            load_svhn(kept, extra=False)
        told = f"SVHN: {1 - come / 1e9:.1f} GB to download and 1.2 GB of crops"
        assert told in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"foreign", None], ids=["empty", "foreign", "cut"])
def test_a_kept_file_that_is_of_no_use_is_made_again(small_svhn, capsys, content):
    kept, _, _ = small_svhn
    whole = load_svhn(kept, extra=False).train
    pixels, labels = whole.images.clone(), whole.labels
    for name in ("train-64.npy", "train-boxes.npz"):
        (kept / name).write_bytes((kept / name).read_bytes()[:-1] if content is None else content)
        capsys.readouterr()
        again = load_svhn(kept, extra=False).train
        assert torch.equal(again.images, pixels) and torch.equal(again.labels, labels)
        told = capsys.readouterr().out
        assert f"{name} is damaged, cut short or of another kind: it is made again" in told
        assert told.startswith("SVHN: 0.0 GB to download")


@pytest.mark.parametrize(
    ("digits", "why"),
    [
        ([(0, 1, 1, 5, 5)], "a label that is no digit"),
        ([(11, 1, 1, 5, 5)], "a label that is no digit"),
        ([(1.5, 1, 1, 5, 5)], "a label that is no digit"),
        ([(np.nan, 1, 1, 5, 5)], "a label that is no digit"),
        ([(3, 1, 1, 5, 5), (3, 7, 1, 0, 5)], "a box that cannot be"),
        ([(3, 1, 1, 5, -2)], "a box that cannot be"),
        ([(3, np.nan, 1, 5, 5)], "a box that cannot be"),
        ([(3, 1, 1, np.inf, 5)], "a box that cannot be"),
        ([(3, 5e5, 1, 1e-3, 5)], "a box that cannot be"),  # 32 bits know no such width there
        (TRAIN["3.png"], "more than 5 digits"),
    ],
)
def test_what_cannot_be_is_left_out_and_told(digits, why, capsys):
    numbers = read_digit_struct(digit_struct({"9.png": digits} | TEST), "test/digitStruct.mat")
    assert numbers.names == ["1.png", "2.png"]
    assert capsys.readouterr().out == f"test/digitStruct.mat: 1 with {why} left out, 9.png\n"


def test_two_pictures_of_one_name_are_refused():
    one, two = ("".join(f"{letter}\0" for letter in name).encode() for name in ("1.png", "2.png"))
    with pytest.raises(ValueError, match="digitStruct.mat holds one name twice"):
        read_digit_struct(digit_struct(TEST).replace(two, one))


def test_a_box_that_begins_outside_of_its_picture_is_cut_and_one_that_lies_there_is_told(
    small_svhn,
):
    kept, _, publish = small_svhn
    publish("test", archive("test", {"1.png": [(3, -4, -1, 20, 20)]}))
    assert (load_svhn(kept, extra=False).test.images[0, 1] == 100).all()
    for left in (-80, 80):
        for file in kept.glob("test*"):
            file.unlink()
        publish("test", archive("test", {"1.png": [(3, left, 5, 20, 20)]}))
        outside = rf"1\.png: its box \({left}, 5, .*\) lies outside of the picture, 40×30 pixels"
        with pytest.raises(DownloadError, match=rf"test.tar.gz is damaged .*{outside}"):
            load_svhn(kept, extra=False)
        assert not (kept / "test-64.npy").exists()


def test_deleting_an_archive_as_told_takes_the_boxes_that_were_read_in_it_too(small_svhn):
    kept, _, publish = small_svhn
    for numbers, lost in (({"1.png": [(3, 80, 5, 9, 9)]}, ()), (TEST, ["2.png"])):
        publish("test", archive("test", numbers, lost))
        with pytest.raises(DownloadError, match=r"test.tar.gz .*: delete it and run it again"):
            load_svhn(kept, extra=False)
        (kept / "test.tar.gz").unlink()
    publish("test", archive("test", TEST | {"3.png": [(4, 5, 5, 9, 9)]}))
    assert load_svhn(kept, extra=False).test.labels[:, 0].tolist() == [3, 2, 4]


def test_a_server_that_does_not_answer_leaves_the_boxes(small_svhn):
    kept, site, _ = small_svhn
    load_svhn(kept, extra=False)
    for file in (site / "test.tar.gz", kept / "test.tar.gz", kept / "test-64.npy"):
        file.unlink()
    with pytest.raises(DownloadError, match=r"test.tar.gz could not be fetched"):
        load_svhn(kept, extra=False)
    assert (kept / "test-boxes.npz").exists()


def rewritten(path, **changes):
    """Replace arrays of a .npz file by hand."""
    with np.load(path) as file:
        np.savez(path, **dict(file) | changes)


@pytest.mark.parametrize(
    "change",
    [
        {"labels": np.array([[3, 10, 10, 10, 10]])},
        {"labels": np.full((2, 5), "a")},
        {"boxes": np.full((2, 4), np.nan, np.float32)},
        {"boxes": np.ones((1, 4), np.float32)},
        {"names": np.array(["x", "y"])},
    ],
    ids=["labels short", "labels letters", "boxes nan", "boxes short", "names"],
)
@pytest.mark.parametrize("has_crops", [True, False], ids=["crops kept", "no crops"])
def test_kept_boxes_that_were_changed_are_read_anew(small_svhn, capsys, change, has_crops):
    kept, _, _ = small_svhn
    labels = load_svhn(kept, extra=False).test.labels
    rewritten(kept / "test-boxes.npz", **change)
    if not has_crops:
        (kept / "test-64.npy").unlink()
    assert torch.equal(load_svhn(kept, extra=False).test.labels, labels)
    assert "test-boxes.npz is damaged" in capsys.readouterr().out


def test_crops_of_another_archive_are_not_taken_for_its_labels(small_svhn, monkeypatch):
    kept, _, publish = small_svhn
    load_svhn(kept, extra=False)
    for name in ("test.tar.gz", "test-boxes.npz"):
        (kept / name).unlink()
    monkeypatch.setattr("svhn_archives.colour", lambda place, part: (7, 7, 7))
    publish("test", archive("test", dict(reversed(TEST.items()))))
    test = load_svhn(kept, extra=False).test
    assert test.labels[:, 0].tolist() == [2, 3] and (test.images == 7).all()


def test_boxes_that_are_no_such_file_are_the_archives_fault(small_svhn, monkeypatch):
    kept, _, publish = small_svhn
    monkeypatch.setattr("svhn_archives.digit_struct", lambda numbers: b"foreign")
    publish("test", archive("test", TEST))
    with pytest.raises(DownloadError, match=r"test.tar.gz is damaged .*digitStruct.mat: "):
        load_svhn(kept, extra=False)


@pytest.mark.parametrize("at", ["read_digit_struct", "_write_crops", "crop_picture", "keep_arrays"])
def test_a_run_that_is_stopped_goes_on(small_svhn, monkeypatch, at):
    def stop(*_):
        raise KeyboardInterrupt

    kept, _, _ = small_svhn
    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr(svhn, at, stop)
        load_svhn(kept, extra=False)
    assert not list(kept.glob("*.part"))
    assert len(load_svhn(kept, extra=False).train) == 3


def test_without_h5py_nothing_is_fetched(small_svhn, monkeypatch):
    kept, _, _ = small_svhn
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ModuleNotFoundError, match=r"python -m pip install h5py"):
        load_svhn(kept)
    assert not kept.exists()


def test_without_h5py_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ModuleNotFoundError, match=r"python -m pip install h5py"):
        read_digit_struct(b"")
