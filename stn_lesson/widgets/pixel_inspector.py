"""Pixel inspector: one point between four pixels, its value and its slopes in numbers."""

import torch
import torch.nn.functional as F
import traitlets
from torch import Tensor

from stn_lesson import plots
from stn_lesson.arguments import one_of, pair
from stn_lesson.checks import KERNELS, PADDINGS
from stn_lesson.sampler import bilinear_sample, sample
from stn_lesson.widgets.live import LivePicture, Number, check_picture, script

MIN_SIDE, MAX_SIDE = 2, 16  # pixels on a side
MAX_OUTSIDE = 1.5  # pixels by which the point may leave the image
NOTEBOOK_IMAGE = torch.tensor(
    [
        [0.0, 0.1, 0.2, 0.3, 0.4],
        [0.1, 0.9, 0.8, 0.2, 0.3],
        [0.2, 0.4, 0.8, 0.1, 0.2],
        [0.3, 0.8, 0.0, 0.0, 0.1],
    ]
)  # the image of notebook 03


class PixelInspector(LivePicture):
    """A point between the pixels of a tiny image: equations (4) to (7) as you drag it.

    It shows the four neighbours with their weights as areas, the sum written out, the slopes along
    x and y, and both along the row and the column through the point. All of it is computed in the
    browser; `value`, `weights` and `slope` are torch's answers to the same questions.

    Args:
        image: (H, W) or (1, 1, H, W), floats from 0 to 1, 2 to 16 pixels a side; None takes the
            image of notebook 03.
        start: (x, y) of the point in pixels: column, then row. It may lie up to 1.5 pixels outside.
        kernel: as in `sample`.
        padding: "zeros" or "border".

    Raises:
        TypeError, ValueError: no tiny grey image, a point too far out, unknown kernel or padding.

    >>> inspector = PixelInspector(start=(1.25, 2.5))
    >>> inspector.weights
    tensor([[0.3750, 0.1250],
            [0.3750, 0.1250]], dtype=torch.float64)
    >>> round(inspector.value, 3), [round(slope, 3) for slope in inspector.slope]
    (0.55, [-0.2, 0.1])
    """

    _esm = script("interpolation", "pixel_inspector")
    rows = traitlets.List().tag(sync=True)  # the image, row by row
    x = Number().tag(sync=True)
    y = Number().tag(sync=True)
    kernel = traitlets.Enum(KERNELS).tag(sync=True)
    padding = traitlets.Enum(PADDINGS[:2]).tag(sync=True)
    max_outside = traitlets.Float(MAX_OUTSIDE, read_only=True).tag(sync=True)

    def __init__(
        self,
        image: Tensor | None = None,
        *,
        start: tuple[float, float] = (1.25, 2.5),
        kernel: str = "bilinear",
        padding: str = "zeros",
    ):
        """See the class."""
        self.image = check_tiny_image(NOTEBOOK_IMAGE if image is None else image)
        one_of(kernel, "kernel", KERNELS)
        one_of(padding, "padding", PADDINGS[:2])  # a mirrored slope is not drawn
        x, y = pair(start, "start = (x, y)")
        rows = self.image[0, 0].tolist()
        super().__init__(rows=rows, x=x, y=y, kernel=kernel, padding=padding)

    @traitlets.validate("x", "y")
    def _validate_point(self, proposal):
        height, width = self.image.shape[-2:]
        name, value = proposal.trait.name, proposal.value
        last = (width if name == "x" else height) - 1 + MAX_OUTSIDE
        if not -MAX_OUTSIDE <= value <= last:
            raise ValueError(
                f"{name} must lie between {-MAX_OUTSIDE} and {last} pixels, got {value}"
            )
        return value

    def _value_and_slope(self) -> tuple[Tensor, Tensor]:
        """V and (∂V/∂x, ∂V/∂y) at the point, in pixels, by torch, in double precision.

        The image is first laid into the corner of one with 17 pixels a side, filled up as the
        padding would: there x/8 − 1 is exact, and rounding takes no point across a pixel's centre.
        """
        height, width = self.image.shape[-2:]
        fill = {"zeros": "constant", "border": "replicate"}[self.padding]
        image = F.pad(self.image.double(), (0, 17 - width, 0, 17 - height), fill)
        point = torch.tensor([self.x, self.y], dtype=torch.double, requires_grad=True)
        grid = (point / 8 - 1).view(1, 1, 1, 2)
        if self.kernel == "bilinear":
            value = bilinear_sample(image, grid, self.padding).squeeze()
        else:
            value = sample(image, grid, self.kernel, self.padding).squeeze()
        return value.detach(), torch.autograd.grad(value, point)[0]

    @property
    def value(self) -> float:
        """V, what is found at the point: equation (5), or (4) for the nearest kernel."""
        return self._value_and_slope()[0].item()

    @property
    def slope(self) -> tuple[float, float]:
        """(∂V/∂x, ∂V/∂y) per pixel: equation (7), by autograd."""
        return tuple(self._value_and_slope()[1].tolist())

    @property
    def weights(self) -> Tensor:
        """Weights of the four neighbours, (2, 2): above and below, left and right. Equation (6)."""
        x, y = torch.tensor(self._reading_point(), dtype=torch.double)
        u, v = x - x.floor(), y - y.floor()
        if self.kernel == "nearest":
            u, v = (u >= 0.5).double(), (v >= 0.5).double()
        return torch.outer(torch.stack([1 - v, v]), torch.stack([1 - u, u]))

    def still(self) -> plots.Picture:
        """A still picture of the present state."""
        (dx, dy), value = self.slope, self.value
        alt = (
            f"An image of {len(self.rows)} by {len(self.rows[0])} pixels, their values written in "
            f"them. A point at x = {self.x:g}, y = {self.y:g} finds {value:.3f} ({self.kernel} "
            f"kernel, padding {self.padding}); its slope is {dx:.3f} along x, {dy:.3f} along y."
        )
        point = self._reading_point()
        return plots.point_between_pixels(self.image[0, 0], point, self.weights, (dx, dy), alt)

    def _reading_point(self) -> tuple[float, float]:
        """The point (x, y) itself, or with padding border the place where it is held inside."""
        if self.padding == "zeros":
            return self.x, self.y
        height, width = self.image.shape[-2:]
        return min(max(self.x, 0.0), width - 1.0), min(max(self.y, 0.0), height - 1.0)


def check_tiny_image(image: Tensor) -> Tensor:
    """A tiny grey image as (1, 1, H, W); a clear error for anything else."""
    if isinstance(image, Tensor) and image.ndim == 2:
        image = image[None, None]
    height, width = check_picture(image).shape[-2:]
    if image.shape[1] != 1 or not all(MIN_SIDE <= side <= MAX_SIDE for side in (height, width)):
        raise ValueError(
            f"the image must be grey and tiny, {MIN_SIDE} to {MAX_SIDE} pixels a side, got "
            f"{tuple(image.shape)}: cut a piece out, as in image[:1, :1, :4, :5]"
        )
    return image.detach().cpu().clone()
