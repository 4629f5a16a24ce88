"""House numbers drawn by code: what is printed is what the labels say, and where the poses say."""

import pytest
import torch

import stn_lesson as stn
from stn_lesson.datasets import numbers
from stn_lesson.datasets.fonts import FONTS, GLYPH_HEIGHT, digit_atlas
from stn_lesson.datasets.numbers import (
    BLANK,
    CROP,
    SCENE,
    crop_numbers,
    draw_numbers,
    house_numbers,
    loosened,
    number_words,
)
from stn_lesson.datasets.walls import draw_walls

SCENES = draw_numbers(300, seed=1)


def corners(poses):
    """The four corners of the numbers' boxes, (N, 2, 4)."""
    box = torch.tensor([[-1.0, 1, 1, -1], [-1, -1, 1, 1], [1, 1, 1, 1]])
    return poses @ box


def test_every_font_has_ten_different_digits_of_one_height():
    masks, widths = digit_atlas()
    assert masks.shape[:3] == (len(FONTS), 10, GLYPH_HEIGHT) and 0 <= masks.min() < masks.max() <= 1
    for font, of_font in enumerate(masks):
        assert (torch.cdist(of_font.flatten(1), of_font.flatten(1)) > 2).sum() == 90
        for digit, mask in enumerate(of_font):
            width = widths[font, digit]
            assert mask[:, :width].amax(0).gt(0.1).any() and mask[:, width:].eq(0).all()


def test_a_number_is_one_to_three_digits_and_then_blanks():
    lengths = (SCENES.labels != BLANK).sum(1)
    assert set(lengths.tolist()) == {1, 2, 3} and SCENES.labels.min() >= 0
    for labels, length in zip(SCENES.labels, lengths, strict=True):
        assert (labels[:length] < BLANK).all() and (labels[length:] == BLANK).all()
    assert set(SCENES.labels[:, 0].tolist()) == set(range(10))


def test_every_number_lies_in_its_scene_upright_or_nearly_so():
    assert corners(SCENES.poses).abs().max() <= 1
    right, down = SCENES.poses[:, :, 0].unbind(1)  # along the line that the digits stand on
    turned = torch.atan2(down, right).rad2deg().abs()
    assert 10 < turned.max() <= numbers.MAX_ROTATION + 1e-3
    width, height = (SCENES.poses[:, :, :2].norm(dim=1) * (SCENE - 1)).unbind(1)
    assert width.max() <= numbers.MAX_WIDTH + 0.1 and 9 < height.min() < height.max() < 25


def test_the_pose_cuts_out_what_the_label_says():
    masks, widths = digit_atlas()
    labels = torch.tensor([[7, BLANK, BLANK], [3, 0, 1]])
    fonts = torch.tensor([1, 9])
    strips, printed = numbers._print_strips(labels, fonts)
    assert printed[0] == widths[1, 7] and strips[0, 0, :, printed[0] :].eq(0).all()
    assert torch.equal(strips[0, 0, :, : printed[0]], masks[1, 7, :, : printed[0]])
    last = widths[9, 1]
    assert torch.equal(strips[1, 0, :, printed[1] - last : printed[1]], masks[9, 1, :, :last])
    poses = numbers._choose_poses(printed, torch.Generator().manual_seed(0))
    on_walls, plates = numbers._place(strips, printed, poses)
    for k in range(2):
        seen = stn.warp(on_walls[k : k + 1], poses[k : k + 1], (GLYPH_HEIGHT, int(printed[k])))
        assert (seen[0, 0] - strips[k, 0, :, : printed[k]]).abs().mean() < 0.12
        assert (plates[k] >= (on_walls[k] > 0.05).float()).all()  # a plate reaches beyond


def test_a_number_differs_from_what_is_behind_it():
    generator = torch.Generator().manual_seed(0)
    mask = torch.zeros(100, 1, 16, 16)
    mask[..., 4:12, 4:12] = 1
    walls = stn.to_floats(draw_walls(mask, torch.zeros_like(mask), generator)).mean(1)
    bare = stn.to_floats(draw_walls(0 * mask, 0 * mask, generator.manual_seed(0))).mean(1)
    contrast = (walls - bare)[:, 4:12, 4:12].mean((1, 2)).abs()
    assert (contrast > 0.2).float().mean() > 0.95
    assert torch.equal(walls[:, :4], bare[:, :4])  # and all else stays


