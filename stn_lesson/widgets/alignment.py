"""Align it yourself: the loss, its gradient and the descent, live."""

import torch
import traitlets
from torch import Tensor
from torch.nn.functional import avg_pool2d

from stn_lesson import plots
from stn_lesson.sampler import warp
from stn_lesson.widgets.live import (
    LivePicture,
    Theta,
    WholeNumber,
    check_names,
    check_picture,
    script,
    start_theta,
)
from stn_lesson.widgets.warp_explorer import SLIDERS

MAX_BLUR = 6


class Alignment(LivePicture):
    """A picture to be brought onto another one: by sliders, on a map of the loss, or by descent.

    The loss is the mean squared difference of the warped and the wanted picture. The browser works
    out loss, gradient (equations 5 and 7), map and descent (Adam at rate 0.02); Python is told θ.

    Args:
        image: (1, 1, H, W) floats from 0 to 1, the picture that is warped.
        wanted: the picture to be matched, of the same shape.
        sliders: which sliders to show, of `SLIDERS`.
        start: where θ stands first, as in `start={"rotation": 30}`; words of `affine_theta`.
        far: where "shift it far" puts θ, in the same words. The default is out of reach for the
            descent on a sharp digit, and within its reach once both pictures are blurred.
        blur: both pictures are averaged over (2·blur + 1)² pixels; 0 to 6, 0 leaves them sharp.

    Raises:
        TypeError, ValueError: not two grey pictures of one size, an unknown slider, or a blur
            outside its range.

    >>> from stn_lesson.datasets import checkerboard
    >>> from stn_lesson.theta import affine_theta
    >>> board = checkerboard(32, 32)
    >>> alignment = Alignment(board, board, start={"translation": (0.5, 0)})
    >>> round(alignment.loss, 2)
    0.14
    >>> alignment.theta = affine_theta()
    >>> alignment.loss < 1e-9
    True
    """

    _esm = script("descent", "loss_map", "alignment")
    theta = Theta()
    blur = WholeNumber(min=0, max=MAX_BLUR).tag(sync=True)
    map_over = traitlets.List(["x", "rotation"]).tag(sync=True)  # left to right, and upright
    steps = traitlets.Int(read_only=True).tag(sync=True)  # of descent, since θ was last set by hand
    pictures = traitlets.Dict().tag(sync=True)
    sliders = traitlets.List().tag(sync=True)
    far = Theta()
    max_blur = traitlets.Int(MAX_BLUR, read_only=True).tag(sync=True)
    _browser_sends_steps = False

    def __init__(
        self,
        image: Tensor,
        wanted: Tensor,
        *,
        sliders: tuple[str, ...] = SLIDERS,
        start: dict | None = None,
        far: dict | None = None,
        blur: int = 0,
    ):
        """See the class."""
        check_names("sliders", sliders, SLIDERS)
        self.image, self.wanted = check_image_pair(image, wanted)
        super().__init__(
            theta=start_theta(start, image),
            far=start_theta({"translation": (0.9, 0)} if far is None else far, image, "far"),
            pictures={"source": _encode_floats(image), "wanted": _encode_floats(wanted)},
            sliders=list(sliders),
            blur=blur,
        )

    @traitlets.validate("map_over")
    def _validate_map_over(self, proposal):
        check_names("map_over", proposal.value, SLIDERS)
        if len(set(proposal.value)) != 2 or len(proposal.value) != 2:
            raise ValueError(f"map_over must be two different names, got {proposal.value}")
        return list(proposal.value)

    def set_state(self, sync_data: dict) -> None:
        """Take over what the browser sends: with a θ of its descent it sends the `steps`, too."""
        self._browser_sends_steps = "steps" in sync_data
        try:
            super().set_state(sync_data)
        finally:
            self._browser_sends_steps = False

    @traitlets.observe("theta")
    def _reset_steps(self, _):
        if not self._browser_sends_steps:  # θ was set in Python: a new descent begins there
            self.set_trait("steps", 0)

    @property
    def loss(self) -> float:
        """The mean squared difference as things stand now, by torch."""
        return self._loss_at(self.theta).item()

    @property
    def gradient(self) -> Tensor:
        """∂loss/∂θ as things stand now, by torch's autograd: (1, 2, 3)."""
        theta = self.theta.clone().requires_grad_()
        return torch.autograd.grad(self._loss_at(theta), theta)[0]

    def _loss_at(self, theta: Tensor) -> Tensor:
        return (warp(self._blurred(self.image), theta) - self._blurred(self.wanted)).square().mean()

    def _blurred(self, picture: Tensor) -> Tensor:
        picture = picture.detach().cpu().float()
        return avg_pool2d(picture, 2 * self.blur + 1, 1, self.blur) if self.blur else picture

    def still(self) -> plots.Picture:
        """A still picture of the present state."""
        source, wanted = self._blurred(self.image), self._blurred(self.wanted)
        warped = warp(source, self.theta)
        words = ["source", "warped", "wanted", "warped orange, wanted blue"]
        pictures = [source[0], warped[0], wanted[0], plots.overlay(warped[0], wanted[0])]
        alt = f"{'; '.join(words)}, pale where both. Mean squared difference {self.loss:.4f}."
        return plots.images(pictures, words, f"Four pictures: {alt}")


def check_image_pair(image: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Both pictures, if they are grey and of one size; a clear error otherwise."""
    for name, picture in (("image", image), ("wanted", wanted)):
        if check_picture(picture, name).shape[1] != 1:
            raise ValueError(
                f"{name} must be grey, (1, 1, H, W), got {tuple(picture.shape)}: use "
                f"{name}.mean(1, keepdim=True)"
            )
    if image.shape != wanted.shape:
        raise ValueError(
            f"image and wanted must have the same size, got {tuple(image.shape)} and "
            f"{tuple(wanted.shape)}: use warp(image, affine_theta(), wanted.shape[-2:])"
        )
    return image, wanted


def _encode_floats(picture: Tensor) -> dict:
    """A grey picture as float32: the descent in the browser is then the same as torch's."""
    grey = picture.detach().cpu().float().contiguous()
    return {"bytes": grey.numpy().tobytes(), "size": list(picture.shape[-2:])}
