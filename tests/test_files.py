"""Where files go, and what may befall who writes and reads them."""

import os
import tracemalloc
from pathlib import Path

import pytest

from stn_lesson import files
from stn_lesson.files import FileError, locked, read_whole, write_atomically


def test_a_file_that_was_there_keeps_its_mode(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("old")
    file.chmod(0o640)
    write_atomically(file, b"new")
    assert file.read_bytes() == b"new" and file.stat().st_mode & 0o777 == 0o640
    write_atomically(tmp_path / "b.txt", b"new")
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "b.txt").stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_stays_a_link_and_leads_to_the_new(tmp_path):
    there, link = tmp_path / "elsewhere" / "a.txt", tmp_path / "link.txt"
    there.parent.mkdir()
    link.symlink_to(there)
    for content in (b"first", b"second"):  # at first it leads nowhere
        write_atomically(link, content)
        assert link.is_symlink() and there.read_bytes() == content
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "link.txt"]


def test_what_dead_writers_left_behind_is_removed_and_nothing_else(tmp_path):
    dead = [".run.pt-4711-0a1b2c3d", ".run.pt.lock"]
    others = [
        "run.pt-1",
        ".run.pt-4711",
        ".run.pt-old",
        ".other.pt-4711",
        ".run.pt-4711-0a1b2c3d.txt",
    ]
    for name in dead + others:
        (tmp_path / name).write_text("")
    with locked(tmp_path / "run.pt"):
        pass
    assert sorted(os.listdir(tmp_path)) == sorted(others)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("", ValueError, "a file's name must be a path, got an empty one"),
        (None, TypeError, "a file's name must be a path, got None"),
        (7, TypeError, "a file's name must be a path, got 7"),
        ("a\0b", ValueError, "a file's name must be a path, got a character 0 in"),
        (".", FileError, "^. is a folder: name a file"),
        ("there.txt/run.pt", FileError, "^there.txt/run.pt cannot be written"),
    ],
)
def test_what_can_be_no_file_is_told_by_the_name_that_was_given(
    tmp_path, monkeypatch, name, error, message
):
    monkeypatch.chdir(tmp_path)
    Path("there.txt").write_text("a file, and no folder")
    with pytest.raises(error, match=message):
        write_atomically(name, b"")
    with pytest.raises(error, match=message), locked(name):
        pass
    assert os.listdir() == ["there.txt"]


def test_a_tilde_is_the_users_home(tmp_path, monkeypatch):
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    write_atomically("~/runs/a.txt", b"whole")
    assert (tmp_path / "runs" / "a.txt").read_bytes() == read_whole("~/runs/a.txt") == b"whole"


@pytest.mark.skipif(not Path("/proc").exists(), reason="no /proc here")
def test_where_no_file_can_be_made_nobody_else_is_said_to_be_writing():
    with (
        pytest.raises(FileError, match="^/proc/x.pt cannot be written: no file can be made"),
        locked("/proc/x.pt"),
    ):
        pass


def test_room_is_tried_out_in_pieces_and_given_back(tmp_path):
    tracemalloc.start()
    with locked(tmp_path / "run.pt", room=40 * 2**20 + 1):
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    tracemalloc.stop()
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="pipe is no ordinary file"):
        write_atomically(tmp_path / "pipe", b"")
    assert not (tmp_path / "pipe").is_file()


def test_an_error_while_writing_names_the_file_and_leaves_the_old_one(tmp_path, monkeypatch):
    file = tmp_path / "a.txt"
    file.write_bytes(b"old")

    def refuse(*names):
        raise PermissionError(13, "Permission denied", names[0])

    monkeypatch.setattr(files.os, "replace", refuse)
    with pytest.raises(FileError) as told:
        write_atomically(file, b"new")
    assert str(told.value) == (
        f"{file} cannot be written (Permission denied): ask for the right to it, or name a file "
        "elsewhere"
    )
    assert file.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.txt"]


def test_a_file_that_may_not_be_read_is_told_so(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    with pytest.raises(FileNotFoundError):
        read_whole(tmp_path / "a.txt")
    (tmp_path / "a.txt").write_bytes(b"")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(FileError, match=r"a.txt cannot be read \(Permission denied\): ask for"):
        read_whole(tmp_path / "a.txt")
