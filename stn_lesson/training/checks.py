"""What can be trained: a model, data and settings that go together, or an error that says why not.

All of it is told before the first step.
"""

from collections.abc import Callable

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
        TypeError, ValueError: nothing in the model learns, it cannot read the images, it has fewer
            outputs than there are classes, there are too few images for a batch, or what is drawn
            anew for the second epoch is not like the first.
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
        name, heads = f"data.{name}", tuple(split.labels.shape[1:])
        check_labels(name, split, _few_scores(model, split.images, heads, name))
    if smallest_batch(count, settings.batch_size, together) == 1:
        _check_batch_norms(model, data.train.images[:2], count, settings.batch_size, together)
    if data.redraw is not None and settings.epochs > 1:
        with torch.random.fork_rng():
            data.training_images(1)


def smallest_batch(images: int, batch_size: int, processes: int = 1) -> int:
    """How many images the smallest batch of an epoch has, or the smallest share of a process.

    >>> smallest_batch(9, 4), smallest_batch(9, 5), smallest_batch(8, 4, processes=3)
    (1, 4, 1)
    """
    sizes = min(batch_size, images), images % batch_size or batch_size
    return max(min(sizes) // processes, 1)


@torch.no_grad()
def class_scores(
    model: nn.Module, images: Tensor, heads: tuple[int, ...] | None = None, name: str = "images"
) -> Tensor:
    """What a model says of images, in whatever mode it is; an error if it is no answer.

    Args:
        model: a network.
        images: bytes (N, C, H, W), on any device.
        heads: () where an image has one label, (K,) where it has K; None takes either.
        name: of what holds the images.

    Returns:
        class scores, (N, classes) or (N, classes, K), on the model's device.

    Raises:
        ValueError: the model cannot read the images, or returns something else.
    """
    device = next((parameter.device for parameter in model.parameters()), images.device)
    try:
        scores = model(to_floats(images.to(device)))
    except (NotFiniteError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        types = {p.dtype for p in model.parameters() if p.is_floating_point()}
        if other := types - {torch.float32}:
            raise ValueError(
                f"the model has weights of {other.pop()}, and images are shown to it as "
                f"torch.float32: use model.float() ({reason})"
            ) from error
        raise ValueError(
            f"the model cannot read images (C, H, W) of shape {tuple(images.shape[1:])}, as {name} "
            f"holds them: make it for that size and as many channels, or take other images "
            f"({reason})"
        ) from error
    _check_scores(scores, len(images), heads)
    return scores


def _check_scores(scores, count: int, heads: tuple[int, ...] | None, when: str = "") -> None:
    """Raise an error for anything but class scores of so many images."""
    is_tensor = isinstance(scores, Tensor)
    if is_tensor and heads is None:
        heads = tuple(scores.shape[2:3])
    wanted = "".join(f", {each}" for each in ("classes", *(heads or ())))
    fits = is_tensor and scores.ndim == 2 + len(heads)
    if not fits or len(scores) != count or scores.shape[2:] != heads:
        got = tuple(scores.shape) if is_tensor else type(scores).__name__
        folded = "".join(f" * {k}), nn.Unflatten(1, (-1, {k})" for k in heads or ())
        raise ValueError(
            f"the model must return class scores (N{wanted}){when}, got {got} for {count} images: "
            f"end it with nn.Flatten() and nn.Linear(…, classes{folded})"
        )


class CheckedStep:
    """A training step, whose first call sees to it that the model can learn from what it returns.

    No weight has been changed by then. It is here, and not before the step, since only a step asks
    the model in training mode, where it may return something else.

    Args:
        step: as `train_step`.
        model: that it trains.
        heads: as in `class_scores`.

    Raises:
        ValueError: no class scores came, or some without a gradient.
    """

    def __init__(self, step: Callable[..., Tensor], model: nn.Module, heads: tuple[int, ...]):
        """See the class."""
        self.step, self.model, self.heads, self.is_checked = step, model, heads, False

    def __call__(self, images: Tensor, labels: Tensor, loss_weight: float = 1.0) -> Tensor:
        """The loss of a step on these images."""
        if self.is_checked:
            return self.step(images, labels, loss_weight)
        hook = self.model.register_forward_hook(self._check)
        try:
            loss = self.step(images, labels, loss_weight)
        finally:
            hook.remove()
        self.is_checked = True
        return loss

    def _check(self, model: nn.Module, inputs: tuple, scores) -> None:
        _check_scores(scores, len(inputs[0]), self.heads, " in training mode, too")
        if not scores.requires_grad:
            raise ValueError(
                "no gradient comes from the model's scores to its weights, so nothing can be "
                "learnt: take detach(), .data, numpy and torch.no_grad() out of its forward"
            )


def check_gradients() -> None:
    """Raise a clear error where torch keeps no gradients, and nothing could learn."""
    if not torch.is_grad_enabled():
        raise ValueError(
            "nothing can be learnt under torch.no_grad() or torch.inference_mode(): train outside "
            "of it"
        )


def _few_scores(model: nn.Module, images: Tensor, *how) -> Tensor | None:
    """What a model says of a few images; it and the random numbers are left as they were.

    None if the model has lost its numbers already: the first step tells of it.
    """
    with evaluating(model), torch.random.fork_rng():
        try:
            return class_scores(model, images[:2], *how)
        except NotFiniteError:
            return None


def check_labels(name: str, split: Split, scores: Tensor | None) -> None:
    """Raise an error for labels that a model of these scores (N, classes, …) has no output for."""
    outputs = None if scores is None else scores.shape[1]
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
        _few_scores(model, images)
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
