"""The Lasagne recipe's network, and what all networks of that size share."""

from collections.abc import Callable
from functools import partial
from itertools import count

import torch
from torch import Tensor, nn

from stn_lesson.arguments import whole_number
from stn_lesson.remedies import kind_of, remedy
from stn_lesson.transformer import SpatialTransformer, freeze_transformers

MAX_UNITS = 4096  # of a layer, channels, classes, a side in pixels; more would take gigabytes


class RecipeSTN(nn.Module):
    """The spatial transformer network of the Lasagne recipe, layer by layer.

    A localisation network looks at the whole image, the transformer cuts out a small view, and a
    small CNN reads the digit in it.

    Args:
        size: side of the (square) input images in pixels.
        view: side of the transformer's view, of what the classifier sees. The recipe's is a third
            of the image's.
        classes: number of classes.

    Shape:
        images (N, 1, size, size) → class scores (N, classes).

    Raises:
        TypeError, ValueError: a number that cannot be, a side too small for the convolutions; or,
            when it is asked, images of another kind or size.

    >>> from stn_lesson.networks import count_parameters
    >>> count_parameters(RecipeSTN())
    178018
    """

    def __init__(self, size: int = 60, view: int = 20, classes: int = 10):
        """See the class."""
        super().__init__()
        size, view, classes = whole_sizes(size=size, view=view, classes=classes)
        expect_images(self, size=size)
        # Two poolings and two 5×5 convolutions without padding.
        side = side_after(lambda side: (side // 2 - 4) // 2 - 4, size, "size")
        features = nn.Linear(20 * side * side, 50)
        localisation = nn.Sequential(
            nn.MaxPool2d(2), nn.Conv2d(1, 20, 5), nn.ReLU(),
            nn.MaxPool2d(2), nn.Conv2d(20, 20, 5), nn.ReLU(),
            nn.Flatten(), features, nn.ReLU(),
            nn.Linear(50, 6),
        )  # fmt: skip
        side = side_after(lambda side: ((side - 2) // 2 - 2) // 2, view, "view")
        self.classifier = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * side * side, 256), nn.ReLU(), nn.Linear(256, classes),
        )  # fmt: skip
        for module in (localisation, self.classifier):
            module.apply(init_like_the_recipe)
        nn.init.kaiming_uniform_(features.weight)  # the one layer started with gain √2
        # The transformer comes last: it sets the localisation's last layer to zero. The recipe's
        # sampler holds coordinates inside the image, which is border padding.
        self.transformer = SpatialTransformer(localisation, size=(view, view), padding="border")

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        return self.classifier(self.transformer(images))


def frozen_stn() -> RecipeSTN:
    """The recipe with its transformer held at the identity: a small view of the whole image.

    What a `RecipeSTN` does better than this one, its transformer has contributed.

    >>> frozen_stn().transformer.localisation[-1].weight.requires_grad
    False
    """
    return freeze_transformers(RecipeSTN())


def init_like_the_recipe(layer: nn.Module) -> None:
    """He-uniform weights with gain 1 and zero biases, as the recipe starts its layers.

    The small gain matters: with √2 everywhere, about one start in ten runs away (notebook 05).
    """
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear")
        nn.init.zeros_(layer.bias)


def whole_sizes(**sizes) -> list[int]:
    """Sizes and counts of a network by name, each a whole number from 1 to `MAX_UNITS`.

    >>> whole_sizes(size=60, classes=10)
    [60, 10]
    """
    return [whole_number(size, name, 1, MAX_UNITS) for name, size in sizes.items()]


def side_after(convolutions: Callable[[int], int], side: int, name: str) -> int:
    """What convolutions and poolings leave of a side; an error where that is nothing.

    Args:
        convolutions: from the side of a picture to what they leave of it.
        side: of what they are given, in pixels.
        name: of the argument that says so.

    >>> side_after(lambda side: (side - 4) // 2, 28, "size")
    12
    """
    left = convolutions(side)
    if left < 1:
        smallest = next(larger for larger in count(side) if convolutions(larger) >= 1)
        raise ValueError(
            f"{side}×{side} pixels are too small for the convolutions of this network: use a "
            f"{name} of at least {smallest}"
        )
    return left


def expect_images(
    network: nn.Module,
    channels: int = 1,
    size: int | None = None,
    smallest: int = 1,
    name: str = "",
) -> None:
    """Let a network refuse images that it cannot read, before anything is computed.

    Args:
        network: that is given the images.
        channels: that they must have.
        size: the side that they must have, in pixels; None takes any from `smallest` on.
        smallest: see there.
        name: what to call the network; by default, its class's.

    >>> layer = nn.Conv2d(1, 4, 3)
    >>> expect_images(layer, size=28)
    >>> layer(torch.zeros(8, 1, 28, 28, dtype=torch.uint8))
    Traceback (most recent call last):
    TypeError: Conv2d reads floats (N, 1, 28, 28), got torch.uint8 of shape (8, 1, 28, 28): use
    to_floats(images)
    """
    wanted = dict(channels=channels, size=size, smallest=smallest, name=name)
    network.register_forward_pre_hook(partial(_check_images, **wanted), with_kwargs=True)


def _check_images(
    network: nn.Module,
    inputs: tuple,
    named_inputs: dict,
    *,
    channels: int,
    size: int | None,
    smallest: int,
    name: str,
) -> None:
    """Raise a clear error for anything but images of floats that a network can read."""
    if not inputs and not named_inputs:
        return  # Python itself tells of an argument that is missing
    images, weights = (*inputs, *named_inputs.values())[0], next(network.parameters())
    side, name = size or "H", name or type(network).__name__
    wanted = f"{name} reads floats (N, {channels}, {side}, {size or 'W'})"
    if not isinstance(images, Tensor) or not images.is_floating_point():
        how = remedy(images, "images", channels=channels, floats=True)
        raise TypeError(f"{wanted}, got {kind_of(images)}{how}")
    if images.dtype != weights.dtype and not torch.is_autocast_enabled(images.device.type):
        raise TypeError(
            f"{wanted} of type {weights.dtype}, got {images.dtype}: use images.to({weights.dtype})"
        )
    if images.device != weights.device:
        raise TypeError(
            f"{wanted} on {weights.device}, got some on {images.device}: use "
            f'images.to("{weights.device}")'
        )
    if images.ndim != 4 or images.shape[1] != channels:
        how = remedy(images, "images", channels=channels, floats=True)
        if not how and images.ndim == 4:
            how = f": use a network made with channels={images.shape[1]}"
        raise ValueError(f"{wanted}, got {tuple(images.shape)}{how}")
    height, width = images.shape[2:]
    if min(height, width) < smallest or (size is not None and (height, width) != (size, size)):
        new = f"({size}, {size})" if size else f"({max(height, smallest)}, {max(width, smallest)})"
        least = "" if size else f" of {smallest}×{smallest} pixels at least"
        raise ValueError(
            f"{wanted}{least}, got {tuple(images.shape)}: use warp(images, affine_theta(), {new}), "
            "or a network made for this size"
        )
