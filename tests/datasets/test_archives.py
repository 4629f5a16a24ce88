"""What is kept of an archive: read when it is whole, made again when it is anything else."""

import os
import sys
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from stn_lesson.datasets.archives import (
    archive_errors,
    array_on_disk,
    keep_arrays,
    kept_array,
    kept_arrays,
    missing_room,
)
from stn_lesson.datasets.download import DownloadError
from stn_lesson.files import FileError

SHAPE = (5, 3, 8, 8)


class Kept(NamedTuple):
    """Two arrays of a file."""

    names: np.ndarray
    boxes: np.ndarray


@pytest.fixture
def whole(tmp_path):
    """The files of an array and of a tuple of arrays, as they are written."""
    with array_on_disk(tmp_path / "array.npy", SHAPE) as array:
        array[:] = np.arange(8)
    keep_arrays(tmp_path / "arrays.npz", Kept(np.array(["1.png"]), np.zeros((1, 4))))
    return tmp_path


def test_what_is_whole_is_read_as_it_was_written(whole):
    for shape in (SHAPE, (None, *SHAPE[1:])):
        assert (kept_array(whole / "array.npy", shape) == np.arange(8)).all()
    assert kept_arrays(whole / "arrays.npz", Kept).names.tolist() == ["1.png"]


def test_an_array_of_another_shape_or_type_is_not_taken(whole):
    for shape in ((6, 3, 8, 8), (5, 3, 8), (None, 1, 8, 8)):
        assert kept_array(whole / "array.npy", shape) is None
    np.save(whole / "array.npy", np.zeros(SHAPE))
    assert kept_array(whole / "array.npy", SHAPE) is None


def test_an_array_made_by_something_else_is_not_taken(tmp_path):
    path = tmp_path / "array.npy"
    with array_on_disk(path, SHAPE, "sha256:12") as array:
        array[:] = 7
    for source in ("", "sha256:12"):
        assert (kept_array(path, SHAPE, source) == 7).all()
    assert kept_array(path, SHAPE, "sha256:13") is None


def test_arrays_that_were_changed_are_not_taken(whole):
    with np.load(whole / "arrays.npz") as file:
        arrays = dict(file)
    for change in ({"boxes": np.ones((1, 4))}, {"names": [1]}, {"checksum": 5}):
        np.savez(whole / "arrays.npz", **arrays | change)
        assert kept_arrays(whole / "arrays.npz", Kept) is None


@pytest.mark.parametrize("name", ["array.npy", "arrays.npz"])
def test_a_file_that_is_cut_anywhere_is_not_taken(whole, name):
    content = (whole / name).read_bytes()
    for length in range(0, len(content), 13):
        (whole / name).write_bytes(content[:length])
        assert kept_array(whole / "array.npy", SHAPE) is None or name != "array.npy"
        assert kept_arrays(whole / "arrays.npz", Kept) is None or name != "arrays.npz"


def test_a_header_with_any_wrong_byte_raises_nothing(whole):
    content = (whole / "array.npy").read_bytes()
    for place in range(128):
        for value in b"\x00 (9'{":
            damaged = bytearray(content)
            damaged[place] = value
            (whole / "array.npy").write_bytes(damaged)
            array = kept_array(whole / "array.npy", SHAPE)
            assert array is None or (array == np.arange(8)).all()


def test_a_foreign_file_is_not_taken(whole):
    for content in (b"", b"\x80\x04pickled", b"<html>", (whole / "array.npy").read_bytes()):
        (whole / "arrays.npz").write_bytes(content)
        assert kept_arrays(whole / "arrays.npz", Kept) is None
    np.savez(whole / "arrays.npz", names=[1], places=[2])
    assert kept_arrays(whole / "arrays.npz", Kept) is None
    np.save(whole / "array.npy", np.array([{}]), allow_pickle=True)
    assert kept_array(whole / "array.npy", SHAPE) is None


def test_a_folder_of_that_name_is_told(tmp_path):
    (tmp_path / "array.npy").mkdir()
    with pytest.raises(FileError, match=r"array.npy cannot be read"):
        kept_array(tmp_path / "array.npy", SHAPE)


@pytest.mark.skipif(sys.platform == "win32", reason="a file does not say there how much it takes")
def test_what_a_killed_process_left_is_room_that_is_there(tmp_path, monkeypatch):
    path, part = tmp_path / "array.npy", tmp_path / "array.npy.part"
    part.write_bytes(bytes(100_000))
    assert missing_room(path, 150_000) < 150_000 - 90_000
    monkeypatch.setattr(
        "shutil.disk_usage", lambda place: SimpleNamespace(free=1000 if part.exists() else 10**6)
    )
    with array_on_disk(path, SHAPE) as array:
        array[:] = 1
    assert kept_array(path, SHAPE).all() and not part.exists()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="a file keeps no room there")
def test_an_array_has_its_room_before_it_is_filled(tmp_path):
    """A disk that is full by the time a page is written would end Python, without a word."""
    with array_on_disk(tmp_path / "array.npy", (1_000_000,)):
        assert missing_room(tmp_path / "array.npy", 1_000_000) == 0


def test_a_disk_that_is_too_small_is_told_before_the_first_byte(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(free=100))
    with (
        pytest.raises(FileError, match=r"array.npy needs 0\.0 MB"),
        array_on_disk(tmp_path / "array.npy", SHAPE),
    ):
        raise AssertionError("it was begun")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [KeyError("left"), ValueError("it is no number"), EOFError()])
def test_whatever_its_content_raises_the_archive_and_the_file_in_it_are_named(tmp_path, error):
    reason = str(error) or "a file is missing"
    with (
        pytest.raises(DownloadError, match=rf"a.tgz is damaged .*\(1.png: {reason}\): delete it"),
        archive_errors(tmp_path / "a.tgz", "1.png"),
    ):
        raise error
