"""Family explorer: affine, projective and thin-plate warps, held by points in the source."""

import math

import torch
import traitlets
from torch import Tensor

from stn_lesson import plots
from stn_lesson.arguments import whole_number
from stn_lesson.families import FAMILIES
from stn_lesson.homography import projective_theta
from stn_lesson.sampler import sample, to_pixels
from stn_lesson.spline import control_points, thin_plate_grid
from stn_lesson.theta_checks import check_homography, check_theta
from stn_lesson.widgets.live import (
    LivePicture,
    Size,
    Theta,
    check_names,
    check_picture,
    encode_picture,
    script,
)

FAMILY_NAMES = ("affine", "projective", "tps")
MAX_NET_SIDE = 6  # points on a side
MAX_CARRIED = 10  # from the centre of the source; points farther out are not carried over
NET_CORNERS = [0, 1, 3, 2]  # of a net of 2 × 2 points: around, as `projective_theta` takes them


class FamilyTheta(Theta):
    """θ of any of the three families, which its shape tells: (1, 2, 3), (1, 3, 3) or (1, k², 2)."""

    def __init__(self):
        """A trait that is kept equal in Python and in the browser."""
        super().__init__()
        self.tag(from_json=lambda numbers, _: _theta_from_numbers(numbers))

    def validate(self, owner, value):
        """Refuse what is no single θ; keep it as float32, on the CPU."""
        family, k = family_of(value)
        if family == "tps":
            thin_plate_grid(value, 1, 1)  # it checks its points
            check_net_side(k)
        if len(value) != 1:
            raise ValueError(f"theta must be one θ, with N = 1, got {tuple(value.shape)}")
        return value.detach().cpu().float().clone()


