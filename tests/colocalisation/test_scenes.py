import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import stn_lesson as stn
from stn_lesson.colocalisation.scenes import iou, scenes_of_class, window_dataset
from stn_lesson.datasets import Split


@pytest.fixture(scope="module")
def digits():
    return stn.load_digits().train


def test_every_scene_shows_a_digit_of_its_own_inside_its_box(digits):
    scenes = scenes_of_class(digits, 4, count=60, seed=1)
    assert len(scenes) == 60 and scenes.images.shape == (60, 1, 84, 84)
    assert scenes.images.dtype == torch.uint8 and scenes.boxes.dtype == torch.float32
    fours, used = digits.images[digits.labels == 4, 0], set()
    for image, box in zip(scenes.images[:, 0], scenes.boxes.int().tolist(), strict=True):
        left, top, right, bottom = box
        assert (right - left, bottom - top) == (28, 28) and min(box) >= 0 and max(box) <= 84
        inside = image[top:bottom, left:right]
        assert inside.sum() == image.sum()  # nothing elsewhere
        used.add((fours == inside).flatten(1).all(1).nonzero().item())
    assert len(used) == 60
    assert len({tuple(box.tolist()) for box in scenes.boxes}) > 55  # anywhere


def test_clutter_lies_everywhere_and_the_digit_stays_whole(digits):
    bare = scenes_of_class(digits, 4, seed=1)
    scenes = scenes_of_class(digits, 4, pieces=16, seed=1)
    assert torch.equal(scenes.boxes, bare.boxes)
    assert (scenes.images >= bare.images).all()
    crops = (scenes.images.int() - bare.images.int()) > 0
    assert crops.sum((1, 2, 3)).max() <= 16 * 6 * 6 and crops.any(0).float().mean() > 0.9


@pytest.mark.parametrize("size", [84, 91])
def test_a_second_digit_is_whole_of_another_class_and_leaves_the_first_alone(digits, size):
    bare = scenes_of_class(digits, 4, size=size, seed=1)
    scenes = scenes_of_class(digits, 4, size=size, second_digit=True, seed=1)
    assert torch.equal(scenes.boxes, bare.boxes)
    shown = {bytes(image.flatten().tolist()) for image in digits.images[digits.labels != 4]}
    corners = set()
    for image, alone, box in zip(scenes.images, bare.images, scenes.boxes.int(), strict=True):
        rest = image - alone  # the first digit is as it was
        left, top, right, bottom = box.tolist()
        assert rest[:, top:bottom, left:right].sum() == 0
        row, column = _first_rows_that_show(rest[0], shown, size)
        assert abs(row - top) >= 28 or abs(column - left) >= 28
        corners.add((row, column))
    assert len(corners) > 80
    with pytest.raises(ValueError, match="size must be at least 84 for two digits .* got 83"):
        scenes_of_class(digits, 4, size=83, second_digit=True)


def _first_rows_that_show(rest, shown, size):
    """Row and column of the only window that holds one of the digits and all that is there."""
    rows, columns = rest.any(1).nonzero().flatten(), rest.any(0).nonzero().flatten()
    places = [
        (row, column)
        for row in range(max(rows.max().item() - 27, 0), min(rows.min().item(), size - 28) + 1)
        for column in range(
            max(columns.max().item() - 27, 0), min(columns.min().item(), size - 28) + 1
        )
        if bytes(rest[row : row + 28, column : column + 28].flatten().tolist()) in shown
    ]
    assert len(places) == 1
    return places[0]


def test_the_crops_come_from_digits_of_every_class():
    """Each class has a grey of its own: what lies around a digit of class 2 has all of them."""
    labels = torch.arange(10).repeat(20)
    greys = (100 + 10 * labels).to(torch.uint8)
    split = Split(greys.view(-1, 1, 1, 1).expand(-1, 1, 28, 28).contiguous(), labels)
    scenes = scenes_of_class(split, 2, count=20, pieces=16)
    found = set(scenes.images.flatten().tolist())
    assert {100 + 10 * k for k in range(10)} <= found


def test_the_same_seed_gives_the_same_scenes(digits):
    one, two, other = (scenes_of_class(digits, 3, seed=seed, pieces=2) for seed in (5, 5, 6))
    assert torch.equal(one.images, two.images) and torch.equal(one.boxes, two.boxes)
    assert not torch.equal(one.images, other.images)


