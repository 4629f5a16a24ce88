"""Solid explorer: a solid in a volume turned by hand, its flattened picture, the view's place."""

import torch
import traitlets
from torch import Tensor

from stn_lesson import plots
from stn_lesson.arguments import list_of, real_number
from stn_lesson.checks import check_sides, check_volume
from stn_lesson.plots.solids import BRIGHTNESS
from stn_lesson.sampler import warp
from stn_lesson.theta_checks import check_volume_theta
from stn_lesson.volume import tilt_between, volume_theta, voxel_steps
from stn_lesson.widgets.live import LivePicture, WholeNumber, script

MAX_VOXELS = 64  # on a side of a volume that the browser turns at once


class Rotation(traitlets.TraitType):
    """Degrees about x, y and z, each from −180 to 180."""

    def __init__(self):
        """A trait that is kept equal in Python and in the browser."""
        super().__init__([0.0, 0.0, 0.0])
        self.tag(sync=True)

    def validate(self, owner, value):
        """Refuse what is no three angles; keep them as a list."""
        angles = list_of(value, self.name, "three angles")
        if len(angles) != 3:
            raise ValueError(f"{self.name} must be three angles, about x, y, z, got {len(angles)}")
        return [real_number(angle, self.name, -180, 180) for angle in angles]


class SolidExplorer(LivePicture):
    """A solid that turns as you drag: as it looks, flattened, and where the view cuts the volume.

    The browser turns and samples it; Python is told the angles. `explorer.rotation = (0, 30, 0)`
    moves the sliders.

    Args:
        volume: (1, 1, D, H, W), floats from 0 to 1, at most 64 voxels on a side.
        pose: θ (1, 3, 4) of the digit in the volume, as in `Split.poses`, to measure the tilt by;
            None where the digit stands straight.
        view: (depth, height, width) of what is flattened, at most 64 each.
        start: degrees about x, y and z, as in `volume_theta`.

    Raises:
        TypeError, ValueError: no volume, no θ of one, no size, no angles, or too many voxels.

    >>> explorer = SolidExplorer(torch.rand(1, 1, 8, 8, 8), start=(0, 30, 0))
    >>> round(explorer.tilt)
    30
    """

    _esm = script("volume", "solid_explorer")
    rotation = Rotation()
    layer = WholeNumber(0).tag(sync=True)
    volume = traitlets.Dict(read_only=True).tag(sync=True)
    view = traitlets.List(read_only=True).tag(sync=True)
    pose = traitlets.List(read_only=True).tag(sync=True)
    straight = traitlets.List(read_only=True).tag(sync=True)
    brightness = traitlets.Float(BRIGHTNESS, read_only=True).tag(sync=True)

    def __init__(
        self,
        volume: Tensor,
        *,
        pose: Tensor | None = None,
        view: tuple[int, int, int] = (8, 24, 24),
        start: tuple[float, float, float] = (0, 0, 0),
    ):
        """See the class."""
        check_volume(volume)
        self._pose = volume_theta() if pose is None else check_volume_theta(pose).detach().float()
        view = check_sides(view, 3, "view")
        if volume.shape[:2] != (1, 1) or len(self._pose) != 1:
            raise ValueError(
                "volume must be one, (1, 1, D, H, W), and pose one θ, got "
                f"{tuple(volume.shape)} and {tuple(self._pose.shape)}: use volume[:1, :1]"
            )
        if max(*volume.shape[2:], *view) > MAX_VOXELS:
            raise ValueError(
                f"volume and view must have at most {MAX_VOXELS} voxels on a side, got "
                f"{tuple(volume.shape[2:])} and {view}: use "
                "warp(volume, volume_theta(), (32, 32, 32))"
            )
        self._volume = volume.detach().cpu().float()
        grey = (self._volume * 255).round().clamp(0, 255).to(torch.uint8).contiguous()
        self._size = tuple(volume.shape[2:])
        self.set_trait("volume", {"bytes": grey.numpy().tobytes(), "size": list(self._size)})
        self.set_trait("view", list(view))
        self.set_trait("pose", self._pose.flatten().tolist())
        self.set_trait("straight", _straight_on(self._pose, self._size))
        super().__init__(rotation=start, layer=view[0] // 2)

    @traitlets.validate("layer")
    def _validate_layer(self, proposal):
        if not 0 <= proposal.value < self.view[0]:
            raise ValueError(f"layer must be from 0 to {self.view[0] - 1}, got {proposal.value}")
        return proposal.value

    @property
    def theta(self) -> Tensor:
        """θ of the view as it stands now, (1, 3, 4)."""
        return volume_theta(self.rotation, size=self._size)

    @property
    def tilt(self) -> float:
        """Degrees between the view's line of sight and the digit's axis."""
        return tilt_between(self.theta, self._pose, size=self._size).item()

    @property
    def flattened(self) -> Tensor:
        """The picture that is read, by torch: (1, 1, height, width) of the view."""
        return warp(self._volume, self.theta, tuple(self.view)).mean(2)

    def still(self) -> plots.Picture:
        """A still picture of the present state."""
        return plots.solid(self._volume, self.theta, tuple(self.view), self.layer)


def _straight_on(pose: Tensor, size: tuple[int, int, int]) -> list[float]:
    """The angles about x and y that turn a digit of this pose straight on; none about z."""
    x, y, z = pose[0, :, 2] * voxel_steps(size, pose)  # the digit's axis in the volume
    about_x, about_y = torch.atan2(y, z), -torch.atan2(x, y.hypot(z))
    return [torch.rad2deg(angle).item() for angle in (-about_x, -about_y)] + [0.0]
