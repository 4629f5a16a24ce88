import json
import shutil

import pytest
import torch

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
            **({"held_parameters": 234} if "frozen" in name else {}),
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
    assert lines[0].startswith(
        "test error in % on mnist, short schedule: mean ± standard deviation"
    )
    assert [line.split() for line in lines[3:7]] == [  # of the rest nothing is known
        ["fcn", "(64", "hidden)", "–", "–", "[13.2]"],
        ["cnn", "1,234", "3.50", "±", "0.71", "[3.5]"],
        ["st_fcn-affine", "–", "–", "[2.0]"],
        ["st_cnn-affine", "1,234", "2.00", "[1.7]"],
    ]
    # √(2 · 98 / 7) and √(3.5 · 96.5 / 7), of 7 test images
    assert lines[-4:] == [
        "2 epochs of 50,000 images, float32, cpu (abacus)",
        "0 of 3 runs collapsed; seeds in a cell: 1 to 2",
        "test noise (one standard deviation): 7 other test images would move an error of "
        "2.00 % by 5.29, one of 3.50 % by 6.95",
        "not measured yet: fcn on TC; frozen_st_fcn on TC; st_fcn-affine on TC; frozen_st_cnn on "
        "TC; pointing_st_cnn-affine on TC; crop_cnn on TC",
    ]
    assert "–" in tables.table("tc", schedule="long").splitlines()[4]


def test_a_table_says_what_is_held_and_that_only_in_frozen_rows(measured):
    measured("tc-mnist-cnn-short", 0.96)
    assert "do not learn" not in tables.table("tc")
    measured("tc-mnist-frozen_st_cnn-short", 0.9)
    assert "\nfrozen at the identity: 234 of the parameters do not learn\n" in tables.table("tc")


def test_the_noise_of_a_test_is_that_of_drawing_its_images():
    draws = torch.distributions.Binomial(200, torch.tensor(0.05))
    torch.manual_seed(0)
    errors = 100 * draws.sample((20_000,)) / 200
    assert tables.binomial_deviation(5.0, 200) == pytest.approx(errors.std().item(), rel=0.02)


def test_a_table_leaves_the_random_numbers_alone(measured):
    """It builds networks, to count the hidden units of the FCN."""
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    assert "fcn (94 to 152 hidden)" in tables.table("table1")
    assert torch.equal(torch.rand(2), expected)


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
