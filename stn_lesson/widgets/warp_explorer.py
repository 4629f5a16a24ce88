"""Warp explorer: θ under your fingers."""

import traitlets
from torch import Tensor

from stn_lesson import plots
from stn_lesson.checks import KERNELS, PADDINGS, check_image_and_grid
from stn_lesson.sampler import warp
from stn_lesson.widgets.live import (
    LivePicture,
    Size,
    Theta,
    check_names,
    check_picture,
    decode_picture,
    encode_picture,
    script,
    start_theta,
)

SLIDERS = ("rotation", "scale", "stretch", "shear", "x", "y")
CHOICES = ("picture", "kernel", "padding", "size", "arrows")


class WarpExplorer(LivePicture):
    """A picture that warps as you drag: sliders, the corners of what is read, θ's six numbers.

    The warp runs in the browser; Python is told θ. `explorer.theta = …` moves the sliders, and
    `explorer.observe(…, "theta")` hears of every change.

    Args:
        image: (1, 1 or 3, H, W) floats from 0 to 1, or several by name to choose from.
        size: (height, width) of the target, 1 to 256 pixels each; None keeps the image's own.
        sliders: which sliders to show, of `SLIDERS`.
        choices: what else may be chosen, of `CHOICES`.
        kernel: as in `sample`.
        padding: as in `sample`.
        start: where the sliders stand first, as in `start={"rotation": 30}`; words of
            `affine_theta`.

    Raises:
        TypeError, ValueError: no picture, no size, or an unknown slider, choice, kernel or padding.

    >>> from stn_lesson.datasets import house
    >>> explorer = WarpExplorer(house(), start={"scale": 2})
    >>> explorer.theta
    tensor([[[0.5000, 0.0000, 0.0000],
             [0.0000, 0.5000, 0.0000]]])
    """

    _esm = script("warp_explorer")
    theta = Theta()
    pictures = traitlets.Dict().tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)
    target_size = Size([]).tag(sync=True)  # empty: the picture's own
    kernel = traitlets.Enum(KERNELS).tag(sync=True)
    padding = traitlets.Enum(PADDINGS).tag(sync=True)
    sliders = traitlets.List().tag(sync=True)
    choices = traitlets.List().tag(sync=True)

    def __init__(
        self,
        image: Tensor | dict[str, Tensor],
        *,
        size: tuple[int, int] | None = None,
        sliders: tuple[str, ...] = SLIDERS,
        choices: tuple[str, ...] = (),
        kernel: str = "bilinear",
        padding: str = "zeros",
        start: dict | None = None,
    ):
        """See the class."""
        check_names("sliders", sliders, SLIDERS)
        check_names("choices", choices, CHOICES)
        named = image if isinstance(image, dict) else {"the picture": image}
        if not named:
            raise ValueError("image must be a picture, or several by name, got none")
        first, *_ = (check_picture(picture) for picture in named.values())
        check_image_and_grid(first, first.new_zeros(1, 1, 1, 2), kernel, padding)
        self._tensors = named
        super().__init__(
            theta=start_theta(start, first),
            pictures={name: encode_picture(picture) for name, picture in named.items()},
            chosen=next(iter(named)),
            target_size=() if size is None else size,
            kernel=kernel,
            padding=padding,
            sliders=list(sliders),
            choices=list(choices),
        )

    @traitlets.validate("chosen")
    def _validate_chosen(self, proposal):
        check_names("pictures", (proposal.value,), tuple(self.pictures))
        return proposal.value

    @property
    def image(self) -> Tensor:
        """The source as chosen now, (1, 1 or 3, H, W)."""
        if self.chosen in self._tensors:
            return self._tensors[self.chosen]
        return decode_picture(self.pictures[self.chosen])

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the target."""
        return tuple(self.target_size or self.image.shape[-2:])

    @property
    def picture(self) -> Tensor:
        """The target as it stands now, by torch: (1, C, *size)."""
        return warp(self.image, self.theta.to(self.image), self.size, self.kernel, self.padding)

    def still(self) -> plots.Picture:
        """A still picture of the present state."""
        how = {"kernel": self.kernel, "padding": self.padding}
        return plots.sampling(self.image, self.theta.to(self.image), self.size, **how)
