import zlib

import numpy as np
import pytest
import torch

import stn_lesson as stn
from stn_lesson.datasets import Dataset, Split


@pytest.fixture
def digits():
    return stn.load_digits().train.images[:300]


def test_clutter_is_the_same_for_the_same_seed_whatever_the_chunks(digits):
    images = stn.clutter(digits, seed=3)
    assert images.shape == (300, 1, 60, 60) and images.dtype == torch.uint8
    for chunk in (1, 7, 299, 1000):
        assert torch.equal(stn.clutter(digits, seed=3, chunk=chunk), images)
    assert not torch.equal(stn.clutter(digits, seed=4), images)
    assert torch.equal(stn.clutter(digits[:, 0], seed=3), images)


def test_without_pieces_the_digit_itself_is_placed(digits):
    images = stn.clutter(digits, pieces=0)
    assert torch.equal(images.long().sum((1, 2, 3)), digits.long().sum((1, 2, 3)))
    corners = set()
    for image, digit in zip(images[:50, 0], digits[:50, 0], strict=True):
        windows = image.unfold(0, 28, 1).unfold(1, 28, 1)  # (33, 33, 28, 28)
        found = (windows == digit).all(-1).all(-1).nonzero()
        assert len(found) >= 1
        corners.add(tuple(found[0].tolist()))
    assert len(corners) > 45  # anywhere on the canvas


def test_pieces_have_the_asked_size():
    white = torch.full((50, 28, 28), 255, dtype=torch.uint8)
    white[:, 14:] = 0
    nothing = torch.zeros(50, 28, 28, dtype=torch.uint8)
    assert stn.clutter(nothing, pieces=16).sum() == 0
    bare = stn.clutter(white, pieces=0)
    few = stn.clutter(white, pieces=2, piece_size=6)
    many = stn.clutter(white, pieces=12, piece_size=10)
    assert bare.float().mean() < few.float().mean() < many.float().mean()
    assert (few > 0).sum((1, 2, 3)).max() <= 28 * 14 + 2 * 36
    assert many.max() == 255


def test_a_data_set_gets_fresh_clutter_every_epoch_and_fixed_test_images():
    data = stn.clutter(stn.load_digits(), seed=1)
    again = stn.clutter(stn.load_digits(), seed=1)
    assert torch.equal(data.training_images(0), data.train.images)
    assert torch.equal(data.training_images(5), again.training_images(5))
    assert not torch.equal(data.training_images(5), data.training_images(6))
    assert torch.equal(data.test.images, again.test.images)
    fixed = stn.clutter(stn.load_digits(), redraw=False)
    assert fixed.training_images(5) is fixed.train.images


def test_repeats_give_an_epoch_several_scenes_of_each_digit():
    plain = stn.load_digits()
    data = stn.clutter(plain, repeats=3)
    assert len(data.train) == 3 * len(plain.train) == len(data.training_images(1))
    assert torch.equal(data.train.labels, plain.train.labels.repeat(3))
    assert len(data.test) == len(plain.test)


def test_a_seed_stands_for_the_same_images_for_good():
    """Measured runs name their seeds: the draws behind a seed must never change."""
    digits = (torch.arange(20 * 28 * 28) * 7 % 251).byte().view(20, 1, 28, 28)
    data = stn.clutter(Dataset("ramps", *(Split(digits, torch.zeros(20).long()),) * 2), seed=3)
    scenes = [data.test.images, data.train.images, data.training_images(4)]
    checksums = [zlib.crc32(images.numpy().tobytes()) for images in scenes]
    assert checksums == [2891726047, 2940553101, 3453747077]


@pytest.mark.parametrize("size", [60, 84, 100])
def test_the_poses_cut_out_the_digits(size):
    plain = stn.load_digits()
    data = stn.clutter(plain, size, pieces=0)
    for scenes, digits in ((data.train, plain.train), (data.test, plain.test)):
        cut_out = stn.warp(stn.to_floats(scenes.images), scenes.poses, (28, 28))
        assert torch.allclose(cut_out, stn.to_floats(digits.images), atol=1e-3)


@pytest.mark.parametrize(
    ("bad", "how", "error", "message"),
    [
        (torch.zeros(2, 28, 28), {}, TypeError, "must be bytes"),
        ([1, 2], {}, TypeError, "list"),
        (torch.zeros(2, 3, 28, 28, dtype=torch.uint8), {}, ValueError, r"\(N, 1, H, W\)"),
        (
            torch.zeros(2, 28, 28, dtype=torch.uint8),
            {"size": 20},
            ValueError,
            "use a size of at least 28",
        ),
        (
            torch.zeros(2, 28, 28, dtype=torch.uint8),
            {"piece_size": 40},
            ValueError,
            "use a piece_size of at most 28",
        ),
    ],
)
def test_clutter_refuses_what_is_not_digits(bad, how, error, message):
    with pytest.raises(error, match=message):
        stn.clutter(bad, **how)


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"size": (60, 60)}, TypeError, "size must be a whole number"),
        ({"size": 60.0}, TypeError, "size must be a whole number, got 60.0"),
        ({"chunk": 0}, ValueError, "chunk must be at least 1, got 0"),
        ({"chunk": -1}, ValueError, "chunk must be at least 1, got -1"),
        ({"pieces": -1}, ValueError, "pieces must be from 0 to 1000, got -1"),
        ({"piece_size": 0}, ValueError, "piece_size must be at least 1"),
        ({"seed": 1.5}, TypeError, "seed must be a whole number, got 1.5"),
        ({"seed": 2**64}, ValueError, "seed must be from 0 to"),
    ],
)
def test_a_number_that_cannot_be_is_refused_before_anything_is_made(how, error, message):
    split = Split(torch.zeros(2, 1, 28, 28, dtype=torch.uint8), torch.arange(2))
    for digits in (split.images, Dataset("black", split, split)):
        with pytest.raises(error, match=message):
            stn.clutter(digits, **how)


def test_numpys_numbers_are_taken_for_pythons():
    digits = torch.full((3, 1, 28, 28), 255, dtype=torch.uint8)
    plain = stn.clutter(digits, 40, pieces=2, piece_size=6, seed=1, chunk=2)
    numbers = dict(pieces=np.int64(2), piece_size=np.uint8(6), seed=np.int32(1), chunk=np.int8(2))
    assert torch.equal(stn.clutter(digits, np.uint8(40), **numbers), plain)
