"""Collapse: θ runs away, every sample lands outside, and no gradient brings it back."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from stn_lesson.transformer import find_transformer, look

FIRST_CHECK = 40  # steps: before these, every network guesses
MEAN_OVER = 20  # steps: the loss of one batch alone says little
GUESSING = 0.98  # of the loss of guessing: who is above it has learnt nothing
MAX_OUTSIDE = 0.5  # share of the samples outside, of a transformer that still looks


class CollapseWarning(UserWarning):
    """The transformer looks outside its images and the network has stopped learning."""


def watch_for_collapse(
    model: nn.Module,
    images: Tensor,
    step_loss: list[float],
    chance: float,
    warn: Callable[[Warning], None] = warnings.warn,
) -> bool:
    """Warn when the loss sits where guessing leaves it while the samples leave the images.

    It looks from step `FIRST_CHECK` on.

    Args:
        model: a network, with or without a `SpatialTransformer`.
        images: the batch of the last step, floats (N, C, H, W).
        step_loss: the losses of all steps so far.
        chance: the loss of a network that gives every class its share (see `chance_loss`).
        warn: called with the `CollapseWarning`.

    Returns:
        Whether the training has collapsed.
    """
    step = len(step_loss)
    if step < FIRST_CHECK or find_transformer(model) is None:
        return False
    if sum(step_loss[-MEAN_OVER:]) / MEAN_OVER < GUESSING * chance:
        return False
    outside = look(model, images).outside
    if outside <= MAX_OUTSIDE:
        return False
    message = (
        f"step {step}: the training has collapsed. {outside:.0%} of the transformer's samples "
        "fall outside the images, so the classifier sees much the same for every digit, and the "
        f"loss stays at {chance:.2f}, where guessing leaves it (ln 10 = 2.30 for ten classes of "
        "one size). It will not recover: stop it, and train a new model with a smaller "
        "localisation_rate or learning_rate, or check that the localisation network starts at "
        "the identity."
    )
    warn(CollapseWarning(message))
    return True


def chance_loss(labels: Tensor) -> float:
    """Cross-entropy of a network that gives every class its share of the labels.

    >>> round(chance_loss(torch.arange(10)), 3)  # ln 10
    2.303
    """
    shares = labels.bincount() / len(labels)
    return torch.special.entr(shares).sum().item()
