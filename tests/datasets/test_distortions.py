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


def upright_and_turned(**how):
    """A bar of 4×12 pixels in a picture of 32×20, as it is and turned by up to 60 degrees."""
    bar = torch.zeros(60, 1, 32, 20, dtype=torch.uint8)
    bar[:, :, 10:22, 8:12] = 255
    return bar, stn.distort(bar, rotation=60, scale=(1, 1), **how)


@pytest.mark.parametrize("size", [None, 40])
def test_in_a_picture_that_is_not_square_a_digit_keeps_its_shape_however_it_is_turned(size):
    bar, turned = upright_and_turned(size=size)
    assert turned.shape[2:] == ((32, 20) if size is None else (40, 40))

    def spreads(image):
        """The variances along and across the bar, in pixels squared."""
        sides = (torch.arange(side) - (side - 1) / 2 for side in image.shape)
        points = torch.stack(torch.meshgrid(*sides, indexing="ij")).flatten(1)
        weight = image.flatten().float() / image.sum()
        return torch.linalg.eigvalsh((points * weight) @ points.T)

    expected = spreads(bar[0, 0])
    for image in turned[:, 0]:
        assert image.sum() / bar[0].sum() == pytest.approx(1, abs=0.02)
        assert torch.allclose(spreads(image), expected, rtol=0.12, atol=0.4)
    angles = [(lean(image[0]) + 90) % 180 - 90 for image in turned]
    assert 55 < max(angles) < 61 and -61 < min(angles) < -55


def test_a_picture_that_is_not_square_stays_pixel_for_pixel_where_nothing_is_asked():
    bar, same = (torch.randint(0, 256, (2, 1, 32, 20), dtype=torch.uint8),) * 2
    assert torch.equal(stn.distort(bar, rotation=0, scale=(1, 1)), same)
    room = stn.distort(bar, 40, rotation=0, scale=(1, 1))
    assert torch.equal(room[:, :, 4:36, 10:30], same) and room.sum() == same.sum()


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
