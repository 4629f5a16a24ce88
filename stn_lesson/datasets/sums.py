"""MNIST addition: two digits to be read and added (appendix A.1 of the paper)."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from stn_lesson.arguments import seed_number
from stn_lesson.datasets.checks import check_bytes
from stn_lesson.datasets.dataset import Dataset, Split, derive_dataset
from stn_lesson.datasets.distortions import DISTORTIONS
from stn_lesson.remedies import kind_of


def addition(
    digits: Dataset,
    seed: int = 0,
    *,
    distortion: Callable[..., Tensor] = DISTORTIONS["RTS"],
    redraw: bool = True,
    repeats: int = 1,
) -> Dataset:
    """Pairs of digits, one in each channel and each distorted on its own; the label is their sum.

    Every digit of a split is once the first of a pair; the second comes from the same split, so
    that no test digit is seen in training. A sum, 0 to 18, stays the same in every epoch; which
    digit of the second's class is its partner, and how both are distorted, is drawn anew.

    Args:
        digits: a `Dataset` of single digits with labels 0 to 9.
        seed: where the random numbers start from; the same seed gives the same pairs.
        distortion: bytes (N, 1, h, w) and a seed → distorted bytes; in the paper, and unless told
            otherwise, digits are turned, scaled and moved on 42×42 pixels.
        redraw: make the training pairs anew in every epoch. The validation and test pairs are
            always fixed.
        repeats: how many pairs an epoch shows with each training digit as the first.

    Returns:
        a `Dataset` of bytes (N, 2, 42, 42), or as large as the distortion makes them.

    Raises:
        TypeError, ValueError: no `Dataset`, labels that are no single digits, or a distortion that
            cannot be called or returns other pictures than it was given.

    >>> from stn_lesson.datasets import load_digits
    >>> addition(load_digits())
    pairs of embedded digits: 1287 training images, 510 test images, 2 channels of 42×42 pixels
    """
    if not isinstance(digits, Dataset):
        raise TypeError(f"digits must be a Dataset with labels, got {type(digits).__name__}")
    for name in ("train", "test", "valid"):
        _check_labels(getattr(digits, name), name)
    _check_distortion(distortion)
    seed = seed_number(seed)
    return derive_dataset(
        digits,
        partial(_pairs, partners=seed, distortion=distortion),
        name=f"pairs of {digits.name}",
        seed=seed,
        seed_stream=8,
        redraw=redraw,
        repeats=repeats,
        relabel=partial(_sums, partners=seed),
    )


def _pairs(split: Split, seed: int, *, partners: int, distortion: Callable) -> tuple[Tensor, None]:
    """Each digit with a partner of its partner's class, drawn and distorted by a seed."""
    generator = torch.Generator().manual_seed(seed)
    partner = _one_of_each(_partner_labels(split.labels, partners), split.labels, generator)
    both = torch.cat([split.images, split.images[partner]])  # (2N, 1, h, w)
    made = distortion(both, seed=torch.randint(2**31, (), generator=generator).item())
    made = check_bytes(made, "distorted", alternative=", as the distortion is given")
    if len(made) != len(both):
        raise ValueError(
            f"distortion must return as many pictures as it is given, {len(both)}, got {len(made)}"
        )
    return torch.cat(made.chunk(2), 1), None


def _sums(labels: Tensor, partners: int) -> Tensor:
    return labels + _partner_labels(labels, partners)


def _partner_labels(labels: Tensor, partners: int) -> Tensor:
    """The class of each pair's second digit (N,), drawn by a seed, the same in every epoch."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(partners))
    return labels[order.to(labels.device)]


def _check_labels(split: Split | None, name: str) -> None:
    """Raise a clear error for labels below 0, or several for each picture."""
    labels = torch.zeros(0) if split is None else split.labels
    if labels.ndim != 1 or (labels < 0).any():
        raise ValueError(
            f"digits.{name} must have one label from 0 on for each picture, got "
            f"{kind_of(labels) if labels.ndim != 1 else labels.min().item()}"
        )


def _check_distortion(distortion) -> None:
    """Raise a clear error for what cannot be called, such as a name of `DISTORTIONS`."""
    if not callable(distortion):
        raise TypeError(
            f"distortion must be a function, got {distortion!r}: use one of DISTORTIONS, such as "
            'DISTORTIONS["RTS"]'
        )


def _one_of_each(classes: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """For each of the classes (N,), the position of a random digit that is labelled so, (N,)."""
    by_class = labels.argsort(stable=True)
    count = labels.bincount()
    first = count.cumsum(0) - count  # where each class begins in that order
    share = torch.rand(len(classes), generator=generator, dtype=torch.double).to(labels.device)
    return by_class[first[classes] + (share * count[classes]).long()]
