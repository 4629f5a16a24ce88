"""Geometry in 32 bits or 64, whatever the pictures are: 16 would move a grid by a pixel."""

from collections.abc import Callable
from functools import wraps

import torch


def in_full_precision(function: Callable) -> Callable:
    """The function, computing in full under `torch.autocast`, too, which turns products to 16 bits.

    >>> in_full_precision(torch.matmul).__name__
    'matmul'
    """

    @wraps(function)
    def in_full(*args, **options):
        for device in devices_with_autocast():
            with torch.autocast(device, enabled=False):
                return in_full(*args, **options)
        return function(*args, **options)

    return in_full


def devices_with_autocast() -> list[str]:
    """The types of device on which `torch.autocast` is on."""
    return [device for device in ("cpu", "cuda") if torch.is_autocast_enabled(device)]


def restore_autocast(devices: list[str]) -> None:
    """Leave autocast on for these types of device alone: Ctrl-C may have cut off its own end.

    >>> restore_autocast(devices_with_autocast())
    """
    for device in ("cpu", "cuda"):
        torch.set_autocast_enabled(device, device in devices)
    torch.set_autocast_cache_enabled(True)
    torch.clear_autocast_cache()


def float_type(dtype: torch.dtype | None) -> torch.dtype:
    """The type of a grid made anew: torch's default one, or the one that is asked for.

    Raises:
        TypeError: it has fewer than 32 bits, or holds no floats.
    """
    if dtype is None:
        return lifted(torch.get_default_dtype())
    if dtype not in (torch.float32, torch.float64):
        raise TypeError(
            f"dtype must be torch.float32 or torch.float64, got {dtype}: "
            "in 16 bits a grid would be off by a pixel"
        )
    return dtype


def lifted(dtype: torch.dtype) -> torch.dtype:
    """The type in which geometry is computed for tensors of this one."""
    return dtype if dtype.itemsize >= 4 else torch.float32
