"""Training: a plain loop that can be read, interrupted, killed and resumed.

What a run consists of stands in `training_run`, what makes a step of it fast in `steps`, and how
processes share it in `workers`.
"""

import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from tqdm.auto import tqdm, trange

from stn_lesson.datasets import Dataset
from stn_lesson.theta import NotFiniteError
from stn_lesson.training.history import History
from stn_lesson.training.run import Settings, TrainingRun, train_abreast
from stn_lesson.training.steps import Abreast, RecordedStep


class TrainingError(RuntimeError):
    """The training cannot go on; the message says at which step, and what to change."""


class StopTraining(Exception):
    """Raise it in `on_step` or `on_epoch` to end a run as the ■ button does."""


def fit(
    model: nn.Module,
    data: Dataset,
    *,
    epochs: int = 13,
    batch_size: int = 256,
    learning_rate: float = 8e-3,
    localisation_rate: float = 0.3,
    weight_decay: float = 0.0,
    clip: float = 1.0,
    precision: str | None = None,
    seed: int = 0,
    device: str | torch.device | None = None,
    checkpoint: str | Path | None = None,
    on_step: Callable[[nn.Module, History], None] | None = None,
    on_epoch: Callable[[nn.Module, History], None] | None = None,
    bar: bool = True,
    warn: Callable[[Warning], None] = warnings.warn,
) -> History:
    """Train a classifier and return the history of the run.

    Adam with a learning rate that rises and falls once (Smith's one-cycle schedule). Stop it when
    you like (the ■ button): the weights reached so far stay in the model. On a GPU the steps of an
    epoch are recorded and repeated without a word to the CPU; losses are then heard at its end.
    Started by torchrun, the processes train one model together (see `workers`).

    Args:
        model: any module from images (N, 1, H, W) to class scores.
        data: what to learn; its training images are asked for anew in every epoch.
        epochs: how often to go through the training images.
        batch_size: images a step.
        learning_rate: the highest of the schedule.
        localisation_rate: by what the rate is multiplied for localisation networks (what a module
            calls `localisation`); a small one keeps θ from running away before the classifier has
            learnt anything.
        weight_decay: as in `torch.optim.AdamW`.
        clip: the longest gradient that is followed; a longer one is shortened to it.
        precision: of the multiplications, "float32" or "bfloat16"; by default the faster one on
            this machine. Weights are float32 in either case, and so is every test.
        seed: decides the order of the images and any dropout; the model's first weights are yours.
            Dropout draws torch's global random numbers: with it, nothing else should meanwhile.
        device: "cuda", "cpu", …; by default cuda where there is one.
        checkpoint: a file to write after every epoch. If it is there already, the run goes on
            from it, to the same end as if it had never stopped.
        on_step: called with the model and the history after every step; its time is not counted.
            On a GPU it makes every step wait for the CPU.
        on_epoch: called in the same way after every epoch, to draw them, say.
        bar: whether to show a progress bar.
        warn: hears of a collapse (a `CollapseWarning`).

    Raises:
        ValueError: an unknown precision.
        TrainingError: the loss, its gradient or θ became NaN or infinite.
        CheckpointError: the checkpoint is damaged or belongs to another run.

    >>> from stn_lesson.datasets import load_digits
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10))
    >>> history = fit(model, load_digits(), epochs=2)
    >>> len(history.accuracy)
    2
    """
    device = torch.device(device or default_device())
    settings = Settings.of(
        data,
        precision,
        device,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        localisation_rate=localisation_rate,
        weight_decay=weight_decay,
        clip=clip,
        seed=seed,
    )
    run = TrainingRun(model, data, settings, device, hears_steps=on_step is not None)
    if checkpoint and Path(checkpoint).exists():
        run.load(checkpoint)
    history, workers = run.history, run.workers
    history.interrupted = False
    if not workers.first:
        bar, warn = False, lambda warning: None
    first, steps = len(history.accuracy), run.steps
    bar_settings = {"initial": first * steps, "unit": "step", "leave": False, "disable": not bar}
    with tqdm(total=epochs * steps, **bar_settings) as progress:
        try:
            for epoch in range(first, epochs):
                for images, taken in run.train(epoch):
                    progress.update(taken)
                    run.watch(images, warn, every=20 if taken == 1 else 1)
                    if on_step:
                        on_step(model, history)
                run.evaluate()
                progress.set_postfix(
                    loss=f"{history.loss[-1]:.3f}", accuracy=f"{history.accuracy[-1]:.3f}"
                )
                if checkpoint and workers.first:
                    run.save(checkpoint)
                if on_epoch:
                    on_epoch(model, history)
        except (KeyboardInterrupt, StopTraining):
            history.interrupted = True
        except NotFiniteError as error:
            where = f"at step {len(history.step_loss)} (epoch {epoch})"
            raise _diverged(where, learning_rate, error) from error
    model.eval()
    return history


