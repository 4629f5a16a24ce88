"""Flight recorder: a finished training, to be wound back and forth."""

import torch
import traitlets
from torch import Tensor

from stn_lesson import plots
from stn_lesson.arguments import list_of, real_number
from stn_lesson.checks import check_image_and_grid
from stn_lesson.datasets import Dataset, to_floats
from stn_lesson.datasets.checks import check_bytes
from stn_lesson.grid import sampling_grid
from stn_lesson.sampler import sample
from stn_lesson.theta import affine_theta
from stn_lesson.theta_checks import check_theta
from stn_lesson.training import History
from stn_lesson.transformer import Look
from stn_lesson.widgets.live import LivePicture, Number, WholeNumber, script, target_size


class FlightRecorder(LivePicture):
    """Where a transformer looked, epoch by epoch, in the first test images; wind it with a slider.

    Epoch 0 is the time before training, when θ is the identity. Between two epochs θ is
    interpolated linearly, number by number. It runs in the browser, without a GPU or a kernel.

    Args:
        digits: a data set, whose first test images these are, or the images, bytes (N, 1, H, W).
        theta: a `History` of a network with a transformer, or what stands in its `theta`: after
            every epoch, θ of each image (N, 2, 3).
        accuracy: test accuracy after every epoch, 0 to 1; a `History` brings its own.
        size: (height, width) of the transformer's view.
        kernel: of the transformer, as in `sample`.
        padding: of the transformer, as in `sample`.
        start: the epoch at which the slider stands first; None for the last.

    Attributes:
        epoch: where the slider stands.
        chosen: which digit is shown large, from 0.

    Raises:
        TypeError, ValueError: images, θ and accuracies that do not fit each other; no θ at all.

    >>> from stn_lesson.datasets import load_digits
    >>> from stn_lesson.datasets.clutter import clutter
    >>> zoomed = affine_theta(scale=torch.full((32,), 2.0))
    >>> recorder = FlightRecorder(clutter(load_digits()), [zoomed])
    >>> recorder.epoch = 0.5
    >>> recorder.theta[0]
    tensor([[0.7500, 0.0000, 0.0000],
            [0.0000, 0.7500, 0.0000]])
    """

    _esm = script("digits", "diagram", "flight_recorder")
    epoch = Number(0.0).tag(sync=True)
    chosen = WholeNumber(0).tag(sync=True)
    views = traitlets.Bool(False).tag(sync=True)  # what the classifier sees, not where it looks
    images = traitlets.Bytes().tag(sync=True)
    image_shape = traitlets.List().tag(sync=True)
    labels = traitlets.List().tag(sync=True)
    flight = traitlets.Bytes().tag(sync=True)  # float32: epochs + 1, images, 6
    accuracy = traitlets.List().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)  # of the transformer: size, kernel, padding

    def __init__(
        self,
        digits: Dataset | Tensor,
        theta: History | list[Tensor],
        *,
        accuracy: list[float] | None = None,
        size: tuple[int, int] = (20, 20),
        kernel: str = "bilinear",
        padding: str = "border",
        start: float | None = None,
    ):
        """See the class."""
        if isinstance(theta, History):
            theta, accuracy = theta.theta, theta.accuracy if accuracy is None else accuracy
        self._thetas = _with_identity_first(theta)  # (epochs + 1, N, 2, 3)
        epochs, count = len(self._thetas) - 1, self._thetas.shape[1]
        accuracy, size = _as_shares(accuracy, epochs), target_size(size)
        images, labels = digits, []
        if isinstance(digits, Dataset):
            images, labels = digits.test.images, digits.test.labels[:count].tolist()
        self._images = _check_images(images, count)
        grid = sampling_grid(self._thetas[-1], *size)
        check_image_and_grid(to_floats(self._images), grid, kernel, padding)
        super().__init__(
            images=self._images.numpy().tobytes(),
            image_shape=list(self._images.shape),
            labels=labels,
            flight=self._thetas.numpy().tobytes(),
            accuracy=accuracy,
            view={"size": list(size), "kernel": kernel, "padding": padding},
            epoch=epochs if start is None else start,
        )

    @traitlets.validate("epoch", "chosen")
    def _validate_index(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        last = len(self._thetas) - 1 if name == "epoch" else len(self._images) - 1
        if not 0 <= value <= last:
            raise ValueError(f"{name} must be from 0 to {last}, got {value}")
        return value

    @property
    def theta(self) -> Tensor:
        """θ of every image where the slider stands, (N, 2, 3)."""
        before = min(int(self.epoch), len(self._thetas) - 2)
        return torch.lerp(self._thetas[before], self._thetas[before + 1], self.epoch - before)

    def still(self) -> plots.Picture:
        """A still picture of the present state: the first eight digits."""
        images, theta, size = self._images[:8], self.theta[:8], tuple(self.view["size"])
        grid = sampling_grid(theta, *size)
        seen = sample(to_floats(images), grid, self.view["kernel"], self.view["padding"])
        looked = Look(theta, grid, seen)
        labels = torch.tensor(self.labels[:8]) if self.labels else None
        figure = plots.look_gallery(images, looked, labels=labels)
        figure.alt = f"Epoch {self.epoch:g} of {len(self._thetas) - 1}. {figure.alt}"
        return figure


def _with_identity_first(theta: list[Tensor]) -> Tensor:
    """The identity, then θ after every epoch: (epochs + 1, N, 2, 3)."""
    if isinstance(theta, Tensor) and theta.ndim == 3:
        raise ValueError(
            f"theta must be a list, θ (N, 2, 3) after every epoch, got one {tuple(theta.shape)}: "
            "use [theta]"
        )
    theta = list_of(theta, "theta", "θ (N, 2, 3), or a History")
    if not theta:
        raise ValueError(
            "there is no θ to show: train a network with a transformer, for one epoch at least"
        )
    after = [check_theta(each).detach().cpu().float() for each in theta]
    counts = {len(each) for each in after}
    if len(counts) > 1:
        raise ValueError(
            f"every epoch must have θ of the same images, got {sorted(counts)} of them"
        )
    return torch.stack([affine_theta().expand_as(after[0]), *after])


def _as_shares(accuracy, epochs: int) -> list[float]:
    """Accuracies after every epoch as a list; an empty one if there are none."""
    if accuracy is None:
        return []
    accuracy = list_of(accuracy, "accuracy", "numbers from 0 to 1")
    shares = [real_number(share, "accuracy", 0, 1) for share in accuracy]
    if len(shares) != epochs:
        raise ValueError(f"accuracy must be one for each epoch, got {len(shares)} for {epochs}")
    return shares


def _check_images(images: Tensor, count: int) -> Tensor:
    """The images that belong to the first `count` θ."""
    check_bytes(images, "digits", channels=1, alternative=", or a Dataset")
    if len(images) < count:
        raise ValueError(
            f"digits must be {count} grey images at least, one for each θ, got {len(images)}"
        )
    return images[:count].cpu().contiguous()
