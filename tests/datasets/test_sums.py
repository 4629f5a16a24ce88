import pytest
import torch

import stn_lesson as stn
from stn_lesson.datasets import Dataset, Split, addition

SEEN, KEPT = 60, 40  # training and test digits


def grey_squares(count, darkest):
    """Large squares whose grey tells which digit of which split each is; labels 0 to 9."""
    images = torch.zeros(count, 1, 28, 28, dtype=torch.uint8)
    greys = darkest + torch.arange(count, dtype=torch.uint8)
    images[:, :, 6:22, 6:22] = greys.view(-1, 1, 1, 1)
    return Split(images, torch.arange(count) * 7 % 10)


DIGITS = Dataset("squares", grey_squares(SEEN, 100), grey_squares(KEPT, 200))


def who(images, darkest):
    """Which digit each channel (N, 2) shows, by the grey of its square's inside."""
    return images.flatten(2).amax(2).long() - darkest


def test_labels_are_the_sums_of_what_the_channels_show_in_every_epoch():
    data = addition(DIGITS, seed=3)
    assert data.train.images.shape == (SEEN, 2, 42, 42)
    assert data.train.images.dtype == torch.uint8
    for epoch in (0, 1, 2, 9):
        first, second = who(data.training_images(epoch), 100).T
        assert torch.equal(first, torch.arange(SEEN))
        plain = DIGITS.train.labels
        assert torch.equal(plain[first] + plain[second], data.train.labels)
    first, second = who(data.test.images, 200).T
    assert torch.equal(first, torch.arange(KEPT))
    assert torch.equal(DIGITS.test.labels[first] + DIGITS.test.labels[second], data.test.labels)


def test_pairs_stay_within_their_split():
    data = addition(Dataset("three", DIGITS.train, DIGITS.test, grey_squares(30, 10)))
    assert data.train.images.flatten(2).amax(2).min() >= 100
    assert data.train.images.max() < 160
    assert data.test.images.flatten(2).amax(2).min() >= 200
    assert data.valid.images.max() < 40


def test_every_class_is_as_often_the_second_as_the_first():
    data = addition(DIGITS)
    second = data.train.labels - DIGITS.train.labels
    assert torch.equal(second.bincount(), DIGITS.train.labels.bincount())
    assert not torch.equal(second, DIGITS.train.labels)


def test_every_epoch_draws_partners_of_the_same_class_and_distortions_anew():
    data = addition(DIGITS)
    one, two = (data.training_images(epoch) for epoch in (1, 2))
    partners = torch.stack([who(images, 100)[:, 1] for images in (one, two)])
    share = (partners[0] == partners[1]).float().mean()
    assert 0 < share < 0.5  # each class has six digits
    assert ((one != two).flatten(2).any(2)).all()
    several = torch.cat([who(data.training_images(epoch), 100)[:, 1] for epoch in range(9)])
    assert len(several.unique()) == SEEN  # anyone may be a partner


def test_the_two_digits_are_distorted_each_on_its_own():
    images = addition(DIGITS, repeats=5).train.images
    areas = (images > 90).flatten(2).sum(2).double()  # (300, 2): how far each is scaled
    assert torch.corrcoef(areas.T)[0, 1].abs() < 0.2
    rows = torch.arange(42.0)
    heights = (images.float().sum(3) * rows).sum(2) / images.float().sum((2, 3))
    assert torch.corrcoef(heights.T)[0, 1].abs() < 0.2


def test_the_same_seed_gives_the_same_pairs():
    one, again, other = addition(DIGITS, 5), addition(DIGITS, 5), addition(DIGITS, 6)
    assert torch.equal(one.train.labels, again.train.labels)
    assert torch.equal(one.training_images(4), again.training_images(4))
    assert torch.equal(one.test.images, again.test.images)
    assert not torch.equal(one.train.labels, other.train.labels)
    assert not torch.equal(one.test.images, other.test.images)


def test_fixed_pairs_and_repeats():
    data = addition(DIGITS, redraw=False, repeats=3)
    assert data.training_images(5) is data.train.images and len(data.train) == 3 * SEEN
    assert len(data.test) == KEPT
    first, second = who(data.train.images, 100).T
    assert torch.equal(first, torch.arange(SEEN).repeat(3))
    assert torch.equal(DIGITS.train.labels[first] + DIGITS.train.labels[second], data.train.labels)
    assert len(data.train.labels.view(3, SEEN).unique(dim=0)) == 3  # other sums each time


def test_the_embedded_digits_give_all_sums():
    data = addition(stn.load_digits())
    assert data.name == "pairs of embedded digits"
    assert data.train.labels.unique().tolist() == list(range(19))


def test_pictures_without_labels_are_refused():
    with pytest.raises(TypeError, match="digits must be a Dataset with labels, got Tensor"):
        addition(DIGITS.train.images)
    with pytest.raises(TypeError, match="distortion must be a function.* DISTORTIONS"):
        addition(DIGITS, distortion="RTS")
    with pytest.raises(TypeError, match="seed must be a whole number"):
        addition(DIGITS, seed=1.5)
    for labels in (DIGITS.train.labels - 5, DIGITS.train.labels[:, None].repeat(1, 2)):
        wrong = Dataset("wrong", Split(DIGITS.train.images, labels), DIGITS.test)
        with pytest.raises(ValueError, match=r"digits.train must have one label .*got (-|torch)"):
            addition(wrong)


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (lambda digits: None, TypeError, "as the distortion is given, got NoneType"),
        (lambda digits: digits / 255, TypeError, r"use \(distorted \* 255\).round"),
        (lambda digits: digits[:1], ValueError, "as many pictures as it is given, 120, got 1"),
    ],
)
def test_what_a_distortion_returns_is_looked_at(returned, error, message):
    with pytest.raises(error, match=message):
        addition(DIGITS, distortion=lambda digits, seed: returned(digits))


def test_pairs_are_distorted_as_one_is_told_to():
    data = addition(DIGITS, seed=3, distortion=lambda digits, seed: 255 - digits, repeats=2)
    assert data.train.images.shape == (2 * SEEN, 2, 28, 28)
    first = DIGITS.train.images.repeat(2, 1, 1, 1)
    assert torch.equal(255 - data.training_images(1)[:, :1], first)
    assert torch.equal(data.train.labels, addition(DIGITS, seed=3, repeats=2).train.labels)
