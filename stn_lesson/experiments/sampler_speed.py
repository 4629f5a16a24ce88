"""How fast the samplers are: by hand, torch's, and fused, beside the speed of the memory."""

import statistics
import time
from collections.abc import Callable

import torch

from stn_lesson import fused
from stn_lesson.grid import sampling_grid
from stn_lesson.sampler import bilinear_sample, sample
from stn_lesson.theta import affine_theta

SIZES = ((256, 1, 60, 20), (64, 32, 56, 56), (8, 3, 512, 512))  # N, C, side of source and target


def time_samplers(device: torch.device, repeats: int = 7) -> list[dict]:
    """By hand, torch's, and fused where it runs: θ to picture, forward and backward.

    Share of bandwidth: what must at least be moved (source and picture once, and their gradients
    on the way back) in that time, beside what a plain copy moves in the same run.
    """
    samplers = {"by hand": bilinear_sample, "torch's": sample}
    ways = {
        name: lambda image, theta, size, read=read: read(image, sampling_grid(theta, *size))
        for name, read in samplers.items()
    }
    if fused.available(device):
        ways["fused"] = fused.fused_warp
    speed, rows = _copy_speed(device, repeats), []
    for n, c, side, view in SIZES:
        image = torch.rand(n, c, side, side, device=device, requires_grad=True)
        turned = affine_theta(rotation=torch.linspace(-45, 45, n), scale=0.9).to(device)
        theta = turned.requires_grad_()
        moved = 4 * n * c * (side * side + view * view)  # bytes, one way
        for name, way in ways.items():

            def forward(way=way, image=image, theta=theta, view=view):
                return way(image, theta, (view, view))

            def both(forward=forward):
                forward().sum().backward()

            with torch.no_grad():
                one_way = _median_seconds(forward, device, repeats)
            two_ways = _median_seconds(both, device, repeats)
            rows.append(
                {
                    "sampler": name,
                    "images": f"{n}×{c}×{side}×{side} to {view}×{view}",
                    "forward_ms": round(1e3 * one_way, 3),
                    "both_ms": round(1e3 * two_ways, 3),
                    "share_of_bandwidth": round(3 * moved / two_ways / speed, 3),
                }
            )
    return rows


def _copy_speed(device: torch.device, repeats: int) -> float:
    """Bytes a second that a copy reads and writes, of memory larger than the caches."""
    source = torch.rand(2**26, device=device)
    target = torch.empty_like(source)
    return 2 * 4 * len(source) / _median_seconds(lambda: target.copy_(source), device, repeats)


def _median_seconds(action: Callable, device: torch.device, repeats: int) -> float:
    """The median time of an action, after two that are not counted."""
    times = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        action()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times[2:])
