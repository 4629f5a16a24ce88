"""Training monitor: watch a network learn; hold it, let it go on, stop it."""

import math
import threading
import time
import warnings
from dataclasses import asdict
from weakref import WeakKeyDictionary, ref

import torch
import traitlets
from torch import Tensor, nn

from stn_lesson import plots
from stn_lesson.arguments import whole_number
from stn_lesson.datasets import Dataset, to_floats
from stn_lesson.grid import sampling_grid
from stn_lesson.sampler import sample
from stn_lesson.training import History, Settings, StopTraining, fit, predict
from stn_lesson.training.run import TRACKED_IMAGES
from stn_lesson.transformer import Look, find_transformer, look
from stn_lesson.widgets.live import LivePicture, script, transformer_view, use_requested_subshell

OTHER_ARGUMENTS = ("device", "checkpoint")  # of `fit`, besides its settings, that are passed on
MAX_CURVE_POINTS = 400  # of the loss curve, at most
REPORT_INTERVAL = 0.25  # seconds between two reports to the browser, at least
POLL_INTERVAL = 0.1  # seconds between two looks at whether something has happened

_monitor_of = WeakKeyDictionary()  # model → a weak reference to the monitor that trained it last


class TrainingMonitor(LivePicture):
    """`fit` in the background: its curves, and where the transformer looks, while it trains.

    Display it, and the training starts; the notebook stays free. Leave the model alone until the
    monitor pauses or ends: a cell that asks it for answers disturbs the training. So does a cell
    that draws random numbers, if the network has dropout; and until the end, draws of such a cell
    are not those that its own seed promises (see `fit`).

    Args:
        model: as for `fit`.
        data: as for `fit`.
        count: how many test images to show, 1 to 32, if they are grey and the network has a
            transformer.
        settings: of `fit`, as in `epochs=5`.

    Attributes:
        history: of the run so far.
        state: "ready", "running", "paused", "stopped", "finished" or "failed".
        warnings: what the watch for collapsed and silent transformers said so far.

    Raises:
        TypeError, ValueError: no model, no data set, an unknown setting, a count beyond 1 to 32.

    >>> from stn_lesson.datasets import load_digits
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10))
    >>> monitor = TrainingMonitor(model, load_digits(), epochs=2)
    >>> history = monitor.wait()  # starts it, where it is not displayed
    >>> len(history.accuracy), monitor.state
    (2, 'finished')
    """

    _esm = script("digits", "diagram", "training_monitor")
    state = traitlets.Unicode("ready").tag(sync=True)
    progress = traitlets.Dict().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    losses = traitlets.Bytes().tag(sync=True)  # float32: the mean of every `stride` steps
    stride = traitlets.Int(1).tag(sync=True)
    accuracy = traitlets.List().tag(sync=True)
    knows_poses = traitlets.Bool().tag(sync=True)  # so that the aim can be shown
    aim = traitlets.List().tag(sync=True)  # of every epoch: `Aim`, and its words
    images = traitlets.Bytes().tag(sync=True)
    image_shape = traitlets.List().tag(sync=True)
    labels = traitlets.List().tag(sync=True)
    answers = traitlets.List().tag(sync=True)
    thetas = traitlets.List().tag(sync=True)  # empty without a transformer
    view = traitlets.Dict().tag(sync=True)  # what the transformer makes: size, kernel, padding
    _started = False
    _thread: threading.Thread | None = None  # the one that trains

    def __init__(self, model: nn.Module, data: Dataset, *, count: int = 8, **settings):
        """See the class."""
        _check(model, data, count, settings)
        self.model, self.data, self.settings = model, data, settings
        self.history, self.warnings, self._error = History(), [], None
        self._resume_event, self._stop_event = threading.Event(), threading.Event()
        self._ended_event = threading.Event()
        chosen = Settings(**{k: v for k, v in settings.items() if k not in OTHER_ARGUMENTS})
        self._epochs = chosen.epochs
        self._steps_per_epoch = math.ceil(len(data.train) / chosen.batch_size)
        self._watched = data.test.images[:count].cpu().contiguous()
        shown = _initial_look(model, self._watched)
        super().__init__(
            stride=max(1, math.ceil(self._epochs * self._steps_per_epoch / MAX_CURVE_POINTS)),
            images=self._watched.numpy().tobytes(),
            image_shape=list(self._watched.shape),
            labels=data.test.labels[:count].tolist(),
            answers=predict(model, self._watched).tolist(),
            knows_poses=bool(shown) and data.test.poses is not None,
            **shown,
        )
        self._reset_clock()
        self._report("ready")
        self.on_msg(self._on_message)
        use_requested_subshell(self.comm)  # buttons work while a cell waits

    def start(self) -> None:
        """Train from the weights that the model has now; a run of it under way is ended first.

        Raises:
            RuntimeError: it is called by that run, as an observer of `state` or `progress` is.
        """
        earlier = _monitor_of.get(self.model, lambda: None)()
        if earlier:
            if earlier._thread is threading.current_thread():
                raise RuntimeError("a training cannot start its successor: call start() in a cell")
            earlier._stop_and_wait()
        _monitor_of[self.model] = ref(self)
        self.history, self.warnings, self._error, self.message = History(), [], None, ""
        self._stop_event.clear()
        self._ended_event.clear()
        self._resume_event.set()
        self._reset_clock()
        self._started = True
        self._thread = threading.Thread(target=self._train, name="training", daemon=True)
        self._thread.start()

    def pause(self) -> None:
        """Hold the training after the step that is being taken."""
        self._resume_event.clear()

    def resume(self) -> None:
        """Go on after a pause."""
        self._resume_event.set()

    def stop(self) -> None:
        """End the training after the step that is being taken; the weights stay in the model."""
        self._stop_event.set()
        self._resume_event.set()

    def wait(self) -> History:
        """Wait for the end and return the history; ■ stops the training.

        Raises:
            TrainingError: as `fit` does; so does any other error of the training come out here.
        """
        if not self._started:
            self.start()
        try:
            self._wait_until_ended()
        except KeyboardInterrupt:
            self._stop_and_wait()
        self.refresh_still()  # from this cell, too: nbclient keeps only what the running cell says
        for warning in self.warnings:
            warnings.warn(warning, stacklevel=2)
        if self._error:
            raise self._error
        return self.history

    def close(self) -> None:
        """End the training, then the picture."""
        self._still_handle = None  # its place in the notebook is another's now
        self._stop_and_wait()
        super().close()

    def still(self) -> plots.Picture:
        """A still picture of the present state."""
        answers, labels = torch.tensor(self.answers), torch.tensor(self.labels)
        if not self.thetas:
            return plots.training_progress(self.history, labels=labels)
        theta = torch.tensor(self.thetas).view(-1, 2, 3)
        grid = sampling_grid(theta, *self.view["size"])
        how = self.view["kernel"], self.view["padding"]
        looked = Look(theta, grid, sample(to_floats(self._watched), grid, *how))
        return plots.training_progress(self.history, self._watched, looked, answers, labels)

    def _ipython_display_(self) -> None:
        super()._ipython_display_()
        if not self._started:
            self.start()

    def _stop_and_wait(self) -> None:
        if self._started:
            self.stop()
            if self._thread is not threading.current_thread():  # which would wait for itself
                self._wait_until_ended()

    def _wait_until_ended(self) -> None:
        while not self._ended_event.wait(POLL_INTERVAL):  # ■ interrupts no longer wait on Windows
            pass

    def _on_message(self, _, content: dict, buffers: list) -> None:
        """Do what a button in the browser says. In JupyterLab, this runs in another thread."""
        if content.get("press") in ("pause", "resume", "stop"):
            getattr(self, content["press"])()

    # What follows happens in the thread that trains.

    def _train(self) -> None:
        try:
            self._report("running")
            self._report(self._fit())
            self.refresh_still()
        finally:
            self._ended_event.set()

    def _fit(self) -> str:
        """Train; returns how it ended."""
        hooks = dict(on_step=self._after_step, on_epoch=self._after_epoch, warn=self._on_warning)
        try:
            self.history = fit(self.model, self.data, **self.settings, **hooks, progress_bar=False)
        except Exception as error:  # for whoever waits
            self._error, self.message = error, str(error)
            return "failed"
        return "stopped" if self.history.interrupted else "finished"

    def _after_step(self, model: nn.Module, history: History) -> None:
        self.history = history
        self._steps += 1
        self._seconds += time.perf_counter() - self._returned_at
        if time.perf_counter() - self._reported_at >= REPORT_INTERVAL:
            self._report("running")
        if not (self._resume_event.is_set() or self._stop_event.is_set()):
            self._report("paused")
            while not (self._resume_event.wait(POLL_INTERVAL) or self._stop_event.is_set()):
                pass
            self._report("running")
        self._return_to_training()

    def _after_epoch(self, model: nn.Module, history: History) -> None:
        self._answers = predict(model, self._watched).tolist()
        self._return_to_training()

    def _return_to_training(self) -> None:
        if self._stop_event.is_set():
            raise StopTraining
        self._returned_at = time.perf_counter()

    def _on_warning(self, warning: Warning) -> None:
        self.warnings.append(warning)
        self.message = str(warning)

    def _reset_clock(self) -> None:
        """Set steps and seconds to 0. As in `fit`, pauses and tests do not count as seconds."""
        self._steps, self._seconds = 0, 0.0
        self._returned_at, self._reported_at = time.perf_counter(), -math.inf
        self._answers = self.answers

    def _report(self, state: str) -> None:
        """Tell the browser, in one message."""
        images = self._steps * len(self.data.train) / self._steps_per_epoch
        with self.hold_sync():
            self.state = state
            self.progress = {
                "epochs": self._epochs,
                "step": len(self.history.step_loss),
                "steps": self._epochs * self._steps_per_epoch,
                "images_per_second": images / self._seconds if self._seconds else 0,
                "seconds": self._seconds,
            }
            self.losses = _mean_of_strides(self.history.step_loss, self.stride).numpy().tobytes()
            self.accuracy = list(self.history.accuracy)
            self.aim = [asdict(aim) | {"words": str(aim)} for aim in self.history.aim]
            self.answers = self._answers
            if self.thetas and self.history.theta:
                self.thetas = self.history.theta[-1][: len(self._watched)].flatten(1).tolist()
        self._reported_at = time.perf_counter()