def test_too_few_digits_are_named(digits):
    with pytest.raises(ValueError, match="500 scenes need 500 digits of class 4, got 129:"):
        scenes_of_class(digits, 4, count=500)
    large = Split(torch.zeros(3, 1, 40, 40, dtype=torch.uint8), torch.zeros(3, dtype=torch.long))
    with pytest.raises(ValueError, match="digits must be 28×28 pixels, got 40×40"):
        scenes_of_class(large, 0, count=3)


def test_windows_show_their_digit_a_little_off_centre():
    plain = stn.load_digits()
    data = window_dataset(plain, shift=2, pieces=0)
    assert data.train.images.shape == plain.train.images.shape
    assert torch.equal(data.train.labels, plain.train.labels)
    seen = set()
    for image, digit in zip(data.test.images[:60, 0], plain.test.images[:60, 0], strict=True):
        around = torch.nn.functional.pad(digit, (4, 4, 4, 4))
        moves = [
            (row, column)
            for row in range(9)
            for column in range(9)
            if torch.equal(image, around[row : row + 28, column : column + 28])
        ]
        assert all(2 <= place <= 6 for place in moves[0])  # at most two pixels from the middle
        assert len(moves) == 1
        seen.update(moves)
    assert len(seen) > 15
    assert window_dataset(plain, shift=0, pieces=3).test.images.ge(plain.test.images).all()
    assert not torch.equal(data.training_images(1), data.training_images(2))
    with pytest.raises(ValueError, match="shift must be from 0 to 13, got 14"):
        window_dataset(plain, shift=14)


def test_iou_by_hand():
    box = torch.tensor([[0.0, 0.0, 28.0, 28.0]])
    cases = {
        (0, 0, 28, 28): 1,
        (28, 0, 56, 28): 0,  # they touch
        (40, 40, 68, 68): 0,
        (14, 0, 42, 28): 1 / 3,
        (7, 7, 21, 21): 1 / 4,  # inside, half as wide
        (5, 5, 33, 33): 529 / 1039,  # 23² of 2·28² − 23²
    }
    for other, expected in cases.items():
        assert iou(box, torch.tensor([other]).float()).item() == pytest.approx(expected)
    assert iou(torch.zeros(1, 4), torch.zeros(1, 4)) == 0


@given(st.lists(st.integers(0, 20), min_size=8, max_size=8))
def test_iou_counts_pixels_and_is_the_same_both_ways(numbers):
    x, y, w, h, u, v, m, n = numbers
    one, other = [x, y, x + w, y + h], [u, v, u + m, v + n]

    def pixels(box):
        left, top, right, bottom = box
        return {(a, b) for a in range(left, right) for b in range(top, bottom)}

    a, b = torch.tensor([one]).float(), torch.tensor([other]).float()
    union = pixels(one) | pixels(other)
    expected = len(pixels(one) & pixels(other)) / len(union) if union else 0
    assert iou(a, b).item() == pytest.approx(expected) == iou(b, a).item()


def test_iou_refuses_what_is_no_box():
    with pytest.raises(ValueError, match=r"others must be \(N, 4\)"):
        iou(torch.zeros(1, 4), torch.tensor([[2.0, 0.0, 1.0, 1.0]]))
    with pytest.raises(ValueError, match=r"boxes must be \(N, 4\)"):
        iou(torch.zeros(4), torch.zeros(1, 4))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda d: scenes_of_class(d, 4), TypeError, r"must be a Split, got Dataset"),
        (lambda d: scenes_of_class(d.train, 4.0), TypeError, "label must be a whole number"),
        (lambda d: scenes_of_class(d.train, 4, 0), ValueError, "count must be at least 1"),
        (lambda d: scenes_of_class(d.train, 4, seed=1.5), TypeError, "seed must be a whole number"),
        (lambda d: scenes_of_class(d.train, 4, size=20), ValueError, "use a size of at least 28"),
        (
            lambda d: scenes_of_class(d.train, 4, pieces=-1),
            ValueError,
            "pieces must be from 0 to 1000",
        ),
        (lambda d: window_dataset(d.train), TypeError, "must be a Dataset, got Split"),
        (lambda d: window_dataset(d, shift=1.5), TypeError, "shift must be a whole number"),
        (lambda d: iou([1], torch.zeros(1, 4)), TypeError, r"use torch.tensor\(boxes\)"),
        (
            lambda d: iou(torch.zeros(2, 4), torch.zeros(3, 4)),
            ValueError,
            "equally many, got 2 and",
        ),
    ],
)
def test_what_no_scenes_can_be_made_of_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make(stn.load_digits())
