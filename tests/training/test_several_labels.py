"""Images with several labels each, as a house number has digits."""

import math

import pytest
import torch
from torch import nn

import stn_lesson as stn
from stn_lesson import plots
from stn_lesson.datasets import Dataset, Split
from stn_lesson.training.evaluation import predict
from stn_lesson.training.watch import chance_loss
from stn_lesson.widgets import TrainingMonitor


def stripes(count, seed):
    """Three stripes, each black (0), grey (1) or white (2)."""
    labels = torch.randint(3, (count, 3), generator=torch.Generator().manual_seed(seed))
    images = (labels * 127).to(torch.uint8)[:, None, :, None].expand(-1, 1, 3, 4)
    return Split(images.contiguous(), labels)


STRIPES = Dataset("stripes", stripes(128, 0), stripes(64, 1))


def reader(classes=3, places=3):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(12, 32), nn.ReLU(),
        nn.Linear(32, classes * places), nn.Unflatten(1, (classes, places)),
    )  # fmt: skip


def test_a_network_learns_all_places_at_once():
    model = reader()
    history = stn.fit(model, STRIPES, epochs=8, batch_size=8, progress_bar=False)
    assert history.accuracy[-1] > 0.6 and predict(model, STRIPES.test.images).shape == (64, 3)
    assert history.step_loss[0] == pytest.approx(chance_loss(STRIPES.train.labels), abs=0.2)


def test_an_image_counts_when_all_its_labels_are_right():
    images = torch.tensor([0, 255, 255], dtype=torch.uint8).view(3, 1, 1, 1)
    split = Split(images, torch.tensor([[0, 1], [1, 0], [1, 1]]))

    class Both(nn.Module):  # the first place as bright as the image, the second the contrary
        def forward(self, images):
            bright = torch.cat([1 - images, images], 1).flatten(1)
            return torch.stack([bright, 1 - bright], 2)  # (N, classes, places)

    assert stn.evaluate(Both(), split) == pytest.approx(2 / 3)


def test_galleries_and_stills_count_an_image_as_right_when_all_its_labels_are():
    localise = nn.Sequential(nn.Flatten(), nn.Linear(12, 6))
    model = nn.Sequential(stn.SpatialTransformer(localise), reader())
    images, labels = STRIPES.test.images[:4], STRIPES.test.labels[:4]
    answers = labels.clone()
    answers[0, 2] = (answers[0, 2] + 1) % 3
    looked = stn.look(model, stn.to_floats(images))
    figure = plots.look_gallery(images, looked, answers, labels)
    assert figure.alt.endswith("with its answers, 3 of them right.")
    title = ",".join(map(str, labels[1].tolist()))
    assert figure.axes[1].get_title() == f"a {title}"
    assert figure.axes[5].get_title() == f"→ {title}"
    with pytest.raises(ValueError, match=r"of one shape, got \(4,\) and \(4, 3\)"):
        plots.look_gallery(images, looked, answers[:, 0], labels)
    for network in (model, reader()):
        still = TrainingMonitor(network, STRIPES, epochs=1).still()
        assert "no epoch finished" in still.alt
        assert still.axes[1].get_ylabel() == "test error (all labels) in %"


def test_guessing_costs_the_mean_over_the_places():
    labels = torch.tensor([[0, 0], [1, 0], [2, 0], [3, 0]])  # nobody errs in the second
    assert chance_loss(labels) == pytest.approx(math.log(4) / 2)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), r"scores \(N, classes, 3\), got \(2, 3\)"),
        (reader(places=2), r"got \(2, 3, 2\) for 2 images.*Unflatten\(1, \(-1, 3\)\)"),
        (
            reader(classes=2),
            "labels up to 2, for which a model needs 3 outputs",
        ),
        (nn.Sequential(nn.Flatten(0), nn.Linear(24, 2)), r"got \(2,\)"),
    ],
)
def test_a_network_with_other_places_or_too_few_classes_is_told(model, message):
    with pytest.raises(ValueError, match=message):
        stn.fit(model, STRIPES, epochs=1, on_step=lambda *_: pytest.fail("it took a step"))


def test_the_remedy_of_the_error_works():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3 * 3), nn.Unflatten(1, (-1, 3)))
    assert stn.fit(model, STRIPES, epochs=1, progress_bar=False).accuracy


def test_one_hot_labels_and_columns_are_told_and_true_ones_are_taken():
    images = STRIPES.train.images[:3]
    with pytest.raises(ValueError, match=r"got torch.int64 of shape \(3, 3\): use labels.argmax"):
        Split(images, torch.eye(3, dtype=torch.long))
    with pytest.raises(ValueError, match=r"got torch.int64 of shape \(3, 1\): use labels.flatten"):
        Split(images, torch.ones(3, 1, dtype=torch.long))
    twice = Split(images, STRIPES.train.labels[:3]).repeat(2)
    assert torch.equal(twice.labels, STRIPES.train.labels[[0, 1, 2, 0, 1, 2]])


def test_a_single_number_of_noughts_and_a_one_is_no_one_hot_label():
    images = torch.zeros(1, 1, 2, 2, dtype=torch.uint8)
    assert Split(images, torch.tensor([[0, 1, 0]])).labels.shape == (1, 3)
    with pytest.raises(ValueError, match="argmax"):
        Split(images.repeat(2, 1, 1, 1), torch.eye(3)[:2].long())
