import json

import pytest
import torch
from torch import nn

import stn_lesson as stn
from stn_lesson import experiments
from stn_lesson.__main__ import main
from stn_lesson.experiments import two_digits
from stn_lesson.families import Family
from stn_lesson.grid import sampling_grid

TURN = Family("turn", (0.0,), lambda angle: stn.affine_theta(rotation=angle[:, 0]), sampling_grid)


class Back(nn.Module):
    """Turns the picture back by a share of the angle at which each channel's dot stands."""

    def __init__(self, shares):
        super().__init__()
        self.shares, self.last = torch.tensor(shares), nn.Linear(1, 1)

    def forward(self, images):
        x, y = stn.meshgrid(*images.shape[-2:])[:2]
        dot = images.flatten(2)
        angle = torch.rad2deg(torch.atan2(-(dot * y).sum(2), (dot * x).sum(2)))  # (N, 2)
        return self.last(images.new_zeros(len(images), 1)) - (angle @ self.shares)[:, None]


def test_what_a_transformer_undoes_is_measured_for_each_channel_by_itself():
    dots = torch.zeros(3, 1, 15, 15)
    dots[:, :, 7, 11:13] = 1  # right of the middle: at 0°
    model = nn.Module()
    model.transformer = nn.ModuleList(
        stn.SpatialTransformer(Back(shares), TURN) for shares in ([1.0, 0.0], [0.25, 0.5])
    )
    model.forward = lambda images: [layer(images) for layer in model.transformer]
    shares = experiments.rotation_undone(model, dots)
    assert torch.allclose(shares, torch.tensor([[1, 0], [0.25, 0.5]]), atol=0.02)


@pytest.mark.parametrize("name", two_digits.TWO_DIGITS_NETWORKS)
def test_all_networks_read_the_pairs_and_have_about_as_many_parameters(name, few_digits):
    data, schedule = experiments.load_two_digits("digits", seed=1)
    model = experiments.two_digits_network(name)
    assert model(stn.to_floats(data.test.images)).shape == (32, 19)
    assert stn.count_parameters(model) == pytest.approx(523_423, rel=0.001)
    assert set(schedule) == {"epochs", "batch_size", "learning_rate"}


def test_the_shifted_two_start_on_either_side_of_the_middle():
    looked = [
        stn.look(experiments.two_digits_network("2st_fcn_shifted"), torch.rand(1, 2, 28, 28), which)
        for which in (0, 1)
    ]
    assert [look.theta[0, 0, 2].item() for look in looked] == pytest.approx([-0.3, 0.3])
    assert torch.equal(looked[0].theta[0, :, :2], torch.eye(2))


def test_the_shift_is_in_the_weights_and_the_identity_stays_the_identity():
    shifted, other = map(experiments.two_digits_network, ("2st_fcn_shifted", "2st_fcn"))
    for transformer in shifted.transformer:
        assert transformer.identity.tolist() == [1, 0, 0, 0, 1, 0]
    other.load_state_dict(shifted.state_dict())
    images = torch.rand(2, 2, 28, 28)
    assert torch.equal(other(images), shifted(images))


@pytest.mark.parametrize(
    ("name", "transformers"), [("fcn", 0), ("st_fcn", 1), ("2st_fcn_per_channel", 2)]
)
def test_a_record_keeps_what_each_transformer_undoes(name, transformers, few_digits, monkeypatch):
    monkeypatch.setitem(two_digits.TWO_DIGITS_SCHEDULES["digits"], "epochs", 1)
    path = experiments.run_two_digits(name, seeds=2)
    assert path == few_digits / f"two_digits-digits-{name}.json"
    record = json.loads(path.read_text("utf-8"))
    assert record["network"] == name and record["settings"]["max_rotation"] == 60
    assert [run["seed"] for run in record["runs"]] == [0, 1]
    for run in record["runs"]:
        shares = torch.tensor(run.get("rotation_undone", []))
        assert shares.shape == ((transformers, 2) if transformers else (0,))
    assert experiments.summary(record).startswith(f"{name} on pairs of few digits: test accuracy")


def test_a_longer_run_has_a_record_of_its_own(few_digits):
    path = experiments.run_two_digits("st_fcn", epochs=2)
    assert path == few_digits / "two_digits-digits-st_fcn-2.json"
    record = json.loads(path.read_text("utf-8"))
    assert record["settings"]["epochs"] == len(record["runs"][0]["accuracy"]) == 2


def test_unknown_names_are_refused():
    with pytest.raises(
        ValueError,
        match="name must be one of fcn, st_fcn, 2st_fcn, 2st_fcn_shifted, 2st_fcn_per_channel",
    ):
        experiments.two_digits_network("3st_fcn")
    with pytest.raises(ValueError, match="data must be one of digits, mnist, got 'cifar'"):
        experiments.load_two_digits("cifar")


def test_the_command_runs_one_network_or_says_which_there_are(few_digits, capsys):
    assert main(["run", "two_digits", "--network", "st_fcn", "--epochs", "1"]) == 0
    assert [path.stem for path in few_digits.iterdir()] == ["two_digits-digits-st_fcn-1"]
    with pytest.raises(SystemExit):
        main(["run", "two_digits", "--network", "cnn"])
    assert "two_digits takes --network fcn, st_fcn, 2st_fcn" in capsys.readouterr().err
