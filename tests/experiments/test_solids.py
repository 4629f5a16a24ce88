import json
from statistics import mean

import pytest
import torch

import stn_lesson as stn
from stn_lesson import experiments
from stn_lesson.__main__ import main
from stn_lesson.experiments import solids
from stn_lesson.networks import SolidSTN


class Straight(torch.nn.Module):
    """Turns the view by one and the same θ, whatever it is shown."""

    def __init__(self, theta):
        super().__init__()
        self.numbers, self.last = theta.flatten() - torch.eye(3, 4).flatten(), torch.nn.Linear(1, 1)

    def forward(self, volumes):
        return self.numbers.expand(len(volumes), -1) + 0 * self.last.weight.sum()


@pytest.mark.filterwarnings("ignore:the localisation network does not end")
def test_the_tilt_is_gone_where_the_view_looks_along_the_digits_axis():
    split = stn.solids(stn.load_digits()).test
    one = stn.datasets.Split(split.images[:1], split.labels[:1], split.poses[:1])
    model = torch.nn.Sequential(stn.SpatialTransformer(Straight(one.poses), "volume"))
    before, after = experiments.tilts(model, one)
    assert before.item() > 5 and after.item() < 0.1


def test_a_tilt_is_not_told_of_solids_whose_poses_nobody_knows():
    split = stn.solids(stn.load_digits()).test
    unknown = stn.datasets.Split(split.images[:2], split.labels[:2])
    with pytest.raises(ValueError, match="whose poses are known: use solids"):
        experiments.tilts(SolidSTN(), unknown)
    with pytest.raises(TypeError, match="split must be a Split, got str"):
        experiments.tilts(SolidSTN(), "solids")


def test_every_network_is_trained_and_recorded(few_digits, monkeypatch):
    for name, settings in solids.SOLID_SCHEDULES.items():
        monkeypatch.setitem(solids.SOLID_SCHEDULES, name, settings | {"epochs": 1})
    paths = list(experiments.run_solids())
    assert [path.stem for path in paths] == [
        f"solids-digits-{name}" for name in ("solid_stn", "flat_cnn", "solid_cnn")
    ]
    with_transformer, *without = [json.loads(path.read_text("utf-8")) for path in paths]
    assert with_transformer["settings"]["repeats"] == 4
    run = with_transformer["runs"][0]
    assert 30 < run["tilt_before"] < 80 and 0 < run["tilt_after"] < 180
    assert all("tilt_before" not in record["runs"][0] for record in without)


def test_an_unknown_network_is_refused(few_digits):
    with pytest.raises(ValueError, match="network must be one of solid_stn, flat_cnn, solid_cnn"):
        next(experiments.run_solids("cnn"))


def test_the_seeds_see_other_solids_of_the_same_digits(few_digits):
    first, other = experiments.load_solids(0), experiments.load_solids(1)
    assert torch.equal(first.train.labels, other.train.labels)
    assert not torch.equal(first.train.images, other.train.images)
    assert SolidSTN()(stn.to_floats(first.test.images)).shape == (32, 10)


def test_the_table_tells_what_was_read_and_how_far_the_view_is_tilted(capsys):
    assert main(["table", "solids"]) == 0
    what, _, *lines = capsys.readouterr().out.splitlines()
    assert what.startswith("read, % of 510 test digits, and median tilt: mean ± standard deviation")
    assert [" ".join(line.split()) for line in lines] == [
        "solid_stn 88.0 ± 0.6 56.2 ± 0.0° 34.0 ± 2.5° 3 14 94,534",
        "flat_cnn 79.7 ± 1.8 – – 3 35 76,522",
        "solid_cnn 86.1 ± 2.3 – – 3 24 98,314",
    ]


def test_the_records_hold_what_notebook_13_tells():
    accuracies = {
        name: [100 * run["accuracy"][-1] for run in record["runs"]]
        for name in ("solid_stn", "flat_cnn", "solid_cnn")
        if len((record := experiments.read_record(f"solids-digits-{name}"))["runs"]) == 3
    }
    ahead = [a - b for a, b in zip(accuracies["solid_stn"], accuracies["flat_cnn"], strict=True)]
    assert min(accuracies["solid_stn"]) >= 83 and min(ahead) > 6 and max(ahead) < 11.1
    assert 8 < mean(ahead) < 9
    assert 1 < mean(accuracies["solid_stn"]) - mean(accuracies["solid_cnn"]) < 3
    for run in experiments.read_record("solids-digits-solid_stn")["runs"]:
        assert run["tilt_before"] - run["tilt_after"] >= 12
