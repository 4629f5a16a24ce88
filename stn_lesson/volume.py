"""θ of a volume: a solid turned, scaled and moved in three dimensions (appendix A.3).

What `theta` says of pictures holds here, with a third coordinate: z points away from who looks at
the screen, from a volume's first layer to its last.
"""

import torch
from torch import Tensor

from stn_lesson.arguments import list_of, vector
from stn_lesson.checks import check_alike, check_sides, first_of
from stn_lesson.precision import in_full_precision
from stn_lesson.theta import broadcast_numbers, invert
from stn_lesson.theta_checks import check_volume_theta


@in_full_precision
def volume_theta(rotation=(0, 0, 0), scale=1, translation=(0, 0, 0), *, size=None) -> Tensor:
    """θ that scales, then turns, then moves a solid.

    Args:
        rotation: degrees about the x axis, then about the y axis, then about the z axis, each
            positive counter-clockwise for an eye that looks along the axis: about x, the solid's
            top tips away; about y, its right side turns away; about z, it turns as a picture does.
            Three numbers or tensors of N, or a tensor (N, 3).
        scale: how much bigger the solid gets. A number, or a tensor of N; 0 is refused.
        translation: (right, down, away) in units of half the volume, as `rotation` is given.
        size: (depth, height, width) of the volume in voxels. Needed for one that is no cube:
            without it a rotation would also shear.

    Returns:
        θ of shape (N, 3, 4), from target to source; N is 1 when only numbers were given.

    Raises:
        TypeError, ValueError: what is no number, not three of them, not finite, or of another
            length than the others; a scale of 0.

    >>> volume_theta(scale=2, translation=(0.5, 0, 0))  # twice as big, then to the right
    tensor([[[ 0.5000,  0.0000,  0.0000, -0.2500],
             [ 0.0000,  0.5000,  0.0000,  0.0000],
             [ 0.0000,  0.0000,  0.5000,  0.0000]]])
    >>> volume_theta(rotation=(0, 90, 0)).round().abs()[0, 2]  # its depth is what lay to the right
    tensor([1., 0., 0., 0.])
    """
    about_x, about_y, about_z, scale, right, down, away = broadcast_numbers(
        rotation=_three(rotation, "rotation"),
        scale=[vector(scale, "scale")],
        translation=_three(translation, "translation"),
    )
    if first_of(scale == 0) is not None:
        raise ValueError("scale must not be 0: a solid shrunk to nothing has no inverse")
    turned = _turn(about_z, 0, 1) @ _turn(about_y, 2, 0) @ _turn(about_x, 1, 2)
    solid = scale[:, None, None] * turned
    if size is not None:
        steps = voxel_steps(size, solid)
        solid = solid * steps / steps[:, None]
    return invert(torch.cat([solid, torch.stack([right, down, away], -1)[..., None]], -1))


def voxel_steps(size, like: Tensor) -> Tensor:
    """Voxel steps from edge to edge along x, y and z, (3,), of a volume (depth, height, width)."""
    return like.new_tensor([max(side - 1, 1) for side in reversed(check_sides(size, 3))])


def tilt_between(first: Tensor, other: Tensor, *, size=None) -> Tensor:
    """Degrees between the lines of sight of two θ: the directions in which their depth runs.

    Between the θ of a view and the pose of a solid it says how far the view is from looking at the
    solid straight on; a turn about the line of sight itself makes no difference.

    Args:
        first: (N, 3, 4); N may be 1, to serve for all.
        other: the same, of the same type.
        size: (depth, height, width) of the volume, when it is no cube, as in `volume_theta`.

    Returns:
        (N,), from 0 to 180.

    Raises:
        TypeError, ValueError: θ of another kind or shape, two that do not agree, or no size.

    >>> tilt_between(volume_theta(), volume_theta(rotation=(30, 0, 50)))
    tensor([30.0000])
    """
    first, other = check_volume_theta(first), check_volume_theta(other)
    check_alike(first, other, ("first", "other"))
    steps = 1.0 if size is None else voxel_steps(size, first)
    one, two = torch.broadcast_tensors(first[..., 2] * steps, other[..., 2] * steps)
    across, along = torch.linalg.cross(one, two).norm(dim=-1), (one * two).sum(-1)
    return torch.rad2deg(torch.atan2(across, along))


def _turn(angle: Tensor, a: int, b: int) -> Tensor:
    """The rotation (N, 3, 3) that takes axis b towards axis a: for a, b = 0, 1, right up."""
    cos, sin = torch.cos(torch.deg2rad(angle)), torch.sin(torch.deg2rad(angle))
    matrix = torch.eye(3, dtype=angle.dtype, device=angle.device).repeat(angle.shape[0], 1, 1)
    matrix[:, a, a] = matrix[:, b, b] = cos
    matrix[:, a, b], matrix[:, b, a] = sin, -sin
    return matrix


def _three(value, name: str) -> list:
    """Three numbers or tensors (N,): from three of them, or from a tensor or array (N, 3)."""
    if getattr(value, "ndim", 0) == 2 and value.shape[1] == 3:
        return [vector(value[:, k], name) for k in range(3)]
    three = list_of(value, name, "three numbers")
    if len(three) != 3:
        raise ValueError(f"{name} must be three numbers, or a tensor (N, 3), got {len(three)}")
    return [vector(number, name) for number in three]
