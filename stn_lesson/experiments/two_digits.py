"""Two turned digits: how transformers side by side share the work (after appendix A.1).

An easier sum than the paper's, which the embedded digits are enough for: 28×28 pixels, and the
digits are turned, neither scaled nor moved.
"""

from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from stn_lesson.datasets import Dataset, addition, distort, to_floats
from stn_lesson.experiments.runs import default_settings, load_dataset, run_seeds
from stn_lesson.experiments.schedules import TWO_DIGITS_SCHEDULES
from stn_lesson.networks import FCN, STFCN, count_parameters, match_parameters
from stn_lesson.sampler import warp
from stn_lesson.theta import affine_theta, decompose
from stn_lesson.transformer import look

MAX_ROTATION = 60  # degrees, to either side
SUM_TASK = {"size": 28, "channels": 2, "classes": 19}  # what the networks must be made for
TWO_DIGITS_NETWORKS = {
    "fcn": partial(FCN, **SUM_TASK),
    "st_fcn": partial(STFCN, **SUM_TASK),
    "2st_fcn": partial(STFCN, **SUM_TASK, transformers=2),
    "2st_fcn_shifted": partial(STFCN, **SUM_TASK, transformers=2),
    "2st_fcn_per_channel": partial(STFCN, **SUM_TASK, transformers=2, per_channel=True),
}
START_SHIFT = 0.3  # half images, by which the shifted two start left and right of the middle


def load_two_digits(data: str = "digits", seed: int = 0) -> tuple[Dataset, dict]:
    """Pairs of turned digits, labelled by their sum, and the settings to train on them with `fit`.

    Args:
        data: "digits" (embedded) or "mnist" (downloaded).
        seed: decides the pairs and how they are turned.

    Raises:
        ValueError: an unknown name.

    >>> load_two_digits("digits")
    (pairs of embedded digits: 12870 training images, 510 test images, 2 channels of 28×28 pixels,
     {'epochs': 12, 'batch_size': 64, 'learning_rate': 0.004})
    """
    digits = load_dataset(data)
    schedule = dict(TWO_DIGITS_SCHEDULES[data])
    rotated = partial(distort, rotation=MAX_ROTATION, scale=(1, 1))
    repeats = schedule.pop("repeats")
    return addition(digits, seed, distortion=rotated, repeats=repeats), schedule


def two_digits_network(name: str) -> nn.Module:
    """A network for two digits, as wide as it takes to have as many parameters as the others.

    Args:
        name: "fcn", fully connected; "st_fcn" and "2st_fcn", behind one transformer and two;
            "2st_fcn_shifted", two that start left and right of the middle; or
            "2st_fcn_per_channel", two that at the start look at one channel each.

    Raises:
        ValueError: an unknown name.

    >>> [count_parameters(two_digits_network(name)) for name in ("fcn", "st_fcn", "2st_fcn")]
    [523339, 523801, 523423]
    """
    if name not in TWO_DIGITS_NETWORKS:
        raise ValueError(f"name must be one of {', '.join(TWO_DIGITS_NETWORKS)}, got {name!r}")
    parameters = count_parameters(TWO_DIGITS_NETWORKS["2st_fcn"]())
    model = match_parameters(lambda width: TWO_DIGITS_NETWORKS[name](hidden=width), parameters)
    if name == "2st_fcn_shifted":
        for transformer, side in zip(model.transformer, (-1, 1), strict=True):
            with torch.no_grad():  # in the weights, so that they are saved with it
                transformer.localisation[-1].bias[2] += side * START_SHIFT
    return model


def rotation_undone(model: nn.Module, digits: Tensor) -> Tensor:
    """The share of a digit's rotation that each transformer undoes, for each channel by itself.

    One digit of a pair is turned from −45° to 45°, the other stays upright. A transformer that
    turns its view back in full has 1, one whose θ does not depend on that angle 0.

    Args:
        model: a network with spatial transformers for images of two channels.
        digits: upright, floats (N, 1, h, w); each is the partner of the next.

    Returns:
        (transformers, 2), the median over the digits, for each transformer and each channel.
    """
    partners, angles = digits.roll(1, 0), torch.arange(-45.0, 46, 15)

    def share_undone(which: int, channel: int) -> Tensor:
        rotations = []
        for angle in angles:
            pair = [partners, partners]
            pair[channel] = warp(digits, affine_theta(rotation=angle))
            rotations.append(decompose(look(model, torch.cat(pair, 1), which).theta)["rotation"])
        rotation = torch.stack(rotations)  # (angles, N)
        upright = rotation[len(angles) // 2]
        rotation = (rotation - upright + 180) % 360 - 180
        return -(angles @ rotation / (angles @ angles)).median()  # minus the slope

    count = len(model.transformer) if isinstance(model.transformer, nn.ModuleList) else 1
    return torch.tensor([[share_undone(k, channel) for channel in (0, 1)] for k in range(count)])


def run_two_digits(
    name: str, data: str = "digits", seeds: int = 1, epochs: int | None = None
) -> Path:
    """Train one of the `TWO_DIGITS_NETWORKS` with several seeds and write its record.

    Args:
        name: as in `two_digits_network`.
        data: as in `load_two_digits`.
        seeds: how many runs; each seed decides first weights, pairs and order of the images.
        epochs: instead of the schedule's own.

    Returns:
        The record's file, data/results/two_digits-<data>-<name>.json (-<epochs> if given). For
        networks with transformers it holds each one's `rotation_undone` on 200 test digits.

    Raises:
        ValueError: an unknown name.
        FileExistsError: as `run_seeds`.
    """
    digits = to_floats(load_dataset(data).test.images[:200])
    dataset, schedule = load_two_digits(data)
    schedule = default_settings() | schedule | ({"epochs": epochs} if epochs else {})

    def prepare(seed: int) -> tuple[nn.Module, Dataset]:
        torch.manual_seed(seed)
        return two_digits_network(name), load_two_digits(data, seed)[0]

    def measure(model: nn.Module) -> dict:
        if name == "fcn":
            return {}
        shares = rotation_undone(model, digits).tolist()
        return {"rotation_undone": [[round(s, 2) for s in channels] for channels in shares]}

    description = {
        "experiment": "two digits",
        "data": repr(dataset),
        "network": name,
        "settings": schedule
        | {"repeats": TWO_DIGITS_SCHEDULES[data]["repeats"], "max_rotation": MAX_ROTATION},
    }
    record = f"two_digits-{data}-{name}" + (f"-{epochs}" if epochs else "")
    return run_seeds(record, description, seeds, prepare, schedule, measure=measure)
