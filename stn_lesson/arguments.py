"""What a number, a pair, a size, a seed or a name given by the user may be.

One line stands at the door of each function that takes one; the errors name the argument, what came
and what is right. numpy's numbers and arrays, and tensors of one element, are taken for Python's.
"""

import math
import operator
from collections.abc import Iterable
from numbers import Real

import numpy as np
from torch import Tensor

LARGEST_SEED = 2**63 - 1


def whole_number(value, name: str, lowest: int | None = None, highest: int | None = None) -> int:
    """The value as an int, if it is a whole number within the bounds.

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
    return number


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
    if not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {value}")
    _check_bounds(value, name, lowest, highest)
    return float(value)


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


def seed_number(value, name: str = "seed") -> int:
    """The value as a seed: a whole number from 0 to 2⁶³ − 1."""
    return whole_number(value, name, 0, LARGEST_SEED)


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


def _check_bounds(number: float, name: str, lowest: float | None, highest: float | None) -> None:
    """Raise a ValueError that names the bounds for a number outside them."""
    if lowest is not None and highest is not None and not lowest <= number <= highest:
        raise ValueError(f"{name} must be from {lowest} to {highest}, got {number}")
    if lowest is not None and number < lowest:
        raise ValueError(f"{name} must be at least {lowest}, got {number}")
    if highest is not None and number > highest:
        raise ValueError(f"{name} must be at most {highest}, got {number}")


def _shown(value) -> str:
    """A value as an error shows it: itself if it is short, else its type and shape."""
    if isinstance(value, Tensor | np.ndarray) and value.ndim:
        return f"{type(value).__name__} of shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"
