import json
from functools import partial

import pytest
import torch

from stn_lesson.datasets import Dataset, Split, drawn_birds
from stn_lesson.experiments import cub
from stn_lesson.networks import EfficientNetLite0, HeatMapLocalisation


@pytest.fixture
def tiny_cub(few_digits, monkeypatch):
    """Eight drawn birds of 64×64 pixels in the place of CUB, and weights that saw nothing."""
    drawn = drawn_birds(8, 4)
    small = [
        Split(split.images[:, :, 16:80, 16:80], split.labels, parts=split.parts)
        for split in (drawn.train, drawn.test)
    ]
    asked = []

    def load(folder, size):
        asked.append((folder, size))
        return Dataset("tiny CUB", *small)

    monkeypatch.setattr(cub, "load_birds", load)
    monkeypatch.setattr(cub, "EfficientNetLite0", partial(EfficientNetLite0, pretrained=False))
    monkeypatch.setattr(cub, "VIEW", 32)
    monkeypatch.setitem(cub.CUB_SCHEDULE, "epochs", 1)
    monkeypatch.setitem(cub.CUB_SCHEDULE, "batch_size", 8)
    return asked, few_digits


def test_a_cell_is_trained_and_its_record_says_how_near_the_windows_come_to_each_part(tiny_cub):
    asked, results = tiny_cub
    paths = list(cub.run_birds_cub(size=224))
    assert paths == [results / "birds-cub-224-cnn.json", results / "birds-cub-224-2st_cnn.json"]
    assert asked == [(None, 224)] * 2
    runs = [json.loads(path.read_text("utf-8"))["runs"][0] for path in paths]
    assert "distance" not in runs[0] and len(runs[1]["accuracy"]) == 1
    assert torch.tensor(runs[1]["distance"]).shape == torch.tensor(runs[1]["centre_std"]).shape
    table = cub.cub_table()
    assert "[82.3]" in table and "[83.1]" in table and "– [84.1]" in table
    assert f"{100 * runs[0]['accuracy'][-1]:.2f} [82.3]" in table


def test_weights_that_are_missing_are_told_before_the_download(tiny_cub, monkeypatch, capsys):
    def missing():
        raise ModuleNotFoundError("the weights are in a package")

    asked, _ = tiny_cub
    monkeypatch.setattr(cub, "EfficientNetLite0", missing)
    with pytest.raises(ModuleNotFoundError, match="the weights are in a package"):
        cub.run_cub_cell("2st_cnn", 448)
    with pytest.raises(ValueError, match="seeds must be at least 1"):
        cub.run_cub_cell("cnn", 224, seeds=0)
    assert not asked
    told = "There is no GPU here. One core of a CPU takes 12 minutes for an epoch of the CNN at 224"
    assert capsys.readouterr().out.startswith(told)


def test_the_cells_are_those_of_the_papers_table():
    with pytest.raises(ValueError, match=r"cnn at 224, .*4st_cnn at 448, got 4st_cnn at 224"):
        list(cub.run_birds_cub("4st_cnn", 224))


def test_pictures_are_mirrored_whole_and_anew_in_every_epoch():
    plain = drawn_birds(40, 1)
    mirrored = cub.mirrored_at_random(plain, seed=3)
    assert torch.equal(mirrored.training_images(0), plain.train.images)
    chosen = []
    for epoch in (1, 2):
        images = mirrored.training_images(epoch)
        same = (images == plain.train.images).flatten(1).all(1)
        other = (images == plain.train.images.flip(-1)).flatten(1).all(1)
        assert (same ^ other).all() and 8 < same.sum() < 32
        chosen.append(same)
    assert not torch.equal(*chosen)


def test_parts_that_cannot_be_seen_count_for_nothing(monkeypatch):
    parts = torch.tensor([[[0.3, 0.4], [torch.nan, torch.nan]], [[torch.nan] * 2, [0.0, 1.0]]])
    split = Split(torch.zeros(2, 3, 64, 64).byte(), torch.zeros(2).long(), parts=parts)
    monkeypatch.setattr(cub, "window_centres", lambda model, images: torch.zeros(2, 1, 2))
    assert torch.allclose(cub.distances_to_parts(None, split), torch.tensor([[0.5, 1.0]]))


def test_the_localisation_networks_convolutions_are_held(tiny_cub):
    model = cub.cub_network("2st_cnn")
    assert isinstance(model.localisation, HeatMapLocalisation)
    held = [name for name, p in model.named_parameters() if not p.requires_grad]
    assert held and all(name.startswith("localisation.features.") for name in held)
