"""Whatever one calls with whatever one has: a result, or an error that was meant.

By default some 300 calls, always the same. `FUZZ_CALLS=2000 pytest tests/test_fuzz.py` makes so
many new ones.
"""

import inspect
import os
import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import stn_lesson as stn

CALLS = os.environ.get("FUZZ_CALLS")
LEFT_OUT = {
    # What trains, tests or reads files has tests of its own for what it may be given.
    "History", "Settings", "evaluate", "fit", "fit_abreast", "measure_aim",
    "load_digits", "load_mnist", "load_npz",
}  # fmt: skip
FUNCTIONS = sorted(
    name
    for name in stn.__all__
    if callable(getattr(stn, name))
    and name not in LEFT_OUT
    and inspect.signature(getattr(stn, name)).parameters
)
MEANT = ValueError, TypeError
COUNTS = "train", "test"  # of pictures to draw: thousands, where they are left out

numbers = st.one_of(
    st.integers(-3, 40),
    st.floats(-3, 40),
    st.sampled_from([1e-30, 1e30, 2**64, float("nan"), float("inf"), -float("inf"), 1j]),
    st.integers(0, 20).map(np.int64),
    st.floats(-2, 20, width=32).map(np.float32),
    st.booleans(),
)
words = st.sampled_from(
    ["", "2", "affine", "tps", "projective", "zeros", "border", "reflection", "bilinear", "nearest"]
)
types = st.sampled_from(
    [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8,
     torch.bool, torch.complex64]
)  # fmt: skip
shapes = st.one_of(
    st.lists(st.integers(0, 4), max_size=5).map(tuple),
    st.sampled_from(
        [(2, 3), (1, 2, 3), (2, 2, 3), (1, 3, 3), (2, 3, 3), (1, 4, 2), (2, 9, 2), (1, 2), (2, 2),
         (1, 1, 28, 28), (2, 1, 8, 8), (3, 8, 8), (8, 8, 3), (2, 3, 4, 5), (2, 4, 4, 2)]
    ),
)  # fmt: skip


@st.composite
def tensors(draw, types=types, shapes=shapes):
    """A tensor whose numbers are small, large, or not finite at one place."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    values = torch.randn(draw(shapes), generator=generator) * draw(st.sampled_from([0, 1, 1, 1e20]))
    if values.numel() and draw(st.integers(0, 4)) == 0:
        values.view(-1)[0] = draw(st.sampled_from([float("nan"), float("inf"), 0, -1]))
    kind = draw(types)
    whole = not kind.is_floating_point and not kind.is_complex
    return (values.nan_to_num(0, 0, 0).clamp(-9, 99) if whole else values).to(kind)


arrays = tensors(
    types=st.sampled_from([torch.float32, torch.float64, torch.int64, torch.uint8])
).map(lambda tensor: tensor.numpy())
anything = st.one_of(
    st.none(),
    numbers,
    words,
    tensors(),
    tensors(),
    arrays,
    st.lists(numbers, max_size=3),
    st.tuples(numbers, numbers),
    tensors(shapes=st.sampled_from([(2,), (2, 2), (1, 2, 3)])).map(lambda tensor: tensor.tolist()),
)


def digits(seed: int, dtype=torch.uint8) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, 1, 28, 28), generator=generator).to(dtype)


def dataset(seed: int) -> stn.Dataset:
    labels = torch.arange(3)
    return stn.Dataset("three", *(stn.datasets.Split(digits(seed + n), labels) for n in (0, 1)))


def network(family: str) -> nn.Module:
    """A small transformer, for images of 28 × 28 pixels."""
    outputs = len(stn.families.FAMILIES[family].identity)
    localise = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, outputs))
    return nn.Sequential(stn.SpatialTransformer(localise, family), nn.Flatten())


floats = st.sampled_from([torch.float32, torch.float32, torch.float64, torch.bfloat16])
thetas = tensors(floats, st.sampled_from([(1, 2, 3), (2, 2, 3), (1, 3, 3), (2, 4, 2), (1, 9, 2)]))
images = tensors(floats, st.sampled_from([(1, 1, 8, 9), (2, 3, 5, 4), (2, 1, 1, 1)]))
grids = tensors(floats, st.sampled_from([(1, 3, 4, 2), (2, 2, 2, 2)]))
seeds = st.integers(0, 99)
# By parameter, what is right more often than not.
RIGHT = {
    "theta": thetas,
    "first": thetas,
    "then": thetas,
    "grid": grids,
    "image": images,
    "images": st.one_of(images, seeds.map(digits)),
    "corners": tensors(floats, st.sampled_from([(1, 4, 2), (2, 4, 2)])),
    "digits": st.one_of(seeds.map(digits), seeds.map(dataset)),
    "localisation": st.sampled_from([6, 8, 32]).map(
        lambda outputs: nn.Sequential(nn.Flatten(), nn.Linear(64, outputs))
    ),
    "model": st.sampled_from(["affine", "projective", "tps"]).map(network),
    "padding": words,
    "kernel": words,
    "family": words,
    "device": st.none(),  # torch's own errors tell of devices that are not there
    "dtype": types,
    "scale": st.one_of(numbers, st.tuples(numbers, numbers), tensors()),
    "size": st.one_of(st.integers(1, 30), st.tuples(st.integers(1, 30), st.integers(1, 30))),
}
RIGHT |= dict(target=RIGHT["corners"], downsample=RIGHT["size"])
RIGHT |= dict.fromkeys(
    ["rotation", "shear"], st.one_of(st.floats(-80, 80), tensors(floats, st.just((2,))))
)
RIGHT |= dict.fromkeys(["translation", "centre"], tensors(floats, st.sampled_from([(2,), (2, 2)])))
SIDES = st.integers(1, 30)  # or any other small number


@st.composite
def calls(draw):
    """A function's name and arguments for it: some left out, some right, some anything."""
    name = draw(st.sampled_from(FUNCTIONS))
    arguments = {}
    for parameter in inspect.signature(getattr(stn, name)).parameters.values():
        given_by_default = parameter.default is not parameter.empty
        choice = draw(st.integers(0, 9))
        if given_by_default and choice < 5 and parameter.name not in COUNTS:
            continue
        right = RIGHT.get(parameter.name, SIDES)
        only_right = choice < 8 or parameter.name == "device"
        arguments[parameter.name] = draw(right if only_right else anything)
    return name, arguments


@settings(
    max_examples=int(CALLS or 300),
    derandomize=CALLS is None,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(calls())
def test_a_call_ends_in_a_result_or_in_an_error_that_was_meant(call):
    name, arguments = call
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            getattr(stn, name)(**arguments)
        except MEANT:
            pass
        except Exception as error:
            if not type(error).__module__.startswith("stn_lesson"):
                raise


def test_every_function_of_the_geometry_is_called():
    assert {"affine_theta", "warp", "SpatialTransformer", "look", "projective_theta"} <= {
        *FUNCTIONS
    }
    with pytest.raises(ValueError):
        stn.warp(digits(0).float(), torch.zeros(1))
