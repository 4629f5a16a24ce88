"""Every seed that is allowed draws pictures of its own, however large it is."""

import pytest
import torch

import stn_lesson as stn
from stn_lesson.arguments import SEEDS, seed_number
from stn_lesson.colocalisation.scenes import window_dataset
from stn_lesson.datasets import DISTORTIONS, Dataset, Split, addition
from stn_lesson.datasets.numbers import crop_numbers, draw_numbers

FEW = Split(torch.randint(256, (12, 1, 28, 28), dtype=torch.uint8), torch.arange(12) % 10)
PLAIN, SCENES = Dataset("few", FEW, FEW), draw_numbers(4)
MAKERS = {
    "birds": lambda seed: stn.drawn_birds(16, 16, seed=seed),
    "house numbers": lambda seed: stn.house_numbers(4, 4, seed=seed),
    "scenes with numbers": lambda seed: Dataset("scenes", *[_scenes(seed)] * 2),
    "crops": lambda seed: Dataset("crops", *[crop_numbers(SCENES, 1, seed)] * 2),
    "solids": lambda seed: stn.solids(PLAIN, 12, seed=seed),
    "clutter": lambda seed: stn.clutter(PLAIN, seed=seed),
    "turned": lambda seed: DISTORTIONS["R"](PLAIN, seed=seed),
    "sums": lambda seed: addition(PLAIN, seed=seed),
    "windows": lambda seed: window_dataset(PLAIN, seed=seed),
}


def _scenes(seed):
    scenes = draw_numbers(4, seed)
    return Split(scenes.images, scenes.labels)


@pytest.mark.parametrize("name", MAKERS)
def test_seeds_far_apart_draw_different_pictures(name):
    first, *others = (MAKERS[name](seed) for seed in (0, 2**29, 2**30, SEEDS - 1))
    for other in others:
        assert not torch.equal(other.train.images, first.train.images)
        assert not torch.equal(other.test.images, first.test.images)
        assert not torch.equal(other.training_images(1), first.training_images(1))


def test_beyond_the_last_seed_torch_would_draw_the_same_again():
    assert seed_number(SEEDS - 1) == SEEDS - 1
    with pytest.raises(ValueError, match="seed must be from 0 to 2147483647, got 4294967296"):
        seed_number(2**32)
    drawn = [torch.rand(1, generator=torch.Generator().manual_seed(s)) for s in (0, 2**32)]
    assert torch.equal(*drawn)  # why the range ends: let it grow when this fails
