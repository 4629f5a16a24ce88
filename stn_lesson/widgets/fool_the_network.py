"""Fool the network: make a scene, and watch what a trained network makes of it."""

import torch
import traitlets
from torch import Tensor, nn

from stn_lesson import plots
from stn_lesson.arguments import whole_number
from stn_lesson.checks import check_network
from stn_lesson.datasets import Split, to_floats
from stn_lesson.datasets.checks import check_bytes
from stn_lesson.remedies import kind_of
from stn_lesson.sampler import warp
from stn_lesson.theta import affine_theta, decompose
from stn_lesson.transformer import SpatialTransformer, evaluating, find_transformer, look
from stn_lesson.widgets.browser_network import browser_network
from stn_lesson.widgets.live import LivePicture, Number, WholeNumber, script, transformer_view

CLUTTER_SIDE, CLUTTER_COUNT = 8, 16  # side and number of the pieces of clutter on offer
MIN_SIDE, MAX_SIDE = 16, 256  # pixels on a side, of digits and of scenes


class FoolTheNetwork(LivePicture):
    """A digit to turn, scale and move, clutter, a pen; and the answer of a network that looks.

    The scene is made in the browser, and there a small network answers too, with the weights that
    it has now; one that `browser_network` cannot write out answers from the kernel.
    The undo meter shows by how much the transformer turns the picture against the angle by which
    the digit was turned.

    Args:
        model: a network with a `SpatialTransformer`, for images (N, 1, side, side).
        digits: digits to choose from, bytes (N, 1, h, h), with their labels.
        side: side of the scene in pixels.
        index: which of the digits to begin with.

    Raises:
        TypeError, ValueError: a network without a transformer, digits that are none or too small
            (below 16 pixels), an index that is not there.

    >>> from stn_lesson.datasets import load_digits
    >>> from stn_lesson.networks import RecipeSTN
    >>> game = FoolTheNetwork(RecipeSTN(), load_digits().test)
    >>> game.rotation = 30.0
    >>> game.scene.shape
    torch.Size([1, 1, 60, 60])
    """

    _esm = script("scene", "network", "fool_the_network")
    digits = traitlets.Bytes().tag(sync=True)
    labels = traitlets.List().tag(sync=True)
    crops = traitlets.Bytes().tag(sync=True)
    crop_places = traitlets.List().tag(sync=True)
    side = traitlets.Int().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)  # what the transformer makes: size, kernel, padding
    network = traitlets.Dict().tag(sync=True)  # for the browser; empty if the kernel must answer
    index = WholeNumber(0).tag(sync=True)  # which digit; −1 for none
    rotation = Number(0).tag(sync=True)
    scale = Number(1).tag(sync=True)
    x = Number(0).tag(sync=True)
    y = Number(0).tag(sync=True)
    clutter = WholeNumber(0).tag(sync=True)

    def __init__(self, model: nn.Module, digits: Split, *, side: int = 60, index: int = 4):
        """See the class."""
        transformer = _affine_transformer(model)
        _check_digits(digits)
        side = whole_number(side, "side", MIN_SIDE, MAX_SIDE)
        self.model, self._digits = model, digits
        size = transformer.output_size(torch.empty(1, 1, side, side))
        self.look(torch.zeros(1, 1, side, side))  # told now, and not when the browser asks
        crops, places = _clutter_pieces(digits.images.cpu(), side)
        super().__init__(
            digits=digits.images.cpu().contiguous().numpy().tobytes(),
            labels=digits.labels.tolist(),
            crops=crops.numpy().tobytes(),
            crop_places=places.tolist(),
            side=side,
            view=transformer_view(transformer, size),
            network=browser_network(model, side),
            index=index,
        )
        self.on_msg(self._on_message)

    @traitlets.validate("index", "clutter", "scale")
    def _validate_range(self, proposal: dict) -> float:
        """Refuse what the scene cannot show."""
        name, value = proposal["trait"].name, proposal["value"]
        lowest, highest = {
            "index": (-1, len(self.labels) - 1),
            "clutter": (0, CLUTTER_COUNT),
            "scale": (0.05, 20),
        }[name]
        if not lowest <= value <= highest:
            raise ValueError(f"{name} must be from {lowest} to {highest}, got {value}")
        return value

    @property
    def scene(self) -> Tensor:
        """The digit as it is placed now, without clutter or drawing: floats (1, 1, side, side)."""
        return self._scene_at(self.rotation)

    def look(self, scenes: Tensor) -> tuple[Tensor, Tensor]:
        """What the network makes of scenes (N, 1, side, side): θ (N, 2, 3), shares (N, classes)."""
        with torch.no_grad(), evaluating(self.model):
            device = next(self.model.parameters()).device
            shares = self.model(scenes.to(device)).softmax(1).cpu()
        return look(self.model, scenes).theta, shares

    def still(self) -> plots.Picture:
        """The digit at seven angles, where the network looks, and what it sees."""
        angles = torch.arange(-90, 91, 30)
        scenes = torch.cat([self._scene_at(self.rotation + angle) for angle in angles.tolist()])
        titles = [f"{angle}°" for angle in angles.tolist()]
        return plots.gallery(self.model, (scenes * 255).round().byte(), titles=titles)

    def _scene_at(self, rotation: float) -> Tensor:
        if self.index < 0:
            return torch.zeros(1, 1, self.side, self.side)
        digit = to_floats(self._digits.images[self.index : self.index + 1])
        unit = (digit.shape[-1] - 1) / (self.side - 1)  # a pixel stays a pixel
        theta = affine_theta(rotation, self.scale * unit, translation=(self.x, self.y))
        return warp(digit, theta, (self.side, self.side))

    def _on_message(self, _, content: dict, buffers: list) -> None:
        """Answer a question of the browser; an error goes there too, so that it asks again."""
        try:
            pixels = torch.frombuffer(bytearray(buffers[0]), dtype=torch.uint8)
            theta, shares = self.look(to_floats(pixels.view(-1, 1, self.side, self.side)))
            content |= {"theta": theta.flatten(1).tolist(), "shares": shares.tolist()}
            content["rotation"] = rotation_angles(theta)
        except Exception as error:
            content["error"] = str(error) or type(error).__name__
        self.send(content)


