"""A training run: a model, its data and settings; its batches, its steps, its epochs."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import Tensor, nn

from stn_lesson.checks import NotFiniteError
from stn_lesson.datasets import Dataset, to_floats
from stn_lesson.training.aim import Aim, measure_aim
from stn_lesson.training.checkpoints import load_checkpoint, save_checkpoint
from stn_lesson.training.cuda_graph import CudaGraphStep
from stn_lesson.training.evaluation import evaluate
from stn_lesson.training.history import History
from stn_lesson.training.processes import ProcessGroup
from stn_lesson.training.settings import Settings
from stn_lesson.training.steps import (
    load_optimiser_state,
    make_lr_scheduler,
    make_optimiser,
    train_step,
)
from stn_lesson.training.watch import TransformerWatch
from stn_lesson.transformer import find_transformer, look

TRACKED_IMAGES = 32  # test images whose θ the history keeps at every epoch


@dataclass(frozen=True)
class Batch:
    """What one step learns from.

    Attributes:
        images: bytes (N, C, H, W), on the model's device.
        labels: whole numbers (N,).
        loss_weight: what the loss is multiplied by; 1 unless processes share the batch.
    """

    images: Tensor
    labels: Tensor
    loss_weight: float = 1.0


class TrainingRun:
    """A model, its data and its settings, and what is done with them in every epoch.

    Args:
        model: moved to the device, on the spot.
        data: what it learns.
        settings: how.
        device: where.
        log_every_step: on a GPU, read the loss of every step at once. Else it is read when the
            epoch ends, for the CPU would have to wait for the GPU at each.

    Attributes:
        history: of the run so far.
        processes: those that train the model together.
    """

    def __init__(
        self,
        model: nn.Module,
        data: Dataset,
        settings: Settings,
        device: torch.device,
        log_every_step: bool = False,
    ):
        """See the class."""
        self.model = model.to(device, memory_format=torch.channels_last)
        self.data, self.settings, self.device = data, settings, device
        self.history, self.processes = History(), ProcessGroup.current()
        self.steps_per_epoch = math.ceil(len(data.train) / settings.batch_size)
        on_gpu = device.type == "cuda"
        self.log_every = self.steps_per_epoch if on_gpu and not log_every_step else 1
        self.optimiser = make_optimiser(model, settings, device)
        total_steps = settings.epochs * self.steps_per_epoch
        self.lr_scheduler = make_lr_scheduler(self.optimiser, settings, total_steps)
        self.train_step = partial(
            train_step,
            self.processes.data_parallel(self.model),
            optimiser=self.optimiser,
            max_grad_norm=settings.max_grad_norm,
            precision=settings.precision,
        )
        one_gpu = on_gpu and self.processes.world_size == 1
        self.fast_step = CudaGraphStep(self.train_step) if one_gpu else self.train_step
        self.unread_losses: list[Tensor] = []
        self.transformer_watch = TransformerWatch(model, data.train.labels, total_steps)
        self.epoch_seconds = 0.0

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The epoch's training images in random order, batch by batch.

        Random numbers depend on seed and epoch alone, so that a resumed run draws the same; the
        caller's own are as before when the epoch ends.
        """
        with torch.random.fork_rng():  # the global ones, for dropout
            start = time.perf_counter()
            seed = self.settings.seed * 1_000_003 + epoch
            torch.manual_seed(seed)
            self.model.train()
            images = self.data.training_images(epoch).to(self.device)
            labels = self.data.train.labels.to(self.device)
            order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
            self.epoch_seconds = time.perf_counter() - start
            for indices in order.to(self.device).split(self.settings.batch_size):
                part = self.processes.shard(indices)
                yield Batch(images[part], labels[part], self.processes.loss_weight(indices))

    def step(self, batch: Batch) -> None:
        """Forward, loss, backward, clip, update (`train_step`) on a batch; log the loss."""
        with self._on_the_clock():
            loss = self.fast_step(batch.images, batch.labels, batch.loss_weight)
            self.lr_scheduler.step()
            self.unread_losses.append(loss)
            if len(self.unread_losses) == self.log_every:
                self.log(self.processes.mean(torch.stack(self.unread_losses)))
                self.unread_losses.clear()

    def log(self, losses: Tensor) -> None:
        """Enter the losses (steps,) into the history, up to the first that is not finite.

        Raises:
            NotFiniteError: there is one.
        """
        for loss in losses.tolist():
            if not math.isfinite(loss):
                raise NotFiniteError(f"the loss is {loss}")
            self.history.step_loss.append(loss)

    def watch(self, images: Tensor, warn: Callable[[Warning], None]) -> None:
        """Warn, once in a run, of a transformer that has collapsed, or one that is silent.

        Args:
            images: the last step's, bytes (N, C, H, W).
            warn: called with a `CollapseWarning` or a `SilenceWarning`.
        """
        self.transformer_watch.check(images, self.history, warn)

    def finish_epoch(self) -> None:
        """Enter the epoch into the history: mean loss, time, and how the model tests now."""
        history, test = self.history, self.data.test
        history.loss.append(sum(history.step_loss[-self.steps_per_epoch :]) / self.steps_per_epoch)
        earlier = history.seconds[-1] if history.seconds else 0.0
        history.seconds.append(earlier + self.epoch_seconds)
        accuracy = evaluate(self.model, test)
        if find_transformer(self.model):
            looked = look(self.model, to_floats(test.images[:TRACKED_IMAGES]))
            history.theta.append(looked.theta)
            history.outside.append(looked.outside)
        if aim := measure_aim(self.model, test):
            history.aim.append(aim)
        history.accuracy.append(accuracy)

    def save(self, path: str | Path) -> None:
        """Write all that it takes to go on from here."""
        state = {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "lr_scheduler": self.lr_scheduler.state_dict(),
            "settings": self._fingerprint,
            "history": asdict(self.history),
        }
        save_checkpoint(path, state)

    def load(self, path: str | Path) -> None:
        """Go on from what was saved.

        Raises:
            CheckpointError: the file is damaged or belongs to another run.
        """
        state = load_checkpoint(path, self._fingerprint, self.model)
        self.model.load_state_dict(state["model"])
        self.lr_scheduler.load_state_dict(state["lr_scheduler"])
        load_optimiser_state(self.optimiser, state["optimiser"])
        self.history = History(**state["history"])
        self.history.aim = [Aim(**of_epoch) for of_epoch in self.history.aim]
        self.transformer_watch.start_at(len(self.history.step_loss))

    @cached_property
    def _fingerprint(self) -> dict:
        """What makes two runs the same: their settings, and their images by shape and sum."""
        images = self.data.train.images
        # In parts, for torch sums bytes by way of a copy that is eight times as big.
        total = sum(part.sum(dtype=torch.long).item() for part in images.split(1000))
        return asdict(self.settings) | {"image_shape": list(images.shape), "image_sum": total}

    @contextmanager
    def _on_the_clock(self) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.epoch_seconds += time.perf_counter() - start
