import json
import shutil

import pytest

from stn_lesson.experiments import records, tables
from stn_lesson.files import lesson_folder


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Some cells of the tables, as if they had been measured."""
    shutil.copytree(lesson_folder() / "reference", tmp_path / "reference")
    (tmp_path / "results").mkdir()
    monkeypatch.setattr(records, "lesson_folder", lambda: tmp_path)
    monkeypatch.setattr(records, "user_folder", lambda kind: tmp_path / kind)

    def measure(name, *accuracies):
        record = {
            "data": "some digits: 50000 training images, 7 test images, 28×28 pixels",
            "settings": {"epochs": 2, "precision": "float32"},
            "device": "cpu (abacus)",
            "parameters": 1234,
            "runs": [
                {"accuracy": [0.1, accuracy], "collapsed_at": 40 if accuracy < 0.2 else None}
                for accuracy in accuracies
            ],
        }
        (tmp_path / "results" / f"{name}.json").write_text(json.dumps(record), "utf-8")

    return measure


def test_a_table_shows_ours_with_its_spread_beside_the_papers(measured):
    measured("tc-mnist-cnn-short", 0.96, 0.97)
    measured("tc-mnist-st_cnn-affine-short", 0.98)
    lines = tables.table("tc").splitlines()
    assert lines[0] == "test error in % on mnist, short schedule; [the paper's]"
    assert lines[3:7] == [
        "fcn            –           – [13.2]",
        "cnn            1,234       3.50 (3.00 to 4.00) [3.5]",
        "st_fcn-affine  –           – [2.0]",
        "st_cnn-affine  1,234       2.00 [1.7]",
    ]
    assert lines[-3:-1] == [
        "2 epochs of 50,000 images, float32, cpu (abacus)",
        "0 of 3 runs collapsed",
    ]
    assert lines[-1] == "not measured yet: fcn on TC, st_fcn-affine on TC"
    assert "–" in tables.table("tc", schedule="long").splitlines()[4]


def test_the_best_single_transformer_is_compared_where_the_paper_gives_no_other(measured):
    measured("addition-mnist-st_fcn-affine-short", 0.70, 0.80)
    measured("addition-mnist-st_fcn-tps-short", 0.78)
    line = next(x for x in tables.table("addition").splitlines() if x.startswith("best st_fcn"))
    assert line.split() == ["best", "st_fcn", "22.00", "[18.5]"]


def test_runs_that_collapsed_are_counted(measured):
    measured("tc-mnist-cnn-short", 0.96, 0.11, 0.97)
    assert "1 of 3 runs collapsed" in tables.table("tc")


def test_the_papers_figures_are_as_printed_there():
    theirs = tables.published_errors("table1")
    assert len(theirs) == 32 and theirs["st_cnn-tps", "E"] == 1.1 and theirs["fcn", "RTS"] == 5.2
    assert tables.published_errors("tc")["cnn", "TC"] == 3.5
    assert tables.published_errors("addition")["2st_fcn-tps", "addition"] == 5.8


def test_an_unknown_table_is_refused():
    with pytest.raises(
        ValueError, match="one of table1, tc, tc_once, undistorted, slant, addition"
    ):
        tables.measured_errors("svhn")
