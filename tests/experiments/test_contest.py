import json
import math
from statistics import median

import pytest
import torch

from stn_lesson import experiments
from stn_lesson.__main__ import main
from stn_lesson.experiments import contest, records
from stn_lesson.experiments.recipe import SCENES
from stn_lesson.experiments.schedules import REPEATS
from stn_lesson.networks import count_parameters

SECONDS_A_STEP = {
    "frozen_stn": 0.5,
    "recipe_stn": 2.0,
    "pointing_stn": 1.0,
    "plain_cnn_small": 1.5,
    "plain_cnn_large": 3.0,
    "global_max_cnn": 0.4,
}


@pytest.fixture
def quick(few_digits, monkeypatch):
    """A contest of one epoch, whose paces are given instead of measured."""
    monkeypatch.setitem(contest.CONTEST_SCHEDULES, "digits", {"epochs": 1, "batch_size": 64})
    monkeypatch.setitem(REPEATS, "digits", 2)

    def run(command, **_):
        network = command[-1]
        parameters = count_parameters(contest.CONTESTANTS[network](int(command[-2])))
        pace = {"seconds_a_step": SECONDS_A_STEP[network], "peak_memory_mb": 400}
        return type("Completed", (), {"stdout": json.dumps(pace | {"parameters": parameters})})

    monkeypatch.setattr(contest.subprocess, "run", run)
    return few_digits


def test_everyone_may_train_as_long_as_the_pointing_network_and_at_least_an_epoch(quick):
    record = records.read_record(contest.run_pace("digits", 84).stem)
    assert record["budget_seconds"] == 2.0  # 128 images, two steps of a second each
    for network, pace in record["pace"].items():
        assert pace["epochs"] == math.ceil(2 / (2 * SECONDS_A_STEP[network])), network
        assert (pace["epochs"] - 1) * pace["seconds_an_epoch"] < 2.0


def test_a_contest_leaves_records_with_aim_and_a_table(quick, capsys):
    options = ["--size", "84", "--seeds", "2"]
    for network in ("pointing_stn", "global_max_cnn"):
        assert main(["run", "contest", *options, "--network", network]) == 0
    record = experiments.read_record("contest-digits-84-pointing_stn")
    assert record["clutter"] == {"size": 84, "pieces": 6, "piece_size": 8}
    assert record["settings"]["epochs"] == 1 and record["settings"]["repeats"] == 2
    assert [len(records.recorded_aim(run)) for run in record["runs"]] == [1, 1]
    accuracies = experiments.contest_accuracies("digits")
    assert accuracies.keys() == {("pointing_stn", 84), ("global_max_cnn", 84)}
    capsys.readouterr()
    assert main(["table", "contest"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "84×84 pixels"
    assert [line.split()[0] for line in lines[4:6]] == ["pointing_stn", "global_max_cnn"]
    assert "±" in lines[4] and "89,744" in lines[4] and max(map(len, lines)) <= 100
    others = contest.CONTESTANTS.keys() - {"pointing_stn", "global_max_cnn"}
    assert lines[-1] == "not measured yet on 100×100: all"
    assert set(lines[-3].removeprefix("not measured yet on 84×84: ").split(", ")) == others


def test_the_small_cnn_has_as_many_parameters_as_the_pointing_network():
    for size in SCENES:
        small, pointing = (
            count_parameters(contest.CONTESTANTS[name](size))
            for name in ("plain_cnn_small", "pointing_stn")
        )
        assert abs(small / pointing - 1) < 0.05


def test_a_pace_is_measured_by_training(monkeypatch):
    monkeypatch.setattr(contest, "PACE_STEPS", 2)
    monkeypatch.setattr(contest, "default_device", lambda: torch.device("cpu"))
    pace = contest.measure_pace("digits", 60, "global_max_cnn")
    assert 0 < pace["seconds_a_step"] < 60 and pace["parameters"] == 32_618
    assert pace["peak_memory_mb"] > 100


def test_unknown_networks_and_sizes_are_refused(quick):
    with pytest.raises(ValueError, match="network must be one of frozen_stn, .*got 'cnn'"):
        contest.run_contest("digits", 84, "cnn")
    with pytest.raises(ValueError, match="data must be one of digits, mnist, got 'letters'"):
        experiments.load_scenes("letters", 84)
    with pytest.raises(ValueError, match="size must be one of 60, 84, 100, got 72"):
        contest.run_contest("digits", 72, "pointing_stn")


def test_the_recorded_contest_shows_what_the_notebook_says():
    """84×84 pixels, embedded digits: who aims reads, and by how much (notebook 05)."""
    record = experiments.read_record("contest-digits-84-pointing_stn")
    aims = [records.recorded_aim(run)[-1] for run in record["runs"]]
    accuracies = experiments.contest_accuracies("digits")
    assert len(aims) == 50 and min(accuracies["pointing_stn", 84]) >= 0.94
    assert all(run["collapsed_at"] is run["silent_at"] is None for run in record["runs"])
    assert median(accuracies["pointing_stn", 84]) >= 0.95
    assert all(0.93 < slope < 1.05 for aim in aims for slope in aim.slope)
    assert min(aim.found for aim in aims) >= 0.99
    for rival in ("frozen_stn", "recipe_stn", "plain_cnn_small", "plain_cnn_large"):
        ahead = median(accuracies["pointing_stn", 84]) - median(accuracies[rival, 84])
        assert ahead >= 0.1, rival


def test_the_larger_the_scene_the_more_aiming_pays():
    """What notebook 05 and the README say of 60×60 and 100×100 pixels, and of MNIST."""
    percent = {
        (data, *cell): 100 * sum(seeds) / len(seeds)
        for data in ("digits", "mnist")
        for cell, seeds in experiments.contest_accuracies(data).items()
    }
    assert percent["digits", "pointing_stn", 60] - percent["digits", "plain_cnn_large", 60] < 1.5
    assert 90 < percent["digits", "frozen_stn", 60] < 91.5
    assert 50 < percent["digits", "frozen_stn", 100] < 55
    assert percent["digits", "pointing_stn", 100] == pytest.approx(96.1, abs=0.05)
    lost = experiments.read_record("contest-digits-100-recipe_stn")["runs"]
    assert len(lost) == 3 and all(run["collapsed_at"] for run in lost)
    assert max(percent["digits", f"plain_cnn_{size}", 100] for size in ("small", "large")) < 25
    figures = {"pointing_stn": 95.8, "frozen_stn": 69.7, "plain_cnn_large": 92.3}
    for network, figure in figures.items():
        assert percent["mnist", network, 84] == pytest.approx(figure, abs=0.05), network
