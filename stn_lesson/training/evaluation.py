"""How good a classifier is: what it says of images, and how often it is right."""

import torch
from torch import Tensor, nn

from stn_lesson.arguments import whole_number
from stn_lesson.checks import NotFiniteError
from stn_lesson.datasets import Split
from stn_lesson.datasets.checks import check_bytes
from stn_lesson.training.checks import check_labels, check_model, check_split, class_scores
from stn_lesson.transformer import evaluating


def evaluate(model: nn.Module, split: Split) -> float:
    """Share of a split's images that the model names correctly, from 0 to 1.

    Where an image has K labels, it counts if all of them are right.

    Raises:
        TypeError, ValueError: it is no model, or no split, or there is no image in it; or the model
            cannot read the images, or returns no score for each of their labels.
    """
    check_model(model)
    check_split(split)
    scores = _all_scores(model, split.images, 1000, tuple(split.labels.shape[1:]), "split")
    check_labels("split", split, scores)
    right = scores.argmax(1) == split.labels.cpu()
    return right.view(len(split), -1).all(1).float().mean().item()


def predict(model: nn.Module, images: Tensor, batch_size: int = 1000) -> Tensor:
    """The class that a model gives to each image; bytes (N, C, H, W) → (N,), or (N, K).

    Raises:
        TypeError, ValueError: it is no model, these are no images, or not such as it can read.
    """
    check_model(model)
    check_bytes(images, volumes=True)
    batch_size = whole_number(batch_size, "batch_size", lowest=1)
    return _all_scores(model, images, batch_size, None, "images").argmax(1)


def _all_scores(model: nn.Module, images: Tensor, batch_size: int, *how) -> Tensor:
    """The scores of all images, on the CPU; `how` is as in `class_scores`."""
    with evaluating(model):
        batches = images.split(batch_size)
        scores = torch.cat([class_scores(model, batch, *how).cpu() for batch in batches])
    if not scores.isfinite().all():
        raise NotFiniteError("the class scores are not finite")
    return scores
