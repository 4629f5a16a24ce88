"""Training: a plain loop that can be read, interrupted, killed and resumed."""

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from stn_lesson.checkpoints import load_checkpoint, save_checkpoint
from stn_lesson.collapse import chance_loss, find_transformer, look, watch_for_collapse
from stn_lesson.datasets import Dataset, Split
from stn_lesson.theta import NotFiniteError
from stn_lesson.transformer import SpatialTransformer

WATCHED = 32  # fixed test digits whose θ is kept at every epoch


class TrainingError(RuntimeError):
    """The training cannot go on; the message says at which step, and what to change."""


class StopTraining(Exception):
    """Raise it in `on_step` or `on_epoch` to end a run as the ■ button does."""


@dataclass
class History:
    """What happened in a training run.

    Attributes:
        step_loss: training loss of every step.
        loss: mean training loss of every epoch.
        accuracy: test accuracy after every epoch, from 0 to 1.
        theta: after every epoch, θ of the first 32 test digits (32, 2, 3); empty for a network
            without a transformer.
        outside: after every epoch, the share of those digits' samples that fall outside.
        seconds: time spent training so far, after every epoch; evaluation is not counted.
        collapsed_at: the step at which the collapse watch spoke, or None.
        interrupted: whether the run was stopped by hand.
    """

    step_loss: list[float] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    theta: list[Tensor] = field(default_factory=list)
    outside: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    collapsed_at: int | None = None
    interrupted: bool = False

    def __repr__(self) -> str:
        """One line, rounded, to print in a notebook."""
        if not self.accuracy:
            return "History: no epoch finished"
        return (
            f"History: {len(self.accuracy)} epochs, loss {self.loss[-1]:.3f}, "
            f"test accuracy {self.accuracy[-1]:.3f}, {self.seconds[-1]:.0f} s of training"
        )


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
    you like (the ■ button): the weights reached so far stay in the model.

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
        seed: decides the order of the images and any dropout; the model's first weights are yours.
            Dropout draws torch's global random numbers: with it, nothing else should meanwhile.
        device: "cuda", "cpu", …; by default cuda where there is one.
        checkpoint: a file to write after every epoch. If it is there already, the run goes on
            from it, to the same end as if it had never stopped.
        on_step: called with the model and the history after every step; its time is not counted.
        on_epoch: called in the same way after every epoch, to draw them, say.
        bar: whether to show a progress bar.
        warn: hears of a collapse (a `CollapseWarning`).

    Raises:
        TrainingError: the loss, its gradient or θ became NaN or infinite.
        CheckpointError: the checkpoint is damaged or belongs to another run.

    >>> from stn_lesson.datasets import load_digits
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10))
    >>> history = fit(model, load_digits(), epochs=2)
    >>> len(history.accuracy)
    2
    """
    settings = Settings(
        image_shape=list(data.train.images.shape),
        image_sum=data.train.images.sum(dtype=torch.long).item(),
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        localisation_rate=localisation_rate,
        weight_decay=weight_decay,
        clip=clip,
        seed=seed,
    )
    device = torch.device(device or default_device())
    model.to(device)
    optimiser = torch.optim.AdamW(_parameter_groups(model, settings), weight_decay=weight_decay)
    steps = math.ceil(len(data.train) / batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        [group["lr"] for group in optimiser.param_groups],
        total_steps=max(epochs * steps, 1),
        cycle_momentum=False,
    )
    history = History()
    if checkpoint and Path(checkpoint).exists():
        state = load_checkpoint(checkpoint, asdict(settings), model)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        history = History(**state["history"])
    history.interrupted = False

    first, chance = len(history.accuracy), chance_loss(data.train.labels)
    bar_settings = {"initial": first * steps, "unit": "step", "leave": False, "disable": not bar}
    with tqdm(total=epochs * steps, **bar_settings) as progress:
        try:
            for epoch in range(first, epochs):
                with _random_numbers_of(seed, epoch) as order:
                    parts = model, data, optimiser, schedule, history, order, settings
                    for images in _train_one_epoch(*parts):
                        progress.update()
                        if history.collapsed_at is None and watch_for_collapse(
                            model, images, history.step_loss, chance, warn
                        ):
                            history.collapsed_at = len(history.step_loss)
                        if on_step:
                            on_step(model, history)
                _evaluate_epoch(model, data.test, history)
                progress.set_postfix(
                    loss=f"{history.loss[-1]:.3f}", accuracy=f"{history.accuracy[-1]:.3f}"
                )
                if checkpoint:
                    state = {"settings": asdict(settings), "history": asdict(history)}
                    parts = {"model": model, "optimiser": optimiser, "schedule": schedule}
                    state |= {name: part.state_dict() for name, part in parts.items()}
                    save_checkpoint(checkpoint, state)
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


def train_step(model, images, labels, optimiser, clip) -> float:
    """One step of gradient descent on a batch; returns the loss before the step."""
    loss = F.cross_entropy(model(images), labels)
    optimiser.zero_grad()
    loss.backward()
    length = nn.utils.clip_grad_norm_(model.parameters(), clip)
    if not (loss.isfinite() and length.isfinite()):
        raise NotFiniteError(f"the loss is {loss.item()}, its gradient has length {length.item()}")
    optimiser.step()
    return loss.item()


def _train_one_epoch(model, data, optimiser, schedule, history, order, settings):
    """Hands out the images of every step after it; what happens then is not on its clock."""
    start, device = time.perf_counter(), next(model.parameters()).device
    images = data.training_images(len(history.loss)).to(device)
    labels, losses = data.train.labels.to(device), []
    model.train()
    shuffled = torch.randperm(len(images), generator=order).to(device)
    for batch in shuffled.split(settings.batch_size):
        x, y = to_floats(images[batch]), labels[batch]
        losses.append(train_step(model, x, y, optimiser, settings.clip))
        schedule.step()
        history.step_loss.append(losses[-1])
        done = time.perf_counter()
        yield x
        start += time.perf_counter() - done
    history.loss.append(sum(losses) / len(losses))
    elapsed = history.seconds[-1] if history.seconds else 0.0
    history.seconds.append(elapsed + time.perf_counter() - start)


def _evaluate_epoch(model: nn.Module, test: Split, history: History) -> None:
    model.eval()
    accuracy = evaluate(model, test)
    if find_transformer(model):
        looked = look(model, to_floats(test.images[:WATCHED]))
        history.theta.append(looked.theta)
        history.outside.append(looked.outside)
    history.accuracy.append(accuracy)


def evaluate(model: nn.Module, split: Split) -> float:
    """Share of a split's images that the model names correctly, from 0 to 1."""
    return (predict(model, split.images) == split.labels).float().mean().item()


@torch.no_grad()
def predict(model: nn.Module, images: Tensor, batch_size: int = 1000) -> Tensor:
    """The class that a model gives to each image; bytes (N, 1, H, W) → (N,)."""
    device, was_training = next(model.parameters()).device, model.training
    model.eval()
    scores = [model(to_floats(batch.to(device))).cpu() for batch in images.split(batch_size)]
    model.train(was_training)
    if not all(score.isfinite().all() for score in scores):
        raise NotFiniteError("the class scores are not finite")
    return torch.cat(scores).argmax(1)


def to_floats(images: Tensor) -> Tensor:
    """Bytes 0 to 255 as floats 0 to 1; the background stays 0, as the sampler's padding is.

    >>> to_floats(torch.tensor([0, 51, 255], dtype=torch.uint8))
    tensor([0.0000, 0.2000, 1.0000])
    """
    return images.float() / 255


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
