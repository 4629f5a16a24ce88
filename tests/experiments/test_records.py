import json
import threading
from functools import partial

import pytest
import torch

from stn_lesson import experiments
from stn_lesson.__main__ import main
from stn_lesson.experiments import paper, records, runs
from stn_lesson.files import lesson_folder
from stn_lesson.training import Aim, History, StopTraining


def test_the_pages_were_as_quick_as_the_readme_says():
    figures = experiments.read_record("live-pages")["figures"]
    alive = [page["first_alive_ms"] for page in figures["pages"].values()]
    rates = [r for page in figures["pages"].values() for r in page["pictures_a_second"].values()]
    answer = figures["networks"]["cluttered"]["answer_median_ms"]
    readme = (lesson_folder().parent / "README.md").read_text("utf-8")
    assert f"alive {min(alive)} to {max(alive)} ms after the click" in readme
    assert f"gives {round(min(rates))} to {round(max(rates))} new pictures a second" in readme
    assert f"the game's network answers in {answer} ms" in readme
    assert max(alive) < 2000 and answer < 20
    assert all(network["largest_difference"] < 1e-5 for network in figures["networks"].values())


def test_the_live_pictures_were_as_quick_as_the_readme_says():
    record = experiments.read_record("live-pictures")
    readme = (lesson_folder().parent / "README.md").read_text("utf-8")
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
        assert figures["key_to_picture_p95_ms"] <= 50
        assert figures["pictures_a_second"] >= 25
        assert figures["moving_after_release_ms"] <= 150


def spelt(name):
    """A picture's name in the record as the README has it."""
    return name.replace("flight recorder", "θ flight recorder").replace("network: ", "network, ")


def test_an_unknown_record_is_told_with_those_there_are():
    with pytest.raises(FileNotFoundError, match="there is no record 'x'; there are"):
        experiments.read_record("x")


def test_a_record_keeps_the_aim_of_every_epoch(tmp_path):
    first = Aim((0.5, -0.25), (0.31249, 0.2), 0.87654, 1.0, 0.00512)
    last = Aim((0.98, 1.0212), (0.04, 0.05), 0.995, 0.26, 0.4)
    history = History(accuracy=[0.5, 0.9], loss=[2.0, 0.5], seconds=[1.0, 2.0], aim=[first, last])
    file = tmp_path / "run.json"
    run = records.run_record(0, history, keep_theta=False)
    assert run["aim"]["slope_y"] == [-0.25, 1.021] and run["aim"]["found"] == [0.8765, 0.995]
    records.write_record(file, {"runs": [run]})
    record = json.loads(file.read_text("utf-8"))
    rounded = [
        Aim((0.5, -0.25), (0.312, 0.2), 0.8765, 1.0, 0.0051),
        Aim((0.98, 1.021), (0.04, 0.05), 0.995, 0.26, 0.4),
    ]
    assert records.recorded_aim(record["runs"][0]) == rounded
    assert records.recorded_history(record).aim == rounded


def test_a_record_of_a_run_without_an_aim_has_none():
    history = History(accuracy=[0.5], loss=[2.0], seconds=[1.0], silent_at=220)
    run = records.run_record(0, history, keep_theta=False)
    assert "aim" not in run and records.recorded_aim(run) == []
    assert records.recorded_history({"runs": [run]}).silent_at == 220


@pytest.fixture
def elsewhere(monkeypatch):
    """From the call on, the CPU passes for a GPU by name."""

    def pretend():
        monkeypatch.setattr(records, "device_name", lambda device: "cuda (NVIDIA H100)")

    return pretend


def test_a_record_begun_on_one_device_is_not_finished_on_another(few_digits, elsewhere, capsys):
    args = ["run", "tc", "--network", "fcn", "--epochs", "1"]
    assert main(args) == 0
    (path,) = few_digits.iterdir()
    before, begun_on = path.read_bytes(), records.device_name(torch.device("cpu"))
    elsewhere()
    assert main([*args, "--seeds", "2"]) == 1
    message = capsys.readouterr().err
    assert f"was measured on {begun_on}, and this is cuda (NVIDIA H100)" in message
    assert "go on there, or move the file away to measure all of it here" in message
    assert path.read_bytes() == before
    path.rename(few_digits.parent / "moved away.json")
    assert main([*args, "--seeds", "2"]) == 0  # the remedy works
    record = json.loads(path.read_text("utf-8"))
    assert record["device"] == "cuda (NVIDIA H100)" and len(record["runs"]) == 2


def test_a_record_begun_in_one_precision_is_not_finished_in_another(few_digits):
    cell = dict(data="digits", epochs=1)
    paper.run_cell("tc", "TC", "fcn", **cell)
    with pytest.raises(FileExistsError, match="differs in settings: delete it to measure anew"):
        paper.run_cell("tc", "TC", "fcn", seeds=2, precision="bfloat16", **cell)


