import pytest
import torch

from stn_lesson.datasets import Split, drawn_birds, to_floats
from stn_lesson.datasets.birds import DARK, HEADS, PARTS, SIZE, WINGS, draw_birds

DATA = drawn_birds(train=320, test=160)


def around(images, places, radius):
    """The pixels (N, 3, …) around places (N, 2) of the pictures."""
    middle = ((places + 1) * (SIZE - 1) / 2).round().long()
    offsets = torch.arange(-radius, radius + 1)
    rows = (middle[:, 1, None] + offsets).clamp(0, SIZE - 1)
    columns = (middle[:, 0, None] + offsets).clamp(0, SIZE - 1)
    n = torch.arange(len(images))[:, None, None]
    return images[n, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def test_sixteen_species_come_equally_often():
    assert DATA.train.labels.bincount().tolist() == [20] * len(HEADS) * len(WINGS)
    assert DATA.train.images.shape == (320, 3, SIZE, SIZE)
    assert DATA.train.images.dtype == torch.uint8


def test_a_seed_gives_the_same_birds_and_another_seed_others():
    again, other = drawn_birds(train=32, test=16), drawn_birds(train=32, test=16, seed=1)
    assert torch.equal(again.test.images, drawn_birds(train=32, test=16).test.images)
    assert not torch.equal(again.train.images, other.train.images)
    assert not torch.equal(again.train.images[:16], again.test.images)


def test_the_places_of_the_parts_are_where_the_marks_are():
    """A cap is above the middle of the head, a bib below; all wings are striped in the middle."""
    species = torch.arange(160) % 16
    images, parts = draw_birds(species, torch.Generator().manual_seed(2))
    assert parts.shape == (160, len(PARTS), 2)
    dark = (to_floats(images) - DARK[:, None, None]).abs().amax(1, keepdim=True) < 0.1
    head = around(dark.float(), parts[:, 0], 7)
    above, below = head[:, 0, :7].mean((1, 2)), head[:, 0, 8:].mean((1, 2))
    caps, bibs = species // 4 == HEADS.index("cap"), species // 4 == HEADS.index("bib")
    assert (above[caps] > below[caps] + 0.1).float().mean() > 0.9
    assert (below[bibs] > above[bibs] + 0.1).float().mean() > 0.9
    wing = around(dark.float(), parts[:, 1], 5).mean((1, 2, 3))
    assert wing.min() > 0.1 and wing.max() < 0.8


def test_heads_and_wings_are_anywhere_but_in_the_picture():
    parts = DATA.train.parts
    assert parts.abs().max() < 1
    assert (parts.std(0) > 0.15).all()


def test_colour_tells_nothing():
    """The mean colour of a bird's surroundings names the species no better than guessing."""
    images, labels = to_floats(DATA.train.images), DATA.train.labels
    colours = torch.cat(
        [images.mean((2, 3)), around(images, DATA.train.parts[:, 1], 1).mean((2, 3))], 1
    )
    centres = torch.stack([colours[labels == k].mean(0) for k in range(16)])
    tested = to_floats(DATA.test.images)
    tested = torch.cat(
        [tested.mean((2, 3)), around(tested, DATA.test.parts[:, 1], 1).mean((2, 3))], 1
    )
    right = (torch.cdist(tested, centres).argmin(1) == DATA.test.labels).float().mean()
    assert right < 0.16  # guessing: 0.06


def test_parts_go_where_the_images_go_and_must_be_places():
    split = DATA.test
    assert torch.equal(split.repeat(2).parts, split.parts.repeat(2, 1, 1))
    assert split.to("meta").parts.device.type == "meta"
    with pytest.raises(
        ValueError, match=r"P places for each image, \(160, 2, 2\), got \(2, 2, 2\)"
    ):
        Split(split.images, split.labels, parts=split.parts[:2])
    with pytest.raises(ValueError, match=r"\(160, P, 2\), got list: use parts=None"):
        Split(split.images, split.labels, parts=[1])


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"train": 0}, "train must be from 1 to 100000, got 0"),
        ({"test": 1.5}, "test must be a whole number, got 1.5"),
        ({"seed": -1}, "seed must be from 0"),
    ],
)
def test_a_number_that_cannot_be_is_refused(argument, message):
    with pytest.raises((TypeError, ValueError), match=message):
        drawn_birds(**{"train": 1, "test": 1} | argument)


@pytest.mark.parametrize("species", [torch.tensor([3, 16]), torch.tensor([-1]), torch.arange(0)])
def test_what_are_no_species_are_refused(species):
    with pytest.raises(ValueError, match="species must be one or more, from 0 to 15, got tensor"):
        draw_birds(species, torch.Generator())
    with pytest.raises(TypeError, match="species must be whole numbers"):
        draw_birds(species.float(), torch.Generator())
    with pytest.raises(ValueError, match=r"species must .* of shape \(N,\), got torch.int64"):
        draw_birds(torch.zeros(2, 2, dtype=torch.long), torch.Generator())
    with pytest.raises(TypeError, match=r"generator must be a torch.Generator, got int: use torch"):
        draw_birds(torch.arange(16), 0)
