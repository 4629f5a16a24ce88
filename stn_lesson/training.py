"""Training: a plain loop that can be read, interrupted, killed and resumed.

What makes a step of it fast stands in `steps`, and how processes share it in `workers`.
"""

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from stn_lesson.checkpoints import load_checkpoint, save_checkpoint
from stn_lesson.collapse import chance_loss, find_transformer, look, watch_for_collapse
from stn_lesson.datasets import Dataset, to_floats
from stn_lesson.evaluation import evaluate
from stn_lesson.history import History
from stn_lesson.steps import (
    PRECISIONS,
    RecordedStep,
    fastest_precision,
    make_optimiser,
    resume_optimiser,
    train_step,
)
from stn_lesson.theta import NotFiniteError
from stn_lesson.transformer import SpatialTransformer
from stn_lesson.workers import Workers

WATCHED = 32  # fixed test digits whose θ is kept at every epoch


class TrainingError(RuntimeError):
    """The training cannot go on; the message says at which step, and what to change."""


class StopTraining(Exception):
    """Raise it in `on_step` or `on_epoch` to end a run as the ■ button does."""


@dataclass(frozen=True)
class Settings:
    """Everything that decides how a run goes, apart from the model; the data by shape and sum."""

    image_shape: list[int]
    image_sum: int
    epochs: int
    batch_size: int
    learning_rate: float
    localisation_rate: float
    weight_decay: float
    clip: float
    precision: str
    seed: int


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
        localisation_rate: by what the rate is multiplied for localisation networks; a small one
            keeps θ from running away before the classifier has learnt anything.
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
    precision = precision or fastest_precision(device)
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    settings = Settings(
        image_shape=list(data.train.images.shape),
        image_sum=data.train.images.sum(dtype=torch.long).item(),
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        localisation_rate=localisation_rate,
        weight_decay=weight_decay,
        clip=clip,
        precision=precision,
        seed=seed,
    )
    run = _Run(model, data, settings, device, hears_steps=on_step is not None)
    if checkpoint and Path(checkpoint).exists():
        run.load(checkpoint)
    history, workers = run.history, run.workers
    history.interrupted = False
    chance = chance_loss(data.train.labels)
    if not workers.first:
        bar, warn = False, lambda warning: None
    first, steps = len(history.accuracy), run.steps
    bar_settings = {"initial": first * steps, "unit": "step", "leave": False, "disable": not bar}
    with tqdm(total=epochs * steps, **bar_settings) as progress:
        try:
            for epoch in range(first, epochs):
                for images, taken in run.train(epoch):
                    progress.update(taken)
                    every = 20 if taken == 1 else 1
                    if history.collapsed_at is None and watch_for_collapse(
                        model, images, history.step_loss, chance, warn, every
                    ):
                        history.collapsed_at = len(history.step_loss)
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
            raise TrainingError(
                f"training stopped at step {len(history.step_loss)} (epoch {epoch}): {error}. The "
                f"likely cause is a learning rate that is too high (it is {learning_rate:g}) or "
                "images that hold NaN. Make a new model and try a tenth of the rate."
            ) from error
    model.eval()
    return history