def fit_abreast(
    models: list[nn.Module],
    data: list[Dataset],
    *,
    seeds: list[int],
    epochs: int,
    device: str | torch.device | None = None,
    bar: bool = True,
    warn: Callable[[Warning], None] = warnings.warn,
    **settings,
) -> list[History]:
    """Train several models at once, each as `fit` would: with many seeds, say.

    On a GPU they share it, which one small network alone leaves half idle; on a CPU they take turns
    and nothing is gained. What `fit` does beyond training, checkpoints and hooks, is left out.
    Models with dropout draw other random numbers than they would by themselves.

    Args:
        models: those to train, on the spot.
        data: what each learns; all have as many training images of one size.
        seeds: of each, as in `fit`.
        epochs: as in `fit`.
        device: as in `fit`.
        bar: as in `fit`.
        warn: as in `fit`.
        settings: what else `fit` may be told of a run: `batch_size`, `learning_rate`,
            `localisation_rate`, `weight_decay`, `clip` and `precision`, all of them.

    Returns:
        A history for each. Its seconds are those that all took together.

    Raises:
        ValueError: models, data and seeds do not go together.
        TrainingError: as in `fit`; the others end with it.

    >>> from stn_lesson.datasets import load_digits
    >>> models = [nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10)) for _ in range(2)]
    >>> settings = dict(batch_size=64, learning_rate=8e-3, localisation_rate=1, weight_decay=0)
    >>> histories = fit_abreast(
    ...     models, 2 * [load_digits()], seeds=[0, 1], epochs=2, clip=1, precision=None, **settings
    ... )
    >>> [len(history.accuracy) for history in histories]
    [2, 2]
    """
    shapes = {tuple(one.train.images.shape) for one in data}
    if not len(models) == len(data) == len(seeds) or len(shapes) != 1:
        raise ValueError(
            f"each model needs its data and its seed, got {len(models)} models, {len(data)} data "
            f"sets and {len(seeds)} seeds; and training images of one shape, got {shapes}"
        )
    device = torch.device(device or default_device())
    runs = []
    for model, images, seed in zip(models, data, seeds, strict=True):
        own = Settings.of(images, device=device, epochs=epochs, seed=seed, **settings)
        runs.append(TrainingRun(model, images, own, device))
    step = Abreast([run.step for run in runs])
    if device.type == "cuda":
        step = RecordedStep(step)
    interrupted = False
    try:
        for epoch in trange(epochs, unit="epoch", leave=False, disable=not bar):
            last = train_abreast(runs, step, epoch)
            for run, images in zip(runs, last, strict=True):
                run.watch(images, warn)
                run.evaluate()
    except KeyboardInterrupt:
        interrupted = True
    except NotFiniteError as error:
        where = f"in epoch {epoch}, by one of the seeds {', '.join(map(str, seeds))}"
        raise _diverged(where, runs[0].settings.learning_rate, error) from error
    for run in runs:
        run.history.interrupted = interrupted
        run.model.eval()
    return [run.history for run in runs]


def _diverged(where: str, rate: float, error: NotFiniteError) -> TrainingError:
    return TrainingError(
        f"training stopped {where}: {error}. The likely cause is a learning rate that is too high "
        f"(it is {rate:g}) or images that hold NaN. Make a new model and try a tenth of the rate."
    )


def default_device() -> torch.device:
    """Cuda where there is one, else cpu (Apple's mps has no backward pass for the sampler)."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
