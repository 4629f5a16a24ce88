"""What to write where pictures of another kind came: the last words of an error.

An error that only says what is wrong leaves the reader to find out what is right. With these it
ends `use image.permute(2, 0, 1)[None] / 255`, and every step of that was tried on what came.
"""

import numpy as np
import torch
from torch import Tensor

HALF_LEVEL = 0.5 / 255  # half of a byte's grey level: so far may rounding leave the range 0 to 1
# Where white is 255, some pixel reaches this; below it, who knows what white is.
DARKEST_WHITE = 128


def kind_of(value) -> str:
    """What came, in the words of an error: type and shape, or the type alone.

    >>> kind_of(torch.zeros(2, 3)), kind_of(None)
    ('torch.float32 of shape (2, 3)', 'NoneType')
    """
    if isinstance(value, Tensor | np.ndarray):
        of_numpy = "" if isinstance(value, Tensor) else "numpy "
        return f"{of_numpy}{value.dtype} of shape {tuple(value.shape)}"
    return type(value).__name__


def remedy(
    value,
    name: str,
    *,
    channels: int | tuple[int, ...] | None = None,
    single: bool = False,
    floats: bool = False,
    any_shape: bool = False,
    any_range: bool = False,
) -> str:
    """What to write in the place of `name` to have pictures (N, C, H, W): ": use …".

    Args:
        value: what came instead.
        name: of the argument.
        channels: how many are right; None takes any number.
        single: whether one picture is wanted, (1, C, H, W), and not several.
        floats: whether floats from 0 to 1 are wanted, and not bytes.
        any_shape: whether the shape is right as it is.
        any_range: whether floats of any size are right.

    Returns:
        the words, or "" where there is nothing to be made of it.

    >>> remedy(np.zeros((8, 9, 3), np.uint8), "image", single=True, floats=True)
    ': use to_floats(torch.as_tensor(image).permute(2, 0, 1)[None])'
    >>> remedy("image.png", "image")
    ''
    """
    if isinstance(getattr(value, "images", None), Tensor):
        return f": use {name}.images"
    try:
        made, code = _as_tensor(value, name)
        white = 1 if any_range and made.is_floating_point() else _white_of(made)
        if not any_shape:
            made, code = _with_four_axes(made, code, single, grey=channels == 1)
            made, code = _with_channels(made, code, channels)
        code = (_code_of_floats if floats else _code_of_bytes)(made, code, white)
    except (TypeError, ValueError, RuntimeError, IndexError):
        return ""
    return "" if code == name else f": use {code}"


def _as_tensor(value, code: str) -> tuple[Tensor, str]:
    """What came as a tensor with pixels, and the code that makes it one."""
    if isinstance(value, list | tuple) and all(isinstance(each, Tensor) for each in value):
        value, code = torch.stack(tuple(value)), f"torch.stack({code})"
    elif hasattr(value, "__array_interface__") and not isinstance(value, np.ndarray):
        value, code = torch.as_tensor(np.array(value)), f"torch.as_tensor(numpy.array({code}))"
    elif not isinstance(value, Tensor):
        value = torch.as_tensor(value)
        double = value.dtype == torch.float64  # numpy's floats; networks and θ have 32 bits
        code = f"torch.as_tensor({code}{', dtype=torch.float32' if double else ''})"
        value = value.float() if double else value
    if value.numel() == 0 or value.is_meta:
        raise ValueError("no pictures can be made of this")
    return (value.abs(), f"{code}.abs()") if value.is_complex() else (value, code)


def _white_of(pictures: Tensor) -> float:
    """What white seems to be: 1, 255 or the brightest value; infinity where some are below 0."""
    if pictures.dtype in (torch.bool, torch.uint8):
        return 1 if pictures.dtype == torch.bool else 255
    low, high = pictures.min().item(), pictures.max().item()
    if not (-float("inf") < low <= high < float("inf")):
        raise ValueError("NaN or infinity is no grey value")
    if low < -HALF_LEVEL:
        if low == high:
            raise ValueError("one value below black is no grey value")
        return float("inf")
    if high <= 1 + HALF_LEVEL:
        return 1
    return 255 if DARKEST_WHITE <= high <= 255 + 0.5 else high


def _with_four_axes(pictures: Tensor, code: str, single: bool, grey: bool) -> tuple[Tensor, str]:
    """(N, C, H, W) of more or fewer axes, or of channels that stand last."""
    if pictures.ndim < 2:
        raise ValueError("no pictures can be made of one row")
    channels_last = pictures.ndim in (3, 4) and pictures.shape[-1] in (1, 3, 4)
    channels_last = channels_last and pictures.shape[-3] > 4
    if pictures.ndim == 2:
        return pictures[None, None], f"{code}[None, None]"
    if pictures.ndim == 3 and channels_last:
        return pictures.permute(2, 0, 1)[None], f"{code}.permute(2, 0, 1)[None]"
    if pictures.ndim == 3:
        if single or (pictures.shape[0] == 3 and not grey):
            return pictures[None], f"{code}[None]"
        return pictures[:, None], f"{code}[:, None]"
    if pictures.ndim > 4:
        pictures, code = pictures.flatten(0, -4), f"{code}.flatten(0, -4)"
    elif channels_last:
        pictures, code = pictures.permute(0, 3, 1, 2), f"{code}.permute(0, 3, 1, 2)"
    return (pictures[:1], f"{code}[:1]") if single and len(pictures) > 1 else (pictures, code)


def _with_channels(pictures: Tensor, code: str, channels) -> tuple[Tensor, str]:
    """Pictures with as many channels as are right: without transparency, or the channels' mean."""
    right = (channels,) if isinstance(channels, int) else channels
    if right is None or pictures.shape[1] in right:
        return pictures, code
    if 3 in right and pictures.shape[1] == 4:
        return pictures[:, :3], f"{code}[:, :3]"
    if 3 in right and pictures.shape[1] == 1:
        return pictures.expand(-1, 3, -1, -1), f"{code}.expand(-1, 3, -1, -1)"
    if 1 not in right:
        raise ValueError("no channels can be made of this")
    if not pictures.is_floating_point():
        pictures, code = pictures.float(), f"{code}.float()"
    return pictures.mean(1, keepdim=True), f"{code}.mean(1, keepdim=True)"


def _code_of_floats(pictures: Tensor, code: str, white: float) -> str:
    """The code that makes floats from 0 to 1 of pictures (N, C, H, W)."""
    if pictures.dtype == torch.uint8:
        return f"to_floats({code})"
    if white == 1:
        return code if pictures.is_floating_point() else f"{code}.float()"
    return f"{code} / {white:.9g}" if white < float("inf") else _stretched(code)


def _code_of_bytes(pictures: Tensor, code: str, white: float) -> str:
    """The code that makes bytes of pictures (N, C, H, W)."""
    if pictures.dtype == torch.uint8:
        return code
    if white == 1 and not pictures.is_floating_point():
        return f"{code}.to(torch.uint8) * 255"
    if white == 255:
        rounded = ".round()" if pictures.is_floating_point() else ""
        return f"{code}{rounded}.to(torch.uint8)"
    if white == float("inf"):
        code = _stretched(code)
    elif white != 1:
        code = f"{code} / {white:.9g}"
    return f"({code} * 255).round().to(torch.uint8)"


def _stretched(code: str) -> str:
    return f"({code} - {code}.min()) / ({code}.max() - {code}.min())"
