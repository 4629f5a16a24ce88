"""Wrong calls to the geometry: what the message says to do makes the call right."""

import re

import numpy as np
import pytest
import torch
from remedy_in import remedy_in

import stn_lesson as stn
from stn_lesson import grid as grid_room
from stn_lesson.fused import fused_warp

IMAGE = torch.rand(2, 1, 8, 9)
THETA = stn.affine_theta(rotation=torch.tensor([10.0, 20]))
GRID = stn.sampling_grid(THETA, 4, 5)
VOLUMES = torch.rand(2, 3, 6, 8, 9)
SOLID_THETA = stn.volume_theta(rotation=torch.rand(2, 3))
SOLID_GRID = stn.volume_grid(SOLID_THETA, 4, 5, 6)
CORNERS = torch.tensor([[[-1.0, -0.7], [0.9, -1], [1, 1], [-0.8, 0.9]]])
NAMES = {name: getattr(stn, name) for name in stn.__all__} | vars(grid_room) | {"torch": torch}


def follow(function, arguments: dict):
    """The call after its message has been followed: another argument, or another function."""
    with pytest.raises((TypeError, ValueError)) as refusal:
        function(**arguments)
    message = str(refusal.value)
    code = remedy_in(message)
    better = eval(code, NAMES | arguments)
    if callable(better):
        return better(**arguments)
    named = [word for word in re.findall(r"\w+", code) if word in arguments]
    name = named[0] if named else re.match(r"\w+", message)[0]
    return function(**arguments | {name: better})


def sampling_grid(theta):
    return stn.sampling_grid(theta, 4, 5)


def projective_grid(theta, height=4, width=5):
    return stn.projective_grid(theta, height, width)


def thin_plate_grid(theta):
    return stn.thin_plate_grid(theta, 4, 5)