class FamilyExplorer(LivePicture):
    """A picture to be bent by the points that hold it, in one of three families.

    Each point belongs to a fixed place of the target, and is dragged to where that place looks in
    the source: three corners (affine), four (projective) or a net of k × k points (tps). The lines
    of the sampling grid bend through them. The warp runs in the browser; Python is told `theta`,
    `family` and `k`, and may set them. Another family takes over where its own points look.

    Args:
        image: the source, (1, 1 or 3, H, W) floats from 0 to 1.
        family: "affine", "projective" or "tps".
        k: points on a side of the net of "tps", 2 to 6.
        size: (height, width) of the target, 1 to 256 pixels each; None keeps the image's own.

    Raises:
        TypeError, ValueError: no picture, no size, or an unknown family or net.

    >>> from stn_lesson.datasets import house
    >>> explorer = FamilyExplorer(house(), family="projective")
    >>> explorer.theta
    tensor([[[1., 0., 0.],
             [0., 1., 0.],
             [0., 0., 1.]]])
    >>> explorer.theta = control_points(3)[None]  # its shape tells the family
    >>> explorer.family, explorer.k
    ('tps', 3)
    """

    _esm = script("families", "family_explorer")
    theta = FamilyTheta()
    family = traitlets.Unicode().tag(sync=True)
    k = traitlets.Any().tag(sync=True)
    source = traitlets.Dict().tag(sync=True)
    target_size = Size([]).tag(sync=True)  # empty: the picture's own

    def __init__(
        self,
        image: Tensor,
        family: str = "projective",
        k: int = 4,
        size: tuple[int, int] | None = None,
    ):
        """See the class."""
        self.image = check_picture(image)
        check_names("families", (family,), FAMILY_NAMES)
        super().__init__(
            theta=identity_theta(family, check_net_side(k)),
            family=family,
            k=k,
            source=encode_picture(image),
            target_size=() if size is None else size,
        )

    @traitlets.validate("family")
    def _validate_family(self, proposal):
        check_names("families", (proposal.value,), FAMILY_NAMES)
        return proposal.value

    @traitlets.validate("k")
    def _validate_net_side(self, proposal):
        return check_net_side(proposal.value)

    @traitlets.observe("theta")
    def _follow_theta(self, change):
        family, k = family_of(self.theta)
        with self.hold_trait_notifications():
            self.family, self.k = family, k or self.k

    @traitlets.observe("family", "k")
    def _convert_theta(self, change):
        if family_of(self.theta) != (self.family, self.k if self.family == "tps" else None):
            self.theta = carry_over(self.theta, self.family, self.k)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the target."""
        return tuple(self.target_size or self.image.shape[-2:])

    @property
    def grid(self) -> Tensor:
        """Where all pixels of the target look: the sampling grid, (1, *size, 2)."""
        return FAMILIES[self.family].grid(self.theta, *self.size)

    @property
    def picture(self) -> Tensor:
        """The target as it stands now, by torch: (1, C, *size)."""
        return sample(self.image, self.grid.to(self.image))

    def still(self) -> plots.Picture:
        """A still picture of the present state."""
        figure = plots.sampling(
            self.image, self.theta.to(self.image), self.size, family=self.family, lines=8
        )
        if self.family == "tps":
            x, y = to_pixels(self.theta[0], *self.image.shape[-2:])
            figure.axes[0].plot(x, y, "o", color=plots.ORANGE, mec="white", clip_on=False)
            figure.alt += f" A net of {self.k} by {self.k} points holds the lines."
        return figure


def identity_theta(family: str, k: int) -> Tensor:
    """The θ of a family under which every pixel looks at its own place."""
    if family == "tps":
        return control_points(k)[None]
    rows = 3 if family == "projective" else 2
    return torch.eye(3)[None, :rows].clone()


def family_of(theta: Tensor) -> tuple[str, int | None]:
    """The family that the shape of θ tells, and the k of its net if it has one."""
    shape = tuple(theta.shape) if isinstance(theta, Tensor) else ()
    if shape[1:] == (3, 3):
        check_homography(theta)
        return "projective", None
    if len(shape) == 3 and shape[2] == 2:
        return "tps", math.isqrt(shape[1])
    check_theta(theta)
    return "affine", None


def carry_over(theta: Tensor, family: str, k: int) -> Tensor:
    """θ of another family, whose points look where the present grid has them look.

    From affine to the others the whole grid stays. From projective to a net its points stay, and
    the sheet bends a little differently between them. Downwards the corners stay (to affine three
    of them) and what was bent between them is lost. Points far outside, as those beyond a horizon,
    and corners through which no homography goes are not carried over: that gives the identity.

    Args:
        theta: (1, 2, 3), (1, 3, 3) or (1, k², 2).
        family: the name of the family that takes over.
        k: points on a side, if that is "tps".

    >>> carry_over(torch.tensor([[[1.0, 0, 0.5], [0, 1, 0]]]), "tps", 2)
    tensor([[[-0.5000, -1.0000],
             [ 1.5000, -1.0000],
             [-0.5000,  1.0000],
             [ 1.5000,  1.0000]]])
    """
    side = k if family == "tps" else 2
    grid = FAMILIES[family_of(theta)[0]].grid(theta.double(), side, side)
    points = grid.view(1, -1, 2)
    if family == "affine":
        points = points[:, :3]  # the fourth corner follows
    if points.abs().max() > MAX_CARRIED:
        return identity_theta(family, k)
    if family == "tps":
        return points.float()
    if family == "projective":
        try:
            through = projective_theta(points[:, NET_CORNERS]).float()
        except ValueError:  # three of them on one line
            return identity_theta(family, k)
        return through if through.abs().max() < 1e6 else identity_theta(family, k)
    first, across, down = points.unbind(1)
    columns = [(across - first) / 2, (down - first) / 2, (across + down) / 2]
    return torch.stack(columns, -1).float()


def check_net_side(k) -> int:
    """The k of a net itself, if it is a whole number that can be shown; a clear error otherwise."""
    return whole_number(k, "k", 2, MAX_NET_SIDE)


def _theta_from_numbers(numbers: list[float]) -> Tensor:
    """A θ from its numbers, row by row: 6 are affine, 9 projective, else a net."""
    shape = {6: (1, 2, 3), 9: (1, 3, 3)}.get(len(numbers), (1, -1, 2))
    return torch.tensor(numbers, dtype=torch.float32).view(shape)
