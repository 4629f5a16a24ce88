import math

import numpy as np
import pytest
import torch

import stn_lesson as stn
from stn_lesson.datasets import DISTORTIONS, Dataset, Split, addition


def a_bar(count, side=28):
    """Upright bars, long enough to show how they are turned."""
    images = torch.zeros(count, 1, side, side, dtype=torch.uint8)
    images[:, :, 6:22, 13:15] = 255
    return images


BARS = Split(a_bar(20), torch.arange(20) % 10)


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
    data = stn.distort(Dataset("bars", BARS, BARS, BARS), 32)
    assert data.name == "turned and scaled bars"
    first, second = data.training_images(0), data.training_images(1)
    assert first.shape == (20, 1, 32, 32) and not torch.equal(first, second)
    assert torch.equal(data.training_images(1), second)
    assert not torch.equal(data.test.images, data.valid.images)
    assert torch.equal(data.train.labels, BARS.labels)


def test_the_poses_tell_how_digits_were_turned_scaled_and_then_placed():
    data = stn.distort(stn.load_digits(), rotation=45, scale=(0.7, 1.2), seed=3)
    poses = stn.decompose(stn.invert(data.test.poses))
    assert 44 < poses["rotation"].abs().max() < 45.01
    assert 0.69 < poses["scale"].min() < 0.75 and 1.15 < poses["scale"].max() < 1.21
    placed = stn.clutter(stn.distort(stn.load_digits(), 40), 60, pieces=0).test
    upright = stn.warp(stn.to_floats(placed.images), placed.poses, (28, 28))
    plain = stn.to_floats(stn.load_digits().test.images)
    before = stn.warp(stn.to_floats(placed.images), stn.affine_theta(), (28, 28))
    assert (upright - plain).square().mean() < 0.1 * (before - plain).square().mean()
    slanted = stn.datasets.distort_projective(Dataset("bars", BARS, BARS))
    assert slanted.test.poses is None


def test_clutter_places_digits_that_are_distorted_anew():
    data = stn.clutter(stn.distort(Dataset("bars", BARS, BARS), 40), pieces=0)
    bars = [images.float().sum((1, 2, 3)) for images in map(data.training_images, (0, 1))]
    assert not torch.allclose(*bars)  # other scales: so the digit changed, not only its place


@pytest.mark.parametrize(
    ("digits", "how", "error", "message"),
    [
        (torch.zeros(2, 1, 8, 8), {}, TypeError, r"must be bytes .* got torch.float32"),
        (torch.zeros(2, 8, 8, dtype=torch.uint8), {}, ValueError, r"use digits\[:, None\]"),
        ("digits", {}, TypeError, "got str"),
        (a_bar(1), {"scale": (0, 1)}, ValueError, "both above 0"),
        (a_bar(1), {"scale": (2, 1)}, ValueError, "smallest, largest"),
        (a_bar(1), {"scale": 1}, TypeError, r"\(smallest, largest\) must be a pair .* got 1"),
        (a_bar(1), {"scale": (1,)}, ValueError, "must be a pair of numbers"),
        (a_bar(1), {"scale": (1, 1, 1)}, ValueError, "must be a pair of numbers"),
        (a_bar(1), {"size": 0}, ValueError, "size must be at least 1, got 0"),
        (a_bar(1), {"size": (40, 40)}, TypeError, "size must be a whole number"),
        (a_bar(1), {"rotation": "30"}, TypeError, "rotation must be a number, got '30'"),
        (a_bar(1), {"rotation": float("nan")}, ValueError, "rotation must be a finite number"),
        (a_bar(1), {"chunk": 0}, ValueError, "chunk must be at least 1"),
        (a_bar(1), {"chunk": -1}, ValueError, "chunk must be at least 1"),
        (a_bar(1), {"seed": 1.5}, TypeError, "seed must be a whole number"),
        (a_bar(1), {"seed": -1}, ValueError, "seed must be from 0 to"),
    ],
)
def test_what_cannot_be_distorted_is_refused(digits, how, error, message):
    with pytest.raises(error, match=message):
        stn.distort(digits, **how)


def test_rotation_is_counter_clockwise_on_the_screen_and_as_drawn():
    angles = 90 * (2 * torch.rand(2, 50, generator=torch.Generator().manual_seed(4))[0] - 1)
    turned = stn.distort(a_bar(50), rotation=90, scale=(1, 1), seed=4)
    for angle, image in zip(angles.tolist(), turned[:, 0], strict=True):
        difference = lean(image) + angle  # counter-clockwise is to the left
        assert abs((difference + 90) % 180 - 90) < 1.5


def middles(images):
    """Where the ink of each image lies (N, 2): x then y, in pixels from the middle."""
    weight = images[:, 0].float() / images.float().sum((1, 2, 3))[:, None, None]
    height, width = weight.shape[1:]
    x = (weight.sum(1) * (torch.arange(width) - (width - 1) / 2)).sum(1)
    y = (weight.sum(2) * (torch.arange(height) - (height - 1) / 2)).sum(1)
    return torch.stack([x, y], 1)


def white(count, height=28, width=28):
    """White rectangles that leave one black pixel along each edge."""
    images = torch.zeros(count, 1, height, width, dtype=torch.uint8)
    images[:, :, 1:-1, 1:-1] = 255
    return images


