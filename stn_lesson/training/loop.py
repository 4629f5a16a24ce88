"""The training loop: read it, interrupt it, kill it, resume it.

A run (`run.py`) knows its batches, steps and epochs; a step (`steps.py`) knows the model.
"""

import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from tqdm.auto import tqdm

from stn_lesson.arguments import function
from stn_lesson.checks import NotFiniteError
from stn_lesson.datasets import Dataset
from stn_lesson.device import check_device
from stn_lesson.precision import devices_with_autocast, restore_autocast
from stn_lesson.training.history import History
from stn_lesson.training.run import TrainingRun
from stn_lesson.training.settings import Settings

Callback = Callable[[nn.Module, History], None]


class TrainingError(RuntimeError):
    """The training cannot go on; the message says at which step, and what to change."""


class StopTraining(Exception):
    """Raise it in `on_step` or `on_epoch` to end a run as the ■ button does."""


def fit(
    model: nn.Module,
    data: Dataset,
    *,
    device: str | torch.device | None = None,
    checkpoint: str | Path | None = None,
    on_step: Callback | None = None,
    on_epoch: Callback | None = None,
    progress_bar: bool = True,
    warn: Callable[[Warning], None] = warnings.warn,
    **settings,
) -> History:
    """Train a classifier and return the history of the run.

    By AdamW, with a learning rate that rises and falls once, unless told otherwise. Stop it when
    you like (the ■ button): the weights reached so far stay in the model, and the history holds the
    epochs that have ended. What is in evaluation mode within a model that learns stays in it: so
    batch normalisation can be held. Started by torchrun, several processes train one model together
    (see `processes`).

    Args:
        model: any module from images (N, C, H, W) to class scores, (N, classes); or, where each
            image has K labels, (N, classes, K).
        data: what to learn; its training images are asked for anew in every epoch.
        device: "cuda", "cpu", …; by default cuda where there is one.
        checkpoint: a file to write after every epoch. If it is there already, the run goes on
            from it, to the same end as if it had never stopped. Should the disk be full by then,
            the training goes on and says so.
        on_step: called with the model and the history after every step; its time is not counted.
            On a GPU it makes every step wait for the CPU.
        on_epoch: called in the same way after every epoch, to draw them, say.
        progress_bar: whether to show one.
        warn: called with a `CollapseWarning` when the transformer has lost its images, with a
            `SilenceWarning` when it does the same to all of them, with a `CheckpointWarning` when
            an epoch could not be written.
        settings: how to train, as in `epochs=5`; `Settings` has them all, with their defaults.
            With dropout, nothing else should draw torch's global random numbers meanwhile.

    Raises:
        TypeError, ValueError: an unknown setting, or one that cannot be; or model and data that do
            not go together. It is told before the first step.
        TrainingError: the loss, its gradient or θ became NaN or infinite.
        CheckpointError: the checkpoint is damaged or belongs to another run.
        FileError: the checkpoint cannot be read or written, or another training is writing it.

    >>> from stn_lesson.datasets import load_digits
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10))
    >>> history = fit(model, load_digits(), epochs=2)
    >>> len(history.accuracy)
    2
    """
    function(on_step, "on_step", or_none=True)
    function(on_epoch, "on_epoch", or_none=True)
    function(warn, "warn")
    history, autocast = History(), devices_with_autocast()
    try:
        device = check_device(device)
        chosen = Settings.for_device(device, **settings)
        run = TrainingRun(model, data, chosen, device, history, log_every_step=on_step is not None)
        tell = warn if run.processes.is_main else _ignore
        with run.session(checkpoint), _bar(run, progress_bar) as bar:
            for epoch in range(len(history.accuracy), chosen.epochs):
                for batch in run.batches(epoch):
                    run.step(batch)
                    bar.update()
                    run.watch(batch.images, tell)
                    if on_step:
                        on_step(model, history)
                run.finish_epoch()
                bar.set_postfix_str(f"test accuracy {history.accuracy[-1]:.3f}")
                run.save(tell)
                if on_epoch:
                    on_epoch(model, history)
    except (KeyboardInterrupt, StopTraining):
        history.stop()
        model.eval()
        restore_autocast(autocast)
    except NotFiniteError as error:
        where = f"at step {len(history.step_loss)} (epoch {len(history.accuracy)})"
        raise diverged(where, chosen.learning_rate, error) from error
    return history


def diverged(where: str, learning_rate: float, error: NotFiniteError) -> TrainingError:
    """The error for a run whose numbers are no longer finite: where it was, and what to change."""
    return TrainingError(
        f"training stopped {where}: {error}. The likely cause is a learning rate that is too high "
        f"(it is {learning_rate:g}) or images that hold NaN. Make a new model and try a tenth of "
        "the rate."
    )


def _bar(run: TrainingRun, shown: bool) -> tqdm:
    """A progress bar over all steps of a run."""
    done, all_steps = (
        epochs * run.steps_per_epoch for epochs in (len(run.history.accuracy), run.settings.epochs)
    )
    disable = not (shown and run.processes.is_main)
    return tqdm(initial=done, total=all_steps, unit="step", leave=False, disable=disable)


def _ignore(warning: Warning) -> None:
    """Say nothing, since another process does."""
