"""What a number, a pair, a seed, a name, a path or a function given by the user may be.

One line stands at the door of each function that takes one; the errors name the argument, what came
and what is right. numpy's numbers and arrays, and tensors of one element, are taken for Python's.
"""

import math
import operator
import os
from collections.abc import Callable, Iterable
from numbers import Real
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stn_lesson.remedies import kind_of

# torch's generator for CPUs looks at the last 32 bits of a seed alone, so that 0 and 2³² draw the
# same; some data sets need two streams for each seed.
SEEDS = 2**31
MAX_COUNT = 2**31 - 1  # of anything, unless a room says less
MAX_PIXELS = 2**28  # of a picture made anew, 16,384 × 16,384; its grid takes 2 GB


def whole_number(value, name: str, lowest: int | None = None, highest: int | None = None) -> int:
    """The value as an int, if it is a whole number within the bounds.

    Without a highest, it is `MAX_COUNT` at most.

    Raises:
        TypeError: it is no whole number: 1.5, "2", True or None.
        ValueError: it is out of bounds.

    >>> whole_number(np.int64(3), "size", lowest=1)
    3
    """
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {_shown(value)}") from None
    _check_bounds(number, name, lowest, highest)
    if highest is None:
        _check_bounds(number, name, None, MAX_COUNT)
    return number


def check_pixels(*sides: int) -> None:
    """Refuse the sides of a picture or a volume of more pixels than `MAX_PIXELS`.

    >>> check_pixels(10**9, 10**9)
    Traceback (most recent call last):
    ValueError: a picture may have 268435456 pixels at most, got 1000000000×1000000000
    """
    if math.prod(sides) > MAX_PIXELS:
        raise ValueError(
            f"a picture may have {MAX_PIXELS} pixels at most, got {'×'.join(map(str, sides))}"
        )