@pytest.mark.parametrize(
    ("digits", "how", "room"),
    [
        (white(400), {"size": 42, "scale": (1, 1)}, (7, 7)),
        (white(400), {"size": 42, "scale": (0.5, 0.5)}, (13.75, 13.75)),
        (white(400, 32, 20), {"scale": (0.5, 0.5)}, (4.75, 7.75)),
        (white(400, 32, 20), {"size": 50, "scale": (1, 1)}, (15, 9)),
    ],
)
def test_anywhere_is_uniform_and_within_the_canvas(digits, how, room):
    placed = stn.distort(digits, rotation=0, anywhere=True, **how)
    ink = placed.float().sum((1, 2, 3))
    assert (ink / ink.mean() - 1).abs().max() < 0.03  # none is cut off
    x, y = middles(placed).T
    for place, most in zip((x, y), room, strict=True):
        assert 0.9 * most < place.max() < most + 0.3 and -most - 0.3 < place.min() < -0.9 * most
        assert place.abs().mean() == pytest.approx(most / 2, rel=0.12)
    assert torch.corrcoef(torch.stack([x, y]))[0, 1].abs() < 0.2


def test_a_digit_too_large_for_its_canvas_stays_in_the_middle():
    digits = stn.load_digits().test.images[:20]
    large = stn.distort(digits, scale=(1.2, 1.5), seed=2)
    assert torch.equal(stn.distort(digits, scale=(1.2, 1.5), seed=2, anywhere=True), large)


def test_turned_and_scaled_digits_are_the_same_anywhere():
    settings = dict(size=60, scale=(1, 1.2))
    plain, moved = (stn.distort(a_bar(50), **settings, anywhere=w) for w in (False, True))
    ink = [images.float().sum((1, 2, 3)) for images in (plain, moved)]
    torch.testing.assert_close(*ink, rtol=0.04, atol=0)
    for one, other in zip(plain[:, 0], moved[:, 0], strict=True):
        x, y = middles(other[None, None]).round().int()[0].tolist()
        centred = torch.roll(other, (-y, -x), (0, 1))
        assert abs((lean(one) - lean(centred) + 90) % 180 - 90) < 3


def test_r_only_turns_and_rts_fills_the_canvas():
    data = Dataset("squares", Split(white(300), torch.zeros(300).long()), BARS)
    turned = DISTORTIONS["R"](data).train.images
    assert (turned.float().mean((1, 2, 3)) / white(1).float().mean()).max() < 1.01
    moved = DISTORTIONS["RTS"](data, seed=1).train.images
    area = moved.float().sum((1, 2, 3)) / (255 * 26 * 26)
    assert 0.48 < area.min() < 0.52 and area.max() > 1.3  # 0.7² and, but for cut corners, 1.2²
    assert (middles(moved).abs() > 8).any(0).all()


KEYS = [*DISTORTIONS, "addition"]


@pytest.mark.parametrize("key", KEYS)
def test_every_kind_is_fresh_reproducible_and_repeated(key):
    make = {**DISTORTIONS, "addition": addition}[key]
    plain = stn.load_digits()
    few = Dataset("few", Split(plain.train.images[:40], plain.train.labels[:40]), BARS, BARS)
    data, again, other = make(few, seed=3), make(few, seed=3), make(few, seed=4)
    side = {"RTS": 42, "TC": 60, "addition": 42}.get(key, 28)
    assert data.train.images.shape == (40, 2 if key == "addition" else 1, side, side)
    assert data.train.images.dtype == torch.uint8
    assert torch.equal(data.training_images(2), again.training_images(2))
    assert not torch.equal(data.training_images(2), data.training_images(3))
    assert not torch.equal(data.training_images(2), other.training_images(2))
    assert torch.equal(data.test.images, again.test.images)
    assert not torch.equal(data.test.images, data.valid.images)
    fixed = make(few, seed=3, redraw=False, repeats=3)
    assert fixed.training_images(2) is fixed.train.images and len(fixed.train) == 120
    assert len(make(few, repeats=2).training_images(1)) == 80


def test_the_names_of_what_was_done():
    names = {key: make(Dataset("bars", BARS, BARS)).name for key, make in DISTORTIONS.items()}
    assert names == {
        "R": "turned bars",
        "RTS": "turned and scaled bars",
        "P": "slanted bars",
        "E": "bent bars",
        "TC": "cluttered bars",
    }


def test_tc_is_the_papers_clutter():
    data = Dataset("bars", BARS, BARS)
    ours = stn.clutter(data, 60, pieces=6, piece_size=6, seed=2)
    assert torch.equal(DISTORTIONS["TC"](data, seed=2).test.images, ours.test.images)


def test_numpys_numbers_and_pairs_are_taken_for_pythons():
    plain = stn.distort(a_bar(2), 40, rotation=30, scale=(0.5, 2), seed=3)
    how = dict(rotation=np.float32(30), scale=np.array([0.5, 2]), seed=np.int64(3))
    assert torch.equal(stn.distort(a_bar(2), np.int32(40), **how), plain)
    assert torch.equal(
        stn.distort(a_bar(2), 40, **(how | {"scale": torch.tensor([0.5, 2])})), plain
    )
