import numpy as np
import pytest
import torch

from stn_lesson.datasets import Dataset, Split, to_floats
from stn_lesson.datasets.dataset import derive_dataset


def pictures(count, channels=1):
    """Pictures of 2×3 pixels that carry their number, and labels from 0 to 9."""
    numbers = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1)
    return Split(numbers.expand(-1, channels, 2, 3), torch.arange(count) % 10)


BYTES, CLASSES = torch.zeros(2, 1, 3, 3, dtype=torch.uint8), torch.zeros(2).long()
PLAIN = Dataset("plain", pictures(20), pictures(5), pictures(4))


def brighter(split, seed):
    """Pictures that tell which ones they were made from, and by which seed."""
    return split.images + torch.tensor(seed % 1000, dtype=torch.uint8), None


def test_poses_are_one_theta_for_each_image_and_go_where_the_images_go():
    images, labels = torch.zeros(3, 1, 4, 4).byte(), torch.arange(3)
    split = Split(images, labels, torch.arange(18.0).view(3, 2, 3))
    assert torch.equal(split.repeat(2).poses, split.poses.repeat(2, 1, 1))
    assert split.to("meta").poses.device.type == "meta"
    with pytest.raises(ValueError, match=r"one θ for each image, \(3, 2, 3\), got \(2, 2, 3\)"):
        Split(images, labels, split.poses[:2])


@pytest.mark.parametrize(
    ("poses", "error", "message"),
    [
        (torch.ones(3, 2, 3).long(), TypeError, r"poses must be a tensor of floats.*poses.float"),
        (torch.full((3, 2, 3), torch.nan), ValueError, "poses of sample 0 holds nan in row 0"),
        (
            torch.full((3, 2, 3), 1e300, dtype=torch.float64),
            ValueError,
            "poses of sample 0 holds inf in row 0",
        ),
    ],
)
def test_poses_are_finite_floats(poses, error, message):
    with pytest.raises(error, match=message):
        Split(torch.zeros(3, 1, 4, 4).byte(), torch.arange(3), poses)


def test_poses_and_parts_are_kept_in_32_bits_and_a_part_may_be_out_of_sight():
    parts = torch.zeros(3, 2, 2, dtype=torch.float64)
    parts[0] = torch.nan
    split = Split(
        torch.zeros(3, 1, 4, 4).byte(), torch.arange(3), torch.ones(3, 2, 3).half(), parts
    )
    assert split.poses.dtype == split.parts.dtype == torch.float32 and split.parts[0].isnan().all()


@pytest.mark.parametrize(
    ("redraw", "error", "message"),
    [
        (True, TypeError, "redraw must be a function or None, got True"),
        (lambda epoch: None, TypeError, r"redraw\(1\) must be bytes .*, got NoneType"),
        (
            lambda epoch: PLAIN.train.images.numpy(),
            TypeError,
            r"use torch.as_tensor\(redraw\(1\)\)",
        ),
        (lambda epoch: to_floats(PLAIN.train.images), TypeError, r"use \(redraw\(1\) \* 255\)"),
        (lambda epoch: PLAIN.train.images[:9], ValueError, r"\(20, 1, 2, 3\), got \(9, 1, 2, 3\)"),
        (lambda epoch: PLAIN.train.images[..., :2], ValueError, r", got \(20, 1, 2, 2\)"),
    ],
)
def test_what_is_drawn_anew_must_be_like_what_it_takes_the_place_of(redraw, error, message):
    with pytest.raises(error, match=message):
        Dataset("anew", PLAIN.train, PLAIN.test, redraw=redraw).training_images(1)


@pytest.mark.parametrize(
    ("images", "labels", "error", "message"),
    [
        (torch.zeros(2, 1, 3, 3), CLASSES, TypeError, r"\(N, C, H, W\), got torch.float32"),
        (np.zeros((2, 1, 3, 3), np.uint8), CLASSES, TypeError, "got numpy uint8 of shape"),
        (BYTES[:, 0], CLASSES, ValueError, r"of shape \(2, 3, 3\): use images\[:, None\]"),
        (BYTES[..., :0], CLASSES, ValueError, r"of shape \(2, 1, 3, 0\)"),
        (BYTES, torch.zeros(2), TypeError, "whole numbers.*float32"),
        (BYTES, [1, 2], TypeError, r"got list: use torch.as_tensor\(labels\)"),
        (BYTES, torch.tensor([0.5, 1]), TypeError, r"torch.float32 of shape \(2,\)$"),
        (BYTES, torch.zeros(2, 1).long(), ValueError, r"labels.flatten\(\)"),
        (BYTES, torch.eye(2).long(), ValueError, r"use labels.argmax\(1\)"),
        (BYTES, torch.zeros(2, 3, 1).long(), ValueError, r"torch.int64 of shape \(2, 3, 1\)$"),
        (BYTES, torch.zeros(3).long(), ValueError, "got 2 images and 3 labels"),
    ],
)
def test_what_is_no_split_is_refused(images, labels, error, message):
    with pytest.raises(error, match=message):
        Split(images, labels)


def test_what_is_no_data_set_is_refused():
    with pytest.raises(
        TypeError, match=r"train must be a Split, got .*: use Split\(images, labels\)"
    ):
        Dataset("bare", BYTES, pictures(2))
    with pytest.raises(TypeError, match="epoch must be a whole number, got 1.5"):
        PLAIN.training_images(1.5)
    with pytest.raises(ValueError, match="times must be at least 1, got 0"):
        PLAIN.test.repeat(0)
    with pytest.raises(ValueError, match="poses must be one θ for each image.*got list"):
        Split(BYTES, CLASSES, [1])