def _initial_look(model: nn.Module, images: Tensor) -> dict:
    """`thetas` and `view` of an untrained model; none if it has no transformer to be shown."""
    transformer = find_transformer(model)
    if transformer is None or images.shape[1] != 1:
        return {}
    theta, _, seen = look(model, to_floats(images))
    if theta.shape[1:] != (2, 3):
        return {}  # the browser's warp is affine
    view = transformer_view(transformer, tuple(seen.shape[-2:]))
    return {"thetas": theta.flatten(1).tolist(), "view": view}


def _mean_of_strides(losses: list[float], stride: int) -> Tensor:
    """The mean of every `stride` losses.

    >>> _mean_of_strides([1.0, 3.0, 5.0, 7.0, 9.0], 2)
    tensor([2., 6.])
    """
    whole = len(losses) - len(losses) % stride
    return torch.tensor(losses[:whole]).view(-1, stride).mean(1)


def _check(model, data, count, settings) -> None:
    for what, value, kind in [("model", model, nn.Module), ("data", data, Dataset)]:
        if not isinstance(value, kind):
            raise TypeError(f"{what} must be a {kind.__name__}, got {type(value).__name__}")
    whole_number(count, "count", 1, TRACKED_IMAGES)
    known = [*Settings.names(), *OTHER_ARGUMENTS]
    for name in settings:
        if name not in known:
            raise TypeError(f"settings are {', '.join(known)}; there is no {name!r}")
