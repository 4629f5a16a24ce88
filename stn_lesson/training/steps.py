"""One step of gradient descent, and what makes it fast (notebook 10 measures each).

Three things: fewer digits where they are not needed (bfloat16), the memory layout that convolutions
like (channels last), and on a GPU one launch for a whole step instead of some hundreds.
"""

import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stn_lesson.datasets import to_floats
from stn_lesson.theta import NotFiniteError

PRECISIONS = ("float32", "bfloat16")


def train_step(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    share: float = 1.0,
    *,
    optimiser: torch.optim.Optimizer,
    clip: float = 1.0,
    precision: str = "float32",
) -> Tensor:
    """Forward, backward, clip, update: one step on a batch.

    Args:
        model: from images (N, C, H, W) to class scores.
        images: bytes (N, C, H, W).
        labels: whole numbers (N,).
        share: what the loss is multiplied by, see `Workers.share`.
        optimiser: of the model's parameters.
        clip: the longest gradient that is followed; a longer one is shortened to it.
        precision: "bfloat16" lets convolutions and linear layers multiply in it. Weights, geometry
            and loss stay in float32.

    Returns:
        The loss before the step, on the images' device.

    Raises:
        NotFiniteError: on the CPU, when loss or gradient are not finite; no weight was changed.
            On a GPU nobody looks, for the CPU would have to wait at every step: look at the losses.
    """
    # The cache of rounded weights pays where a weight is used twice in a step, and here none is.
    rounding = torch.autocast(
        images.device.type, torch.bfloat16, precision == "bfloat16", cache_enabled=False
    )
    with rounding:
        scores = model(to_floats(images))
    loss = F.cross_entropy(scores.float(), labels) * share
    optimiser.zero_grad()
    loss.backward()
    length = nn.utils.clip_grad_norm_(model.parameters(), clip)
    if not images.is_cuda and not (loss.isfinite() and length.isfinite()):
        raise NotFiniteError(f"the loss is {loss.item()}, its gradient has length {length.item()}")
    optimiser.step()
    return loss.detach()


class Abreast:
    """The steps of several models as one, which a GPU may take at the same time.

    The kernels of a small network leave most of a GPU idle. Each model's are sent on a stream of
    its own, so that they fill it together; the models have nothing else in common.

    Args:
        steps: one for each model, as `train_step`.
    """

    def __init__(self, steps: list[Callable[[Tensor, Tensor, float], Tensor]]):
        """See the class."""
        self.steps, self.streams = steps, None

    def __call__(self, images: Tensor, labels: Tensor, share: float = 1.0) -> Tensor:
        """Images (S, N, C, H, W) and labels (S, N) of S models → their losses (S,)."""
        jobs = list(zip(self.steps, images, labels, strict=True))
        if not images.is_cuda:
            return torch.stack([step(*batch, share) for step, *batch in jobs])
        self.streams = self.streams or [torch.cuda.Stream(images.device) for _ in jobs]
        here, losses = torch.cuda.current_stream(images.device), []
        for stream, (step, *batch) in zip(self.streams, jobs, strict=True):
            stream.wait_stream(here)
            with torch.cuda.stream(stream):
                losses.append(step(*batch, share))
        for stream in self.streams:
            here.wait_stream(stream)
        return torch.stack(losses)


class RecordedStep:
    """A training step that a GPU hears once and then repeats by itself: a CUDA graph.

    A step of a small network is some hundreds of kernels, each over in microseconds; the GPU waits
    for Python most of the time. Recorded, they are started together. The first calls run as usual,
    since libraries then choose their algorithms and the optimiser makes its memory; these are true
    steps, too. Batches of another size, such as an epoch's last, always run as usual. Where a step
    cannot be recorded a warning says so, and all run as usual.

    Args:
        step: from images and labels on a GPU, and a share that is always the same, to the loss,
            as `train_step`.
    """

    WARM_UP = 3

    def __init__(self, step: Callable[[Tensor, Tensor, float], Tensor]):
        """See the class."""
        self.step, self.calls, self.graph, self.possible = step, 0, None, True

    def __call__(self, images: Tensor, labels: Tensor, share: float = 1.0) -> Tensor:
        """The loss of a step on these images."""
        self.calls += 1
        if self.calls <= self.WARM_UP or not self.possible:
            return self.step(images, labels, share)
        if self.graph is None and not self._record(images, labels, share):
            return self.step(images, labels, share)
        if images.shape != self.images.shape:
            return self.step(images, labels, share)
        self.images.copy_(images)
        self.labels.copy_(labels)
        self.graph.replay()
        return self.loss.clone()

    def _record(self, images: Tensor, labels: Tensor, share: float) -> bool:
        """Record the step, which does not run it; whether that was possible."""
        self.images, self.labels = images.clone(), labels.clone()
        try:
            graph = torch.cuda.CUDAGraph()
            # Other threads, a live picture's, say, may use the GPU meanwhile.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self.loss = self.step(self.images, self.labels, share)
        except RuntimeError as error:
            self.possible = False
            reason = str(error).splitlines()[0]
            warnings.warn(
                f"this step cannot be recorded as a CUDA graph ({reason}): the training goes on, "
                "each step launched kernel by kernel",
                stacklevel=2,
            )
            return False
        self.graph = graph
        return True


def make_optimiser(groups: list[dict], weight_decay: float, device: torch.device):
    """AdamW over parameter groups, updating all parameters in one pass.

    On a GPU the learning rates are tensors: a recorded step reads them anew each time.
    """
    on_gpu = device.type == "cuda"
    if on_gpu:
        groups = [
            group | {"lr": torch.tensor(group["lr"], dtype=torch.float32, device=device)}
            for group in groups
        ]
    fused = device.type in ("cpu", "cuda")
    return torch.optim.AdamW(groups, weight_decay=weight_decay, fused=fused, capturable=on_gpu)


def resume_optimiser(optimiser: torch.optim.Optimizer, state: dict) -> None:
    """Load what an optimiser had reached, perhaps on another kind of device.

    How it computes stays its own affair: on a GPU its learning rates are tensors, elsewhere not.
    """
    own = [
        {"capturable": group["capturable"], "lr": group["lr"], "fused": group["fused"]}
        for group in optimiser.param_groups
    ]
    optimiser.load_state_dict(state)
    for group, settings in zip(optimiser.param_groups, own, strict=True):
        rate = float(group["lr"])
        group.update(settings)
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def fastest_precision(device: torch.device | str) -> str:
    """The precision in which a device trains fastest: "bfloat16" if it multiplies in it.

    >>> fastest_precision("cpu") in PRECISIONS
    True
    """
    if torch.device(device).type == "cuda":
        has_it = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        known = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        has_it = any(getattr(torch.cpu, name, lambda: False)() for name in known)
    return "bfloat16" if has_it else "float32"
