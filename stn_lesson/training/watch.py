"""The watch for transformers that have collapsed, or that are silent.

Collapsed: θ has run away, every sample lands outside, and no gradient brings it back. Silent: θ is
the same for every image, and the transformer is of no use.
"""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from stn_lesson.datasets import to_floats
from stn_lesson.training.aim import theta_spread
from stn_lesson.training.history import History
from stn_lesson.transformer import find_transformer, look

CHECK_EVERY = 20  # steps between two looks
FIRST_CHECK = 40  # steps: before these, every network guesses
MEAN_OVER = 20  # steps: the loss of one batch alone says little
GUESSING = 0.98  # of the loss of guessing: who is above it has learnt nothing
MAX_OUTSIDE = 0.5  # share of the samples outside, of a transformer that still looks
MIN_SPREAD = 0.02  # of θ: those that learn reach 0.1 and more, silent ones stay near 0.005
# How long θ may stay alike: so many steps at least, and that share of the run, which is a little
# longer than the learning rate rises.
PATIENCE_STEPS, PATIENCE_SHARE = 200, 0.35


class CollapseWarning(UserWarning):
    """The transformer looks outside its images and the network has stopped learning."""


class SilenceWarning(UserWarning):
    """The transformer does the same to all images."""


class TransformerWatch:
    """Looks at a model's first transformer while it is trained, and warns of each trouble.

    A collapse is final, and told once. Silence is taken back when θ differs again.

    Args:
        model: a network, with or without a `SpatialTransformer`.
        labels: of the training images (N,) or (N, K).
        total_steps: of the run.
    """

    def __init__(self, model: nn.Module, labels: Tensor, total_steps: int):
        """See the class."""
        transformer = find_transformer(model)
        self.model, self.chance = model, chance_loss(labels)
        self.can_learn = transformer is not None and any(
            parameter.requires_grad for parameter in transformer.parameters()
        )
        self.patience = max(PATIENCE_STEPS, PATIENCE_SHARE * total_steps)
        self.start_at(0)

    def start_at(self, step: int) -> None:
        """Count from a step on, as if θ had differed between the images just then."""
        self.checked_at = self.differed_at = step

    def check(self, images: Tensor, history: History, warn: Callable[[Warning], None]) -> None:
        """Look, every `CHECK_EVERY` steps, and enter what is wrong into the history.

        Args:
            images: the last step's, bytes (N, C, H, W).
            history: of the run so far.
            warn: called with a `CollapseWarning` or a `SilenceWarning`.
        """
        step = len(history.step_loss)
        if not self.can_learn or step // CHECK_EVERY == self.checked_at // CHECK_EVERY:
            return
        self.checked_at = step
        images = to_floats(images)
        if history.collapsed_at is None and watch_for_collapse(
            self.model, images, history.step_loss, self.chance, warn
        ):
            history.collapsed_at = step
        if history.collapsed_at or len(images) < 2:
            return
        if theta_spread(look(self.model, images).theta.float()) >= MIN_SPREAD:
            self.differed_at, history.silent_at = step, None  # it speaks, or speaks again
        elif history.silent_at is None and step - self.differed_at >= self.patience:
            history.silent_at = step
            warn(SilenceWarning(_SILENCE.format(step=step, steps=step - self.differed_at)))


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
        "one size). It seldom recovers: stop it, and train a new model with a smaller "
        "localisation_rate or learning_rate, or check that the localisation network starts at "
        "the identity."
    )
    warn(CollapseWarning(message))
    return True


def chance_loss(labels: Tensor) -> float:
    """Cross-entropy of a network that gives every class its share of the labels.

    Args:
        labels: whole numbers (N,), or (N, K), of which it is the mean.

    >>> round(chance_loss(torch.arange(10)), 3)  # ln 10
    2.303
    """
    heads = labels.view(len(labels), -1).unbind(1)
    return sum(
        torch.special.entr(head.bincount() / len(head)).sum().item() / len(heads) for head in heads
    )


_SILENCE = (
    "step {step}: the transformer is silent. For {steps} steps θ has been the same for all images, "
    "to within 0.02, so it undoes nothing. Either the images have nothing to undo; or the ReLUs of "
    "the localisation network answer 0 to everything, and then it will not recover: stop it, and "
    "train a new model with a smaller localisation_rate, or with a localisation network that "
    "cannot fall silent, such as stn_lesson.networks.PointingLocalisation."
)
