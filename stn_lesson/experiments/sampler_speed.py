"""How fast the samplers are: by hand, torch's, and fused, beside the speed of the memory."""

import statistics
import time
from collections.abc import Callable

import torch

from stn_lesson import fused
from stn_lesson.grid import sampling_grid
from stn_lesson.sampler import bilinear_sample, sample
from stn_lesson.theta import affine_theta

IMAGE_SIZES = (
    (256, 1, 60, 20),
    (64, 32, 56, 56),
    (8, 3, 512, 512),
)  # N, C, side of source and target


def time_samplers(device: torch.device, repeats: int = 7) -> list[dict]:
    """Time each sampler, from θ to picture and back: by hand, torch's, and fused where it runs.

    Returns:
        A dict for each sampler and image size: milliseconds forward, and forward with backward; and
        the share of the memory's bandwidth: the bytes that must at least be moved (source and
        picture once, and their gradients on the way back) in that time, against what a plain copy
        moves.
    """
    samplers = {"by hand": bilinear_sample, "torch's": sample}
    warps = {
        name: lambda image, theta, size, read=read: read(image, sampling_grid(theta, *size))
        for name, read in samplers.items()
    }
    if fused.is_available(device):
        warps["fused"] = fused.fused_warp
    bandwidth, rows = _copy_bandwidth(device, repeats), []
    for n, c, side, view in IMAGE_SIZES:
        image = torch.rand(n, c, side, side, device=device, requires_grad=True)
        theta = affine_theta(rotation=torch.linspace(-45, 45, n), scale=0.9)
        theta = theta.to(device).requires_grad_()
        bytes_moved = 4 * n * c * (side * side + view * view)  # one way
        for name, warp in warps.items():

            def forward(warp=warp, image=image, theta=theta, view=view):
                return warp(image, theta, (view, view))

            def forward_backward(forward=forward):
                forward().sum().backward()

            with torch.no_grad():
                forward_seconds = _median_seconds(forward, device, repeats)
            both_seconds = _median_seconds(forward_backward, device, repeats)
            rows.append(
                {
                    "sampler": name,
                    "images": f"{n}×{c}×{side}×{side} to {view}×{view}",
                    "forward_ms": round(1e3 * forward_seconds, 3),
                    "forward_backward_ms": round(1e3 * both_seconds, 3),
                    "share_of_bandwidth": round(3 * bytes_moved / both_seconds / bandwidth, 3),
                }
            )
    return rows


def _copy_bandwidth(device: torch.device, repeats: int) -> float:
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
