"""A training run: a model, its data and settings; its batches, its steps, its epochs."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import Tensor, nn

from stn_lesson.checks import NotFiniteError
from stn_lesson.datasets import Dataset, to_floats
from stn_lesson.files import FileError, locked
from stn_lesson.training.aim import Aim, measure_aim
from stn_lesson.training.checkpoints import (
    CheckpointWarning,
    fingerprint,
    load_checkpoint,
    save_checkpoint,
)
from stn_lesson.training.checks import (
    CheckedStep,
    check_data,
    check_gradients,
    check_model,
    check_training,
)
from stn_lesson.training.cuda_graph import CudaGraphStep
from stn_lesson.training.device import channels_last
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
# For the room that a checkpoint needs: of a tensor beside its numbers, of a step's loss, and for
# how many epochs room is kept at most.
TENSOR_BYTES, STEP_BYTES, ROOM_FOR_EPOCHS = 700, 9, 1000


@dataclass(frozen=True)
class Batch:
    """What one step learns from.

    Attributes:
        images: bytes (N, C, H, W), on the model's device.
        labels: whole numbers (N,) or (N, K).
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
        history: what is entered into; a new one unless given.
        log_every_step: on a GPU, read the loss of every step at once. Else it is read when the
            epoch ends, for the CPU would have to wait for the GPU at each.

    Attributes:
        history: of the run so far.
        processes: those that train the model together.

    Raises:
        TypeError, ValueError: model, data and settings do not go together, see `check_training`.
    """

    def __init__(
        self,
        model: nn.Module,
        data: Dataset,
        settings: Settings,
        device: torch.device,
        history: History | None = None,
        log_every_step: bool = False,
    ):
        """See the class."""
        check_gradients()
        check_model(model)
        check_data(data)
        self.model = channels_last(model.to(device))
        self.data, self.settings, self.device = data, settings, device
        self.history, self.processes = history or History(), ProcessGroup.current()
        check_training(model, data, settings, self.processes)
        # What is in evaluation mode in a model that learns is held on purpose: batch normalisation.
        self.held = [m for m in model.modules() if not m.training] if model.training else []
        self.steps_per_epoch = math.ceil(len(data.train) / settings.batch_size)
        on_gpu = device.type == "cuda"
        self.log_every = self.steps_per_epoch if on_gpu and not log_every_step else 1
        self.optimiser = make_optimiser(model, settings, device)
        total_steps = settings.epochs * self.steps_per_epoch
        self.lr_scheduler = make_lr_scheduler(self.optimiser, settings, total_steps)
        step = partial(
            train_step,
            self.processes.data_parallel(self.model),
            optimiser=self.optimiser,
            max_grad_norm=settings.max_grad_norm,
            precision=settings.precision,
        )
        self.train_step = CheckedStep(step, self.model, tuple(data.train.labels.shape[1:]))
        one_gpu = on_gpu and self.processes.world_size == 1
        self.fast_step = CudaGraphStep(self.train_step) if one_gpu else self.train_step
        self.unread_losses: list[Tensor] = []
        self.transformer_watch = TransformerWatch(model, data.train.labels, total_steps)
        self.epoch_seconds, self.checkpoint = 0.0, None

    @contextmanager
    def session(self, checkpoint: str | Path | None) -> Iterator[None]:
        """From where the checkpoint is, if it is there, to wherever the training ends.

        While it goes on nobody else may write the checkpoint. Then the model is in evaluation mode.

        Raises:
            CheckpointError: the file is damaged or belongs to another run.
            FileError: it cannot be read or written, or another training is writing it.
        """
        try:
            with ExitStack() as stack:
                saved = None if checkpoint is None else self._read(checkpoint)
                done = len(saved["history"]["accuracy"]) if saved else 0
                if self.processes.is_main and done < self.settings.epochs:
                    self.checkpoint = checkpoint
                if self.checkpoint is not None:
                    stack.enter_context(locked(checkpoint, room=self._checkpoint_bytes()))
                if saved:
                    self._resume(saved)
                yield
        finally:
            self.model.eval()

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The epoch's training images in random order, batch by batch.

        Random numbers depend on seed and epoch alone, so that a resumed run draws the same; the
        caller's own are as before when the epoch ends.
        """
        with torch.random.fork_rng():  # the global ones, for dropout
            start = time.perf_counter()
            seed = (self.settings.seed * 1_000_003 + epoch) % 2**63
            torch.manual_seed(seed)
            self.model.train()
            for module in self.held:
                module.eval()
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
        """Enter the epoch into the history: mean loss, time, and how the model tests now.

        The accuracy comes last: an epoch that has none did not end.
        """
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

    def save(self, warn: Callable[[Warning], None]) -> None:
        """Write all that it takes to go on from here, if there is a checkpoint to write.

        Args:
            warn: called with a `CheckpointWarning` if that is not possible just now.
        """
        if self.checkpoint is None:
            return
        state = {
            "network": str(self.model),
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "lr_scheduler": self.lr_scheduler.state_dict(),
            "settings": self._fingerprint,
            "history": asdict(self.history),
        }
        try:
            save_checkpoint(self.checkpoint, state)
        except FileError as error:
            warn(CheckpointWarning(_UNSAVED.format(error=error, epochs=len(self.history.accuracy))))

    def _read(self, path: str | Path) -> dict | None:
        """What was saved, if something was."""
        try:
            return load_checkpoint(path, self._fingerprint, self.model)
        except FileNotFoundError:
            return None

    def _resume(self, state: dict) -> None:
        """Go on from what was saved."""
        self.model.load_state_dict(state["model"])
        self.lr_scheduler.load_state_dict(state["lr_scheduler"])
        load_optimiser_state(self.optimiser, state["optimiser"])
        saved = History(**state["history"])
        saved.aim = [Aim(**of_epoch) for of_epoch in saved.aim]
        saved.interrupted = False
        vars(self.history).update(vars(saved))  # in one go, whatever interrupts it
        self.transformer_watch.start_at(len(self.history.step_loss))

    @cached_property
    def _fingerprint(self) -> dict:
        """What makes two runs the same: settings, images and labels, what is frozen or held."""
        train, test = self.data.train, self.data.test
        named = self.model.named_parameters()
        held = set(self.held)
        return asdict(self.settings) | {
            "image_shape": list(train.images.shape),
            "train": fingerprint(train),
            "test": fingerprint(test),
            "redrawn": self.data.redraw is not None,
            "frozen": [name for name, parameter in named if not parameter.requires_grad],
            "held": [name for name, module in self.model.named_modules() if module in held],
        }

    def _checkpoint_bytes(self) -> int:
        """How large a checkpoint may become: weights, moments, and the history of many epochs."""
        state = self.model.state_dict().values()
        learnt = [each for each in self.model.parameters() if each.requires_grad]
        moments = 2 * learnt if self.settings.optimiser == "adamw" else []
        tensors = [*state, *moments]
        transformer = find_transformer(self.model)
        tracked = 4 * TRACKED_IMAGES * (len(transformer.identity) + 1) if transformer else 0
        of_epoch = TENSOR_BYTES + tracked + STEP_BYTES * self.steps_per_epoch
        weights = sum(each.nbytes + TENSOR_BYTES for each in tensors)
        return weights + 20_000 + of_epoch * min(self.settings.epochs, ROOM_FOR_EPOCHS)

    @contextmanager
    def _on_the_clock(self) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.epoch_seconds += time.perf_counter() - start


_UNSAVED = (
    "after {epochs} epochs: {error}. The training goes on, and each epoch tries again to write it; "
    "weights and history are in memory. Stopped now, it would go on from the last epoch that was "
    "written."
)
