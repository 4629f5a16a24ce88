"""What all live pictures share: showing them, their still picture, closing them, their traits."""

import functools
import math
import re
from inspect import signature
from pathlib import Path

import anywidget
import torch
import traitlets
from IPython import get_ipython
from IPython.display import DisplayHandle, display
from torch import Tensor

from stn_lesson import plots
from stn_lesson.arguments import list_of, pair, real_number, whole_number
from stn_lesson.remedies import HALF_LEVEL, kind_of, remedy
from stn_lesson.theta import affine_theta
from stn_lesson.theta_checks import check_theta

WIDGETS_FOLDER = Path(__file__).parent
MAX_SIDE = 256  # pixels on a side of a target
START_WORDS = [word for word in signature(affine_theta).parameters if word != "size"]
# JupyterLab writes an error into the output of a widget whose kernel is gone. A still picture
# follows, which says all there is to say: the error is hidden.
HIDE_EMPTY_WIDGET_OUTPUT = (
    "<style>.jp-OutputArea-output.jupyter-widgets:not(:has(*)) { display: none; }</style>"
)


@functools.cache
def script(*names: str) -> str:
    """The JavaScript of a live picture: the sampler, the drawing and the controls, then its own."""
    parts = ("warp", "drawing", "controls", *names)
    return "\n".join((WIDGETS_FOLDER / f"{part}.js").read_text("utf-8") for part in parts)


class LivePicture(anywidget.AnyWidget):
    """A picture that lives in the browser, and leaves a still one where there is no kernel.

    A subclass names its script in `_esm` and draws `still()`. It ends when the cells that made or
    showed it run again: nothing is left behind, however often that happens.
    """

    _css = (WIDGETS_FOLDER / "widgets.css").read_text("utf-8")

    def __init__(self, **traits):
        """Open its model in the browser; it is shown when a cell displays it."""
        super().__init__(**traits)
        self._still_handle: DisplayHandle | None = None
        self._cells = set()
        _register_with_running_cell(self)

    def still(self) -> plots.Picture:
        """A still picture of the present state."""
        raise NotImplementedError

    def refresh_still(self) -> None:
        """Put the present state in place of the still picture that the notebook keeps."""
        if self._still_handle:
            self._still_handle.update(self._still_with_words())

    def _still_with_words(self) -> plots.Picture:
        figure = self.still()
        figure.alt = f"The live picture, standing still. {figure.alt}"
        return figure

    def _ipython_display_(self) -> None:
        _register_with_running_cell(self)
        bundle = self._repr_mimebundle_()
        bundle, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        bundle["text/plain"] = "Run this cell to bring it to life."
        display(bundle, metadata=metadata, raw=True)
        self._still_handle = display(self._still_with_words(), display_id=True)
        display({"text/html": HIDE_EMPTY_WIDGET_OUTPUT, "text/plain": ""}, raw=True)

    def close(self) -> None:
        """End it, here and in the browser, with the layout that ipywidgets gives every widget."""
        if self.comm is not None:  # it was opened, and is not closed yet
            self.layout.close()
        super().close()

    def _close_and_forget(self) -> None:
        """Close it; delete it from IPython's `Out`, `_` and the like."""
        self.close()
        shell = get_ipython()
        for memory in (shell.user_ns.get("Out", {}), shell.user_ns, shell.user_ns_hidden):
            for name in [n for n, value in memory.items() if value is self]:
                if isinstance(name, int) or re.fullmatch(r"_{1,3}|_\d+", name):
                    del memory[name]


class Theta(traitlets.TraitType):
    """θ (1, 2, 3), which travels to the browser as its six numbers."""

    default_value = torch.tensor([[[1.0, 0, 0], [0, 1, 0]]])

    def __init__(self):
        """A trait that is kept equal in Python and in the browser."""
        super().__init__()
        self.tag(
            sync=True,
            to_json=lambda theta, _: theta.flatten().tolist(),
            from_json=lambda numbers, _: torch.tensor(numbers, dtype=torch.float32).view(1, 2, 3),
        )

    def validate(self, owner, value):
        """Refuse what is no single θ; keep it as float32, on the CPU."""
        if len(check_theta(value)) != 1:
            raise ValueError(f"theta must be one θ, (1, 2, 3), got {tuple(value.shape)}")
        return value.detach().cpu().float().clone()  # what happens to the other is not heard of


class WholeNumber(traitlets.Int):
    """A whole number that travels to the browser; numpy's are taken for Python's."""

    def validate(self, owner, value):
        """Refuse what is no whole number, or out of bounds."""
        return whole_number(value, self.name, self.min, self.max)


class Number(traitlets.Float):
    """A finite number that travels to the browser; numpy's are taken for Python's."""

    def validate(self, owner, value):
        """Refuse what is no number, or out of bounds."""
        lowest, highest = (b if math.isfinite(b) else None for b in (self.min, self.max))
        return real_number(value, self.name, lowest, highest)


class Size(traitlets.TraitType):
    """(height, width) of a target in pixels, 1 to 256 each; empty for a picture's own."""

    def validate(self, owner, value):
        """Refuse what is no size."""
        if isinstance(value, list | tuple) and not value:
            return []
        return list(target_size(value))


def target_size(size) -> tuple[int, int]:
    """(height, width) of a target, if it is one that the browser can draw at once."""
    return pair(size, "size = (height, width)", of=whole_number, lowest=1, highest=MAX_SIDE)


