import numpy as np
import pytest
import torch

import stn_lesson as stn
from stn_lesson.arguments import (
    list_of,
    one_of,
    pair,
    real_number,
    seed_number,
    true_or_false,
    whole_number,
)
from stn_lesson.datasets.numbers import house_numbers
from stn_lesson.grid import volume_meshgrid
from stn_lesson.networks import CNN, FCN, STFCN


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), torch.tensor(3), np.array(3)])
def test_a_whole_number_is_taken_from_any_library(value):
    number = whole_number(value, "size", lowest=1)
    assert number == 3 and type(number) is int


@pytest.mark.parametrize("value", [1.5, 2.0, "2", True, np.True_, None, [1], torch.tensor(1.0)])
def test_what_is_no_whole_number_is_refused_with_its_name(value):
    with pytest.raises(TypeError, match="size must be a whole number, got "):
        whole_number(value, "size")


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), torch.tensor(0.5), np.array(0.5)])
def test_a_number_is_taken_from_any_library(value):
    assert real_number(value, "scale") == 0.5 and type(real_number(value, "scale")) is float


@pytest.mark.parametrize("value", ["0.5", True, None, [1.0], 1j])
def test_what_is_no_number_is_refused_with_its_name(value):
    with pytest.raises(TypeError, match="scale must be a number, got "):
        real_number(value, "scale")


def test_bounds_are_told():
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        whole_number(0, "size", lowest=1)
    with pytest.raises(ValueError, match="share must be from 0 to 1, got 1.5"):
        real_number(1.5, "share", 0, 1)
    with pytest.raises(ValueError, match="share must be at most 1, got 2"):
        whole_number(2, "share", highest=1)
    for value in (float("nan"), float("inf"), np.float64("-inf")):
        with pytest.raises(ValueError, match="rate must be a finite number, got"):
            real_number(value, "rate")
    with pytest.raises(ValueError, match="seed must be from 0 to 2147483647, got -1"):
        seed_number(-1)


HUGE, FEW = 2**24, stn.load_digits().test.images[:2]
EYE = stn.affine_theta()
# Each would ask for terabytes, or for a number that torch cannot count to.
TOO_LARGE = {
    "a side": (lambda: stn.to_pixels(torch.zeros(2), 10**400, 3), "most 2147483647, got a number"),
    "more digits than are written": (lambda: stn.house(10**5000), "got a number of 5001 digits"),
    "a board": (lambda: stn.checkerboard(10**30, 5), "height must be at most 2147483647"),
    "a board's squares": (lambda: stn.checkerboard(10**9, 10**9), "got 1000000000×1000000000"),
    "a house": (lambda: stn.house(10**6, 10**6), "pixels at most"),
    "a grid": (lambda: stn.sampling_grid(EYE, HUGE, HUGE), "got 16777216×16777216"),
    "a net": (lambda: stn.meshgrid(HUGE, HUGE), "pixels at most"),
    "a volume": (lambda: volume_meshgrid(HUGE, 2, HUGE), "got 16777216×2×16777216"),
    "a warp": (lambda: stn.warp(FEW.float(), EYE, (HUGE, HUGE)), "pixels at most"),
    "a view": (lambda: stn.SpatialTransformer(torch.nn.Linear(1, 6), size=(HUGE, HUGE)), "pixels"),
    "a canvas": (lambda: stn.clutter(FEW, 10**6), "got 1000000×1000000"),
    "a canvas's side": (lambda: stn.clutter(FEW, size=10**30), "size must be at most 2147483647"),
    "pieces": (lambda: stn.clutter(FEW, pieces=10**30), "pieces must be from 0 to 1000, got"),
    "a distortion": (lambda: stn.distort(FEW, 10**6), "pixels at most"),
    "a cube": (lambda: stn.solids(FEW, 10**4), "got 10000×10000×10000"),
    "a prism": (lambda: stn.extrude(FEW, 10**7), "got 10000000×28×28"),
    "scenes": (lambda: house_numbers(10**9), "training must be from 1 to 100000, got"),
    "birds": (lambda: stn.drawn_birds(64, 10**9), "test must be from 1 to 100000, got"),
    "a network": (lambda: CNN(size=10**9), "size must be from 1 to 4096, got 1000000000"),
    "a network's view": (lambda: STFCN(view=10**9), "view must be from 1 to 4096, got"),
    "units": (lambda: FCN(hidden=10**9), "hidden must be from 1 to 4096, got"),
}


@pytest.mark.parametrize("case", TOO_LARGE)
def test_numbers_that_are_too_large_are_refused_before_memory_is_asked_for(case):
    call, message = TOO_LARGE[case]
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("value", [(2, 3), [2, 3], np.array([2, 3]), torch.tensor([2, 3])])
def test_a_pair_may_be_any_sequence(value):
    assert pair(value, "size", of=whole_number, lowest=1) == (2, 3)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (5, TypeError), ("28", TypeError), (None, TypeError), ({1, 2}, TypeError),
        ((1,), ValueError), ((1, 2, 3), ValueError), (torch.ones(2, 2), ValueError),
        ((1, "2"), TypeError),
    ],
)  # fmt: skip
def test_what_is_no_pair_is_refused(value, error):
    with pytest.raises(error, match="translation must be a "):
        pair(value, "translation")


def test_a_choice_is_told_with_all_there_are():
    assert one_of("zeros", "padding", ("zeros", "border")) == "zeros"
    for value in ("reflect", None, 3, ["zeros"]):
        with pytest.raises(ValueError, match="padding must be one of zeros, border, got"):
            one_of(value, "padding", ("zeros", "border"))


def test_several_values_may_come_in_any_list():
    for values in ([1, 2], (1, 2), np.array([1, 2]), torch.tensor([1, 2]), iter([1, 2])):
        assert list_of(values, "labels", "numbers") == [1, 2]
    for single in ("ab", b"ab", 3, None, {1: 2}, np.array(3), torch.tensor(3)):
        with pytest.raises(TypeError, match="labels must be a list of numbers, got "):
            list_of(single, "labels", "numbers")


def test_true_and_false_are_not_guessed():
    assert [true_or_false(v, "redraw") for v in (True, np.False_, 1, 0)] == [
        True,
        False,
        True,
        False,
    ]
    for value in ("yes", None, 2, 1.0, [True], torch.ones(2)):
        with pytest.raises(TypeError, match="redraw must be True or False, got "):
            true_or_false(value, "redraw")
