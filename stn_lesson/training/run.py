"""What a training run consists of, and what is done in each of its epochs."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from stn_lesson.datasets import Dataset, to_floats
from stn_lesson.theta import NotFiniteError
from stn_lesson.training.checkpoints import load_checkpoint, save_checkpoint
from stn_lesson.training.collapse import chance_loss, watch_for_collapse
from stn_lesson.training.evaluation import evaluate
from stn_lesson.training.history import History
from stn_lesson.training.processes import Workers
from stn_lesson.training.steps import (
    PRECISIONS,
    RecordedStep,
    fastest_precision,
    make_optimiser,
    resume_optimiser,
    train_step,
)
from stn_lesson.transformer import find_transformer, look

WATCHED = 32  # fixed test digits whose θ is kept at every epoch


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

    @classmethod
    def of(cls, data: Dataset, precision: str | None, device: torch.device, **others):
        """The settings of a run on these data; without a precision, the device's fastest."""
        precision = precision or fastest_precision(device)
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
        images = data.train.images
        # In parts, for torch sums bytes by way of a copy that is eight times as big.
        total = sum(part.sum(dtype=torch.long).item() for part in images.split(1000))
        return cls(list(images.shape), total, precision=precision, **others)


class TrainingRun:
    """All that a training run consists of, and what is done in each epoch."""

    def __init__(self, model, data, settings: Settings, device, hears_steps: bool = False):
        """A run at its start; `hears_steps`: somebody wants to know of every step."""
        self.model = model.to(device, memory_format=torch.channels_last)
        self.data, self.settings, self.device = data, settings, device
        self.history, self.workers = History(), Workers.here()
        self.chance = chance_loss(data.train.labels)
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
        self.step = partial(  # what a step is, and how this run takes it
            train_step,
            self.workers.joined(self.model),
            optimiser=self.optimiser,
            clip=settings.clip,
            precision=settings.precision,
        )
        recorded = device.type == "cuda" and self.workers.count == 1
        self.take = RecordedStep(self.step) if recorded else self.step

    def train(self, epoch: int) -> Iterator[tuple[Tensor, int]]:
        """Take the steps of an epoch; after each that is heard, give its images and how many.

        What happens to these is not on its clock.
        """
        history, workers = self.history, self.workers
        with _random_numbers_of(self.settings.seed, epoch) as generator:
            start = time.perf_counter()
            images, labels, batches = self.begin(epoch, generator)
            losses = []
            for number, batch in enumerate(batches, 1):
                part = workers.part(batch)
                losses.append(self.take(images[part], labels[part], workers.share(batch)))
                self.schedule.step()
                if len(losses) == self.heard or number == self.steps:
                    history.step_loss += _finite(workers.mean(torch.stack(losses)), history)
                    done = time.perf_counter()
                    yield to_floats(images[part]), len(losses)
                    losses.clear()
                    start += time.perf_counter() - done
        self.note(time.perf_counter() - start)

    def begin(self, epoch: int, generator: torch.Generator) -> tuple[Tensor, Tensor, list[Tensor]]:
        """The images and labels of an epoch, and which of them make each batch."""
        self.model.train()
        images = self.data.training_images(epoch).to(self.device)
        labels = self.data.train.labels.to(self.device)
        order = torch.randperm(len(images), generator=generator).to(self.device)
        return images, labels, order.split(self.settings.batch_size)

    def note(self, seconds: float) -> None:
        """Note the loss of an epoch and how long it took."""
        history = self.history
        history.loss.append(sum(history.step_loss[-self.steps :]) / self.steps)
        history.seconds.append((history.seconds[-1] if history.seconds else 0.0) + seconds)

    def watch(self, images: Tensor, warn: Callable[[Warning], None], every: int = 1) -> None:
        """Note a collapse, and warn of it once; see `watch_for_collapse`."""
        history = self.history
        if history.collapsed_at is None and watch_for_collapse(
            self.model, images, history.step_loss, self.chance, warn, every
        ):
            history.collapsed_at = len(history.step_loss)

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


def train_abreast(runs: list[TrainingRun], step: Callable, epoch: int) -> list[Tensor]:
    """Take the steps of an epoch in several runs at once; give the last images (N, …) of each.

    Args:
        runs: with as many training images and as large batches each.
        step: the step of all of them, see `Abreast`.
        epoch: its number.
    """
    start = time.perf_counter()
    with ExitStack() as stack:
        begun = []
        for run in runs:
            generator = stack.enter_context(_random_numbers_of(run.settings.seed, epoch))
            begun.append(run.begin(epoch, generator))
        images, labels, batches = zip(*begun, strict=True)
        losses = []
        for batch in zip(*batches, strict=True):
            seen = torch.stack([own[which] for own, which in zip(images, batch, strict=True)])
            named = torch.stack([own[which] for own, which in zip(labels, batch, strict=True)])
            losses.append(step(seen, named))
            for run in runs:
                run.schedule.step()
    for run, own in zip(runs, torch.stack(losses, 1), strict=True):
        run.history.step_loss += _finite(own, run.history)
    for run in runs:
        run.note(time.perf_counter() - start)
    return list(to_floats(seen))


def _finite(losses: Tensor, history: History) -> list[float]:
    """Losses of some steps as numbers; an error after the first that is not finite."""
    numbers = losses.tolist()
    for k, loss in enumerate(numbers):
        if not math.isfinite(loss):
            history.step_loss += numbers[:k]
            raise NotFiniteError(f"the loss is {loss}")
    return numbers


def _parameter_groups(model: nn.Module, settings: Settings) -> list[dict]:
    """The model's parameters, those of whatever is called `localisation` at their own rate."""
    localisation = {
        id(parameter)
        for module in model.modules()
        if isinstance(getattr(module, "localisation", None), nn.Module)
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
