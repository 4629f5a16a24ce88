"""The command line: what it says of wrong words, of Ctrl-C, and where nobody listens."""

import os
import sys

import pytest

from stn_lesson import __main__ as command_line
from stn_lesson.__main__ import main, program
from stn_lesson.experiments import records
from stn_lesson.training import History


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train --epochs 0", "argument --epochs: it must be at least 1, got 0"),
        ("train --epochs 1.5", "argument --epochs: it must be a whole number, got '1.5'"),
        ("train --batch-size 100000000000000000000", "--batch-size: it must be at most 2147483647"),
        ("train --seed -1", "argument --seed: it must be from 0 to 2147483647, got -1"),
        ("replicate 1.5", "argument seed: it must be a whole number, got '1.5'"),
        ("run recipe --seeds none", "argument --seeds: it must be a whole number, got 'none'"),
    ],
)
def test_a_number_that_cannot_be_is_told_in_the_lessons_words(words, message, capsys):
    with pytest.raises(SystemExit):
        main(words.split())
    assert message in capsys.readouterr().err


def test_a_checkpoint_without_a_name_is_told(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--epochs", "1", "--checkpoint", ""])
    assert "error: a file's name must be a path, got an empty one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "goes_on"),
    [
        ("run recipe", True),
        ("run turned", False),
        ("replicate 3", True),
        ("train --checkpoint run.pt", True),
        ("train", False),
        ("results", False),
    ],
)
def test_what_was_stopped_says_so_and_whether_the_same_command_goes_on(
    words, goes_on, capsys, monkeypatch
):
    def press_stop(*args, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "run_experiment", press_stop)
    monkeypatch.setattr(command_line.replication, "replicate", press_stop)
    monkeypatch.setattr(command_line.records, "record_paths", press_stop)
    monkeypatch.setattr(command_line, "train_recipe", lambda **_: History(interrupted=True))
    assert main(words.split()) == 130
    how = "; the same command goes on from what is written" if goes_on else ""
    assert capsys.readouterr().err == f"Stopped{how}.\n"


def list_results_to(file, monkeypatch):
    """What `results` returns, its lines going to a file, by name or number."""
    monkeypatch.setattr(sys, "argv", ["stn_lesson", "results"])
    with open(file, "w", encoding="utf-8") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        return program()


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise there")
def test_where_nobody_listens_any_more_nothing_is_said(monkeypatch, capsys):
    read, write = os.pipe()
    os.close(read)
    assert list_results_to(write, monkeypatch) == 141 and capsys.readouterr().err == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such disk here")
def test_a_full_disk_is_told_where_the_lines_go(monkeypatch, capsys):
    assert list_results_to("/dev/full", monkeypatch) == 1
    assert "the output cannot be written (No space left on device)" in capsys.readouterr().err


def test_a_link_that_leads_nowhere_is_named_and_the_others_are_listed(
    tmp_path, monkeypatch, capsys
):
    there = records.record_paths()["recipe-digits-recipe_stn"]
    paths = {"lost": tmp_path / "lost.json", "recipe": there}
    monkeypatch.setattr(command_line.records, "record_paths", lambda: paths)
    assert main(["results"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("recipe: recipe_stn on") and "lost.json leads to no file" in said.err
