"""The grid explorer in Python: its traits, what it refuses, its still picture."""

import numpy as np
import pytest
import torch

import stn_lesson as stn
from stn_lesson.widgets import GridExplorer


@pytest.fixture
def explorer():
    return GridExplorer(stn.house(20, 30), size=(4, 6), start={"rotation": 30})


def test_it_starts_where_it_is_told(explorer):
    theta = stn.affine_theta(rotation=30, size=(20, 30))
    assert torch.equal(explorer.theta, theta)
    assert (explorer.size, explorer.pixel) == ((4, 6), (0, 0))
    assert torch.equal(explorer.grid, stn.sampling_grid(theta, 4, 6))
    assert torch.equal(explorer.picture, stn.warp(stn.house(20, 30), theta, (4, 6)))


def test_theta_and_pixel_can_be_set(explorer):
    explorer.theta = stn.affine_theta(scale=2)
    explorer.pixel = [3, 5]
    assert explorer.pixel == (3, 5)
    assert explorer.grid[0, 3, 5].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("pixel", (4, 0), ValueError, "rows 0 to 3 and columns 0 to 5, got \\(4, 0\\)"),
        ("pixel", (0, -1), ValueError, "must be from 0 to 255, got -1"),
        ("pixel", (0.5, 1), TypeError, r"pixel = \(row, column\) must be a whole number, got 0.5"),
        ("pixel", 3, TypeError, "must be a pair of numbers, got 3"),
        ("size", (0, 4), ValueError, "must be from 1 to 256, got 0"),
        ("size", (4, 257), ValueError, r"size = \(rows, columns\) must be from 1 to 256"),
        ("size", "large", TypeError, "must be a pair of numbers, got 'large'"),
        ("theta", torch.eye(3), ValueError, "theta must have shape"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(explorer, name, value, error, message):
    before = getattr(explorer, name)
    with pytest.raises(error, match=message):
        setattr(explorer, name, value)
    assert getattr(explorer, name) is before


@pytest.mark.parametrize(
    ("how", "error"),
    [({"size": (0, 3)}, ValueError), ({"size": (2.5, 3)}, TypeError), ({"size": 8}, TypeError)],
)
def test_a_size_that_cannot_be_is_refused_at_once(how, error):
    with pytest.raises(error, match=r"size = \(rows, columns\) must be"):
        GridExplorer(stn.house(), **how)


def test_the_pixel_stays_inside_a_smaller_target(explorer):
    explorer.pixel = (3, 5)
    explorer.size = (2, 9)
    assert explorer.pixel == (1, 5)


def test_the_browser_can_change_size_and_pixel_together(explorer):
    explorer.set_state({"pixel": [9, 1], "size": [10, 2]})
    assert (explorer.size, explorer.pixel) == ((10, 2), (9, 1))


def test_one_row_sits_in_the_middle():
    explorer = GridExplorer(stn.house(), size=(1, 5))
    assert explorer.grid[0, 0, :, 1].tolist() == [0] * 5


def test_only_pictures_are_shown():
    with pytest.raises(ValueError, match=r"\(1, 3, H, W\), got \(3, 8, 8\)"):
        GridExplorer(torch.rand(3, 8, 8))


@pytest.mark.parametrize("size", [(4, 6), (1, 1), (40, 60)])
def test_the_still_picture_describes_itself(size):
    explorer = GridExplorer(stn.house(20, 30), size=size)
    still = explorer.still()
    assert still.png()[:4] == b"\x89PNG"
    where = "(0.00, 0.00)" if size == (1, 1) else "(-1.00, -1.00)"
    assert f"row 0, column 0 looks at {where}" in still.alt
    assert bool(still.axes[0].collections) == (max(size) <= 32)


def test_numbers_out_of_numpy_are_taken_for_pythons():
    explorer = GridExplorer(stn.house(20, 30), size=np.array([6, 8]))
    explorer.pixel = tuple(np.array([2, 3]))
    assert (explorer.size, explorer.pixel) == ((6, 8), (2, 3))
    assert all(type(number) is int for number in (*explorer.size, *explorer.pixel))