def start_theta(start: dict | None, image: Tensor, name: str = "start") -> Tensor:
    """θ where a live picture starts, (1, 2, 3), from words of `affine_theta`.

    Args:
        start: such as {"rotation": 30}; None is the identity.
        image: the picture that it warps.
        name: of the argument.

    Raises:
        TypeError, ValueError: other words, or more than one θ.

    >>> start_theta({"angle": 30}, torch.zeros(1, 1, 8, 8))
    Traceback (most recent call last):
    ValueError: start may hold rotation, scale, shear, translation...; there is no 'angle'
    """
    if not isinstance(start, dict | None):
        raise TypeError(f'{name} must be a dict, such as {{"rotation": 30}}, got {start!r}')
    for word in start or {}:
        if word not in START_WORDS:
            raise ValueError(f"{name} may hold {', '.join(START_WORDS)}; there is no {word!r}")
    theta = affine_theta(**(start or {}), size=tuple(image.shape[-2:]))
    if len(theta) != 1:
        raise ValueError(f"{name} must give one θ, got {len(theta)}: use one number for each word")
    return theta


def check_names(what: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    """Refuse a name that is not known."""
    for name in list_of(names, what, "words"):
        if name not in known:
            raise ValueError(f"{what} are {', '.join(known)}; there is no {name!r}")


def transformer_view(transformer, size: tuple[int, int]) -> dict:
    """What the browser needs to sample as a transformer does, whose output has this size."""
    return {"size": list(size), "kernel": transformer.kernel, "padding": transformer.padding}


def check_picture(image: Tensor, name: str = "image") -> Tensor:
    """The picture itself, if it is one that can be shown; an error that says what to write instead.

    Raises:
        TypeError: no tensor of floats.
        ValueError: another shape, or values that leave 0 to 1 by more than rounding does.

    >>> check_picture(torch.zeros(3, 8, 8))
    Traceback (most recent call last):
    ValueError: image must have shape (1, 1, H, W) or (1, 3, H, W), got (3, 8, 8): use image[None]
    """
    how = dict(channels=(1, 3), single=True, floats=True)
    if not isinstance(image, Tensor) or not image.is_floating_point():
        raise TypeError(
            f"{name} must be a tensor of floats from 0 to 1, (1, 1, H, W) or (1, 3, H, W), got "
            f"{kind_of(image)}{remedy(image, name, **how)}"
        )
    if image.numel() == 0:
        raise ValueError(f"{name} must have at least one pixel, got {tuple(image.shape)}")
    if image.ndim != 4 or image.shape[:2] not in ((1, 1), (1, 3)):
        raise ValueError(
            f"{name} must have shape (1, 1, H, W) or (1, 3, H, W), got {tuple(image.shape)}"
            f"{remedy(image, name, **how)}"
        )
    low, high = image.min().item(), image.max().item()
    if not -HALF_LEVEL <= low <= high <= 1 + HALF_LEVEL:
        raise ValueError(
            f"{name} must hold values from 0 to 1, got {low:.9g} to {high:.9g}"
            f"{remedy(image, name, **how)}"
        )
    return image


def use_requested_subshell(comm) -> None:
    """Let a comm's messages arrive in the subshell that the browser asks for.

    JupyterLab (4.4 and later) sends them to a subshell, a thread that is free even while a cell
    runs. ipykernel 7.4 delivers them to whichever subshell published last, and that may be the busy
    main thread; it has no public option for this (true of 7.4.0). Earlier versions deliver them as
    asked, and have no such method: for them this does nothing.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, requested_subshell: requested_subshell


def encode_picture(image: Tensor) -> dict:
    """A picture (1, 1 or 3, H, W) as the browser takes it: rows of red, green and blue bytes."""
    rgb = check_picture(image).detach().cpu()[0].expand(3, -1, -1).permute(1, 2, 0)
    pixels = (rgb * 255).round().clamp(0, 255).to(torch.uint8).contiguous()
    return {"bytes": pixels.numpy().tobytes(), "size": list(image.shape[-2:])}


def decode_picture(picture: dict) -> Tensor:
    """What `encode_picture` has made, as a tensor again: (1, 3, H, W)."""
    pixels = torch.frombuffer(bytearray(picture["bytes"]), dtype=torch.uint8)
    return pixels.view(*picture["size"], 3).permute(2, 0, 1)[None] / 255


_watched_shell = None  # the IPython shell whose cells are watched
_pictures_by_cell: dict[str, set[LivePicture]] = {}


def _register_with_running_cell(live: LivePicture) -> None:
    """Note that the running cell made or shows it, if the front end tells which cell that is."""
    global _watched_shell
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return
    if _watched_shell is not shell:
        shell.events.register("pre_run_cell", _close_pictures_of_cell)
        _watched_shell = shell
    cell = shell.get_parent().get("metadata", {}).get("cellId")
    if cell:
        live._cells.add(cell)
        _pictures_by_cell.setdefault(cell, set()).add(live)


def _close_pictures_of_cell(info) -> None:
    """Before a cell runs again: close what it made or showed, unless another cell shows it too."""
    for live in _pictures_by_cell.pop(getattr(info, "cell_id", None), ()):
        live._cells.discard(info.cell_id)
        if not live._cells:
            live._close_and_forget()
