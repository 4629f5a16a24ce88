import pytest
import torch

import stn_lesson as stn
from stn_lesson.datasets import Split


def test_digits_have_the_form_of_mnist():
    digits = stn.load_digits()
    images = torch.cat([digits.train.images, digits.test.images])
    assert images.shape == (1797, 1, 28, 28) and images.dtype == torch.uint8
    assert (images.amax((1, 2, 3)) > 250).all()  # white ink on black
    ink = images[:, 0].float()
    place = torch.arange(28.0)
    centre_x = (ink.sum(1) * place).sum(1) / ink.sum((1, 2))
    centre_y = (ink.sum(2) * place).sum(1) / ink.sum((1, 2))
    assert (centre_x - 13.5).abs().max() < 0.5 and (centre_y - 13.5).abs().max() < 0.5
    rows, columns = (ink > 127).any(2).sum(1), (ink > 127).any(1).sum(1)
    longest = torch.maximum(rows, columns)
    assert longest.float().mean().round() == 20 and longest.max() <= 22
    grey = ((images > 64) & (images < 192)).float().mean() / (images > 64).float().mean()
    assert grey < 0.3  # most ink is clearly ink: the strokes are sharp


def test_the_digits_split_between_two_forms():
    digits = stn.load_digits()
    # Each form begins with three rows from 0 to 9; so does the test split.
    assert digits.test.labels[:30].tolist() == 3 * list(range(10))
    assert len(digits.train) == 1287 and digits.test.labels.bincount().min() > 40


def test_floats_and_odd_labels_are_refused():
    images, labels = torch.zeros(3, 1, 4, 4), torch.zeros(3, dtype=torch.long)
    with pytest.raises(TypeError, match=r"use \(images \* 255\).round\(\).to\(torch.uint8\)"):
        Split(images, labels)
    with pytest.raises(TypeError, match=r"labels must be whole numbers.*: use labels.long\(\)"):
        Split(images.byte(), labels.float())
    with pytest.raises(ValueError, match="every image needs a label, got 3 images and 2 labels"):
        Split(images.byte(), labels[:2])


def test_what_is_done_to_the_digits_is_done_to_no_one_elses():
    before = stn.load_digits().test
    before.images.zero_()
    before.labels.fill_(3)
    after = stn.load_digits().test
    assert after.images.any() and after.labels[:10].tolist() == list(range(10))
