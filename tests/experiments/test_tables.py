import copy
import json
import shutil

import pytest
import torch

from stn_lesson.__main__ import main
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


@pytest.fixture
def own_records(tmp_path, monkeypatch):
    """The folder of the user's own records, beside those of the lesson."""
    monkeypatch.setattr(records, "user_folder", lambda kind: tmp_path)
    return tmp_path


LESSONS = {
    "birds-drawn-cnn": ["birds"],
    "numbers-drawn-cnn": ["numbers"],
    "solids-digits-solid_stn": ["solids"],
    "contest-digits-60-pointing_stn": ["contest"],
    "colocalise-digits-T": ["colocalise", "--data", "digits"],
    "table1-mnist-R-cnn-short": ["table1"],
}
DAMAGES = {
    "no runs": lambda record: record.update(runs=[]),
    "runs by name": lambda record: record.update(runs={"a": 1}),
    "nothing": lambda record: record.clear(),
    "percents": lambda record: [r.update(accuracy=[97.5], found=97.5) for r in record["runs"]],
}
OF_TRAININGS = {
    "no accuracy": lambda record: record["runs"][0].update(accuracy=[]),
    "words": lambda record: record["runs"][0].update(accuracy=["a"]),
    "no settings": lambda record: record.pop("settings"),
    "no precision": lambda record: record["settings"].pop("precision"),
    "no parameters": lambda record: record.pop("parameters"),
    "no device": lambda record: record.pop("device"),
}
OF_ONE_TABLE = {
    "birds-drawn-cnn": ("read", {}),
    "numbers-drawn-cnn": ("whole_numbers", {}),
    "solids-digits-solid_stn": ("tilt_after", "steep"),
    "contest-digits-60-pointing_stn": ("aim", {"found": []}),
    "table1-mnist-R-cnn-short": ("accuracy", None),
}


@pytest.mark.parametrize("name", LESSONS)
def test_a_damaged_record_is_named_and_the_lessons_stands_in_for_it(own_records, capsys, name):
    assert main(["table", *LESSONS[name]]) == 0
    expected, whole = capsys.readouterr().out, records.read_record(name)
    damages = dict(DAMAGES)
    if name in OF_ONE_TABLE:
        key, value = OF_ONE_TABLE[name]
        damages |= OF_TRAININGS | {key: lambda record: record["runs"][0].update({key: value})}
    for what, damage in damages.items():
        record = copy.deepcopy(whole)
        damage(record)
        (own_records / f"{name}.json").write_text(json.dumps(record), "utf-8")
        with pytest.warns(records.RecordWarning, match=f"is damaged .*{name} is left out"):
            assert main(["table", *LESSONS[name]]) == 0
        assert capsys.readouterr().out == expected, what


def test_a_table_of_other_data_is_named_damaged(own_records):
    record = records.read_record("table1-mnist-R-cnn-short") | {"data": "my digits"}
    (own_records / "table1-digits-R-cnn-short.json").write_text(json.dumps(record), "utf-8")
    with pytest.warns(records.RecordWarning, match="table1-digits-R-cnn-short is left out"):
        assert not tables.measured_records("table1", "digits")


@pytest.mark.parametrize("pace", [{}, {"pace": {}}, {"pace": {"pointing_stn": {"epochs": 3}}}])
def test_a_contest_whose_paces_are_damaged_has_those_of_the_lesson(own_records, capsys, pace):
    assert main(["table", "contest"]) == 0
    expected = capsys.readouterr().out
    (own_records / "contest-digits-60-pace.json").write_text(json.dumps(pace), "utf-8")
    with pytest.warns(records.RecordWarning, match="contest-digits-60-pace is left out"):
        assert main(["table", "contest"]) == 0
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("birds --data digits", "table birds takes no options; got --data"),
        ("solids --schedule sgd", "table solids takes no options; got --schedule"),
        ("contest --schedule long", "table contest takes --data; got --schedule"),
    ],
)
def test_options_that_a_table_does_not_have_are_refused(capsys, options, said):
    with pytest.raises(SystemExit):
        main(["table", *options.split()])
    assert said in capsys.readouterr().err
