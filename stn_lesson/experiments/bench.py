"""How fast is it: our training beside what a student would otherwise use, and three samplers.

All contenders learn the same digits and are judged by the same images. Loops as one types them see
one cluttered picture of each digit, `fit` makes new ones in every epoch. Each runs in a process of
its own, one after the other, so that its memory can be told.
"""

import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stn_lesson.datasets import Dataset, to_floats
from stn_lesson.experiments import records
from stn_lesson.experiments.recipe import load_recipe
from stn_lesson.experiments.sampler_speed import time_samplers
from stn_lesson.experiments.schedules import QUICK_SETTINGS, QUICK_VIEW
from stn_lesson.networks import PointingSTN, RecipeSTN
from stn_lesson.training import default_device, evaluate, fastest_precision, fit

TARGET_ACCURACY = 0.937  # on test digits; the recipe's own after 13 epochs
EPOCHS = 13
MAX_LOOP_EPOCHS = 20  # of the handwritten loop, if it takes so many to the target
Progress = Iterator[tuple[float, float]]  # after each epoch: seconds of training, test accuracy


def handwritten_loop(data: Dataset, seed: int, device: torch.device) -> Progress:
    """The recipe's network in a loop as one would type it: float32, Adam, one picture a digit."""
    torch.manual_seed(seed)
    model = RecipeSTN().to(device)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    progress = _train_by_hand(model, data, optimiser, 256, MAX_LOOP_EPOCHS, device)
    best = 0.0
    for epoch, (seconds, accuracy) in enumerate(progress, 1):
        yield seconds, accuracy
        best = max(best, accuracy)
        if best >= TARGET_ACCURACY and epoch >= EPOCHS:
            return


def pytorch_tutorial(data: Dataset, seed: int, device: torch.device) -> Progress:
    """A network and a loop after the description of PyTorch's own tutorial on the subject."""
    torch.manual_seed(seed)
    model = TutorialSTN().to(device)
    optimiser = torch.optim.SGD(model.parameters(), 0.01)
    yield from _train_by_hand(model, data, optimiser, 64, EPOCHS, device)


def pointing_stn_2_epochs(data: Dataset, seed: int, device: torch.device) -> Progress:
    """`PointingSTN` and `fit`, for as few epochs as it takes."""
    network = partial(PointingSTN, view=QUICK_VIEW)
    return _train_by_fit(network, data, seed, device, **QUICK_SETTINGS)


def pointing_stn_13_epochs(data: Dataset, seed: int, device: torch.device) -> Progress:
    """The same for as many epochs as the others."""
    network = partial(PointingSTN, view=QUICK_VIEW)
    return _train_by_fit(network, data, seed, device, **QUICK_SETTINGS | {"epochs": EPOCHS})


def recipe_stn_13_epochs(data: Dataset, seed: int, device: torch.device) -> Progress:
    """The recipe's network by `fit` with its defaults: what the loop alone is worth."""
    return _train_by_fit(RecipeSTN, data, seed, device, epochs=EPOCHS)


CONTENDERS = {
    contender.__name__: contender
    for contender in (
        handwritten_loop,
        pytorch_tutorial,
        recipe_stn_13_epochs,
        pointing_stn_13_epochs,
        pointing_stn_2_epochs,
    )
}