def test_crops_hold_the_whole_number_and_looser_ones_more_besides():
    spread = []
    for looseness in (0, 0.15, 0.6, 1.2):
        crops = crop_numbers(SCENES, looseness, seed=2)
        assert crops.images.shape == (300, 3, CROP, CROP)
        assert torch.equal(crops.labels, SCENES.labels)
        assert corners(crops.poses).abs().max() <= 1 + 1e-5
        longer = crops.poses[:, :, :2].abs().sum(2).amax(1)  # 1: fills the crop
        assert longer.max() <= 1 / (1 + looseness) + 1e-5 or looseness == 1.2  # the scene's edge
        spread.append(crops.poses[:, :, 2].std())
    assert spread == sorted(spread) and spread[-1] > 0.35 > 0.2 > spread[0]


def test_a_crop_shows_the_scene():
    scenes = numbers.NumberScenes(SCENES.images[:20], SCENES.labels[:20], SCENES.poses[:20])
    crops = crop_numbers(scenes, 0.6)
    from_crop = stn.warp(stn.to_floats(crops.images), crops.poses, (16, 24))
    from_scene = stn.warp(stn.to_floats(scenes.images), scenes.poses, (16, 24))
    assert (from_crop - from_scene).abs().mean() < 0.03


def test_a_pair_of_loosenesses_draws_one_for_each_number():
    tight, loose = (crop_numbers(SCENES, e, 3).poses for e in (0.0, 1.2))
    mixed = crop_numbers(SCENES, (0.0, 1.2), 3).poses
    for same in ([0, 1.2], torch.tensor([0, 1.2])):
        assert torch.allclose(crop_numbers(SCENES, same, 3).poses, mixed, atol=1e-6)
    sizes = [poses[:, :, :2].abs().sum(2).amax(1) for poses in (loose, mixed, tight)]
    assert (sizes[0] <= sizes[1] + 1e-5).all() and (sizes[1] <= sizes[2] + 1e-5).all()
    assert sizes[0].mean() + 0.1 < sizes[1].mean() < sizes[2].mean() - 0.1


def test_the_same_seed_gives_the_same_and_another_other_scenes():
    again, other = draw_numbers(20, seed=1), draw_numbers(20, seed=2)
    assert torch.equal(again.images, draw_numbers(20, seed=1).images)
    assert not torch.equal(again.images, other.images)


def test_a_training_begins_tight_and_is_cut_anew_in_every_epoch():
    data = house_numbers(40, 10, epochs=8)
    epochs = [data.training_images(epoch) for epoch in (0, 1, 1, 7)]
    assert torch.equal(epochs[1], epochs[2]) and not torch.equal(epochs[0], epochs[1])
    assert data.train.labels.shape == (40, 3) and data.test.labels.shape == (10, 3)
    tight = data.train.poses[:, :, :2].abs().sum(2).amax(1).median()
    loose = house_numbers(40, 10).train.poses[:, :, :2].abs().sum(2).amax(1).median()
    assert loose < 0.75 < tight
    assert [loosened(share, 0.1) for share in (0, 1)] == [0.1, 0.1]  # never looser than asked


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: draw_numbers(0), ValueError, "count must be from 1 to 100000, got 0"),
        (lambda: draw_numbers(2, seed="x"), TypeError, "seed must be a whole number"),
        (lambda: crop_numbers(SCENES, -1), ValueError, "looseness must be at least 0, got -1"),
        (lambda: crop_numbers(SCENES, (1.0, 0.5)), ValueError, "looseness must be at least 1.0"),
        (
            lambda: crop_numbers(SCENES, (0, 1, 2)),
            ValueError,
            "looseness must be a pair of numbers",
        ),
        (lambda: crop_numbers(SCENES, []), ValueError, "looseness must be a pair of numbers"),
        (lambda: crop_numbers(SCENES, "e"), TypeError, "looseness must be a number, got 'e'"),
        (
            lambda: crop_numbers("walls", 1),
            TypeError,
            r"NumberScenes, got str: use draw_numbers\(4",
        ),
        (lambda: number_words("7"), TypeError, r"labels must be .* of shape \(N, K\), got str"),
        (lambda: number_words(torch.tensor([7, 1])), ValueError, r"\(N, K\), got torch.int64 of"),
        (lambda: number_words(torch.tensor([[7.0]])), ValueError, r"\(N, K\), got torch.float32"),
        (lambda: number_words(torch.tensor([[-1, 11]])), ValueError, "10 for none, got -1 to 11"),
        (lambda: house_numbers(0), ValueError, "training must be from 1 to 100000, got 0"),
        (lambda: house_numbers(2, 2, epochs=0), ValueError, "epochs must be at least 1, got 0"),
        (lambda: house_numbers(2, 2, looseness="e"), TypeError, "looseness must be a number"),
    ],
)
def test_what_cannot_be_is_told(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()
