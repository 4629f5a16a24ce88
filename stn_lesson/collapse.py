"""Collapse: θ runs away, every sample lands outside, and no gradient brings it back."""

import math
import warnings

import torch
from torch import Tensor, nn

from stn_lesson.grid import sampling_grid
from stn_lesson.sampler import looks_outside
from stn_lesson.transformer import SpatialTransformer


class CollapseWarning(UserWarning):
    """The transformer looks outside its images and the network has stopped learning."""


def watch_for_collapse(
    model: nn.Module, images: Tensor, step_loss: list[float], classes: int
) -> bool:
    """Warn when the loss sits at ln(classes) while the samples leave the images.

    A network that gives every class the same probability has the loss ln(classes): 2.303 for 10.
    It looks every 20 steps, from step 40 on.

    Args:
        model: a network, with or without a `SpatialTransformer`.
        images: the batch of the last step, floats (N, C, H, W).
        step_loss: the losses of all steps so far.
        classes: number of classes.

    Returns:
        Whether the training has collapsed.
    """
    step, transformer = len(step_loss), find_transformer(model)
    if not transformer or step < 40 or step % 20:
        return False
    if sum(step_loss[-20:]) / 20 < 0.98 * math.log(classes):
        return False
    _, outside = look(transformer, images)
    if outside <= 0.5:
        return False
    warnings.warn(
        f"step {step}: the training has collapsed. {outside:.0%} of the transformer's samples "
        f"fall outside the images, so the classifier sees the same blank for every digit, and "
        f"the loss stays at ln({classes}) = {math.log(classes):.2f}. It will not recover: stop "
        "it, and train a new model with a smaller localisation_rate or learning_rate, or "
        "check that the localisation network starts at the identity.",
        CollapseWarning,
        stacklevel=2,
    )
    return True


@torch.no_grad()
def look(transformer: SpatialTransformer, images: Tensor) -> tuple[Tensor, float]:
    """θ (N, 2, 3) chosen for some images, and the share of all samples that fall outside them."""
    theta = transformer.theta(images)
    grid = sampling_grid(theta, *transformer.output_size(images))
    return theta, looks_outside(grid).mean().item()


def find_transformer(model: nn.Module) -> SpatialTransformer | None:
    """The first spatial transformer in a model, or None."""
    return next((m for m in model.modules() if isinstance(m, SpatialTransformer)), None)
