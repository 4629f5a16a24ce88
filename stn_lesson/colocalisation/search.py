"""Co-localisation: find what pictures have in common, without a label or a box (appendix A.2).

A hundred pictures, in each a digit of the same class. A spatial transformer cuts a window out of
each, and an encoder that knows plain digits turns the window into a code. Two windows on the
digits have codes that are close to each other and far from the code of any window at random:
that, written as a loss, teaches the transformer where to look.
"""

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, fields

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from stn_lesson.arguments import (
    function,
    real_number,
    seed_number,
    true_or_false,
    whole_number,
)
from stn_lesson.checks import NotFiniteError, check_floats
from stn_lesson.colocalisation.networks import WINDOW_SIZE, Encoder, window_transformer
from stn_lesson.colocalisation.windows import cut_out, jitter_windows, random_windows
from stn_lesson.datasets import to_floats
from stn_lesson.datasets.checks import check_bytes
from stn_lesson.device import check_device
from stn_lesson.training import StopTraining, TrainingError
from stn_lesson.training.checks import check_gradients


def triplet_loss(codes: Tensor, random_codes: Tensor, detach_others: bool = True) -> Tensor:
    """The hinge loss over all ordered pairs n ≠ m, with margin 1 (its mean).

    `max(0, ‖codes[n] − codes[m]‖² − ‖codes[n] − random_codes[n]‖² + 1)`: the code of a window
    should be closer to the codes of all other windows than to that of a random window, by 1.

    Args:
        codes: (N, D), of the transformer's windows; the paper's e(Iᵀ).
        random_codes: (N, D), of a random window in each of the same pictures.
        detach_others: whether `codes[m]` gets no gradient, so that only n learns from a pair. If m
            learned too, the windows that already show a digit would be drawn to those that do
            not, and all would end up on the empty background (notebook 09).

    Raises:
        ValueError: codes of other shapes, or of one picture alone.

    >>> codes = torch.tensor([[1.0, 0.0], [0.8, 0.6]])
    >>> random_codes = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    >>> triplet_loss(codes, random_codes)  # 0.4 − 2 + 1 < 0 for the first; 0.4 − 0.4 + 1 = 1
    tensor(0.5000)
    """
    check_floats(codes, "codes")
    check_floats(random_codes, "random_codes")
    if codes.ndim != 2 or codes.shape != random_codes.shape or len(codes) < 2:
        raise ValueError(
            "codes and random_codes must be (N, D), of the same N ≥ 2 pictures, got "
            f"{tuple(codes.shape)} and {tuple(random_codes.shape)}"
        )
    others = codes.detach() if detach_others else codes
    to_others = (codes[:, None] - others).square().sum(-1)  # (N, N)
    to_random = (codes - random_codes).square().sum(-1)  # (N,)
    hinge = F.relu(to_others - to_random[:, None] + 1)
    off_diagonal = ~torch.eye(len(codes), dtype=torch.bool, device=codes.device)  # n ≠ m
    return hinge[off_diagonal].mean()


@dataclass(frozen=True)
class SearchSettings:
    """All that decides how a search goes, apart from the pictures and the encoder.

    Attributes:
        steps: of Adam, at a rate that rises and falls once.
        learning_rate: the highest.
        seed: decides the localisation network's first weights and the random windows.
        jitter: standard deviation of the windows' random moves at first, in half pictures; it
            falls to 0 at seven tenths of the steps. A window learns from what lies around it, too.
        detach_others: as in `triplet_loss`.
        keep_every: keep θ after so many steps, and after the last.

    Raises:
        TypeError, ValueError: a setting that cannot be.

    >>> SearchSettings(keep_every=0)
    Traceback (most recent call last):
    ValueError: keep_every must be at least 1, got 0
    """

    steps: int = 240
    learning_rate: float = 3e-3
    seed: int = 0
    jitter: float = 0.25
    detach_others: bool = True
    keep_every: int = 20

    def __post_init__(self):
        """Refuse what no search could begin with; numpy's numbers become Python's."""
        checked = {
            "steps": whole_number(self.steps, "steps", lowest=0),
            "learning_rate": real_number(self.learning_rate, "learning_rate", lowest=0),
            "seed": seed_number(self.seed),
            "jitter": real_number(self.jitter, "jitter", lowest=0),
            "detach_others": true_or_false(self.detach_others, "detach_others"),
            "keep_every": whole_number(self.keep_every, "keep_every", lowest=1),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)


@dataclass
class Search:
    """The history of a search for what pictures have in common.

    Attributes:
        step_loss: the loss of every step.
        kept_steps: the steps at which θ was kept, from 0 on.
        theta: θ of every picture at those steps, (N, 2, 3) each.
        seconds: time spent.
        interrupted: whether the search was stopped by hand.
    """

    step_loss: list[float] = field(default_factory=list)
    kept_steps: list[int] = field(default_factory=list)
    theta: list[Tensor] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def loss(self) -> float:
        """Mean loss of the last twenty steps; a single one depends on its random windows."""
        last = self.step_loss[-20:]
        return sum(last) / max(len(last), 1)

    def keep(self, theta: Tensor) -> None:
        """Keep θ (N, 2, 3) as it is now, once a step."""
        step = len(self.step_loss)
        if step not in self.kept_steps:
            self.kept_steps.append(step)
            self.theta.append(theta.detach().cpu())


