import functools
import json

import pytest

import stn_lesson as stn
from stn_lesson import experiments
from stn_lesson.__main__ import main
from stn_lesson.datasets import Dataset, Split


@pytest.fixture
def few_digits(tmp_path, monkeypatch):
    """Runs that take a second, and records that go to a folder of the test."""
    digits = stn.load_digits()
    train = Split(digits.train.images[:64], digits.train.labels[:64])
    few = Dataset("few digits", train, Split(digits.test.images[:32], digits.test.labels[:32]))
    monkeypatch.setattr(experiments, "load_digits", lambda: few)
    monkeypatch.setattr(experiments, "DATA", tmp_path / "data")
    monkeypatch.setattr("stn_lesson.__main__.DATA", tmp_path / "data")
    return tmp_path / "data" / "results"


def test_a_run_leaves_a_record_with_its_settings_and_provenance(few_digits, capsys):
    assert main(["run", "recipe", "--seeds", "2", "--epochs", "1"]) == 0
    (path,) = few_digits.iterdir()
    record = json.loads(path.read_text("utf-8"))
    assert path.name == "recipe-digits-recipe_stn.json" and record["parameters"] == 178_018
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    assert record["settings"] == {
        "epochs": 1,
        "batch_size": 64,
        "learning_rate": 8e-3,
        "localisation_rate": 0.1,
        "weight_decay": 0.0,
        "clip": 1.0,
    }
    assert record["scenes"] == {"size": 60, "distractors": 6, "crop": 8, "repeats": 10}
    assert {"date", "device", "threads", "torch", "python"} <= set(record)
    assert all(len(run["accuracy"]) == 1 for run in record["runs"])
    assert "written: data/results/recipe-digits-recipe_stn.json" in capsys.readouterr().out

    assert main(["results"]) == 0
    line = capsys.readouterr().out
    assert line.startswith("recipe_stn on cluttered few digits: test accuracy")
    assert "2 seeds, 0 collapsed" in line


def test_a_record_keeps_theta_of_its_first_seed_and_gives_it_back(few_digits, monkeypatch):
    fit, histories = experiments.fit, []

    @functools.wraps(fit)
    def remember(*words, **settings):
        histories.append(fit(*words, **settings))
        return histories[-1]

    monkeypatch.setattr(experiments, "fit", remember)
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
    assert "holds more than 1 seeds: delete it" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="data must be one of digits, mnist, got 'letters'"):
        experiments.recipe("letters")
    with pytest.raises(
        ValueError, match="network must be one of recipe_stn, frozen_stn, plain_cnn"
    ):
        experiments.run_recipe("digits", "resnet")
    with pytest.raises(ValueError, match="settings of epochs, .*got momentum"):
        experiments.run_recipe("digits", momentum=0.9)
    with pytest.raises(FileNotFoundError, match="there is no record 'x'; there are"):
        experiments.read_record("x")
    with pytest.raises(SystemExit):
        main(["run", "nothing"])


@pytest.mark.parametrize(
    "option",
    [["--data", "digits"], ["--network", "recipe_stn"], ["--seeds", "1"], ["--epochs", "3"]],
)
def test_options_of_the_recipe_are_refused_for_a_network_that_is_trained_anew(
    option, monkeypatch, capsys
):
    def trains(name):
        raise AssertionError("the network was trained, and its checkpoint written over")

    monkeypatch.setattr("stn_lesson.__main__.run_trained", trains)
    with pytest.raises(SystemExit):
        main(["run", "cluttered", *option])
    message = "--data, --network, --seeds and --epochs belong to the recipe"
    assert message in capsys.readouterr().err


def test_without_mnist_the_command_says_so(few_digits, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("STN_LESSON_DATA", str(tmp_path))
    monkeypatch.setattr("stn_lesson.datasets.mnist.SOURCES", ("http://127.0.0.1:9/",))
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
    ],
)
def test_the_records_hold_what_the_lesson_promises(name, seeds, lowest):
    record = experiments.read_record(name)
    assert len(record["runs"]) == seeds
    for run in record["runs"]:
        assert run["accuracy"][-1] >= lowest and run["collapsed_at"] is None
        assert len(run["accuracy"]) == record["settings"]["epochs"]
    assert f"{seeds} seeds, 0 collapsed" in experiments.summary(record)


@pytest.mark.parametrize(("name", "side"), [("cluttered", 60), ("turned", 28)])
def test_the_networks_that_come_trained_read_what_their_records_say(name, side):
    model, record = experiments.trained(name), experiments.read_record(f"trained-{name}")
    data = experiments.TRAINED[name][1](stn.load_digits())
    assert data.test.images.shape[-1] == side
    promised = record["rounded_to_16_bits"]["embedded_test_accuracy"]
    assert stn.evaluate(model, data.test) == pytest.approx(promised, abs=0.005)
    assert promised > 0.95 and record["rounded_to_16_bits"]["mnist_test_accuracy"] > 0.96
    assert (experiments.DATA / "checkpoints" / f"{name}.pt").stat().st_size < 400_000
    with pytest.raises(ValueError, match="name must be one of cluttered, turned"):
        experiments.trained("upright")


def test_a_network_is_trained_anew_by_command(few_digits, monkeypatch, capsys):
    mnist = stn.load_digits()  # stands in for MNIST: there may be no network
    some = Split(mnist.test.images[:40], mnist.test.labels[:40])
    monkeypatch.setattr(experiments, "load_mnist", lambda: Dataset("MNIST", some, some, some))
    network, scenes, _ = experiments.TRAINED["turned"]
    monkeypatch.setitem(experiments.TRAINED, "turned", (network, scenes, 1))
    assert main(["run", "turned"]) == 0
    record = json.loads((few_digits / "trained-turned.json").read_text("utf-8"))
    assert record["network"] == "STFCN" and len(record["runs"][0]["accuracy"]) == 1
    model, data = experiments.trained("turned"), scenes(experiments.load_digits())
    kept = record["rounded_to_16_bits"]["embedded_test_accuracy"]
    assert stn.evaluate(model, data.test) == pytest.approx(kept, abs=1e-4)


def test_the_live_pictures_were_as_quick_as_the_readme_says():
    record = experiments.read_record("live-pictures")
    readme = (experiments.DATA.parent / "README.md").read_text("utf-8")
    for name, figures in record["figures"].items():
        row = next(line for line in readme.splitlines() if line.startswith(f"| {spelt(name)} |"))
        expected = [
            figures["key_to_picture_median_ms"],
            figures["key_to_picture_p95_ms"],
            figures["pictures_a_second"],
            figures["moving_after_release_ms"],
        ]
        told = [int(cell.split()[0]) for cell in row.split("|")[2:6]]
        assert told == pytest.approx(expected, abs=0.51)
        network = "view" in name
        assert figures["key_to_picture_p95_ms"] <= (120 if network else 50)
        assert figures["pictures_a_second"] >= (10 if network else 30)
        assert figures["moving_after_release_ms"] <= 150


def spelt(name):
    """A picture's name in the record as the README has it."""
    return name.replace("flight recorder", "θ flight recorder").replace("network: ", "network, ")
