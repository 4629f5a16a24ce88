"""Collapse: θ runs away, every sample lands outside, and no gradient brings it back."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stn_lesson.sampler import looks_outside
from stn_lesson.transformer import SpatialTransformer


class CollapseWarning(UserWarning):
    """The transformer looks outside its images and the network has stopped learning."""


class Look(NamedTuple):
    """Where a network's transformer looks in some images, and what it sees there."""

    theta: Tensor  # (N, 2, 3), or what the transformer's family has in its place
    grid: Tensor  # (N, H, W, 2), the points at which it looks
    view: Tensor  # (N, C, H, W), what the transformer hands on

    @property
    def outside(self) -> float:
        """Share of all samples that fall outside the images."""
        return looks_outside(self.grid).mean().item()


@torch.no_grad()
def look(model: nn.Module, images: Tensor, which: int = 0) -> Look:
    """Where a spatial transformer of a model looks, wherever in the model it stands.

    Args:
        model: a network with a `SpatialTransformer`; it is asked in evaluation mode.
        images: floats (N, C, H, W), on any device.
        which: of several transformers, in the model's own order, counted from 0.

    Raises:
        ValueError: there is no transformer in the model, or none of that number.
    """
    transformer, seen, was_training = find_transformer(model, which), [], model.training
    if transformer is None:
        missing = "no SpatialTransformer to look through"
        if find_transformer(model) is not None:
            missing = f"no SpatialTransformer number {which}: they are counted from 0"
        raise ValueError(f"{type(model).__name__} has {missing}")
    hook = transformer.register_forward_hook(lambda _, inputs, view: seen.extend([*inputs, view]))
    model.eval()
    try:
        model(images.to(next(model.parameters()).device))
        received, view = seen[:2]
        theta = transformer.theta(received)
    finally:
        hook.remove()
        model.train(was_training)
    grid = transformer.family.grid(theta, *view.shape[-2:])
    return Look(theta.cpu(), grid.cpu(), view.cpu())


def find_transformer(model: nn.Module, which: int = 0) -> SpatialTransformer | None:
    """A spatial transformer of a model, the first unless told otherwise, or None."""
    transformers = [m for m in model.modules() if isinstance(m, SpatialTransformer)]
    return transformers[which] if 0 <= which < len(transformers) else None


def watch_for_collapse(
    model: nn.Module,
    images: Tensor,
    step_loss: list[float],
    chance: float,
    warn: Callable[[Warning], None] = warnings.warn,
    every: int = 20,
) -> bool:
    """Warn when the loss sits where guessing leaves it while the samples leave the images.

    It looks from step 40 on.

    Args:
        model: a network, with or without a `SpatialTransformer`.
        images: the batch of the last step, floats (N, C, H, W).
        step_loss: the losses of all steps so far.
        chance: the loss of a network that gives every class its share (see `chance_loss`).
        warn: hears the `CollapseWarning`.
        every: look only when the number of steps is a multiple of this.

    Returns:
        Whether the training has collapsed.
    """
    step = len(step_loss)
    if step < 40 or step % every or find_transformer(model) is None:
        return False
    if sum(step_loss[-20:]) / 20 < 0.98 * chance:
        return False
    outside = look(model, images).outside
    if outside <= 0.5:
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
