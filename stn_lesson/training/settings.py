"""The settings of a training run: the one place where they, their defaults and reasons stand."""

from dataclasses import dataclass, fields, replace

import torch

from stn_lesson.arguments import (
    one_of,
    positive_number,
    real_number,
    seed_number,
    whole_number,
)
from stn_lesson.training.device import PRECISIONS, fastest_precision

OPTIMISERS = ("adamw", "sgd")


@dataclass(frozen=True)
class Settings:
    """All that decides how a run goes, apart from the model and its data.

    Attributes:
        epochs: how often to go through the training images; the recipe reaches 93.7 % after 12.
        batch_size: images a step, at least one for each of several processes.
        optimiser: "adamw", whose rate rises and falls once (Smith's one-cycle); or "sgd", plain, as
            the paper's networks were trained: no momentum, and a rate that is divided by 10 after
            a third and after two thirds of the steps.
        learning_rate: the highest of a run, above 0. The default is for "adamw"; the paper's SGD
            took 0.01.
        localisation_rate: by what the rate is multiplied for localisation networks (whatever a
            module calls `localisation`). A small one keeps θ from running away before the
            classifier has learnt anything.
        weight_decay: as in `torch.optim.AdamW` or `SGD`; it pulls θ towards the identity.
        max_grad_norm: a gradient longer than this is shortened to it, as by
            `torch.nn.utils.clip_grad_norm_`; one unlucky batch then cannot throw θ out of the
            image. With 1e9 none is shortened.
        precision: of the multiplications, "float32" or "bfloat16"; None takes the faster one of
            the device. Weights are float32 in either case, and so is every test.
        seed: decides the order of the images and any dropout; the model's first weights are yours.

    Raises:
        TypeError, ValueError: one of them is not what it must be; the message names it.

    >>> Settings(epochs=2).max_grad_norm
    1.0
    """

    epochs: int = 13
    batch_size: int = 256
    optimiser: str = "adamw"
    learning_rate: float = 8e-3
    localisation_rate: float = 0.3
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    precision: str | None = None
    seed: int = 0

    def __post_init__(self):
        """Refuse what no run could begin with."""
        checked = {
            "epochs": whole_number(self.epochs, "epochs", lowest=1),
            "batch_size": whole_number(self.batch_size, "batch_size", lowest=1),
            "optimiser": one_of(self.optimiser, "optimiser", OPTIMISERS),
            "learning_rate": positive_number(self.learning_rate, "learning_rate"),
            "localisation_rate": real_number(self.localisation_rate, "localisation_rate", 0),
            "weight_decay": real_number(self.weight_decay, "weight_decay", 0),
            "max_grad_norm": positive_number(self.max_grad_norm, "max_grad_norm"),
            "seed": seed_number(self.seed),
        }
        if self.precision is not None:
            checked["precision"] = one_of(self.precision, "precision", PRECISIONS)
        for name, value in checked.items():
            object.__setattr__(self, name, value)  # numpy's numbers become Python's

    @classmethod
    def names(cls) -> list[str]:
        """What can be set.

        >>> Settings.names()[:3]
        ['epochs', 'batch_size', 'optimiser']
        """
        return [field.name for field in fields(cls)]

    @classmethod
    def for_device(cls, device: torch.device | str, **settings) -> "Settings":
        """Those given, the defaults for all others, and the device's fastest precision.

        Raises:
            TypeError: there is no setting of that name.
            TypeError, ValueError: one is not what it must be.
        """
        for name in settings:
            if name not in cls.names():
                raise TypeError(
                    f"there is no setting {name!r}: choose among {', '.join(cls.names())}"
                )
        chosen = cls(**settings)
        return replace(chosen, precision=chosen.precision or fastest_precision(device))
