"""Two turned digits: how transformers side by side share the work (after appendix A.1).

An easier sum than the paper's, which the embedded digits are enough for: 28×28 pixels, and the
digits are turned, neither scaled nor moved.
"""

from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from stn_lesson.datasets import Dataset, addition, distort, to_floats
from stn_lesson.experiments.runs import fit_defaults, run_seeds, source
from stn_lesson.networks import FCN, STFCN, count_parameters, match_parameters
from stn_lesson.sampler import warp
from stn_lesson.theta import affine_theta, decompose
from stn_lesson.transformer import look

TURN = 60  # the largest angle in degrees
SCHEDULES = {
    "digits": {"epochs": 12, "batch_size": 64, "learning_rate": 4e-3, "repeats": 10},
    "mnist": {"epochs": 5, "batch_size": 64, "learning_rate": 4e-3, "repeats": 1},
}
PAIRS = {"size": 28, "channels": 2, "classes": 19}
RIVALS = {
    "fcn": partial(FCN, **PAIRS),
    "one": partial(STFCN, **PAIRS),
    "two": partial(STFCN, **PAIRS, transformers=2),
    "shifted": partial(STFCN, **PAIRS, transformers=2),
    "apart": partial(STFCN, **PAIRS, transformers=2, apart=True),
}
SHIFT = 0.3  # half images, by which the "shifted" two start left and right of the middle


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
    plain = source(data)
    schedule = dict(SCHEDULES[data])
    turn = partial(distort, rotation=TURN, scale=(1, 1))
    repeats = schedule.pop("repeats")
    return addition(plain, seed, distortion=turn, repeats=repeats), schedule


def rival(name: str) -> nn.Module:
    """A network for two digits, as wide as it takes to have as many parameters as its rivals.

    Args:
        name: "fcn"; "one" or "two" transformers before it; two that start "apart", with eyes for
            one channel each; or two that start "shifted", one left and one right of the middle.

    Raises:
        ValueError: an unknown name.

    >>> [count_parameters(rival(name)) for name in ("fcn", "one", "two")]
    [523339, 523801, 523423]
    """
    if name not in RIVALS:
        raise ValueError(f"name must be one of {', '.join(RIVALS)}, got {name!r}")
    wanted = count_parameters(RIVALS["two"]())
    model = match_parameters(lambda width: RIVALS[name](hidden=width), wanted)
    if name == "shifted":
        for transformer, side in zip(model.transformer, (-1, 1), strict=True):
            transformer.identity[2] += side * SHIFT
    return model


def undone(model: nn.Module, digits: Tensor) -> Tensor:
    """How much of each degree that a channel's digit is turned by is undone by each transformer.

    One digit of a pair is turned from −45° to 45°, the other stays upright. A transformer that
    turns its view back in full has 1; one that does not care, 0.

    Args:
        model: a network with spatial transformers for images of two channels.
        digits: upright, floats (N, 1, h, w); each is the partner of the next.

    Returns:
        (transformers, 2), the median over the digits, for each transformer and each channel.
    """
    partners, angles = digits.roll(1, 0), torch.arange(-45.0, 46, 15)

    def share(which: int, channel: int) -> Tensor:
        turns = []
        for angle in angles:
            pair = [partners, partners]
            pair[channel] = warp(digits, affine_theta(rotation=angle))
            turns.append(decompose(look(model, torch.cat(pair, 1), which).theta)["rotation"])
        turn = torch.stack(turns)  # (angles, N)
        turn = (turn - turn[len(angles) // 2] + 180) % 360 - 180  # from how it sees upright ones
        return -(angles @ turn / (angles @ angles)).median()  # minus the slope

    count = len(model.transformer) if isinstance(model.transformer, nn.ModuleList) else 1
    return torch.tensor([[share(k, channel) for channel in (0, 1)] for k in range(count)])


def run_two_digits(
    name: str, data: str = "digits", seeds: int = 1, epochs: int | None = None
) -> Path:
    """Train one of the `RIVALS` with several seeds and write its record.

    Args:
        name: as in `rival`.
        data: as in `load_two_digits`.
        seeds: how many runs; each seed decides first weights, pairs and order of the images.
        epochs: instead of the schedule's own.

    Returns:
        The record's file, data/results/two_digits-<data>-<name>.json (-<epochs> if given). For
        networks with transformers it holds what each has `undone` of 200 test digits.

    Raises:
        ValueError: an unknown name.
        FileExistsError: as `run_seeds`.
    """
    digits = to_floats(source(data).test.images[:200])
    pairs, schedule = load_two_digits(data)
    schedule = fit_defaults() | schedule | ({"epochs": epochs} if epochs else {})

    def prepare(seed: int) -> tuple[nn.Module, Dataset]:
        torch.manual_seed(seed)
        return rival(name), load_two_digits(data, seed)[0]

    def measure(model: nn.Module) -> dict:
        if name == "fcn":
            return {}
        return {"undone": [[round(s, 2) for s in pair] for pair in undone(model, digits).tolist()]}

    described = {
        "experiment": "two digits",
        "data": repr(pairs),
        "network": name,
        "settings": schedule | {"repeats": SCHEDULES[data]["repeats"], "turn": TURN},
    }
    record = f"two_digits-{data}-{name}" + (f"-{epochs}" if epochs else "")
    return run_seeds(record, described, seeds, prepare, schedule, measure=measure)
