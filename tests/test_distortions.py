import math

import pytest
import torch

import stn_lesson as stn
from stn_lesson.datasets import Dataset, Split


def a_bar(count, side=28):
    """Upright bars, long enough to show how they are turned."""
    images = torch.zeros(count, 1, side, side, dtype=torch.uint8)
    images[:, :, 6:22, 13:15] = 255
    return images


def lean(image):
    """By how many degrees a bar leans to the right of the vertical, from its second moments."""
    sides = (torch.arange(side) - (side - 1) / 2 for side in image.shape)
    y, x = torch.meshgrid(*sides, indexing="ij")
    weight = image.float() / image.sum()
    xx, yy, xy = ((part * weight).sum() for part in (x * x, y * y, x * y))
    return math.degrees(0.5 * math.atan2(2 * xy, xx - yy) + math.pi / 2)


def test_digits_are_turned_within_the_range_and_all_over_it():
    angles = torch.tensor([lean(image[0]) for image in stn.distort(a_bar(300), rotation=50)])
    angles = (angles + 90) % 180 - 90
    assert angles.abs().max() < 51 and angles.max() > 45 and angles.min() < -45
    assert angles.mean().abs() < 6


def test_scale_changes_the_size_and_a_larger_canvas_does_not():
    bar = a_bar(1)
    same = stn.distort(bar, 40, rotation=0, scale=(1, 1))
    assert same.shape == (1, 1, 40, 40)
    assert torch.equal(same[:, :, 6:34, 6:34], bar)
    twice = stn.distort(bar, 60, rotation=0, scale=(2, 2)).float().sum() / bar.float().sum()
    assert twice == pytest.approx(4, rel=0.05)


def test_the_same_seed_gives_the_same_images_whatever_the_chunk():
    digits = stn.load_digits().test.images[:50]
    first = stn.distort(digits, seed=3)
    assert torch.equal(first, stn.distort(digits, seed=3, chunk=7))
    assert not torch.equal(first, stn.distort(digits, seed=4))


def test_a_dataset_is_distorted_anew_in_every_epoch_but_its_test_images_once():
    split = Split(a_bar(20), torch.arange(20) % 10)
    data = stn.distort(Dataset("bars", split, split, split), 32)
    assert data.name == "turned and scaled bars"
    first, second = data.training_images(0), data.training_images(1)
    assert first.shape == (20, 1, 32, 32) and not torch.equal(first, second)
    assert torch.equal(data.training_images(1), second)
    assert not torch.equal(data.test.images, data.valid.images)
    assert torch.equal(data.train.labels, split.labels)


def test_clutter_places_digits_that_are_distorted_anew():
    split = Split(a_bar(20), torch.arange(20) % 10)
    data = stn.clutter(stn.distort(Dataset("bars", split, split), 40), distractors=0)
    bars = [images.float().sum((1, 2, 3)) for images in map(data.training_images, (0, 1))]
    assert not torch.allclose(*bars)  # other scales: so the digit changed, not only its place


@pytest.mark.parametrize(
    ("digits", "how", "error", "message"),
    [
        (torch.zeros(2, 1, 8, 8), {}, TypeError, r"must be bytes .* got torch.float32"),
        (torch.zeros(2, 8, 8, dtype=torch.uint8), {}, TypeError, r"shape \(2, 8, 8\)"),
        ("digits", {}, TypeError, "got str"),
        (a_bar(1), {"scale": (0, 1)}, ValueError, "both above 0"),
        (a_bar(1), {"scale": (2, 1)}, ValueError, "smallest, largest"),
    ],
)
def test_what_cannot_be_distorted_is_refused(digits, how, error, message):
    with pytest.raises(error, match=message):
        stn.distort(digits, **how)