WRONG_CALLS = {
    "a list for θ": (stn.warp, dict(image=IMAGE, theta=THETA.tolist())),
    "an array for θ": (stn.warp, dict(image=IMAGE, theta=THETA.double().numpy())),
    "θ of two axes": (stn.warp, dict(image=IMAGE, theta=THETA[0])),
    "θ of five axes": (stn.warp, dict(image=IMAGE, theta=THETA[None, :, None])),
    "six numbers": (stn.invert, dict(theta=THETA[0].flatten())),
    "rows of six numbers": (stn.decompose, dict(theta=THETA.flatten(1))),
    "θ column by column": (sampling_grid, dict(theta=THETA.mT)),
    "a homography for an affine θ": (sampling_grid, dict(theta=torch.eye(3))),
    "one homography": (stn.warp, dict(image=IMAGE, theta=torch.eye(3))),
    "homographies of four axes": (stn.invert, dict(theta=torch.eye(3)[None, None])),
    "one number for θ": (sampling_grid, dict(theta=torch.tensor(1.0))),
    "whole numbers for θ": (stn.invert, dict(theta=torch.eye(2, 3)[None].long())),
    "bools for θ": (stn.invert, dict(theta=torch.eye(2, 3)[None].bool())),
    "complex numbers for θ": (stn.invert, dict(theta=torch.eye(2, 3)[None] + 0j)),
    "θ of 64 bits": (stn.warp, dict(image=IMAGE, theta=THETA.double())),
    "θ of 64 bits, image of 16": (stn.warp, dict(image=IMAGE.half(), theta=THETA.double())),
    "θ on another device": (stn.warp, dict(image=IMAGE.to("meta"), theta=THETA)),
    "many θ for one image": (stn.warp, dict(image=IMAGE[:1], theta=THETA)),
    "θ too small to be undone": (stn.invert, dict(theta=torch.eye(2, 3)[None] * 1e-39)),
    "θ of two types": (stn.compose, dict(first=THETA, then=THETA.double())),
    "a matrix for homographies": (projective_grid, dict(theta=torch.eye(3))),
    "nine numbers": (projective_grid, dict(theta=torch.eye(3).flatten())),
    "an affine θ for a homography": (
        projective_grid,
        dict(theta=THETA, height=4, width=5),
    ),
    "one net of points": (thin_plate_grid, dict(theta=torch.rand(9, 2))),
    "points that make no net": (thin_plate_grid, dict(theta=torch.rand(1, 7, 2))),
    "a list of corners": (stn.projective_theta, dict(corners=CORNERS.tolist())),
    "four corners alone": (stn.projective_theta, dict(corners=CORNERS[0])),
    "eight numbers": (stn.projective_theta, dict(corners=CORNERS.flatten(1))),
    "corners of two types": (
        stn.projective_theta,
        dict(corners=CORNERS, target=CORNERS.double()),
    ),
    "a list of angles": (stn.affine_theta, dict(rotation=[10, 20])),
    "a column of angles": (stn.affine_theta, dict(rotation=torch.zeros(3, 1))),
    "bools for scales": (stn.affine_theta, dict(scale=torch.ones(3, dtype=torch.bool))),
    "a list for the image": (stn.warp, dict(image=IMAGE.tolist(), theta=THETA)),
    "an array of floats": (stn.warp, dict(image=IMAGE.double().numpy(), theta=THETA)),
    "an array of bytes": (stn.warp, dict(image=np.uint8(IMAGE * 255), theta=THETA)),
    "rows and columns": (stn.warp, dict(image=IMAGE[0, 0], theta=THETA[:1])),
    "a colour image": (stn.warp, dict(image=torch.rand(3, 8, 9), theta=THETA[:1])),
    "channels last": (stn.warp, dict(image=torch.rand(8, 9, 3), theta=THETA[:1])),
    "a film": (stn.warp, dict(image=torch.rand(1, 3, 4, 8, 8), theta=THETA[:1])),
    "bytes": (stn.warp, dict(image=IMAGE.byte(), theta=THETA)),
    "a mask": (stn.warp, dict(image=IMAGE > 0.5, theta=THETA)),
    "complex pixels": (stn.warp, dict(image=IMAGE + 0j, theta=THETA)),
    "a list for the grid": (stn.sample, dict(image=IMAGE, grid=GRID.tolist())),
    "an array for the grid": (stn.bilinear_sample, dict(image=IMAGE, grid=GRID.numpy())),
    "one grid without its axis": (stn.sample, dict(image=IMAGE[:1], grid=GRID[0])),
    "a row of points": (stn.sample, dict(image=IMAGE[:1], grid=GRID[0, 0])),
    "a grid of five axes": (stn.sample, dict(image=IMAGE, grid=GRID[None])),
    "x and y first": (stn.sample, dict(image=IMAGE, grid=GRID.movedim(-1, 1))),
    "whole numbers for a grid": (stn.sample, dict(image=IMAGE, grid=GRID.long())),
    "a grid of 64 bits": (stn.sample, dict(image=IMAGE, grid=GRID.double())),
    "a grid of 64 bits, image of 16": (
        stn.bilinear_sample,
        dict(image=IMAGE.bfloat16(), grid=GRID.double()),
    ),
    "one grid for many": (stn.sample, dict(image=IMAGE, grid=GRID[:1])),
    "one image for many grids": (stn.sample, dict(image=IMAGE[:1], grid=GRID)),
    "whole numbers that look": (stn.looks_outside, dict(grid=GRID.long())),
    "a flat θ for volumes": (stn.warp, dict(image=VOLUMES, theta=THETA)),
    "a flat θ for one volume": (stn.warp, dict(image=VOLUMES[:1], theta=THETA[:1])),
    "a flat grid for volumes": (stn.sample, dict(image=VOLUMES, grid=GRID)),
    "a flat grid for volumes, by hand": (stn.bilinear_sample, dict(image=VOLUMES, grid=GRID)),
    "a θ of volumes for pictures": (stn.warp, dict(image=IMAGE, theta=SOLID_THETA)),
    "a grid of volumes for pictures": (stn.sample, dict(image=IMAGE, grid=SOLID_GRID)),
    "pictures for volumes": (stn.trilinear_sample, dict(volume=IMAGE, grid=SOLID_GRID)),
    "volumes for pictures": (stn.bilinear_sample, dict(image=VOLUMES, grid=SOLID_GRID)),
    "a θ of volumes for a flat grid": (sampling_grid, dict(theta=SOLID_THETA)),
    "64 bits for the kernel": (fused_warp, dict(image=IMAGE.double(), theta=THETA.double())),
    "a reflection for the kernel": (
        fused_warp,
        dict(image=IMAGE, theta=THETA, padding="reflection"),
    ),
}


@pytest.mark.parametrize(("function", "arguments"), WRONG_CALLS.values(), ids=WRONG_CALLS)
def test_what_the_message_says_to_do_makes_the_call_right(function, arguments):
    follow(function, arguments)


@pytest.mark.parametrize("value", [None, "θ", 3, {}])
def test_where_nothing_can_be_made_of_a_value_no_remedy_is_named(value):
    calls = (
        lambda: stn.warp(IMAGE, value),
        lambda: stn.warp(value, THETA),
        lambda: stn.sample(IMAGE, value),
        lambda: stn.looks_outside(value),
    )
    for call in calls:
        with pytest.raises(TypeError, match="must be a tensor of floats") as refusal:
            call()
        assert "use" not in str(refusal.value)
