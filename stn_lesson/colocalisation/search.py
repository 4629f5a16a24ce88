"""Co-localisation: find what pictures have in common, without a label or a box (appendix A.2).

A hundred pictures, in each a digit of the same class. A spatial transformer cuts a window out of
each, and an encoder that knows plain digits turns the window into a code. Two windows on the
digits have codes that are close to each other and far from the code of any window at random:
that, written as a loss, teaches the transformer where to look.
"""

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from stn_lesson.checks import NotFiniteError, check_theta
from stn_lesson.colocalisation.networks import WINDOW, Encoder, window_finder
from stn_lesson.datasets import to_floats
from stn_lesson.grid import FAMILIES, sampling_grid
from stn_lesson.sampler import sample, to_pixels
from stn_lesson.training import StopTraining, TrainingError, default_device
from stn_lesson.transformer import Look


def boxes(theta: Tensor, size: int = 84) -> Tensor:
    """The boxes of windows in pixels, (N, 4): left, top, right, bottom edge.

    Args:
        theta: (N, 2, 3), of attention transformers: s, t_x, t_y.
        size: side of the pictures in pixels.

    >>> boxes(torch.tensor([[[0.5, 0, 0.5], [0, 0.5, 0]]]), size=9)
    tensor([[4., 2., 9., 7.]])
    """
    corners = torch.tensor([[-1.0, -1.0, 1.0], [1.0, 1.0, 1.0]], device=theta.device)
    x, y = to_pixels((check_theta(theta) @ corners.T).transpose(1, 2), size, size)  # (N, 2) each
    first, last = torch.stack([x[:, 0], y[:, 0]], 1), torch.stack([x[:, 1], y[:, 1]], 1)
    return torch.cat([first, last + 1], 1)  # from the first pixel's left to the last one's right


def random_windows(count: int, size: int, generator: torch.Generator) -> Tensor:
    """θ of 28×28 windows at random places inside the pictures, (N, 2, 3)."""
    s = (WINDOW - 1) / (size - 1)
    places = (2 * torch.rand(count, 2, generator=generator) - 1) * (1 - s)
    return FAMILIES["attention"].theta(torch.cat([torch.full((count, 1), s), places], 1))


