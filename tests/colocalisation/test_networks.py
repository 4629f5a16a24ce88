import pytest
import torch
from torch import nn

import stn_lesson as stn
from stn_lesson import colocalisation
from stn_lesson.colocalisation import Encoder, window_transformer


def test_a_window_transformer_starts_with_the_window_in_the_middle_and_keeps_it_inside():
    transformer = window_transformer(size=60)
    images = torch.rand(4, 1, 60, 60)
    assert torch.allclose(transformer(images), images[:, :, 16:44, 16:44], atol=1e-5)
    nn.init.normal_(transformer.localisation.linear.weight, std=100.0)
    boxes = colocalisation.window_boxes(transformer.theta(images), size=60)
    assert boxes.min() >= -3 and boxes.max() <= 63  # a window that has grown, in a corner
    sides = boxes[:, 2] - boxes[:, 0]
    assert sides.min() >= 28 * 0.89 and sides.max() <= 28 * 1.11


def test_an_encoder_calibrates_its_codes_on_digits():
    torch.manual_seed(0)
    encoder, digits = Encoder(), stn.to_floats(stn.load_digits().test.images[:50])
    before = encoder.code(digits)
    after = encoder.calibrate(digits, mean_norm=5.0).code(digits)
    assert after.norm(dim=1).mean().item() == pytest.approx(5)
    ratio = after[before > 0] / before[before > 0]
    assert torch.allclose(ratio, ratio[0].expand_as(ratio))  # all by the same factor


def test_an_encoder_reads_windows_alone_and_says_so():
    for read in (Encoder(), Encoder().code, Encoder().calibrate):
        with pytest.raises(
            ValueError, match=r"Encoder reads floats \(N, 1, 28, 28\), got \(2, 1, 84"
        ):
            read(torch.rand(2, 1, 84, 84))


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"size": 20}, ValueError, "size must be at least 28, got 20"),
        ({"size": 84.0}, TypeError, "size must be a whole number"),
        ({"max_stretch": 2}, ValueError, "max_stretch must be from 0 to 1, got 2"),
    ],
)
def test_a_window_that_cannot_be_is_refused(how, error, message):
    with pytest.raises(error, match=message):
        window_transformer(**how)
