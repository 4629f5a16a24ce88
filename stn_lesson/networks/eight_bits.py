"""Weights in 8 bits: whole numbers from −127 to 127, each row times a power of two of its own.

So small networks travel with the lesson, and to the browser, in a quarter of their size, and are
the same network everywhere.
"""

import torch
from torch import Tensor

LARGEST = 127
LOWEST_EXPONENT = -24  # of the smallest number in 16 bits, in which weights are kept


def to_eight_bits(weights: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest weights of 8 bits: their whole numbers and the exponents of two.

    Args:
        weights: (outputs, ...), a row for each output; or (outputs,), biases, which are one row.

    Returns:
        Numbers, int8 (rows, row length), and exponents, int8 (rows,): `number × 2**exponent`.

    >>> numbers, exponents = to_eight_bits(torch.tensor([[0.5, -1.0], [3.0, 0.02]]))
    >>> numbers.tolist(), exponents.tolist()
    ([[32, -64], [96, 1]], [-6, -5])
    """
    rows = weights.detach().cpu().float()
    rows = rows.flatten(1) if rows.dim() > 1 else rows[None]
    exponents = (rows.abs().amax(1) / LARGEST).log2().ceil().clamp(LOWEST_EXPONENT, LARGEST)
    return (rows / 2 ** exponents[:, None]).round().to(torch.int8), exponents.to(torch.int8)


def rounded(weights: Tensor) -> Tensor:
    """The same weights, rounded to 8 bits; rounded again they stay as they are.

    >>> rounded(torch.tensor([[0.5, -1.0], [3.0, 0.02]]))
    tensor([[ 0.5000, -1.0000],
            [ 3.0000,  0.0312]])
    """
    numbers, exponents = to_eight_bits(weights)
    return (numbers * 2.0 ** exponents[:, None]).view(weights.shape).to(weights)