def _affine_transformer(model: nn.Module) -> SpatialTransformer:
    """The transformer of a network, if it has one whose θ turns and scales."""
    transformer = find_transformer(check_network(model))
    if transformer is None:
        raise ValueError(
            f"{type(model).__name__} has no SpatialTransformer whose looks could be shown"
        )
    if transformer.family.theta(transformer.identity[None]).shape[1:] != (2, 3):
        raise ValueError(
            f"the game shows affine transformers, got {transformer.family.name!r}: use a network "
            'with family="affine" or "attention"'
        )
    return transformer


def _check_digits(digits: Split) -> None:
    """Raise a clear error for what are no digits, or too small to be cut into clutter."""
    if not isinstance(digits, Split):
        hint = ": use digits.test" if hasattr(digits, "test") else ""
        raise TypeError(
            f"digits must be a Split, as in load_digits().test, got {kind_of(digits)}{hint}"
        )
    check_bytes(digits.images, "digits.images", channels=1)
    if not len(digits) or min(digits.images.shape[-2:]) < MIN_SIDE:
        raise ValueError(
            f"digits must be one or more, at least {MIN_SIDE} pixels wide and high, got "
            f"{tuple(digits.images.shape)}"
        )


def rotation_angles(theta: Tensor) -> list[float | None]:
    """By how many degrees each θ turns the picture; None where it squeezes it flat."""
    a, b, c, d = theta[:, :, :2].flatten(1).unbind(1)
    flat = a * d - b * c == 0
    safe = torch.where(flat[:, None, None], affine_theta().to(theta), theta)
    angles = decompose(safe)["rotation"].tolist()
    return [None if lost else angle for lost, angle in zip(flat.tolist(), angles, strict=True)]


def _clutter_pieces(images: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Pieces of digits, bytes (16, 8, 8), and the rows and columns where they lie, (16, 2)."""
    generator = torch.Generator().manual_seed(0)
    room = min(images.shape[-2:]) - CLUTTER_SIDE - 3  # the margin of a digit is empty
    which = torch.randint(len(images), (CLUTTER_COUNT,), generator=generator).tolist()
    corners = torch.randint(4, room, (CLUTTER_COUNT, 2), generator=generator).tolist()
    crops = [
        images[n, 0, row : row + CLUTTER_SIDE, column : column + CLUTTER_SIDE]
        for n, (row, column) in zip(which, corners, strict=True)
    ]
    last = side - CLUTTER_SIDE
    return torch.stack(crops), torch.randint(last + 1, (CLUTTER_COUNT, 2), generator=generator)
