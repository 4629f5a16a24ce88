"""What every data set of this lesson is: pictures as bytes, with labels, split in two or three."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Pictures and their labels.

    Attributes:
        images: bytes (N, 1, H, W), 0 to 255.
        labels: whole numbers (N,).
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self):
        """Refuse what are no pictures or no labels, or do not belong together."""
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            raise ValueError(
                f"images must be bytes (N, C, H, W), got {self.images.dtype} of shape "
                f"{tuple(self.images.shape)}: use (images * 255).round().to(torch.uint8)"
            )
        if self.labels.dtype != torch.long or self.labels.ndim != 1:
            raise ValueError(
                f"labels must be whole numbers (N,), got {self.labels.dtype} of shape "
                f"{tuple(self.labels.shape)}: use labels.flatten().long()"
            )
        if len(self.images) != len(self.labels):
            raise ValueError(
                f"every image needs a label, got {len(self.images)} images "
                f"and {len(self.labels)} labels"
            )

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A named data set, split for training, testing and, where there is enough, validation.

    Attributes:
        name: what to call it.
        train: pictures to learn from.
        test: pictures to judge by, once.
        valid: pictures to choose settings by.
        redraw: makes the training pictures of an epoch anew; None means the same in each.
    """

    name: str
    train: Split
    test: Split
    valid: Split | None = None
    redraw: Callable[[int], Tensor] | None = None

    def training_images(self, epoch: int) -> Tensor:
        """The training pictures to use in one epoch (0, 1, 2, …)."""
        return self.redraw(epoch) if self.redraw and epoch > 0 else self.train.images

    def __repr__(self) -> str:
        """One line to print in a notebook."""
        height, width = self.train.images.shape[-2:]
        valid = f", {len(self.valid)} for validation" if self.valid else ""
        return (
            f"{self.name}: {len(self.train)} training images{valid}, {len(self.test)} test images, "
            f"{height}×{width} pixels"
        )