class TutorialSTN(nn.Module):
    """A network of the size of PyTorch's tutorial on spatial transformers, for 60×60 pixels.

    Its localisation network has 7×7 and 5×5 convolutions and 32 hidden units; the view keeps the
    size of the image; its classifier has two 5×5 convolutions, 50 hidden units and dropout.
    """

    def __init__(self):
        """See the class."""
        super().__init__()
        self.localisation = nn.Sequential(
            nn.Conv2d(1, 8, 7), nn.MaxPool2d(2), nn.ReLU(),
            nn.Conv2d(8, 10, 5), nn.MaxPool2d(2), nn.ReLU(),
            nn.Flatten(), nn.Linear(10 * 11 * 11, 32), nn.ReLU(), nn.Linear(32, 6),
        )  # fmt: skip
        self.localisation[-1].weight.data.zero_()
        self.localisation[-1].bias.data.copy_(torch.tensor([1.0, 0, 0, 0, 1, 0]))
        self.classifier = nn.Sequential(
            nn.Conv2d(1, 10, 5), nn.MaxPool2d(2), nn.ReLU(),
            nn.Conv2d(10, 20, 5), nn.Dropout2d(), nn.MaxPool2d(2), nn.ReLU(),
            nn.Flatten(), nn.Linear(20 * 12 * 12, 50), nn.ReLU(), nn.Dropout(), nn.Linear(50, 10),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, 10)."""
        theta = self.localisation(images).view(-1, 2, 3)
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        return self.classifier(F.grid_sample(images, grid, align_corners=False))


def _train_by_hand(
    model: nn.Module,
    data: Dataset,
    optimiser: torch.optim.Optimizer,
    batch_size: int,
    epochs: int,
    device: torch.device,
) -> Progress:
    """A training loop as one would type it."""
    images, labels = data.train.images.to(device), data.train.labels.to(device)
    seconds = 0.0
    for _ in range(epochs):
        start = time.perf_counter()
        model.train()
        losses = []
        for batch in torch.randperm(len(images), device=device).split(batch_size):
            loss = F.cross_entropy(model(to_floats(images[batch])), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.detach())
        torch.stack(losses).mean().item()  # a GPU is done when it has answered
        seconds += time.perf_counter() - start
        yield seconds, evaluate(model, data.test)


def _train_by_fit(
    network: Callable[[], nn.Module], data: Dataset, seed: int, device: torch.device, **settings
) -> Progress:
    """The same by `fit`."""
    torch.manual_seed(seed)
    history = fit(network(), data, seed=seed, device=device, progress_bar=False, **settings)
    yield from zip(history.seconds, history.accuracy, strict=True)


def run_contender(contender: str, data: str, seed: int) -> dict:
    """One run in this process: accuracy and seconds after every epoch, and the most memory."""
    device = default_device()
    images, _ = load_recipe(data, seed, device)
    seconds, accuracy = zip(*CONTENDERS[contender](images, seed, device), strict=True)
    epochs = len(seconds)
    return {
        "contender": contender,
        "seed": seed,
        "accuracy": [round(a, 4) for a in accuracy],
        "seconds": [round(s, 2) for s in seconds],
        "images_a_second": round(epochs * len(images.train) / seconds[-1]),
        "peak_memory_mb": peak_memory(device),
    }


def peak_memory(device: torch.device) -> int:
    """The most memory that this process, or its GPU, has used, in MB."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_reserved(device) / 1e6)
    status = Path("/proc/self/status")
    if status.exists():  # Linux, where getrusage would count what the parent process had used
        return round(int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) * 1024 / 1e6)
    try:
        import resource  # not on Windows
    except ImportError:
        return 0
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)  # bytes, on a Mac


def seconds_to_accuracy(target: float, run: dict) -> float | None:
    """Seconds of training after which a run first reached an accuracy, or None.

    >>> seconds_to_accuracy(0.9, {"accuracy": [0.8, 0.91], "seconds": [2.0, 4.0]})
    4.0
    """
    reached = [s for s, a in zip(run["seconds"], run["accuracy"], strict=True) if a >= target]
    return reached[0] if reached else None


