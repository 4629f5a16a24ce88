"""Warp explorer: θ under your fingers."""

from pathlib import Path

import anywidget
import torch
import traitlets
from IPython.display import display
from ipywidgets import Dropdown, FloatSlider, HBox, Layout, VBox, jslink
from torch import Tensor

from stn_lesson import plots
from stn_lesson.sampler import KERNELS, PADDINGS, check_image_and_grid, warp
from stn_lesson.theta import affine_theta

FOLDER = Path(__file__).parent
# name: (lowest, highest, step, label, format)
SLIDERS = {
    "rotation": (-180, 180, 1, "rotation °", ".0f"),
    "scale": (0.25, 3, 0.01, "scale ×", ".2f"),
    "shear": (-60, 60, 1, "shear °", ".0f"),
    "x": (-1.5, 1.5, 0.01, "right", ".2f"),
    "y": (-1.5, 1.5, 0.01, "down", ".2f"),
}


class WarpCanvas(anywidget.AnyWidget):
    """The part that lives in the browser: it holds the picture and the numbers, and draws."""

    _esm = "\n".join((FOLDER / name).read_text("utf-8") for name in ("warp.js", "warp_explorer.js"))
    _css = (FOLDER / "widgets.css").read_text("utf-8")
    source = traitlets.Bytes().tag(sync=True)
    source_size = traitlets.List([1, 1]).tag(sync=True)
    target_size = traitlets.List([1, 1]).tag(sync=True)
    wanted = traitlets.Bytes().tag(sync=True)
    wanted_size = traitlets.List([0, 0]).tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    rotation = traitlets.Float(0).tag(sync=True)
    scale = traitlets.Float(1).tag(sync=True)
    shear = traitlets.Float(0).tag(sync=True)
    x = traitlets.Float(0).tag(sync=True)
    y = traitlets.Float(0).tag(sync=True)
    kernel = traitlets.Enum(KERNELS, "bilinear").tag(sync=True)
    padding = traitlets.Enum(PADDINGS, "zeros").tag(sync=True)
    points = traitlets.Bool(False).tag(sync=True)


class WarpExplorer(VBox):
    """Sliders for rotation, scale, shear and translation that warp a picture as you drag.

    The warp runs in the browser; Python is told the numbers. Where there is no kernel, a still
    picture of the first state stands in its place.

    Args:
        image: (1, 1 or 3, H, W) floats from 0 to 1.
        size: (height, width) of the target; None keeps the image's own.
        sliders: which sliders to show, of rotation, scale, shear, x, y.
        choices: also offer the kernel and the padding to choose.
        points: draw every point of the sampling grid (for small targets).
        wanted: a picture (1, 1, height, width) to be matched: its difference is shown.
        kernel: as in `sample`.
        padding: as in `sample`.
        start: where the sliders stand first, as in `start={"rotation": 30}`.

    Raises:
        TypeError, ValueError: no picture, or an unknown slider, kernel or padding.
    """

    def __init__(
        self,
        image: Tensor,
        *,
        size: tuple[int, int] | None = None,
        sliders: tuple[str, ...] = tuple(SLIDERS),
        choices: bool = False,
        points: bool = False,
        wanted: Tensor | None = None,
        kernel: str = "bilinear",
        padding: str = "zeros",
        start: dict[str, float] | None = None,
    ):
        """See the class."""
        self.image, self.size = check_picture(image), tuple(size or image.shape[-2:])
        check_image_and_grid(image, image.new_zeros(1, 1, 1, 2), kernel, padding)
        start = start or {}
        for name in (*sliders, *start):
            if name not in SLIDERS:
                raise ValueError(f"sliders are {', '.join(SLIDERS)}; there is no {name!r}")
        numbers = dict(kernel=kernel, padding=padding, points=points, **start)
        if wanted is not None:
            if image.shape[1] != 1 or check_picture(wanted).shape[1] != 1:
                raise ValueError("only grey pictures (1, 1, H, W) can be compared")
            if wanted.shape[-2:] != self.size:
                raise ValueError(
                    f"the wanted picture must have the target's size {self.size}, "
                    f"got {tuple(wanted.shape[-2:])}"
                )
            numbers |= dict(wanted=to_bytes(wanted), wanted_size=list(wanted.shape[-2:]))
        self.canvas = WarpCanvas(
            source=to_bytes(image),
            source_size=list(image.shape[-2:]),
            target_size=list(self.size),
            alt=f"picture of {image.shape[-2]} by {image.shape[-1]} pixels",
            **numbers,
        )
        controls = [self._slider(name) for name in sliders]
        if choices:
            controls += [self._choice("kernel", KERNELS), self._choice("padding", PADDINGS)]
        super().__init__([HBox(controls, layout=Layout(flex_flow="row wrap")), self.canvas])

    @property
    def theta(self) -> Tensor:
        """θ as the sliders stand now, (1, 2, 3)."""
        c = self.canvas
        return affine_theta(
            c.rotation, c.scale, c.shear, (c.x, c.y), size=tuple(self.image.shape[-2:])
        )

    @property
    def picture(self) -> Tensor:
        """The target as the sliders stand now, by torch: (1, C, *size)."""
        return warp(self.image, self.theta, self.size, self.canvas.kernel, self.canvas.padding)

    def still(self) -> plots.Picture:
        """A still picture of the state as the sliders stand now."""
        how = {"kernel": self.canvas.kernel, "padding": self.canvas.padding}
        figure = plots.sampling(self.image, self.theta, self.size, self.canvas.points, **how)
        figure.alt = f"The live picture, standing still. {figure.alt}"
        return figure

    def _ipython_display_(self) -> None:
        bundle = self._repr_mimebundle_()
        bundle = bundle[0] if isinstance(bundle, tuple) else bundle
        bundle["text/plain"] = "Run this cell to move the sliders."
        display(bundle, raw=True)
        display(self.still())

    def _slider(self, name: str) -> FloatSlider:
        low, high, step, label, form = SLIDERS[name]
        slider = FloatSlider(
            getattr(self.canvas, name),
            min=low,
            max=high,
            step=step,
            description=label,
            readout_format=form,
        )
        jslink((slider, "value"), (self.canvas, name))
        return slider

    def _choice(self, name: str, options: tuple[str, ...]) -> Dropdown:
        choice = Dropdown(options=options, value=getattr(self.canvas, name), description=name)
        traitlets.link((choice, "value"), (self.canvas, name))
        return choice


def check_picture(image: Tensor) -> Tensor:
    """The picture itself, if it is one that can be shown; a clear error otherwise."""
    if not isinstance(image, Tensor) or image.ndim != 4 or image.shape[:2] not in ((1, 1), (1, 3)):
        got = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise ValueError(f"a picture must have shape (1, 1, H, W) or (1, 3, H, W), got {got}")
    if not image.is_floating_point():
        raise TypeError(f"a picture must hold floats from 0 to 1, got {image.dtype}: divide by 255")
    if not image.isfinite().all() or image.min() < 0 or image.max() > 1:
        raise ValueError(
            f"a picture must hold values from 0 to 1, got {image.min():g} to {image.max():g}"
        )
    return image


def to_bytes(image: Tensor) -> bytes:
    """A picture as rows of red, green and blue bytes."""
    rgb = image.detach().cpu()[0].expand(3, -1, -1).permute(1, 2, 0)
    return (rgb * 255).round().to(torch.uint8).contiguous().numpy().tobytes()
