import json
from statistics import mean

import pytest
import torch

import stn_lesson as stn
from stn_lesson.__main__ import main
from stn_lesson.datasets import drawn_birds
from stn_lesson.experiments import birds, cub, read_record, records, runs
from stn_lesson.networks import FeatureCNN, window_stn


@pytest.fixture
def few_birds(few_digits, monkeypatch):
    """Runs on 64 birds, an epoch each, and records that go to a folder of the test."""
    monkeypatch.setattr(birds, "BIRD_COUNTS", {"train": 64, "test": 32})
    monkeypatch.setattr(runs, "default_device", lambda: torch.device("cpu"))
    for settings in birds.BIRDS_SCHEDULES.values():
        monkeypatch.setitem(settings, "epochs", 1)
    return few_digits


def test_a_record_holds_what_was_read_and_what_each_window_came_to_look_at(few_birds, monkeypatch):
    few = {name: birds.BIRD_NETWORKS[name] for name in ("cnn", "frozen_2st_cnn", "2st_cnn")}
    monkeypatch.setattr(birds, "BIRD_NETWORKS", few)  # the others would only take their time
    paths = list(birds.run_birds())
    assert [path.stem for path in paths] == [f"birds-drawn-{name}" for name in birds.BIRD_NETWORKS]
    for path, (windows, held, _) in zip(paths, birds.BIRD_NETWORKS.values(), strict=True):
        record = json.loads(path.read_text("utf-8"))
        (run,) = record["runs"]
        assert 0 <= run["accuracy"][-1] <= min(run["read"].values())
        for name in ("centre_std", "distance", "alone") if windows else ():
            assert torch.tensor(run[name]).shape == (windows, 2)
        assert ("alone" in run) == (windows > 0)
        if held:
            assert run["centre_std"] == [[0, 0], [0, 0]]
        assert stn.experiments.summary(record).startswith(record["network"] + " on drawn birds")


def test_networks_of_a_seed_stand_on_the_same_cnn_which_is_trained_once(few_birds, monkeypatch):
    data = birds.load_bird_data()
    two, four = (birds.bird_network(name, data, seed=1) for name in ("2st_cnn", "4st_cnn"))
    weights = [model.localisation.features[1].weight for model in (two, four)]
    assert torch.equal(*weights)
    other = birds.bird_network("2st_cnn", data, seed=2).localisation.features[1].weight
    assert not torch.equal(weights[0], other)
    cached = records.user_folder("cache")
    assert len(list(cached.glob("birds-pretraining-seed*.pt"))) == 2


def test_each_data_set_has_a_cnn_of_its_own(few_birds):
    first, other = drawn_birds(64, 32), drawn_birds(96, 32)
    weights = [
        birds.pretrained_bird_cnn(data).state_dict()["features.1.weight"]
        for data in (first, other, first)
    ]
    assert torch.equal(weights[0], weights[2]) and not torch.equal(weights[0], weights[1])
    with pytest.raises(TypeError, match="data must be a Dataset, got a Split: use Dataset"):
        birds.pretrained_bird_cnn(first.train)


def test_the_table_tells_what_was_read_and_how_often(capsys):
    assert main(["table", "birds"]) == 0
    what, head, *lines = capsys.readouterr().out.splitlines()
    assert what.startswith("named rightly, % of 2,000 test birds: mean ± standard deviation")
    assert head.split() == ["network", "species", "heads", "wings", "seeds", "epochs", "parameters"]
    cells = {line.split()[0]: " ".join(line.split()[1:]) for line in lines}
    assert list(cells) == list(birds.BIRD_NETWORKS)
    assert cells["2st_cnn"] == "93.2 ± 5.1 93.3 ± 5.2 99.8 ± 0.0 3 8 141,312"
    assert cells["4st_cnn"] == "94.3 95.5 98.9 1 8 262,800"


def test_centres_are_where_look_finds_them():
    model, images = window_stn(FeatureCNN()), drawn_birds(1, 8).test.images
    torch.nn.init.normal_(model.localisation.heat_maps[-1].weight)
    centres = birds.window_centres(model, images)
    for which in (0, 1):
        theta = stn.look(model, stn.to_floats(images), which).theta
        assert torch.allclose(centres[:, which], theta[:, :, 2], atol=1e-5)


def test_alone_a_window_is_told_nothing_of_what_another_shows():
    """A network whose first window decides the head, and the second the wing."""
    data = drawn_birds(32, 64)
    model = window_stn(FeatureCNN()).eval()
    sums = data.test.images.sum((1, 2, 3)).tolist()
    known = dict(zip(sums, data.test.labels, strict=True))

    def one_hot(images, of):
        sums = (255 * images).round().long().sum((1, 2, 3)).tolist()
        labels = torch.tensor([known.get(each, 0) for each in sums])
        return [torch.eye(4)[of[k](labels)] for k in (0, 1)]

    model.codes = lambda images: one_hot(images, (lambda n: n // 4, lambda n: n % 4))
    model.scores = torch.nn.Linear(8, 16, bias=False)
    species = torch.arange(16)
    with torch.no_grad():
        model.scores.weight.copy_(
            torch.cat([torch.eye(4)[species // 4], torch.eye(4)[species % 4]], 1)
        )
    shares = birds.read_alone(model, data)
    assert shares[0, 0] == shares[1, 1] == 1
    assert shares[0, 1] < 0.5 and shares[1, 0] < 0.5  # a quarter, by guessing


def test_the_parts_of_an_answer_are_judged_by_themselves():
    answers, labels = torch.tensor([0, 5, 10, 15]), torch.tensor([0, 6, 9, 3])
    assert birds.share_of_parts(answers, labels).tolist() == [0.75, 0.5]


def test_how_far_windows_are_from_parts_is_not_told_where_the_parts_are_not_known():
    split = stn.datasets.Split(torch.zeros(2, 3, 96, 96).byte(), torch.arange(2))
    data, model = stn.Dataset("birds", split, split), window_stn(FeatureCNN())
    for measure in (
        lambda: birds.measure_windows(model, data),
        lambda: cub.distances_to_parts(model, data.test),
    ):
        with pytest.raises(ValueError, match="whose parts are known: use drawn_birds"):
            measure()


def test_unknown_names_are_refused():
    with pytest.raises(
        ValueError, match="name must be one of cnn, frozen_2st_cnn, frozen_wide_2st_cnn"
    ):
        list(birds.run_birds("3st_cnn"))


def test_the_records_hold_what_notebook_12_tells():
    read = {
        name: 100 * mean(run["accuracy"][-1] for run in record["runs"])
        for name in ("cnn", "frozen_2st_cnn", "frozen_wide_2st_cnn", "2st_cnn")
        if len((record := read_record(f"birds-drawn-{name}"))["runs"]) == 3
    }
    assert read["2st_cnn"] >= read["frozen_2st_cnn"] + 30
    assert read["2st_cnn"] - read["frozen_wide_2st_cnn"] == pytest.approx(6, abs=0.5)
    assert read["cnn"] == pytest.approx(99.2, abs=0.1)
    for run in read_record("birds-drawn-2st_cnn")["runs"]:
        (head, wing), (other_head, other_wing) = sorted(run["alone"], key=lambda pair: -pair[0])
        assert head >= other_head + 0.6 and other_wing >= wing + 0.6
        assert min(map(min, run["centre_std"])) >= 0.1