def run_bench(data: str = "mnist", seeds: int = 3, contenders: tuple = tuple(CONTENDERS)) -> Path:
    """Run all contenders in turn, seed by seed, and the samplers; write the record.

    Args:
        data: "mnist", or "digits" for a first try (the target is MNIST's).
        seeds: how many runs of `handwritten_loop` and `pointing_stn_2_epochs`; the others run once.
        contenders: names from `CONTENDERS`.

    Returns:
        The record's file, data/results/bench-<data>-<cpu or cuda>.json.
    """
    device, runs = default_device(), []
    path = records.record_path(f"bench-{data}-{device.type}")
    records.check_writable(path.stem)
    for seed, contender in product(range(seeds), contenders):
        if seed and contender not in ("handwritten_loop", "pointing_stn_2_epochs"):
            continue
        command = [sys.executable, "-m", __name__, contender, data, str(seed)]
        completed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        runs.append(json.loads(completed.stdout.splitlines()[-1]))
        print(_describe_run(runs[-1]), flush=True)
    record = {
        "experiment": "bench",
        "data": repr(load_recipe(data)[0]),
        "target_accuracy": TARGET_ACCURACY,
        "settings": QUICK_SETTINGS | {"precision": fastest_precision(device)},
        **records.provenance(device),
        "samplers": time_samplers(device),
        "runs": runs,
    }
    records.write_record(path, record)
    return path


def bench_table(record: dict) -> str:
    """The record in words: medians over the seeds, and the share of the handwritten loop's time.

    A contender that did not reach the target in all of its runs has no time to it. The memory is
    the highest of the seeds.
    """
    target, runs = record["target_accuracy"], {}
    for run in record["runs"]:
        runs.setdefault(run["contender"], []).append(run)
    by_hand = _time_to_target(target, runs.get("handwritten_loop", []))
    lines = []
    for name, of_name in runs.items():
        epochs = len(of_name[0]["accuracy"][:EPOCHS])
        columns = zip(
            *((r["accuracy"][epochs - 1], r["seconds"][epochs - 1], r["images_a_second"])
              for r in of_name), strict=True,
        )  # fmt: skip
        accuracy, seconds, speed = map(statistics.median, columns)
        time = _time_to_target(target, of_name)
        reached = "not reached to" if time is None else f"{time:.1f} s to"
        share = f", {time / by_hand:.2f} of handwritten_loop" if time and by_hand else ""
        lines.append(
            f"{name}: {reached} {100 * target:.1f} %{_epochs_to_target(target, of_name)}{share}; "
            f"{100 * accuracy:.1f} % after {epochs} epochs in {seconds:.0f} s, "
            f"{speed:,.0f} images a second, {max(run['peak_memory_mb'] for run in of_name)} MB, "
            + records.seeds_in_words(len(of_name))
        )
    for row in record["samplers"]:
        lines.append(
            f"{row['sampler']} sampler, {row['images']}: {row['forward_ms']:.2f} ms forward, "
            f"{row['forward_backward_ms']:.2f} with backward, "
            f"{100 * row['share_of_bandwidth']:.0f} % of the memory's speed"
        )
    return "\n".join(lines)


def _time_to_target(target: float, runs: list[dict]) -> float | None:
    """The median of the seconds to the target; None if a run missed it, or there is none."""
    times = [seconds_to_accuracy(target, run) for run in runs]
    return statistics.median(times) if times and None not in times else None


def _epochs_to_target(target: float, runs: list[dict]) -> str:
    """How many epochs that took, from the quickest run to the slowest; nothing if one missed it."""
    if _time_to_target(target, runs) is None:
        return ""
    epochs = [run["seconds"].index(seconds_to_accuracy(target, run)) + 1 for run in runs]
    few, many = min(epochs), max(epochs)
    return f" (epoch {few})" if few == many else f" (epochs {few} to {many})"


def _describe_run(run: dict) -> str:
    """A run of the record in a line."""
    seconds = seconds_to_accuracy(TARGET_ACCURACY, run)
    return (
        f"{run['contender']}, seed {run['seed']}: {100 * run['accuracy'][-1]:.2f} % after "
        f"{run['seconds'][-1]:.1f} s, "
        + (f"target at {seconds:.1f} s" if seconds else "target missed")
    )


if __name__ == "__main__":
    print(json.dumps(run_contender(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