def move_at_random(theta: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Windows beside those of θ (N, 2, 3), inside the pictures; the gradient goes through to θ.

    Args:
        theta: of attention transformers.
        amount: standard deviation of the move, to each side, in half pictures.
        generator: of random numbers.
    """
    moves = amount * torch.randn(len(theta), 2, generator=generator).to(theta.device)
    place, room = theta.detach()[:, :, 2], 1 - theta.detach()[:, :1, 0]
    moves = (place + moves).clamp(-room, room) - place
    return torch.cat([theta[:, :, :2], (theta[:, :, 2] + moves)[..., None]], -1)


def triplet_loss(seen: Tensor, random: Tensor, both_move: bool = False) -> Tensor:
    """The hinge loss over all ordered pairs n ≠ m, with margin 1 (its mean).

    max(0, ‖e(Iₙᵀ) − e(Iₘᵀ)‖² − ‖e(Iₙᵀ) − e(Iₙʳᵃⁿᵈ)‖² + 1): the code of a window should be closer
    to the codes of all other windows than to that of a random window, by 1.

    Args:
        seen: codes (N, D) of the transformer's windows, e(Iᵀ).
        random: codes (N, D) of a random window in each of the same pictures, e(Iʳᵃⁿᵈ).
        both_move: whether m learns from the pair (n, m) too, to come to meet n. By default it
            stands still: the windows that already show a digit would have to come to meet those
            that do not, and all end up on the empty background (notebook 09).

    >>> seen = torch.tensor([[1.0, 0.0], [0.8, 0.6]])
    >>> random = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    >>> triplet_loss(seen, random)  # 0.4 − 2 + 1 < 0 for the first; 0.4 − 0.4 + 1 = 1
    tensor(0.5000)
    """
    if seen.ndim != 2 or seen.shape != random.shape or len(seen) < 2:
        raise ValueError(
            "seen and random must be codes (N, D) of the same N ≥ 2 pictures, got "
            f"{tuple(seen.shape)} and {tuple(random.shape)}"
        )
    others = seen if both_move else seen.detach()
    to_others = (seen[:, None] - others).square().sum(-1)  # (N, N)
    to_random = (seen - random).square().sum(-1)  # (N,)
    hinge = F.relu(to_others - to_random[:, None] + 1)
    pairs = ~torch.eye(len(seen), dtype=torch.bool, device=seen.device)
    return hinge[pairs].mean()


@dataclass
class Search:
    """What happened while windows were looking for what pictures have in common.

    Attributes:
        step_loss: the loss of every step.
        steps: the steps at which θ was kept, from 0 on.
        theta: θ of every picture at those steps, (N, 2, 3) each.
        seconds: time spent.
        interrupted: whether the search was stopped by hand.
    """

    step_loss: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    theta: list[Tensor] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def loss(self) -> float:
        """Mean loss of the last twenty steps; a single one depends on its random windows."""
        last = self.step_loss[-20:]
        return sum(last) / max(len(last), 1)


def colocalise(
    images: Tensor,
    encoder: Encoder,
    *,
    steps: int = 240,
    learning_rate: float = 3e-3,
    seed: int = 0,
    wander: float = 0.25,
    both_move: bool = False,
    every: int = 20,
    device: str | torch.device | None = None,
    on_step: Callable[[Search], None] | None = None,
    progress_bar: bool = True,
) -> Search:
    """Teach a transformer where to look in some pictures, from the pictures alone.

    Args:
        images: bytes (N, 1, S, S) that have something in common. All are shown in every step.
        encoder: gives a window its code; it is asked, and not changed.
        steps: of Adam, at a rate that rises and falls once.
        learning_rate: the highest.
        seed: decides the finder's first weights and the random windows.
        wander: how far from θ the windows are placed at first, as in `move_at_random`; it falls to
            0 at seven tenths of the steps. A window learns from what lies around it, too.
        both_move: as in `triplet_loss`.
        every: keep θ after so many steps, and after the last.
        device: by default cuda where there is one.
        on_step: called with the search after every step; `StopTraining` ends it as the ■ button.
        progress_bar: whether to show one.

    Raises:
        TypeError, ValueError: images of another kind.
        TrainingError: the loss, its gradient or θ became NaN or infinite.
    """
    _check_images(images)
    device, size, count = torch.device(device or default_device()), images.shape[-1], len(images)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        transformer = window_finder(size).to(device)
    encoder = deepcopy(encoder).to(device).eval().requires_grad_(False)
    pictures, generator = to_floats(images).to(device), torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(transformer.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, learning_rate, total_steps=max(steps, 1), cycle_momentum=False
    )
    search, start = Search(), time.perf_counter()
    try:
        for step in tqdm(range(steps), unit="step", leave=False, disable=not progress_bar):
            theta = transformer.theta(pictures)
            if step % every == 0:
                _keep(search, step, theta)
            nearby = move_at_random(theta, wander * max(1 - step / (0.7 * steps), 0), generator)
            elsewhere = random_windows(count, size, generator).to(device)
            seen = encoder.code(_view(pictures, nearby))
            random = encoder.code(_view(pictures, elsewhere)).detach()
            loss = triplet_loss(seen, random, both_move)
            _descend(loss, optimiser, list(transformer.parameters()))
            schedule.step()
            search.step_loss.append(loss.item())
            if on_step:
                on_step(search)
    except (KeyboardInterrupt, StopTraining):
        search.interrupted = True
    except NotFiniteError as error:
        raise TrainingError(
            f"the search stopped at step {len(search.step_loss)}: {error}. The likely cause is a "
            f"learning rate that is too high (it is {learning_rate:g}) or an encoder that holds "
            "NaN. Try a tenth of the rate."
        ) from error
    with torch.no_grad():
        _keep(search, len(search.step_loss), transformer.theta(pictures))
    search.seconds = time.perf_counter() - start
    return search


def look_through(images: Tensor, theta: Tensor) -> Look:
    """Where windows look in some pictures, and what they show.

    Args:
        images: bytes (N, 1, S, S).
        theta: of the windows, (N, 2, 3).

    >>> theta = random_windows(2, 84, torch.Generator().manual_seed(0))
    >>> look_through(torch.zeros(2, 1, 84, 84, dtype=torch.uint8), theta).view.shape
    torch.Size([2, 1, 28, 28])
    """
    grid = sampling_grid(theta, WINDOW, WINDOW)
    return Look(theta, grid, sample(to_floats(images), grid))


def _view(pictures: Tensor, theta: Tensor) -> Tensor:
    """What windows show of pictures in floats, (N, 1, 28, 28)."""
    return sample(pictures, sampling_grid(theta, WINDOW, WINDOW))


def _descend(loss: Tensor, optimiser: torch.optim.Optimizer, parameters: list) -> None:
    """One step down the gradient, if it is finite."""
    optimiser.zero_grad()
    loss.backward()
    length = nn.utils.get_total_norm([p.grad for p in parameters])
    if not (loss.isfinite() and length.isfinite()):
        raise NotFiniteError(f"the loss is {loss.item()}, its gradient has length {length.item()}")
    optimiser.step()


def _keep(search: Search, step: int, theta: Tensor) -> None:
    if step not in search.steps:
        search.steps.append(step)
        search.theta.append(theta.detach().cpu())


def _check_images(images: Tensor) -> None:
    if not isinstance(images, Tensor) or images.dtype != torch.uint8:
        kind = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"images must be bytes (torch.uint8, 0 to 255), got {kind}")
    shape = tuple(images.shape)
    if images.ndim != 4 or shape[1] != 1 or shape[2] != shape[3] or shape[2] <= WINDOW:
        raise ValueError(
            f"images must be square, grey and larger than {WINDOW}×{WINDOW}, (N, 1, S, S), got "
            f"{shape}"
        )
    if len(images) < 2:
        raise ValueError("one picture has nothing in common with itself: give two at least")
