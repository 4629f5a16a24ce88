"""The recorded runs on house numbers, drawn and real, on a few scenes."""

import json
from functools import partial
from statistics import mean

import pytest
import torch

from stn_lesson import experiments
from stn_lesson.datasets.numbers import house_numbers
from stn_lesson.experiments import numbers, svhn
from stn_lesson.networks import SVHNNet
from stn_lesson.transformer import find_transformer


@pytest.fixture
def few_numbers(few_digits, monkeypatch):
    """Trainings of one epoch on 64 scenes; the folder of their records."""
    monkeypatch.setattr(numbers, "TRAINING_SCENES", 64)
    monkeypatch.setattr(numbers, "TEST_SCENES", 16)
    monkeypatch.setattr(numbers, "NUMBERS_EPOCHS", dict.fromkeys(numbers.NUMBERS_NETWORKS, 1))
    numbers.common_crops.cache_clear()
    yield few_digits
    numbers.common_crops.cache_clear()


@pytest.mark.parametrize(
    ("name", "free"),
    [
        ("cnn", []),
        ("frozen_st_cnn", [False]),
        ("st_cnn_single", [True]),
        ("st_cnn_multi", [True, True, True]),
        ("st_cnn_multi_first", [True, False, False]),
    ],
)
def test_every_network_has_its_transformers_and_the_controls_are_held(name, free):
    model = experiments.numbers_network(name)
    transformers = [find_transformer(model, which) for which in range(len(free))]
    can_learn = [any(p.requires_grad for p in each.parameters()) for each in transformers]
    assert can_learn == free and find_transformer(model, len(free)) is None


def test_a_seed_that_is_none_makes_no_network():
    with pytest.raises(TypeError, match="seed must be a whole number, got 1.5"):
        experiments.numbers_network("cnn", 1.5)


def test_a_record_keeps_what_was_read_at_each_looseness_and_how_the_frames_moved(few_numbers):
    (path,) = experiments.run_numbers("st_cnn_multi", seeds=2)
    assert path == few_numbers / "numbers-drawn-st_cnn_multi.json"
    record = json.loads(path.read_text("utf-8"))
    assert record["network"] == "st_cnn_multi" and record["settings"]["epochs"] == 1
    for run in record["runs"]:
        assert set(run["whole_numbers"]) == {"0.15", "0.6", "1.2"}
        assert torch.tensor(run["motion_of_frames"]).shape == (3, 2)
    assert len(experiments.numbers_accuracies()["st_cnn_multi", "e = 0.6"]) == 2
    head, *lines = experiments.numbers_table().splitlines()
    assert head.split()[:4] == ["network", "e", "=", "0.15"] and len(lines) == 1
    assert lines[0].split()[-4:-2] == ["2", "1"]  # seeds and epochs
    assert list(experiments.run_numbers("st_cnn_multi", seeds=2)) == [path]  # nothing to train


def test_without_a_name_all_are_run(few_numbers, monkeypatch):
    monkeypatch.setattr(numbers, "_run_network", lambda name, seeds: (name, seeds))
    assert list(experiments.run_numbers(seeds=3)) == [(n, 3) for n in numbers.NUMBERS_NETWORKS]


def test_trainings_of_all_seeds_are_tested_on_the_same_scenes_and_see_others(few_numbers):
    crops = numbers.common_crops()
    assert [len(split) for split in crops.values()] == [16, 16, 16]
    assert torch.equal(crops[0.15].labels, crops[1.2].labels)
    seeds = [experiments.load_house_numbers("cnn", seed)[0].train.labels for seed in (0, 1)]
    assert not torch.equal(*seeds)
    assert not any(torch.equal(labels[:16], crops[0.6].labels) for labels in seeds)


def test_a_frame_that_stands_still_does_not_move():
    still = numbers.motion_of_frames(
        experiments.numbers_network("frozen_st_cnn"), house_numbers(2, 6).test
    )
    assert still == [[0, 0]]


def test_svhn_is_run_network_by_network_and_stands_beside_the_papers(few_digits, monkeypatch):
    data = house_numbers(6, 3)
    five = torch.full((9, 5), 10)
    for split, labels in ((data.train, five[:6]), (data.test, five[6:])):
        object.__setattr__(split, "labels", labels)
        object.__setattr__(split, "images", split.images[:, :, ::4, ::4].contiguous())
    object.__setattr__(data, "redraw", None)
    monkeypatch.setattr(svhn, "load_svhn", lambda: data)
    monkeypatch.setitem(svhn.SVHN_NETWORKS, "cnn", partial(SVHNNet, 16))
    (path,) = experiments.run_svhn("cnn", epochs=1)
    assert path == few_digits / "svhn-cnn.json"
    lines = experiments.svhn_table().splitlines()
    assert lines[1].startswith("cnn") and lines[1].endswith("[4.0]")
    assert lines[3].split() == ["st_cnn_multi", "–", "[3.6]"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, "seeds must be at least 1, got 0"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_is_told_before_svhn_is_downloaded(
    few_digits, monkeypatch, options, message
):
    monkeypatch.setattr(svhn, "load_svhn", None)
    with pytest.raises(ValueError, match=message):
        next(experiments.run_svhn(**options))


def test_without_a_gpu_the_time_is_told_before_svhn_is_downloaded(few_digits, monkeypatch, capsys):
    def load():
        raise KeyboardInterrupt

    monkeypatch.setattr(svhn, "load_svhn", load)
    with pytest.raises(KeyboardInterrupt):
        next(experiments.run_svhn("cnn"))
    told = capsys.readouterr().out
    assert told.startswith("There is no GPU here. One core of a CPU takes 7 hours for an epoch")
    assert told.endswith("there are 30 epochs.\n")


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="network must be one of cnn, frozen_st_cnn, st_cnn_s"):
        experiments.numbers_network("vgg")
    for run in (experiments.run_numbers, experiments.run_svhn):
        with pytest.raises(ValueError, match="network must be one of cnn, "):
            next(run("vgg"))


def test_the_records_hold_what_notebook_11_tells():
    loosest = {
        name: 100 * mean(shares)
        for (name, at), shares in experiments.numbers_accuracies().items()
        if at == "e = 1.2"
    }
    assert loosest["st_cnn_single"] >= loosest["cnn"] + 10
    assert loosest["st_cnn_single"] >= loosest["frozen_st_cnn"] + 15
    assert loosest["st_cnn_multi"] - loosest["st_cnn_single"] == pytest.approx(2.5, abs=0.1)
    assert loosest["st_cnn_multi"] - loosest["st_cnn_multi_first"] == pytest.approx(3.1, abs=0.2)
    for name in ("st_cnn_single", "st_cnn_multi", "st_cnn_multi_first"):
        for run in experiments.read_record(f"numbers-drawn-{name}")["runs"]:
            assert min(run["motion_of_frames"][0]) >= 0.1 and run["collapsed_at"] is None