def colocalise(
    images: Tensor,
    encoder: Encoder,
    *,
    device: str | torch.device | None = None,
    on_step: Callable[[Search], None] | None = None,
    progress_bar: bool = True,
    **settings,
) -> Search:
    """Teach a transformer where to look in some pictures, from the pictures alone.

    Args:
        images: bytes (N, 1, S, S) that have something in common. All are shown in every step.
        encoder: gives a window its code; it is left as it is.
        device: by default cuda where there is one.
        on_step: called with the search after every step; `StopTraining` ends it as the ■ button.
        progress_bar: whether to show one.
        settings: as in `steps=120`; `SearchSettings` has them all, with their defaults.

    Raises:
        TypeError, ValueError: images of another kind, no encoder, or a setting that is unknown or
            cannot be.
        TrainingError: the loss, its gradient or θ became NaN or infinite.
    """
    check_gradients()
    function(on_step, "on_step", or_none=True)
    _check_images(images)
    _check_names(encoder, settings)
    chosen = SearchSettings(**settings)
    device = check_device(device)
    with torch.random.fork_rng():
        torch.manual_seed(chosen.seed)
        transformer = window_transformer(images.shape[-1]).to(device)
    encoder = deepcopy(encoder).to(device).eval().requires_grad_(False)
    pictures, generator = to_floats(images).to(device), torch.Generator().manual_seed(chosen.seed)
    optimiser, schedule = _make_optimiser(transformer, chosen)
    search, start = Search(), time.perf_counter()
    try:
        for step in tqdm(range(chosen.steps), unit="step", leave=False, disable=not progress_bar):
            theta = transformer.theta(pictures)
            if step % chosen.keep_every == 0:
                search.keep(theta)
            jittered = jitter_windows(theta, _jitter_at(step, chosen), generator)
            anywhere = random_windows(len(images), images.shape[-1], generator).to(device)
            codes = encoder.code(cut_out(pictures, jittered))
            random_codes = encoder.code(cut_out(pictures, anywhere)).detach()
            loss = triplet_loss(codes, random_codes, chosen.detach_others)
            _gradient_step(loss, optimiser)
            schedule.step()
            search.step_loss.append(loss.item())
            if on_step:
                on_step(search)
    except (KeyboardInterrupt, StopTraining):
        search.interrupted = True
    except NotFiniteError as error:
        raise _diverged(len(search.step_loss), chosen.learning_rate, error) from error
    with torch.no_grad():
        search.keep(transformer.theta(pictures))
    search.seconds = time.perf_counter() - start
    return search


def _make_optimiser(transformer: nn.Module, settings: SearchSettings):
    """Adam, and the schedule of its rate."""
    optimiser = torch.optim.Adam(transformer.parameters(), settings.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        settings.learning_rate,
        total_steps=max(settings.steps, 1),
        cycle_momentum=False,
    )
    return optimiser, schedule


def _jitter_at(step: int, settings: SearchSettings) -> float:
    """The jitter of a step; it falls to 0 at seven tenths of the steps."""
    return settings.jitter * max(1 - step / (0.7 * settings.steps), 0)


def _gradient_step(loss: Tensor, optimiser: torch.optim.Optimizer) -> None:
    """One step down the gradient, if it is finite."""
    optimiser.zero_grad()
    loss.backward()
    gradients = [p.grad for group in optimiser.param_groups for p in group["params"]]
    norm = nn.utils.get_total_norm(gradients)
    if not (loss.isfinite() and norm.isfinite()):
        raise NotFiniteError(f"the loss is {loss.item()}, its gradient has length {norm.item()}")
    optimiser.step()


def _diverged(step: int, learning_rate: float, error: NotFiniteError) -> TrainingError:
    """The error for a search whose numbers are no longer finite."""
    return TrainingError(
        f"the search stopped at step {step}: {error}. The likely cause is a learning rate that is "
        f"too high (it is {learning_rate:g}) or an encoder that holds NaN. Try a tenth of the rate."
    )


def _check_images(images: Tensor) -> None:
    """Raise a clear error for what are no scenes to search in."""
    check_bytes(images, channels=1)
    shape = tuple(images.shape)
    if shape[2] != shape[3] or shape[2] <= WINDOW_SIZE:
        raise ValueError(
            f"images must be square, grey and larger than {WINDOW_SIZE}×{WINDOW_SIZE}, "
            f"(N, 1, S, S), got {shape}"
        )
    if len(images) < 2:
        raise ValueError("one picture has nothing in common with itself: give two at least")


def _check_names(encoder, settings: dict) -> None:
    """Raise a clear error for an encoder that gives no codes, and for a setting there is not."""
    if not isinstance(encoder, nn.Module) or not hasattr(encoder, "code"):
        raise TypeError(f"encoder must be an Encoder, got {encoder!r}: use Encoder(), once trained")
    known = [setting.name for setting in fields(SearchSettings)]
    for name in settings:
        if name not in known:
            raise TypeError(f"settings are {', '.join(known)}; there is no {name!r}")
