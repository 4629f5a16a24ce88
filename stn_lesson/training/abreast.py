"""Many seeds at once: several models that a GPU trains side by side."""

import time
import warnings
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from stn_lesson.arguments import function
from stn_lesson.checks import NotFiniteError
from stn_lesson.datasets import Dataset
from stn_lesson.device import check_device
from stn_lesson.precision import devices_with_autocast, restore_autocast
from stn_lesson.training.checks import check_data, check_model
from stn_lesson.training.cuda_graph import CudaGraphStep
from stn_lesson.training.history import History
from stn_lesson.training.loop import diverged
from stn_lesson.training.run import TrainingRun
from stn_lesson.training.settings import Settings


def fit_abreast(
    models: list[nn.Module],
    data: list[Dataset],
    *,
    seeds: list[int],
    device: str | torch.device | None = None,
    progress_bar: bool = True,
    warn: Callable[[Warning], None] = warnings.warn,
    **settings,
) -> list[History]:
    """Train several models at once, each as `fit` would: with many seeds, say.

    On a GPU they share it, which one small network alone leaves half idle; on a CPU they take turns
    and nothing is gained. There are no checkpoints here, and no calls after steps and epochs.
    Models with dropout draw other random numbers than they would by themselves.

    Args:
        models: those to train, on the spot.
        data: what each learns; all have as many training images of one size.
        seeds: of each, as in `fit`.
        device: as in `fit`.
        progress_bar: as in `fit`.
        warn: as in `fit`.
        settings: as in `fit`, the same for all models.

    Returns:
        A history for each. Its seconds are those that all took together.

    Raises:
        TypeError, ValueError: models, data and seeds do not go together, or as in `fit`.
        TrainingError: as in `fit`; the others end with it.

    >>> from stn_lesson.datasets import load_digits
    >>> models = [nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10)) for _ in range(2)]
    >>> histories = fit_abreast(models, 2 * [load_digits()], seeds=[0, 1], epochs=2)
    >>> [len(history.accuracy) for history in histories]
    [2, 2]
    """
    function(warn, "warn")
    if "seed" in settings:
        raise TypeError("each model has a seed of its own: use seeds=[…], as many as models")
    models, data, seeds = _check_abreast(models, data, seeds)
    histories, autocast = [History() for _ in models], devices_with_autocast()
    try:
        device = check_device(device)
        runs = [
            TrainingRun(model, own, Settings.for_device(device, seed=seed, **settings), device, its)
            for model, own, seed, its in zip(models, data, seeds, histories, strict=True)
        ]
        step = StepsAbreast([run.train_step for run in runs])
        if device.type == "cuda":
            step = CudaGraphStep(step)
        epochs = range(runs[0].settings.epochs)
        for epoch in tqdm(epochs, unit="epoch", leave=False, disable=not progress_bar):
            train_epoch_abreast(runs, step, epoch, warn)
    except KeyboardInterrupt:
        for history in histories:
            history.stop()
        restore_autocast(autocast)
    except NotFiniteError as error:
        where = f"in epoch {epoch}, by one of the seeds {', '.join(map(str, seeds))}"
        raise diverged(where, runs[0].settings.learning_rate, error) from error
    finally:
        for model in models:
            model.eval()
    return histories


def _check_abreast(models, data, seeds) -> tuple[list, list, list]:
    """The three as lists; a clear error if they do not go together."""
    for name, given in (("models", models), ("data", data), ("seeds", seeds)):
        if not isinstance(given, Iterable) or isinstance(given, nn.Module):
            raise TypeError(f"{name} must be a list, got {type(given).__name__}")
    models, data, seeds = list(models), list(data), list(seeds)
    if not models or not len(models) == len(data) == len(seeds):
        raise ValueError(
            f"each model needs its data and its seed, got {len(models)} models, {len(data)} data "
            f"sets and {len(seeds)} seeds"
        )
    owners = {}
    for n, (model, own) in enumerate(zip(models, data, strict=True)):
        check_model(model)
        check_data(own)
        for values in (*model.parameters(), *model.buffers()):
            if owners.setdefault(id(values), n) != n:
                raise ValueError(
                    f"models {owners[id(values)]} and {n} share weights, which each would train: "
                    "make a new model for each seed"
                )
    shapes = {tuple(own.train.images.shape) for own in data}
    if len(shapes) > 1:
        raise ValueError(f"all data must have training images of one shape, got {shapes}")
    return models, data, seeds


def train_epoch_abreast(
    runs: list[TrainingRun], step: Callable, epoch: int, warn: Callable[[Warning], None]
) -> None:
    """Take the steps of an epoch in several runs at once, and enter it into their histories.

    Args:
        runs: with as many training images and as large batches each.
        step: the step of all of them, see `StepsAbreast`.
        epoch: its number.
        warn: as in `fit`.
    """
    start, losses = time.perf_counter(), []
    with torch.random.fork_rng():  # the runs' own do not end in the reverse order of their start
        for batches in zip(*(run.batches(epoch) for run in runs), strict=True):
            images = torch.stack([batch.images for batch in batches])
            labels = torch.stack([batch.labels for batch in batches])
            losses.append(step(images, labels))
            for run in runs:
                run.lr_scheduler.step()
    for run, own in zip(runs, torch.stack(losses, 1), strict=True):
        run.log(own)
    seconds = time.perf_counter() - start
    for run, batch in zip(runs, batches, strict=True):
        run.epoch_seconds = seconds
        run.watch(batch.images, warn)
        run.finish_epoch()


class StepsAbreast:
    """The steps of several models as one, which a GPU may take at the same time.

    The kernels of a small network leave most of a GPU idle. Each model's are sent on a stream of
    its own, so that they fill it together; the models have nothing else in common.

    Args:
        steps: one for each model, as `train_step`.
    """

    def __init__(self, steps: list[Callable[[Tensor, Tensor, float], Tensor]]):
        """See the class."""
        self.steps, self.streams = steps, None

    def __call__(self, images: Tensor, labels: Tensor, loss_weight: float = 1.0) -> Tensor:
        """Images (S, N, C, H, W) and labels (S, N) of S models → their losses (S,)."""
        jobs = list(zip(self.steps, images, labels, strict=True))
        if not images.is_cuda:
            return torch.stack([step(*batch, loss_weight) for step, *batch in jobs])
        self.streams = self.streams or [torch.cuda.Stream(images.device) for _ in jobs]
        here, losses = torch.cuda.current_stream(images.device), []
        for stream, (step, *batch) in zip(self.streams, jobs, strict=True):
            stream.wait_stream(here)
            with torch.cuda.stream(stream):
                losses.append(step(*batch, loss_weight))
        for stream in self.streams:
            here.wait_stream(stream)
        return torch.stack(losses)
