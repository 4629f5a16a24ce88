"""How good a classifier is: what it says of images, and how often it is right."""

import torch
from torch import Tensor, nn

from stn_lesson.checks import NotFiniteError
from stn_lesson.datasets import Split, to_floats
from stn_lesson.training.checks import check_model, check_split
from stn_lesson.transformer import evaluating


def evaluate(model: nn.Module, split: Split) -> float:
    """Share of a split's images that the model names correctly, from 0 to 1.

    Where an image has K labels, it counts if all of them are right.

    Raises:
        TypeError, ValueError: it is no model, or no split, or there is no image in it.
    """
    check_split(split)
    right = predict(model, split.images) == split.labels.cpu()
    return right.view(len(split), -1).all(1).float().mean().item()


@torch.no_grad()
def predict(model: nn.Module, images: Tensor, batch_size: int = 1000) -> Tensor:
    """The class that a model gives to each image; bytes (N, C, H, W) → (N,), or (N, K)."""
    check_model(model)
    device = next((parameter.device for parameter in model.parameters()), images.device)
    with evaluating(model):
        scores = [model(to_floats(batch.to(device))).cpu() for batch in images.split(batch_size)]
    if not all(score.isfinite().all() for score in scores):
        raise NotFiniteError("the class scores are not finite")
    return torch.cat(scores).argmax(1)
