import json

import pytest

import stn_lesson as stn
from stn_lesson import experiments
from stn_lesson.__main__ import main
from stn_lesson.datasets import Dataset, Split
from stn_lesson.experiments import pretraining, records, runs
from stn_lesson.files import lesson_folder


@pytest.mark.parametrize(("name", "side"), [("cluttered", 60), ("turned", 28)])
def test_the_networks_that_come_trained_read_what_their_records_say(name, side):
    model, record = experiments.pretrained(name), experiments.read_record(f"pretrained-{name}")
    data = experiments.PRETRAINED[name].make_data(stn.load_digits())
    assert data.test.images.shape[-1] == side
    promised = record["rounded_to_8_bits"]["embedded_test_accuracy"]
    assert stn.evaluate(model, data.test) == pytest.approx(promised, abs=0.005)
    assert promised > 0.93 and record["rounded_to_8_bits"]["mnist_test_accuracy"] > 0.96
    assert (lesson_folder() / "checkpoints" / f"{name}.pt").stat().st_size < 400_000
    with pytest.raises(ValueError, match="name must be one of cluttered, turned"):
        experiments.pretrained("upright")
    with pytest.raises(
        ValueError, match="name must be one of cluttered, turned, got \\['turned'\\]"
    ):
        experiments.pretrained(["turned"])


def test_the_finder_aims():
    aim = records.recorded_aim(experiments.read_record("pretrained-cluttered")["runs"][0])[-1]
    assert min(aim.slope) > 0.9 and aim.found > 0.99 and aim.area < 0.3


def test_a_network_is_trained_anew_by_command(few_digits, monkeypatch, capsys):
    few = runs.load_dataset("digits")
    monkeypatch.setattr(pretraining, "load_digits", lambda: few)
    mnist = stn.load_digits()  # stands in for MNIST: there may be no network
    some = Split(mnist.test.images[:40], mnist.test.labels[:40])
    monkeypatch.setattr(pretraining, "load_mnist", lambda: Dataset("MNIST", some, some, some))
    one_epoch = experiments.PRETRAINED["turned"]._replace(epochs=1)
    monkeypatch.setitem(experiments.PRETRAINED, "turned", one_epoch)
    assert main(["run", "turned"]) == 0
    record = json.loads((few_digits / "pretrained-turned.json").read_text("utf-8"))
    assert record["network"] == "STFCN" and len(record["runs"][0]["accuracy"]) == 1
    model, data = experiments.pretrained("turned"), one_epoch.make_data(few)
    kept = record["rounded_to_8_bits"]["embedded_test_accuracy"]
    assert stn.evaluate(model, data.test) == pytest.approx(kept, abs=1e-4)


@pytest.mark.parametrize(
    "option",
    [["--data", "digits"], ["--network", "recipe_stn"], ["--seeds", "1"], ["--epochs", "3"]],
)
def test_options_of_the_recipe_are_refused_for_a_network_that_is_trained_anew(
    option, monkeypatch, capsys
):
    def trains(name):
        raise AssertionError("the network was trained, and its checkpoint written over")

    monkeypatch.setattr("stn_lesson.experiments.catalogue.run_pretraining", trains)
    with pytest.raises(SystemExit):
        main(["run", "cluttered", *option])
    assert f"cluttered takes no options; got {option[0]}" in capsys.readouterr().err
