"""What a teacher types, and what is said where it does not fit."""

import os
from contextlib import suppress

import pytest

from stn_grading.__main__ import main
from stn_grading.grade import grade


def test_the_command_keeps_grades_from_other_users_of_the_machine(tmp_path, monkeypatch):
    def stub_grade(folder, **options):
        (tmp_path / "gradebook.db").touch()
        raise FileNotFoundError("and no more")

    monkeypatch.setattr("stn_grading.__main__.grade", stub_grade)
    before = os.umask(0o022)
    try:
        assert main(["grade", str(tmp_path)]) == 1
    finally:
        os.umask(before)
    assert (tmp_path / "gradebook.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["folder", "--sed", "3"], "unrecognized arguments: --sed 3"),
        (["my", "folder"], "folder (the name of a file or folder with spaces in it needs quot"),
        (["folder", "--roster", "a", "--roster", "b"], "--roster was given twice: grade once with"),
        (["folder", "--column", "Note"], "--column names a column of a table: name it with --ros"),
    ],
)
def test_words_that_do_not_fit_are_refused(words, message, capsys):
    with suppress(SystemExit):
        assert main(["grade", *words]) == 1
    assert message in capsys.readouterr().err


def test_a_folder_of_something_else_is_told_before_it_is_examined(tmp_path, monkeypatch):
    for name in ("bill.pdf", "photo.png", "letter.txt"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"%")
    told = []

    def examine_nothing(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("stn_grading.grade.examine", examine_nothing)
    with pytest.raises(KeyboardInterrupt):
        grade(tmp_path / "in", course=tmp_path / "course", trust=True, tell=told.append)
    assert "3 of 3 in" in told[0] and "bill.pdf for one: if this is the wrong folder" in told[0]