def real_number(
    value, name: str, lowest: float | None = None, highest: float | None = None
) -> float:
    """The value as a float, if it is a finite number within the bounds.

    Raises:
        TypeError: it is no number: "2", True or None.
        ValueError: it is not finite, or out of bounds.

    >>> real_number(np.float32(0.5), "scale")
    0.5
    """
    if isinstance(value, Tensor | np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {_shown(value)}")
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be a finite number, got {_shown(value)}")
    _check_bounds(value, name, lowest, highest)
    return number


def pair(value, name: str, of=real_number, **bounds) -> tuple:
    """The value as a tuple of two numbers: from a tuple, a list, an array or a tensor (2,).

    Args:
        value: what was given.
        name: of the argument.
        of: what each of the two must be, `real_number` or `whole_number`.
        bounds: lowest and highest, of both.

    Raises:
        TypeError, ValueError: it is no pair, or one of the two is not what it must be.

    >>> pair(np.array([28, 30]), "size", of=whole_number, lowest=1)
    (28, 30)
    """
    if isinstance(value, str | bytes | dict | set) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a pair of numbers, got {_shown(value)}")
    if isinstance(value, Tensor | np.ndarray) and value.ndim != 1:
        raise ValueError(f"{name} must be a pair of numbers, got {_shown(value)}")
    numbers = list(value)
    if len(numbers) != 2:
        raise ValueError(f"{name} must be a pair of numbers, got {_shown(value)}")
    return tuple(of(number, name, **bounds) for number in numbers)


def vector(value, name: str) -> float | Tensor:
    """A number as a float, or a tensor or an array (N,) of numbers as a tensor.

    Tensors are returned as they are, those without axes, too: a gradient may flow through them. An
    array becomes a tensor of the default type.

    Raises:
        TypeError, ValueError: it is neither.

    >>> vector(np.arange(3), "rotation")
    tensor([0., 1., 2.])
    """
    if isinstance(value, list | tuple):
        raise TypeError(
            f"{name} must be a number or a tensor (N,), got {_shown(value)}: "
            f"use torch.as_tensor({name})"
        )
    if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "iuf":
        value = torch.as_tensor(value.astype(float), dtype=torch.get_default_dtype())
    if not isinstance(value, Tensor):
        return real_number(value, name)
    if value.ndim > 1:
        raise ValueError(
            f"{name} must be a number or a tensor (N,), got {_shown(value)}: use {name}.flatten()"
        )
    if value.dtype == torch.bool or value.is_complex():
        raise TypeError(f"{name} must hold numbers, got {value.dtype}: use {name}.real.float()")
    return value


def vector_pair(value, name: str) -> tuple[float | Tensor, float | Tensor]:
    """A pair of numbers or tensors (N,): from a pair of them, or from a tensor or array (N, 2).

    >>> vector_pair(torch.tensor([[1., 2.], [3., 4.]]), "scale")
    (tensor([1., 3.]), tensor([2., 4.]))
    """
    if isinstance(value, Tensor | np.ndarray) and value.ndim == 2 and value.shape[1] == 2:
        return vector(value[:, 0], name), vector(value[:, 1], name)
    return pair(value, name, of=vector)


def seed_number(value, name: str = "seed") -> int:
    """The value as a seed: a whole number from 0 to 2³¹ − 1; each draws its own."""
    return whole_number(value, name, 0, SEEDS - 1)


def positive_number(value, name: str) -> float:
    """The value as a float, if it is a finite number above 0.

    Raises:
        TypeError, ValueError: it is not.

    >>> positive_number(1, "learning_rate")
    1.0
    """
    number = real_number(value, name)
    if number <= 0:
        raise ValueError(f"{name} must be above 0, got {value}")
    return number


def one_of(value, name: str, choices: Iterable[str]) -> str:
    """The value, if it is one of the choices.

    Raises:
        ValueError: it is not.

    >>> one_of("zeros", "padding", ("zeros", "border"))
    'zeros'
    """
    choices = list(choices)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {_shown(value)}")
    return value


def text(value, name: str) -> str:
    """The value, if it is a text; a TypeError otherwise."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a text, got {_shown(value)}")
    return value


def path_of(value, name: str) -> Path:
    """The value as a path, its ~ written out; nothing is looked up on disk.

    Raises:
        TypeError, ValueError: it is no path, an empty one, or one that no file can have.

    >>> path_of("", "checkpoint")
    Traceback (most recent call last):
    ValueError: checkpoint must be a path, got an empty one
    """
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name} must be a path, got {_shown(value)}")
    if not os.fspath(value):
        raise ValueError(f"{name} must be a path, got an empty one")
    if "\0" in os.fsdecode(value):
        raise ValueError(f"{name} must be a path, got a character 0 in {_shown(value)}")
    return Path(os.path.expanduser(os.fsdecode(value)))


def function(value, name: str, or_none: bool = False) -> Callable | None:
    """The value, if it can be called, or is None where that may be; a TypeError otherwise.

    >>> function(5, "on_step", or_none=True)
    Traceback (most recent call last):
    TypeError: on_step must be a function or None, got 5
    """
    if not callable(value) and not (or_none and value is None):
        wanted = "a function or None" if or_none else "a function"
        raise TypeError(f"{name} must be {wanted}, got {_shown(value)}")
    return value


def list_of(value, name: str, what: str) -> list:
    """The value as a list, if it holds several: a list, a tuple, an array, a generator.

    Args:
        value: what was given.
        name: of the argument.
        what: it holds, in the plural.

    Raises:
        TypeError: it is a single value, a text or a dict.

    >>> list_of("scale", "sliders", "words")
    Traceback (most recent call last):
    TypeError: sliders must be a list of words, got 'scale': use ['scale']
    """
    single = isinstance(value, Tensor | np.ndarray) and value.ndim == 0
    if single or isinstance(value, str | bytes | dict) or not isinstance(value, Iterable):
        hint = f": use [{value!r}]" if isinstance(value, str) and what == "words" else ""
        raise TypeError(f"{name} must be a list of {what}, got {_shown(value)}{hint}")
    return list(value)


def dict_of(value, name: str, what: str) -> dict:
    """The value, if it is a dict; a TypeError that says what it holds otherwise.

    >>> dict_of([1, 2], "curves", "name → (x, y)")
    Traceback (most recent call last):
    TypeError: curves must be a dict, name → (x, y), got [1, 2]
    """
    if not isinstance(value, dict):
        raise TypeError(f"{name} must be a dict, {what}, got {_shown(value)}")
    return value


def true_or_false(value, name: str) -> bool:
    """The value as a bool, if it is True or False; numpy's are, and so are 0 and 1.

    >>> true_or_false("no", "redraw")
    Traceback (most recent call last):
    TypeError: redraw must be True or False, got 'no'
    """
    if isinstance(value, bool | np.bool_ | int) and value in (0, 1):
        return bool(value)
    raise TypeError(f"{name} must be True or False, got {_shown(value)}")


def _check_bounds(number: float, name: str, lowest: float | None, highest: float | None) -> None:
    """Raise a ValueError that names the bounds for a number outside them."""
    if lowest is not None and highest is not None and not lowest <= number <= highest:
        raise ValueError(f"{name} must be from {lowest} to {highest}, got {_shown(number)}")
    if lowest is not None and number < lowest:
        raise ValueError(f"{name} must be at least {lowest}, got {_shown(number)}")
    if highest is not None and number > highest:
        raise ValueError(f"{name} must be at most {highest}, got {_shown(number)}")


def _shown(value) -> str:
    """A value as an error shows it: itself if it is short, else what it is."""
    if isinstance(value, Tensor | np.ndarray) and value.ndim:
        return kind_of(value)
    if isinstance(value, int) and value.bit_length() > 200:  # Python writes out no 5,000 digits
        return f"a number of {int(value.bit_length() * math.log10(2)) + 1} digits"
    text = repr(value)
    return text if len(text) <= 60 else f"a {kind_of(value)}"