class _Run:
    """All that a training run consists of, and what is done in each epoch."""

    def __init__(self, model, data, settings: Settings, device, hears_steps: bool):
        """A run at its start; `hears_steps`: somebody wants to know of every step."""
        self.model = model.to(device, memory_format=torch.channels_last)
        self.data, self.settings, self.device = data, settings, device
        self.history, self.workers = History(), Workers.here()
        self.steps = math.ceil(len(data.train) / settings.batch_size)  # in an epoch
        # The CPU hears of so many steps at a time: it would make a GPU wait for each.
        self.heard = 1 if hears_steps or device.type != "cuda" else self.steps

        groups = _parameter_groups(model, settings)
        self.optimiser = make_optimiser(groups, settings.weight_decay, device)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser,
            [group["lr"] for group in groups],
            total_steps=max(settings.epochs * self.steps, 1),
            cycle_momentum=False,
        )
        self.step = partial(
            train_step,
            self.workers.joined(self.model),
            optimiser=self.optimiser,
            clip=settings.clip,
            precision=settings.precision,
        )
        if device.type == "cuda" and self.workers.count == 1:
            self.step = RecordedStep(self.step)

    def train(self, epoch: int) -> Iterator[tuple[Tensor, int]]:
        """Take the steps of an epoch; after each that is heard, give its images and how many.

        What happens to these is not on its clock.
        """
        history, workers = self.history, self.workers
        self.model.train()
        with _random_numbers_of(self.settings.seed, epoch) as generator:
            start = time.perf_counter()
            images = self.data.training_images(epoch).to(self.device)
            labels = self.data.train.labels.to(self.device)
            order = torch.randperm(len(images), generator=generator).to(self.device)
            losses = []
            for number, batch in enumerate(order.split(self.settings.batch_size), 1):
                part = workers.part(batch)
                losses.append(self.step(images[part], labels[part], workers.share(batch)))
                self.schedule.step()
                if len(losses) == self.heard or number == self.steps:
                    history.step_loss += _finite(workers.mean(torch.stack(losses)), history)
                    done = time.perf_counter()
                    yield to_floats(images[part]), len(losses)
                    losses.clear()
                    start += time.perf_counter() - done
        history.loss.append(sum(history.step_loss[-self.steps :]) / self.steps)
        elapsed = history.seconds[-1] if history.seconds else 0.0
        history.seconds.append(elapsed + time.perf_counter() - start)

    def evaluate(self) -> None:
        """Note the test accuracy, and where the transformer looks."""
        test, history = self.data.test, self.history
        accuracy = evaluate(self.model, test)
        if find_transformer(self.model):
            looked = look(self.model, to_floats(test.images[:WATCHED]))
            history.theta.append(looked.theta)
            history.outside.append(looked.outside)
        history.accuracy.append(accuracy)

    def save(self, path: str | Path) -> None:
        """Write all that it takes to go on from here."""
        parts = {"model": self.model, "optimiser": self.optimiser, "schedule": self.schedule}
        state = {name: part.state_dict() for name, part in parts.items()}
        state |= {"settings": asdict(self.settings), "history": asdict(self.history)}
        save_checkpoint(path, state)

    def load(self, path: str | Path) -> None:
        """Go on from what was saved."""
        state = load_checkpoint(path, asdict(self.settings), self.model)
        self.model.load_state_dict(state["model"])
        self.schedule.load_state_dict(state["schedule"])
        resume_optimiser(self.optimiser, state["optimiser"])
        self.history = History(**state["history"])


def _finite(losses: Tensor, history: History) -> list[float]:
    """Losses of some steps as numbers; an error after the first that is not finite."""
    numbers = losses.tolist()
    for k, loss in enumerate(numbers):
        if not math.isfinite(loss):
            history.step_loss += numbers[:k]
            raise NotFiniteError(f"the loss is {loss}")
    return numbers


def default_device() -> torch.device:
    """Cuda where there is one, else cpu (Apple's mps has no backward pass for the sampler)."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _parameter_groups(model: nn.Module, settings: Settings) -> list[dict]:
    """The model's parameters, those of localisation networks at their own learning rate."""
    localisation = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, SpatialTransformer)
        for parameter in module.localisation.parameters()
    }
    rate = settings.learning_rate
    inside = [p for p in model.parameters() if id(p) in localisation]
    others = [p for p in model.parameters() if id(p) not in localisation]
    groups = [
        {"params": others, "lr": rate},
        {"params": inside, "lr": rate * settings.localisation_rate},
    ]
    return [group for group in groups if group["params"]]


@contextmanager
def _random_numbers_of(seed: int, epoch: int) -> Iterator[torch.Generator]:
    """Random numbers that depend on seed and epoch alone, so that a resumed run draws the same."""
    with torch.random.fork_rng():  # the global ones, for dropout
        torch.manual_seed(seed * 1_000_003 + epoch)
        yield torch.Generator().manual_seed(seed * 1_000_003 + epoch)