def test_a_record_older_than_a_setting_is_finished_where_that_is_at_its_default(few_digits):
    cell = dict(data="digits", epochs=1)
    path = paper.run_cell("tc", "TC", "fcn", **cell)
    record = json.loads(path.read_text("utf-8"))
    del record["settings"]["optimiser"], record["checksum"]  # it is older than that, too
    path.write_text(json.dumps(record), "utf-8")
    paper.run_cell("tc", "TC", "fcn", seeds=2, **cell)
    record = json.loads(path.read_text("utf-8"))
    assert len(record["runs"]) == 2 and record["settings"]["optimiser"] == "adamw"
    del record["settings"]["optimiser"], record["settings"]["learning_rate"], record["checksum"]
    path.write_text(json.dumps(record | {"settings": record["settings"] | {"optimiser": "sgd"}}))
    with pytest.raises(FileExistsError, match="differs in settings"):
        paper.run_cell("tc", "TC", "fcn", seeds=3, **cell)


def test_a_seed_begun_on_one_device_starts_anew_on_another(few_digits, elsewhere, monkeypatch):
    fit, epochs = runs.fit, []

    def stop(model, history):
        raise StopTraining

    def count(model, history):
        epochs.append(len(history.accuracy))

    cell = dict(data="digits", epochs=2)
    monkeypatch.setattr(runs, "fit", partial(fit, on_epoch=stop))
    with pytest.raises(KeyboardInterrupt):
        paper.run_cell("tc", "TC", "fcn", **cell)
    elsewhere()
    monkeypatch.setattr(runs, "fit", partial(fit, on_epoch=count))
    paper.run_cell("tc", "TC", "fcn", **cell)
    assert epochs == [1, 2]
    (left,) = (few_digits.parent / "cache").iterdir()  # it waits for its own device
    assert left.name.startswith("tc-digits-fcn-short-seed0-cpu_")


def test_a_second_run_of_a_record_is_refused_and_the_first_keeps_its_seeds(
    few_digits, monkeypatch, capsys
):
    words = ["run", "tc", "--network", "fcn", "--epochs", "1", "--seeds"]
    fit, told = runs.fit, []

    def fit_meanwhile(*arguments, **settings):  # the same command in another terminal
        second = threading.Thread(target=lambda: told.append(main([*words, "1"])))
        second.start()
        second.join()
        return fit(*arguments, **settings)

    monkeypatch.setattr(runs, "fit", fit_meanwhile)
    assert main([*words, "2"]) == 0 and told == [1, 1]
    assert capsys.readouterr().err.count("tc-digits-fcn-short.json is being written by") == 2
    (path,) = few_digits.iterdir()
    assert [run["seed"] for run in records.load_record(path)["runs"]] == [0, 1]


def test_a_record_says_whether_it_is_as_it_was_written(tmp_path):
    file, record = tmp_path / "run.json", {"data": "θ: 3", "runs": [{"accuracy": [0.5, 1 / 3]}]}
    records.write_record(file, record)
    assert records.load_record(file) == record
    text = file.read_text("utf-8")
    file.write_text(json.dumps(json.loads(text)), "utf-8")  # set out in another way
    assert records.load_record(file) == record
    for damaged in (text.replace("0.5", "0.6"), text[:-20], text.replace("checksum", "chequesum")):
        file.write_text(damaged, "utf-8")
        with pytest.raises(records.RecordError, match="run.json is damaged, or was changed after"):
            records.load_record(file)
    file.write_text("[1, 2]", "utf-8")
    with pytest.raises(records.RecordError, match="it is no record"):
        records.load_record(file)


def test_every_record_that_is_older_than_the_checksums_is_read():
    paths = [path for path in records.record_paths().values() if "sha256:" not in path.read_text()]
    assert len(paths) > 90
    for path in paths:
        assert records.load_record(path) == json.loads(path.read_text("utf-8"))


def test_a_damaged_record_is_named_and_the_others_are_listed(few_digits, capsys):
    assert main(["run", "recipe", "--epochs", "1"]) == 0
    assert main(["run", "tc", "--network", "fcn", "--epochs", "1"]) == 0
    damaged = few_digits / "tc-digits-fcn-short.json"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    (few_digits / "without.json").write_text('{"runs": [{"training_seconds": 1}]}')
    capsys.readouterr()
    assert main(["results"]) == 0
    said = capsys.readouterr()
    assert [line.split()[0] for line in said.out.splitlines()] == ["recipe-digits-recipe_stn:"]
    assert f"{damaged} is damaged, or was changed after it was written" in said.err
    assert f"{few_digits / 'without.json'} is damaged: without is left out" in said.err
    with pytest.warns(records.RecordWarning, match="tc-digits-fcn-short.json is damaged"):
        assert main(["table", "tc", "--data", "digits"]) == 0
    assert "not measured yet: fcn on TC" in capsys.readouterr().out
    assert main(["run", "tc", "--network", "fcn", "--epochs", "1"]) == 1
    assert "move it away to measure anew" in capsys.readouterr().err


def test_where_no_record_can_be_written_nothing_is_measured(few_digits, capsys, monkeypatch):
    def refuse(*arguments, **settings):
        raise AssertionError("it was trained before it was known whether there is room")

    monkeypatch.setattr(runs, "fit", refuse)
    few_digits.parent.mkdir(parents=True, exist_ok=True)
    few_digits.write_text("a file where the folder should be")
    assert main(["run", "recipe", "--epochs", "1"]) == 1
    assert "recipe-digits-recipe_stn.json cannot be written" in capsys.readouterr().err
