"""Volumes by hand beside torch: their grid, the trilinear sampler, warp."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from remedy_in import remedy_in

import stn_lesson as stn
from stn_lesson.checks import NotFiniteError
from stn_lesson.grid import volume_meshgrid

PADDINGS = ("zeros", "border", "reflection")
TURNED = stn.volume_theta(rotation=(20, -30, 50), scale=1.2, translation=(0.1, -0.2, 0.3))


def torch_sample(volume, grid, padding="zeros", mode="bilinear"):
    return F.grid_sample(volume, grid, mode=mode, padding_mode=padding, align_corners=True)


def test_the_meshgrid_runs_layer_by_layer():
    grid = volume_meshgrid(depth=2, height=2, width=3)
    assert torch.equal(grid[:2, :6], stn.meshgrid(2, 3)[:2])
    assert torch.equal(grid[:2, 6:], stn.meshgrid(2, 3)[:2])
    assert grid[2].tolist() == [-1] * 6 + [1] * 6 and grid[3].eq(1).all()


@pytest.mark.filterwarnings("ignore:Since version 1.3.0")
@pytest.mark.parametrize("size", [(2, 5, 8), (1, 3, 4), (3, 1, 2), (1, 1, 1)])
@pytest.mark.parametrize("batch", [1, 3])
def test_volume_grid_equals_torch(size, batch):
    theta = torch.randn(batch, 3, 4)
    expected = F.affine_grid(theta, (batch, 1, *size), align_corners=True)
    torch.testing.assert_close(stn.volume_grid(theta, *size), expected, atol=1e-6, rtol=1e-6)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 10_000),
    st.tuples(*[st.integers(1, 6)] * 3),
    st.sampled_from(PADDINGS),
    st.sampled_from([torch.float32, torch.float64]),
)
def test_by_hand_equals_torch_in_values_and_both_gradients(seed, size, padding, dtype):
    torch.manual_seed(seed)
    volume = torch.rand(2, 3, *size, dtype=dtype, requires_grad=True)
    grid = (torch.randn(2, 3, 4, 5, 3, dtype=dtype) * 1.2).requires_grad_()  # half fall outside
    weight = torch.rand(2, 3, 3, 4, 5, dtype=dtype)
    ours, theirs = stn.trilinear_sample(volume, grid, padding), torch_sample(volume, grid, padding)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    for mine, expected in zip(
        torch.autograd.grad((ours * weight).sum(), (volume, grid)),
        torch.autograd.grad((theirs * weight).sum(), (volume, grid)),
        strict=True,
    ):
        scale = expected.abs().max().clamp(min=1)
        torch.testing.assert_close(mine / scale, expected / scale, atol=1e-6, rtol=0)
    torch.testing.assert_close(stn.sample(volume, grid, padding=padding), theirs)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("size", [(3, 4, 5), (1, 5, 2), (2, 2, 2)])
def test_on_the_voxels_themselves_both_gradients_are_torchs(padding, size):
    volume = torch.rand(1, 2, *size, requires_grad=True)
    lines = [torch.arange(-1.0, side + 1) for side in size]  # all voxels, and one step beyond
    z, y, x = torch.meshgrid(*lines, indexing="ij")
    half = torch.tensor([max(side - 1, 1) / 2 for side in reversed(size)])
    grid = (torch.stack([x, y, z], -1)[None] / half - 1).requires_grad_()
    weight = torch.rand(1, 2, *x.shape)
    gradients = [
        torch.autograd.grad((sampled * weight).sum(), (volume, grid))
        for sampled in (
            stn.trilinear_sample(volume, grid, padding),
            torch_sample(volume, grid, padding),
        )
    ]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_one_sample_worked_out_by_hand():
    volume = torch.tensor([1.0, 2, 3, 5, 8, 13, 21, 34]).view(1, 1, 2, 2, 2)
    # x = 0.75, y = 0.25 in pixels of each layer, as in the flat case; z = 0.25 between the layers.
    front = (3 * 1 + 9 * 2 + 1 * 3 + 3 * 5) / 16
    back = (3 * 8 + 9 * 13 + 1 * 21 + 3 * 34) / 16
    grid = torch.tensor([0.5, -0.5, -0.5]).view(1, 1, 1, 1, 3)
    assert stn.trilinear_sample(volume, grid).item() == pytest.approx(0.75 * front + 0.25 * back)


@pytest.mark.parametrize("sampler", [stn.trilinear_sample, stn.sample])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("size", [(5, 28, 17), (1, 5, 3), (1, 1, 1)])
def test_identity_returns_the_volume_voxel_for_voxel(sampler, padding, size):
    volume = torch.rand(2, 3, *size)
    grid = stn.volume_grid(stn.volume_theta(), *size).expand(2, -1, -1, -1, -1)
    assert torch.allclose(sampler(volume, grid, padding=padding), volume, atol=1e-5)


@pytest.mark.parametrize("sampler", [stn.trilinear_sample, stn.sample])
def test_a_layer_by_itself_is_sampled_as_a_picture(sampler):
    image, theta = torch.rand(2, 3, 7, 9), stn.affine_theta(rotation=30, translation=(0.2, -0.4))
    flat = stn.warp(image, theta, size=(5, 6))
    solid = stn.volume_theta(rotation=(0, 0, 30), translation=(0.2, -0.4, 0))
    grid = stn.volume_grid(solid, 1, 5, 6).expand(2, -1, -1, -1, -1)
    assert torch.allclose(sampler(image[:, :, None], grid)[:, :, 0], flat, atol=1e-6)


@pytest.mark.parametrize("padding", PADDINGS)
def test_nearest_in_a_volume_equals_torch_away_from_ties(padding):
    volume, grid = torch.rand(2, 2, 4, 5, 7), torch.randn(2, 3, 6, 6, 3)
    ours = stn.sample(volume, grid, "nearest", padding)
    assert torch.equal(ours, torch_sample(volume, grid, padding, "nearest"))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("sampler", [stn.trilinear_sample, stn.sample])
def test_a_voxel_that_is_not_finite_is_not_seen_from_outside(sampler, bad):
    volume = torch.full((1, 1, 2, 2, 2), bad)
    assert sampler(volume, torch.full((1, 1, 1, 1, 3), 4.0)).item() == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("sampler", [stn.trilinear_sample, stn.sample])
def test_every_float_type_is_kept(sampler, dtype):
    sampled = sampler(torch.rand(1, 1, 2, 3, 4).to(dtype), torch.zeros(1, 1, 2, 2, 3, dtype=dtype))
    assert sampled.dtype == dtype and sampled.shape == (1, 1, 1, 2, 2)


def test_warp_moves_a_volume_and_takes_a_size_of_three():
    volume = torch.rand(2, 1, 4, 5, 6)
    moved = stn.warp(volume, stn.volume_theta(translation=(0, 0, 2 / 3)))  # a layer away
    assert torch.allclose(moved[:, :, 1:], volume[:, :, :-1], atol=1e-5)
    assert moved[:, :, 0].abs().max() < 1e-5
    assert stn.warp(volume, TURNED, size=np.array([2, 3, 4])).shape == (2, 1, 2, 3, 4)
    with pytest.raises(ValueError, match=r"\(depth, height, width\) must be three"):
        stn.warp(volume, TURNED, size=(3, 4))


VOLUME, GRID = torch.rand(2, 1, 3, 4, 5), stn.volume_grid(TURNED, 2, 3, 4).expand(2, -1, -1, -1, -1)
WRONG_CALLS = {
    "one grid without its axis": (stn.trilinear_sample, VOLUME[:1], GRID[0]),
    "coordinates first": (stn.trilinear_sample, VOLUME, GRID.movedim(-1, 1)),
    "one grid for many": (stn.trilinear_sample, VOLUME, GRID[:1]),
    "one volume for many grids": (stn.trilinear_sample, VOLUME[:1], GRID),
    "a grid of 64 bits": (stn.trilinear_sample, VOLUME, GRID.double()),
    "whole numbers for a grid": (stn.trilinear_sample, VOLUME, GRID.long()),
    "a volume without channels": (stn.trilinear_sample, VOLUME[:, 0], GRID),
    "a volume of bytes": (stn.trilinear_sample, VOLUME.byte(), GRID),
    "a picture's grid": (stn.trilinear_sample, VOLUME[:1], torch.zeros(1, 4, 4, 2)),
}


@pytest.mark.parametrize(("function", "volume", "grid"), WRONG_CALLS.values(), ids=WRONG_CALLS)
def test_what_the_message_says_to_do_makes_the_call_right(function, volume, grid):
    with pytest.raises((TypeError, ValueError)) as refusal:
        function(volume, grid)
    code = remedy_in(str(refusal.value))
    names = {name: getattr(stn, name) for name in stn.__all__} | {"torch": torch}
    names |= {"volume": volume, "grid": grid, "theta": TURNED, "depth": 2, "height": 3, "width": 4}
    better = eval(code, names)
    is_volume = code.startswith(("volume.", "volume[", "to_floats"))
    function(*((better, grid) if is_volume else (volume, better)))


@pytest.mark.parametrize("shape", [(3, 4), (12,), (2, 12), (1, 2, 3, 4)])
def test_twelve_numbers_are_told_how_to_be_a_theta(shape):
    theta = torch.rand(shape)
    with pytest.raises(ValueError, match=r"use theta.reshape\(-1, 3, 4\)"):
        stn.volume_grid(theta, 2, 2, 2)
    assert stn.volume_grid(theta.reshape(-1, 3, 4), 2, 2, 2).shape[1:] == (2, 2, 2, 3)


def test_a_grid_that_is_not_finite_names_sample_and_entry():
    grid = GRID.clone()
    grid[1, 0, 2, 1, 2] = math.nan
    with pytest.raises(NotFiniteError, match="sample 1 .* layer 0, row 2, column 1, coordinate z"):
        stn.trilinear_sample(VOLUME, grid)


def test_how_much_of_a_volume_is_looked_past():
    grid = stn.volume_grid(stn.volume_theta(translation=(0, 0, -1)), 3, 2, 2)  # z: 0, 1, 2
    assert stn.looks_outside(grid).item() == pytest.approx(1 / 3)
