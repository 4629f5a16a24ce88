import functools
import json

import pytest

from stn_lesson import experiments
from stn_lesson.__main__ import main
from stn_lesson.experiments import runs


def test_a_run_leaves_a_record_with_its_settings_and_provenance(few_digits, capsys):
    assert main(["run", "recipe", "--seeds", "2", "--epochs", "1"]) == 0
    (path,) = few_digits.iterdir()
    record = json.loads(path.read_text("utf-8"))
    assert path.name == "recipe-digits-recipe_stn.json" and record["parameters"] == 178_018
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    assert record["settings"] == {
        "epochs": 1,
        "batch_size": 64,
        "optimiser": "adamw",
        "learning_rate": 8e-3,
        "localisation_rate": 0.1,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "precision": "float32",
    }
    assert record["clutter"] == {"size": 60, "pieces": 6, "piece_size": 8, "repeats": 10}
    assert {"date", "device", "threads", "torch", "python"} <= set(record)
    assert all(len(run["accuracy"]) == 1 for run in record["runs"])
    assert f"written: {few_digits}/recipe-digits-recipe_stn.json" in capsys.readouterr().out

    assert main(["results"]) == 0
    line = capsys.readouterr().out
    assert line.startswith("recipe-digits-recipe_stn: recipe_stn on cluttered few digits: test acc")
    assert "2 seeds, 0 collapsed" in line


def test_a_record_keeps_theta_of_its_first_seed_and_gives_it_back(few_digits, monkeypatch):
    fit, histories = runs.fit, []

    @functools.wraps(fit)
    def remember(*args, **settings):
        histories.append(fit(*args, **settings))
        return histories[-1]

    monkeypatch.setattr(runs, "fit", remember)
    path = experiments.run_recipe("digits", seeds=2, epochs=2, learning_rate=0.05)
    record = json.loads(path.read_text("utf-8"))
    assert "theta" in record["runs"][0] and "theta" not in record["runs"][1]
    first = experiments.recorded_history(record)
    assert len(first.theta) == 2 and first.theta[0].shape == (32, 2, 3)
    for recorded, theta in zip(first.theta, histories[0].theta, strict=True):
        assert (recorded - theta).abs().max() <= 0.5e-4 + 1e-6
    assert (first.theta[1] - first.theta[0]).abs().max() > 1e-3  # so there was something to keep
    assert first.accuracy == pytest.approx(histories[0].accuracy, abs=1e-4)
    assert experiments.recorded_history(record, run=1).theta == []
    assert max(map(len, path.read_text("utf-8").splitlines())) < 200  # a row for each θ

    path = experiments.run_recipe("digits", "plain_cnn", epochs=1)
    assert "theta" not in json.loads(path.read_text("utf-8"))["runs"][0]


def test_seeds_trained_at_once_leave_the_record_of_seeds_trained_in_turn(few_digits, monkeypatch):
    def made():
        path = experiments.run_recipe("digits", seeds=3, epochs=1)
        record = json.loads(path.read_text("utf-8"))
        path.unlink()
        assert record.pop("checksum").startswith("sha256:")
        for run in record["runs"]:
            assert run.pop("training_seconds") >= 0
        return record

    in_turn = made()
    monkeypatch.setattr(runs, "seeds_at_once", lambda device: 2)
    at_once = made()
    assert [run.pop("seeds_at_once", 1) for run in at_once["runs"]] == [2, 2, 1]
    assert at_once == in_turn


def test_the_same_seed_gives_the_same_record(few_digits):
    records = []
    for _ in range(2):
        path = experiments.run_recipe("digits", seeds=1, epochs=1)
        runs = json.loads(path.read_text("utf-8"))["runs"]
        records.append([run | {"training_seconds": 0} for run in runs])
    assert records[0] == records[1]


def test_a_record_with_more_seeds_is_not_overwritten(few_digits, capsys):
    path = experiments.run_recipe("digits", seeds=2, epochs=1)
    before = path.read_bytes()
    assert main(["run", "recipe", "--epochs", "1"]) == 1
    assert "holds more seeds than 1: delete it" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="data must be one of digits, mnist, got 'letters'"):
        experiments.load_recipe("letters")
    with pytest.raises(
        ValueError, match="network must be one of recipe_stn, pointing_stn_28, frozen_stn"
    ):
        experiments.run_recipe("digits", "resnet")
    with pytest.raises(ValueError, match="settings of epochs, .*got momentum"):
        experiments.run_recipe("digits", momentum=0.9)
    with pytest.raises(SystemExit):
        main(["run", "nothing"])


def test_without_mnist_the_command_says_so(few_digits, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("STN_LESSON_DATA", str(tmp_path))
    monkeypatch.setattr("stn_lesson.datasets.mnist.MIRRORS", ("http://127.0.0.1:9/",))
    assert main(["run", "recipe", "--data", "mnist"]) == 1
    assert "Without a network, use the embedded digits" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "seeds", "lowest"),
    [
        ("recipe-digits-recipe_stn", 10, 0.90),
        ("recipe-digits-frozen_stn", 3, 0.85),
        ("recipe-digits-plain_cnn", 3, 0.9),
        ("recipe-mnist-recipe_stn", 5, 0.93),
        ("recipe-mnist-frozen_stn", 2, 0.8),
        ("recipe-mnist-pointing_stn_28", 3, 0.965),
    ],
)
def test_the_records_hold_what_the_lesson_promises(name, seeds, lowest):
    record = experiments.read_record(name)
    assert len(record["runs"]) == seeds
    for run in record["runs"]:
        assert run["accuracy"][-1] >= lowest and run["collapsed_at"] is None
        assert len(run["accuracy"]) == record["settings"]["epochs"]
    assert f"{seeds} seeds, 0 collapsed" in experiments.summary(record)