@pytest.mark.parametrize(
    ("images", "remedy"),
    [
        (torch.rand(2, 1, 3, 3), r": use \(images \* 255\).*, or floats from 0 to 1 as they are$"),
        (torch.ones(2, 2) > 0, r": use images.to\(torch.uint8\) \* 255$"),
        (np.zeros(3, np.uint8), r": use torch.as_tensor\(images\)$"),
        ([200, 3], r": use torch.as_tensor\(images\).to\(torch.uint8\)$"),
        (None, "got NoneType$"),
    ],
)
def test_only_bytes_are_made_into_floats(images, remedy):
    with pytest.raises(TypeError, match=f"images must be bytes .*{remedy}"):
        to_floats(images)


@pytest.mark.parametrize("seed", [np.int64(3), torch.tensor(3), 2**31 - 1])
def test_a_seed_may_be_as_large_as_any_and_come_from_any_library(seed):
    def noise(split, seed):
        generator = torch.Generator().manual_seed(seed)
        return torch.randint(256, split.images.shape, generator=generator).to(torch.uint8), None

    data = derive_dataset(PLAIN, noise, name="noise", seed=seed, seed_stream=1)
    again = derive_dataset(PLAIN, noise, name="noise", seed=int(seed), seed_stream=1)
    assert torch.equal(data.training_images(2), again.training_images(2))
    assert not torch.equal(data.training_images(2), data.training_images(3))
    for wrong in (1.5, "3", None):
        with pytest.raises(TypeError, match="seed must be a whole number"):
            derive_dataset(PLAIN, brighter, name="none", seed=wrong, seed_stream=0)
    with pytest.raises(ValueError, match="seed must be from 0 to"):
        derive_dataset(PLAIN, brighter, name="none", seed=2**31, seed_stream=0)


def test_a_split_repeats_pictures_with_their_labels():
    three = pictures(4).repeat(3)
    assert len(three) == 12 and three.labels.tolist() == [0, 1, 2, 3] * 3
    assert torch.equal(three.images[:, 0, 0, 0].long(), three.labels)


def test_a_data_set_says_what_it_holds():
    assert repr(PLAIN) == ("plain: 20 training images, 4 for validation, 5 test images, 2×3 pixels")
    pairs = Dataset("pairs", pictures(3, channels=2), pictures(1, channels=2))
    assert repr(pairs) == "pairs: 3 training images, 1 test images, 2 channels of 2×3 pixels"


def test_without_redrawing_every_epoch_has_the_same_images():
    assert PLAIN.training_images(7) is PLAIN.train.images


def test_each_split_and_each_epoch_is_made_from_its_own_pictures_by_a_seed_of_its_own():
    data = derive_dataset(PLAIN, brighter, name="bright", seed=0, seed_stream=0)
    assert data.name == "bright"
    assert torch.equal(data.test.images, PLAIN.test.images)
    assert torch.equal(data.valid.images, PLAIN.valid.images + 1)
    for epoch in (0, 1, 5):
        assert torch.equal(data.training_images(epoch), PLAIN.train.images + 2 + epoch)
    assert torch.equal(data.train.labels, PLAIN.train.labels)


def test_streams_and_seeds_keep_data_sets_made_from_one_another_apart():
    seeds = []
    for seed in (0, 1, 2):
        for seed_stream in (0, 5, 8):
            data = derive_dataset(
                PLAIN,
                lambda split, seed: (seeds.append(seed) or split.images, None),
                name="spy",
                seed=seed,
                seed_stream=seed_stream,
            )
            for epoch in range(1, 50):
                data.training_images(epoch)
    assert len(set(seeds)) == len(seeds) == 9 * 52


def test_a_data_set_made_from_a_fresh_one_changes_with_it():
    inner = derive_dataset(PLAIN, brighter, name="inner", seed=0, seed_stream=0)
    outer = derive_dataset(
        inner, lambda split, seed: (split.images, None), name="outer", seed=0, seed_stream=1
    )
    assert torch.equal(outer.training_images(3), inner.training_images(3))


def test_fixed_images_and_repeats():
    fixed = derive_dataset(
        PLAIN, brighter, name="fixed", seed=0, seed_stream=0, redraw=False, repeats=3
    )
    assert fixed.training_images(4) is fixed.train.images and len(fixed.train) == 60
    assert torch.equal(fixed.train.labels, PLAIN.train.labels.repeat(3))
    assert len(fixed.test) == 5 and len(fixed.valid) == 4
    with pytest.raises(ValueError, match="repeats must be at least 1, got 0"):
        derive_dataset(PLAIN, brighter, name="none", seed=0, seed_stream=0, repeats=0)


def test_new_labels_are_made_from_the_old_ones_in_every_split():
    data = derive_dataset(
        PLAIN,
        brighter,
        name="odd",
        seed=0,
        seed_stream=0,
        repeats=2,
        relabel=lambda labels: labels % 2,
    )
    assert torch.equal(data.train.labels, PLAIN.train.labels.repeat(2) % 2)
    assert torch.equal(data.test.labels, PLAIN.test.labels % 2)
    assert torch.equal(data.valid.labels, PLAIN.valid.labels % 2)
