"""What pictures, labels and paths of a data set may be; errors that say what to write instead."""

import torch
from torch import Tensor

from stn_lesson.arguments import check_pixels, whole_number
from stn_lesson.remedies import kind_of, remedy

MAX_IMAGES = 100_000  # drawn anew; more would take many gigabytes


def check_bytes(
    images,
    name: str = "images",
    *,
    channels: int | None = None,
    alternative: str = "",
    volumes: bool = False,
) -> Tensor:
    """The images themselves, if they are bytes (N, C, H, W); an error that says how to make some.

    Args:
        images: what was given.
        name: of the argument.
        channels: how many they must have; None takes any number.
        alternative: what else may be given, as in ", or a Dataset".
        volumes: whether they may be volumes, too, (N, C, D, H, W).

    Raises:
        TypeError: no tensor, or no bytes.
        ValueError: bytes of another shape.

    >>> check_bytes(torch.zeros(2, 1, 8, 8, dtype=torch.uint8)).shape
    torch.Size([2, 1, 8, 8])
    >>> check_bytes(torch.ones(8, 8))
    Traceback (most recent call last):
    TypeError: images must be bytes (torch.uint8, 0 to 255) of shape (N, C, H, W), got torch.float32
    of shape (8, 8): use (images[None, None] * 255).round().to(torch.uint8)
    """
    of_bytes = isinstance(images, Tensor) and images.dtype == torch.uint8
    right_shape = of_bytes and images.ndim in (4, 4 + volumes) and 0 not in images.shape[1:]
    if right_shape and channels in (None, images.shape[1]):
        return images
    error = ValueError if of_bytes else TypeError
    raise error(
        f"{name} must be bytes (torch.uint8, 0 to 255) of shape (N, {channels or 'C'}, H, W)"
        f"{alternative}, got {kind_of(images)}{remedy(images, name, channels=channels)}"
    )


def check_byte_type(images) -> None:
    """Raise an error for anything but a tensor of bytes, of whatever shape.

    >>> check_byte_type(torch.ones(2, 2))
    Traceback (most recent call last):
    TypeError: images must be bytes (torch.uint8, 0 to 255), got torch.float32 of shape (2, 2): use
    (images * 255).round().to(torch.uint8), or floats from 0 to 1 as they are
    """
    if isinstance(images, Tensor) and images.dtype == torch.uint8:
        return
    how = remedy(images, "images", any_shape=True)
    if how and isinstance(images, Tensor) and images.is_floating_point():
        how += ", or floats from 0 to 1 as they are"
    raise TypeError(f"images must be bytes (torch.uint8, 0 to 255), got {kind_of(images)}{how}")


def check_labels(labels, name: str = "labels", several: bool = True) -> Tensor:
    """The labels themselves, if they are whole numbers, (N,) or (N, K), K for each picture.

    Labels one-hot, or in one column, are refused: what was meant is one for each picture. So are
    (N, K), where there may not be several.

    Raises:
        TypeError: no tensor, or one of another kind of numbers.
        ValueError: whole numbers of another shape.

    >>> check_labels(torch.eye(3)[[2, 0]])
    Traceback (most recent call last):
    TypeError: labels must be whole numbers (torch.long) of shape (N,), or (N, K) where each image
    has K, got torch.float32 of shape (2, 3): use labels.argmax(1)
    """
    whole = isinstance(labels, Tensor) and labels.dtype == torch.long
    if whole and labels.ndim == 1:
        return labels
    how = _labels_remedy(labels, name)
    if whole and several and labels.ndim == 2 and not how:
        return labels
    error = ValueError if whole else TypeError
    shapes = "(N,), or (N, K) where each image has K" if several else "(N,)"
    raise error(
        f"{name} must be whole numbers (torch.long) of shape {shapes}, got {kind_of(labels)}{how}"
    )


def check_known(known: Tensor | None, name: str, where: str) -> Tensor:
    """The poses or the parts of a split, if they are known.

    Raises:
        ValueError: they are not; the message says which split's are.

    >>> check_known(None, "poses", "solids(digits).test")
    Traceback (most recent call last):
    ValueError: split must be one whose poses are known: use solids(digits).test, or the like
    """
    if known is None:
        raise ValueError(f"split must be one whose {name} are known: use {where}, or the like")
    return known


def check_generator(generator) -> torch.Generator:
    """The generator of random numbers itself; a TypeError for anything else."""
    if not isinstance(generator, torch.Generator):
        raise TypeError(
            f"generator must be a torch.Generator, got {kind_of(generator)}: use "
            "torch.Generator().manual_seed(0)"
        )
    return generator


def check_side(size, axes: int = 2, lowest: int = 1) -> int:
    """The side of a square picture made anew, or of a cube of voxels, as a whole number.

    Raises:
        TypeError, ValueError: it is none, or there would be too many pixels.

    >>> check_side(60)
    60
    """
    size = whole_number(size, "size", lowest)
    check_pixels(*[size] * axes)
    return size


def _labels_remedy(labels, code: str) -> str:
    """What to write in the place of labels of another kind or shape, where there is something."""
    try:
        if not isinstance(labels, Tensor):
            labels, code = torch.as_tensor(labels), f"torch.as_tensor({code})"
        if labels.ndim == 2 and labels.shape[1] > 1:
            one_hot = ((labels == 0) | (labels == 1)).all() and (labels.sum(1) == 1).all()
            one_hot = one_hot and len(labels.argmax(1).unique()) > 1  # "010" alone is a number
            return f": use {code}.argmax(1)" if one_hot else ""
        one_each = labels.ndim == 0 or labels.numel() == len(labels)
        if labels.is_complex() or not one_each or not (labels == labels.long()).all():
            return ""
    except (TypeError, ValueError, RuntimeError):
        return ""
    code = code if labels.ndim == 1 else f"{code}.flatten()"
    return f": use {code}" if labels.dtype == torch.long else f": use {code}.long()"
