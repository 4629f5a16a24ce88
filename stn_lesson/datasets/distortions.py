"""Distorted digits: turned and scaled at random, as for the paper's table 1 (section 4.1)."""

import torch
from torch import Tensor

from stn_lesson.datasets.dataset import Dataset, Split
from stn_lesson.sampler import warp
from stn_lesson.theta import affine_theta


def distort(
    digits: Tensor | Dataset,
    size: int | None = None,
    *,
    rotation: float = 45,
    scale: tuple[float, float] = (0.7, 1.2),
    seed: int = 0,
    chunk: int = 4096,
) -> Tensor | Dataset:
    """Turn and scale each digit at random about the middle of its image.

    Args:
        digits: bytes (N, 1, h, w), or a whole `Dataset` of them: its training digits are distorted
            anew in every epoch, the others once.
        size: side of the new, square images in pixels; None keeps the digits' own height and
            width. Enough room keeps a large, turned digit whole.
        rotation: the largest angle in degrees; angles are uniform from −rotation to rotation.
        scale: smallest and largest scale, uniform between them.
        seed: where the random numbers start from; the same seed gives the same images.
        chunk: images made at a time.

    Returns:
        bytes (N, 1, size, size), or (N, 1, h, w) without a size; for a `Dataset`, a `Dataset` of
        such images.

    Raises:
        TypeError, ValueError: digits that are not bytes, or a scale that is not positive.

    >>> distort(torch.full((2, 1, 28, 28), 255, dtype=torch.uint8), 40).shape
    torch.Size([2, 1, 40, 40])
    """
    settings = dict(size=size, rotation=rotation, scale=scale, chunk=chunk)
    if isinstance(digits, Dataset):
        return _distort_dataset(digits, settings, seed)
    if not isinstance(digits, Tensor) or digits.dtype != torch.uint8 or digits.ndim != 4:
        got = f"{digits.dtype} of shape {tuple(digits.shape)}" if isinstance(digits, Tensor) else ""
        raise TypeError(
            f"digits must be bytes (N, 1, h, w) or a Dataset, got {got or type(digits).__name__}"
        )
    if not 0 < scale[0] <= scale[1]:
        raise ValueError(f"scale must be (smallest, largest), both above 0, got {scale}")
    height, width = (size, size) if size else digits.shape[-2:]
    generator = torch.Generator().manual_seed(seed)
    angle, zoom = torch.rand(2, len(digits), generator=generator).to(digits.device)
    zoom = scale[0] + zoom * (scale[1] - scale[0])
    # A pixel of the digit stays a pixel of the new image: hence the ratios of their half sides.
    same_x = (digits.shape[-1] - 1) / max(width - 1, 1)
    same_y = (digits.shape[-2] - 1) / max(height - 1, 1)
    theta = affine_theta(
        (2 * angle - 1) * rotation, (same_x * zoom, same_y * zoom), size=(height, width)
    )
    images = digits.new_empty(len(digits), digits.shape[1], height, width)
    for start in range(0, len(digits), chunk):
        part = slice(start, start + chunk)
        images[part] = warp(digits[part].float(), theta[part], (height, width)).round()
    return images


def _distort_dataset(plain: Dataset, settings: dict, seed: int) -> Dataset:
    """Distort every split, each from seeds of its own."""

    def turn(images: Tensor, offset: int) -> Tensor:
        return distort(images, **settings, seed=seed * 1_000_003 + 500_000 + offset)

    def redraw(epoch: int) -> Tensor:
        return turn(plain.training_images(epoch), epoch + 2)

    return Dataset(
        name=f"turned and scaled {plain.name}",
        train=Split(redraw(0), plain.train.labels),
        test=Split(turn(plain.test.images, 0), plain.test.labels),
        valid=plain.valid and Split(turn(plain.valid.images, 1), plain.valid.labels),
        redraw=redraw,
    )
