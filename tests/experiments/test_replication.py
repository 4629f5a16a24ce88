"""Each student a seed, one command for the class."""

import json
import math

import pytest
import torch
from scipy import stats

from stn_lesson.__main__ import main
from stn_lesson.experiments import class_records, records, replication
from stn_lesson.plots import seed_accuracies


@pytest.fixture
def short(few_digits, tmp_path, monkeypatch):
    """Replications of one epoch, in a folder of the test."""
    monkeypatch.chdir(tmp_path)
    plan = replication.plan_recipe
    monkeypatch.setattr(replication, "plan_recipe", lambda *args: plan(*args, epochs=1))
    return few_digits


def test_a_class_trains_its_seeds_and_one_command_puts_them_together(short, tmp_path, capsys):
    folder = tmp_path / "handed in"
    for student, seed in (("ada", 3), ("bob", 1), ("eve", 3)):
        assert main(["replicate", str(seed)]) == 0
        (made,) = tmp_path.glob("*.json")
        assert made.name == f"recipe-digits-recipe_stn-seed{seed}.json"
        (folder / student).mkdir(parents=True)
        made.rename(folder / student / "my record.json")
    (folder / "notes.json").write_text("{}")
    capsys.readouterr()
    assert main(["merge", str(folder)]) == 0
    output = capsys.readouterr().out
    assert (
        "recipe_stn on cluttered few digits: " in output and " ± " in output and "2 seeds" in output
    )
    assert "left out: my record.json: seed 3 is there already" in output
    assert "left out: notes.json: no record of one run (KeyError: 'runs')" in output
    (record,) = class_records()
    assert [run["seed"] for run in record["runs"]] == [1, 3]
    here = records.device_name(torch.device("cpu"))
    assert [run["device"] for run in record["runs"]] == 2 * [here] and record["device"] == here
    assert json.loads((short / "class.json").read_text("utf-8"))["experiments"] == [record]


def test_a_seed_alone_is_the_run_that_the_recipe_makes(short):
    (alone,) = json.loads(replication.replicate(0).read_text("utf-8"))["runs"]
    assert main(["run", "recipe", "--epochs", "1"]) == 0
    (ours,) = json.loads((short / "recipe-digits-recipe_stn.json").read_text("utf-8"))["runs"]
    del ours["theta"], ours["training_seconds"], alone["training_seconds"]
    assert alone == ours


def test_an_empty_folder_is_told(few_digits, tmp_path, capsys):
    assert main(["merge", str(tmp_path / "nowhere")]) == 1
    assert "there is no record of one run in" in capsys.readouterr().err


@pytest.mark.parametrize("accuracy", [[], [2.0], ["x"], None])
def test_a_record_with_impossible_figures_is_left_out(few_digits, tmp_path, accuracy):
    described = {name: "x" for name in replication.MATCHING_KEYS}
    (tmp_path / "a.json").write_text(
        json.dumps(described | {"runs": [{"seed": 1, "accuracy": accuracy}]})
    )
    with pytest.raises(FileNotFoundError):
        replication.merge(tmp_path)


def test_a_class_may_have_many_devices_and_each_run_keeps_its_own(few_digits, tmp_path):
    described = {name: "x" for name in replication.MATCHING_KEYS}
    for seed, device in enumerate(["cuda (A)", "cpu (B)", "cuda (A)"]):
        run = {"seed": seed, "accuracy": [0.5]}
        record = described | {"device": device, "runs": [run]}
        (tmp_path / f"{seed}.json").write_text(json.dumps(record))
    path, _ = replication.merge(tmp_path)
    (merged,) = json.loads(path.read_text("utf-8"))["experiments"]
    assert merged["device"] == "cpu (B), cuda (A)"
    assert [run["device"] for run in merged["runs"]] == ["cuda (A)", "cpu (B)", "cuda (A)"]


@pytest.mark.parametrize("changes", [{}, {"data": 7}, {"network": None}])
def test_a_record_that_the_table_cannot_show_is_left_out_before_anything_is_written(
    few_digits, tmp_path, capsys, changes
):
    """One without `collapsed_at`, which older records lack, can be shown."""
    described = {name: "x" for name in replication.MATCHING_KEYS}
    for seed, change in ((1, {}), (2, changes)):
        record = described | change | {"runs": [{"seed": seed, "accuracy": [0.5]}]}
        (tmp_path / f"{seed}.json").write_text(json.dumps(record))
    assert main(["merge", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"{2 if not changes else 1} seed" in said and "0 collapsed" in said
    assert ("left out: 2.json: no record of one run (TypeError" in said) == bool(changes)


def test_a_damaged_record_is_left_out_with_its_name(few_digits, tmp_path, capsys):
    described = {name: "x" for name in replication.MATCHING_KEYS}
    for seed in (1, 2):
        record = described | {"runs": [{"seed": seed, "accuracy": [0.5]}]}
        records.write_record(tmp_path / f"{seed}.json", record)
    damaged = tmp_path / "2.json"
    damaged.write_text(damaged.read_text("utf-8").replace("0.5", "0.9"), "utf-8")
    assert main(["merge", str(tmp_path)]) == 0
    assert "left out: 2.json: no record of one run (RecordError: " in capsys.readouterr().out


def test_a_seed_that_is_none_is_told_before_anything_is_trained(capsys):
    for word in ("-1", "1.5", str(2**31)):
        with pytest.raises(SystemExit):
            main(["replicate", word])
        said = capsys.readouterr().err
        assert "argument seed: it must be" in said and f"got {word}" in said.replace("'", "")


@pytest.mark.parametrize(
    ("degrees_of_freedom", "printed"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (30, 2.042), (120, 1.980)],
)
def test_students_t_is_the_one_of_the_printed_tables(degrees_of_freedom, printed):
    t = replication.student_t_quantile(degrees_of_freedom)
    assert t == pytest.approx(printed, abs=5e-4)
    assert t == pytest.approx(stats.t.ppf(0.975, degrees_of_freedom), rel=1e-9)


def test_students_t_is_right_for_any_number_of_seeds_and_any_confidence():
    for degrees_of_freedom in [*range(1, 60), 199, 1000]:
        for confidence in (0.5, 0.9, 0.99):
            expected = stats.t.ppf((1 + confidence) / 2, degrees_of_freedom)
            t = replication.student_t_quantile(degrees_of_freedom, confidence)
            assert t == pytest.approx(expected, rel=1e-9)


def test_the_interval_is_students_t():
    last = [0.91, 0.93, 0.92, 0.95]
    record = {"runs": [{"accuracy": [0.1, a]} for a in last]}
    mean, half = replication.confidence_interval(record)
    low, high = stats.t.interval(0.95, 3, loc=mean, scale=stats.sem(last))
    assert (mean - half, mean + half) == pytest.approx((low, high))
    alone, infinite = replication.confidence_interval({"runs": [{"accuracy": [0.9]}]})
    assert alone == 0.9 and math.isinf(infinite)


def test_the_picture_says_what_it_shows():
    figure = seed_accuracies({"ours": ([0.9, 0.92], (0.91, 0.02)), "one": ([0.8], (0.8, math.inf))})
    assert figure.alt == (
        "Test accuracy of each seed, the mean and its 95 % confidence interval: "
        "ours 91.0 ± 2.0 % (2 seeds), one 80.0 % (1 seed)."
    )
