"""One step of gradient descent, and the optimiser that takes it (notebook 10 measures both)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stn_lesson.checks import NotFiniteError
from stn_lesson.datasets import to_floats
from stn_lesson.training.settings import Settings


def train_step(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    loss_weight: float = 1.0,
    *,
    optimiser: torch.optim.Optimizer,
    max_grad_norm: float = 1.0,
    precision: str = "float32",
) -> Tensor:
    """Forward, loss, backward, clip, update: one step on a batch.

    Args:
        model: from images (N, C, H, W) to class scores, (N, classes) or (N, classes, K).
        images: bytes (N, C, H, W).
        labels: whole numbers (N,) or (N, K).
        loss_weight: what the loss is multiplied by, see `ProcessGroup.loss_weight`.
        optimiser: of the model's parameters.
        max_grad_norm: a gradient longer than this is shortened to it.
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
    loss = F.cross_entropy(scores.float(), labels) * loss_weight
    optimiser.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm)
    if not images.is_cuda and not (loss.isfinite() and norm.isfinite()):
        raise NotFiniteError(f"the loss is {loss.item()}, its gradient has length {norm.item()}")
    optimiser.step()
    return loss.detach()


def make_optimiser(
    model: nn.Module, settings: Settings, device: torch.device
) -> torch.optim.Optimizer:
    """AdamW or plain SGD, in one call for all weights; localisation networks have their own rate.

    On a GPU the learning rates are tensors, for a CUDA graph of the step must find them in the same
    place at every repetition.

    Args:
        model: whatever one of its modules calls `localisation` is a localisation network.
        settings: which of the two, its rates and weight decay.
        device: that of the model.
    """
    on_gpu = device.type == "cuda"
    groups = _parameter_groups(model, settings)
    if on_gpu:
        for group in groups:
            group["lr"] = torch.tensor(group["lr"], dtype=torch.float32, device=device)
    common = {"weight_decay": settings.weight_decay, "fused": device.type in ("cpu", "cuda")}
    if settings.optimiser == "sgd":
        return torch.optim.SGD(groups, **common)
    return torch.optim.AdamW(groups, **common, capturable=on_gpu)


def make_lr_scheduler(
    optimiser: torch.optim.Optimizer, settings: Settings, total_steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """How the optimiser's rates, which are the highest, change over all steps of a run.

    AdamW's rise and fall once. SGD's are divided by 10 after a third and after two thirds.
    """
    if settings.optimiser == "sgd":
        thirds = [total_steps // 3, 2 * total_steps // 3]
        return torch.optim.lr_scheduler.MultiStepLR(optimiser, thirds, gamma=0.1)
    highest = [float(group["lr"]) for group in optimiser.param_groups]
    return torch.optim.lr_scheduler.OneCycleLR(
        optimiser, highest, total_steps=max(total_steps, 1), cycle_momentum=False
    )


def load_optimiser_state(optimiser: torch.optim.Optimizer, state: dict) -> None:
    """Load what an optimiser had reached, perhaps on another kind of device.

    How it computes stays its own affair: on a GPU its learning rates are tensors, elsewhere not.
    """
    names = ("capturable", "lr", "fused")
    own = [
        {name: group[name] for name in names if name in group} for group in optimiser.param_groups
    ]
    optimiser.load_state_dict(state)
    for group, settings in zip(optimiser.param_groups, own, strict=True):
        rate = float(group["lr"])
        group.update(settings)
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


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
