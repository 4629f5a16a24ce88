"""What can be trained: a model, data and settings that go together, or an error that says why not.

All of it is told before the first step.
"""

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from stn_lesson.checks import NotFiniteError, check_network
from stn_lesson.datasets import Dataset, Split, to_floats
from stn_lesson.training.processes import ProcessGroup
from stn_lesson.training.settings import Settings
from stn_lesson.transformer import evaluating

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def check_model(model: nn.Module) -> None:
    """Raise a clear error for anything but a network that can be shown images.

    Raises:
        TypeError: it is no network.
        ValueError: it is a lazy one, which has no weights yet.
    """
    check_network(model)
    if lazy := [name for name, parameter in model.named_parameters() if is_lazy(parameter)]:
        raise ValueError(
            f"the model has no weights yet in {lazy[0]}: show it some images first, "
            "model(to_floats(data.train.images[:2]))"
        )


def check_split(split: Split, name: str = "split") -> None:
    """Raise a clear error for anything but a split that holds images.

    Raises:
        TypeError: it is no split.
        ValueError: it is empty.
    """
    if isinstance(split, Dataset):
        raise TypeError(f"{name} must be a Split, got a Dataset: use data.test, or data.train")
    if not isinstance(split, Split):
        raise TypeError(f"{name} must be a Split, got {type(split).__name__}")
    if not len(split):
        raise ValueError(f"{name} holds no images: at least one is needed")


def check_data(data: Dataset) -> None:
    """Raise a clear error for anything but a data set with images to learn from and to test on.

    Raises:
        TypeError: it is no data set.
        ValueError: one of its splits is empty.
    """
    if isinstance(data, Split):
        raise TypeError(
            "data must be a Dataset, got a Split: use Dataset('mine', train=split, test=another)"
        )
    if not isinstance(data, Dataset):
        raise TypeError(f"data must be a Dataset, got {type(data).__name__}: use load_digits()")
    check_split(data.train, "data.train")
    check_split(data.test, "data.test")


def check_training(
    model: nn.Module, data: Dataset, settings: Settings, processes: ProcessGroup
) -> None:
    """Raise a clear error unless a model can learn from these data, in these settings.

    Args:
        model: where it will be trained; it is shown two images, and left as it is.
        data: see `check_data`.
        settings: of the run.
        processes: those that train the model together.

    Raises:
        ValueError: nothing in the model learns, it cannot read the images, it has fewer outputs
            than there are classes, or there are too few images for a batch.
    """
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError(
            "nothing in the model can learn: it has no parameters, or all of them are frozen; "
            "model.requires_grad_(True) frees them"
        )
    count, together = len(data.train), processes.world_size
    if min(count, settings.batch_size) < together:
        raise ValueError(
            f"every process needs an image of each batch: {together} processes, batch_size "
            f"{settings.batch_size} and {count} training images: start fewer processes, or choose "
            "a larger batch_size"
        )
    for name, split in (("train", data.train), ("test", data.test)):
        _check_labels(f"data.{name}", split, _count_outputs(model, split, name))
    if smallest_batch(count, settings.batch_size, together) == 1:
        _check_batch_norms(model, data.train.images[:2], count, settings.batch_size, together)


def smallest_batch(images: int, batch_size: int, processes: int = 1) -> int:
    """How many images the smallest batch of an epoch has, or the smallest share of a process.

    >>> smallest_batch(9, 4), smallest_batch(9, 5), smallest_batch(8, 4, processes=3)
    (1, 4, 1)
    """
    sizes = min(batch_size, images), images % batch_size or batch_size
    return max(min(sizes) // processes, 1)


@torch.no_grad()
def _scores(model: nn.Module, images: Tensor) -> Tensor:
    """What a model says of a few images, bytes; it and the random numbers are left as they were."""
    device = next(model.parameters()).device
    with evaluating(model), torch.random.fork_rng():
        return model(to_floats(images.to(device)))


def _count_outputs(model: nn.Module, split: Split, name: str) -> int | None:
    """How many classes a model tells apart; None if it has lost its numbers already."""
    images, heads = split.images[:2], tuple(split.labels.shape[1:])
    shape = tuple(images.shape[1:])
    try:
        scores = _scores(model, images)
    except NotFiniteError:  # the first step tells of it
        return None
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"the model cannot read images (C, H, W) of shape {shape}, as data.{name} holds them: "
            f"make it for that size and as many channels, or take other images ({reason})"
        ) from error
    wanted = "".join(f", {count}" for count in ("classes", *heads))
    fits = isinstance(scores, Tensor) and scores.ndim == 2 + len(heads)
    if not fits or len(scores) != len(images) or scores.shape[2:] != heads:
        got = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        folded = "".join(f" * {count}), nn.Unflatten(1, (-1, {count})" for count in heads)
        raise ValueError(
            f"the model must return class scores (N{wanted}), got {got} for {len(images)} images: "
            f"end it with nn.Flatten() and nn.Linear(…, classes{folded})"
        )
    return scores.shape[1]


def _check_labels(name: str, split: Split, outputs: int | None) -> None:
    """Raise an error for labels that the model has no output for."""
    lowest, highest = split.labels.min().item(), split.labels.max().item()
    if lowest < 0:
        raise ValueError(f"labels are counted from 0, {name} holds {lowest}: add {-lowest} to them")
    if outputs is not None and highest >= outputs:
        raise ValueError(
            f"{name} has labels up to {highest}, for which a model needs {highest + 1} outputs, "
            f"and this one has {outputs}: give it more, or count the labels from 0"
        )


def _check_batch_norms(
    model: nn.Module, images: Tensor, count: int, batch_size: int, processes: int
) -> None:
    """Raise an error if a batch normalisation would be given a single number of each channel."""
    starved, hooks = [], []

    def note(module: nn.Module, inputs: tuple) -> None:
        if inputs[0].numel() == inputs[0].shape[1] * len(images):
            starved.append(type(module).__name__)

    for module in model.modules():
        if isinstance(module, BATCH_NORMS) and (module.training or not model.training):
            hooks.append(module.register_forward_pre_hook(note))
    try:
        _scores(model, images)
    except NotFiniteError:
        return
    finally:
        for hook in hooks:
            hook.remove()
    if starved:
        larger = range(batch_size + 1, count + 1)
        fitting = next((b for b in larger if smallest_batch(count, b, processes) > 1), None)
        remedy = f"such as {fitting}" if fitting else "and more images"
        raise ValueError(
            f"batch_size {batch_size} leaves one of {count} images alone in a batch, and "
            f"{starved[0]} needs at least two: choose another batch_size, {remedy}"
        )
