"""Weights in 8 bits: near, idempotent, and exact in the 16 bits in which they are kept."""

import pytest
import torch

from stn_lesson.networks.eight_bits import rounded, to_eight_bits


def weights(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)) / 20


@pytest.mark.parametrize("shape", [(7, 5), (4, 3, 5, 5), (9,)])
def test_a_weight_moves_by_half_a_step_of_its_row_at_most(shape):
    given = weights(*shape)
    rows = given.flatten(1) if len(shape) > 1 else given[None]
    off = (rounded(given) - given).abs().view(rows.shape).amax(1)
    assert (off <= rows.abs().amax(1) / 127).all()


def test_rows_have_steps_of_their_own():
    given = torch.stack([weights(50), weights(50) / 1000])
    off = (rounded(given) - given).abs().amax(1)
    assert 0 < off[1] < off[0] / 100


@pytest.mark.parametrize("largest", [1.0, 127 / 128, 0.5001, 63.5, 1e-9, 0.0])
def test_rounded_again_they_stay(largest):
    given = largest * weights(6, 40).div(weights(6, 40).abs().amax())
    once = rounded(given)
    assert rounded(once).equal(once) and once.half().float().equal(once)


def test_the_largest_of_a_row_uses_the_room_that_there_is():
    numbers, _ = to_eight_bits(weights(30, 200))
    largest = numbers.abs().amax(1)
    assert largest.min() >= 64 and largest.max() <= 127


def test_double_precision_and_gradients_come_through():
    given = weights(3, 4).double().requires_grad_()
    assert rounded(given).dtype == torch.float64 and not rounded(given).requires_grad
