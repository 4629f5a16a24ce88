"""The sampling grid: for every target pixel, the point of the source at which it looks.

−1 and 1 are the centres of the corner pixels (torch calls this `align_corners=True`). The
convention is written once, in `pixel_centres`, and once in the other direction, in the sampler.
"""

import torch
from torch import Tensor

from stn_lesson.arguments import check_pixels, whole_number
from stn_lesson.checks import check_sides
from stn_lesson.device import where_to_make
from stn_lesson.precision import float_type, in_full_precision
from stn_lesson.theta_checks import check_homography, check_theta, check_volume_theta


def pixel_centres(count: int, *, dtype=None, device=None) -> Tensor:
    """Coordinates of `count` pixel centres in a row, from −1 to 1. One pixel alone sits at 0.

    Raises:
        TypeError, ValueError: `count` is no whole number from 1, dtype has fewer than 32 bits, or
            there is no such device.

    >>> pixel_centres(5)
    tensor([-1.0000, -0.5000,  0.0000,  0.5000,  1.0000])
    """
    count = whole_number(count, "a side in pixels", 1, 2**24)  # float32 counts no further
    how = dict(dtype=float_type(dtype), device=where_to_make(device))
    edge = 1 if count > 1 else 0
    return torch.linspace(-edge, edge, count, **how)


def meshgrid(height: int, width: int, *, dtype=None, device=None) -> Tensor:
    """The regular target grid G in homogeneous coordinates (section 3.2 of the paper).

    Returns:
        (3, H·W): rows x_t, y_t and 1; columns run through the pixels row by row, as in reading.

    Raises:
        TypeError, ValueError: as `pixel_centres`, or more pixels than `arguments.MAX_PIXELS`.

    >>> meshgrid(height=2, width=3)
    tensor([[-1.,  0.,  1., -1.,  0.,  1.],
            [-1., -1., -1.,  1.,  1.,  1.],
            [ 1.,  1.,  1.,  1.,  1.,  1.]])
    """
    height, width = check_sides((height, width), 2)
    y_t, x_t = torch.meshgrid(
        pixel_centres(height, dtype=dtype, device=device),
        pixel_centres(width, dtype=dtype, device=device),
        indexing="ij",
    )  # both (H, W)
    return torch.stack([x_t.flatten(), y_t.flatten(), torch.ones_like(x_t).flatten()])


@in_full_precision
def sampling_grid(theta: Tensor, height: int, width: int) -> Tensor:
    """Where each target pixel looks in the source: `(x_s, y_s) = θ · (x_t, y_t, 1)`, equation (1).

    Args:
        theta: (N, 2, 3), from target to source.
        height: rows of the target picture.
        width: columns of the target picture.

    Returns:
        (N, H, W, 2), last axis x then y, in the source's coordinates from −1 to 1; points beyond
        that lie outside the source. It has 32 bits, or 64 if θ has.

    Raises:
        TypeError, ValueError: θ of another kind or shape, or holding NaN or infinity; a side that
            is no whole number from 1.

    >>> from stn_lesson.theta import affine_theta
    >>> sampling_grid(affine_theta(translation=(1, 0)), height=1, width=3)
    tensor([[[[-2.,  0.],
              [-1.,  0.],
              [ 0.,  0.]]]])
    """
    theta = check_theta(theta)
    target = meshgrid(height, width, dtype=theta.dtype, device=theta.device)
    source = theta @ target  # (N, 2, 3) @ (3, H·W) = (N, 2, H·W)
    return source.transpose(1, 2).reshape(-1, height, width, 2)


MIN_DEPTH = 1e-3  # the least depth that a projective grid divides by, where the middle's is 1


@in_full_precision
def projective_grid(theta: Tensor, height: int, width: int) -> Tensor:
    """Where each target pixel looks under a homography: `(x, y, w) = θ · (x_t, y_t, 1)` over w.

    The third row makes the depth w of each point; dividing by it lets parallel lines meet. Points
    on the horizon or beyond it (w ≤ 0) have nothing to look at: w is held at 0.001 of the depth in
    the picture's middle, so that they look far outside, and every number stays finite.

    Args:
        theta: (N, 3, 3), from target to source; 0 0 1 in the last row makes it affine. A positive
            factor before it changes nothing.
        height: rows of the target picture.
        width: columns of the target picture.

    Returns:
        (N, H, W, 2), last axis x then y, as `sampling_grid`.

    Raises:
        TypeError, ValueError: θ of another kind or shape, or holding NaN or infinity.

    >>> theta = torch.tensor([[[1., 0., 0.], [0., 1., 0.], [0., 0.5, 1.]]])
    >>> projective_grid(theta, height=2, width=2)  # the top is near, the bottom far away
    tensor([[[[-2.0000, -2.0000],
              [ 2.0000, -2.0000]],
    <BLANKLINE>
             [[-0.6667,  0.6667],
              [ 0.6667,  0.6667]]]])
    """
    theta = check_homography(theta)
    target = meshgrid(height, width, dtype=theta.dtype, device=theta.device)
    x, y, w = (theta @ target).unbind(1)  # each (N, H·W)
    depth = torch.maximum(w, MIN_DEPTH * _depth_unit(theta))
    return torch.stack([x / depth, y / depth], -1).view(-1, height, width, 2)


def _depth_unit(theta: Tensor) -> Tensor:
    """The depth of a homography in the picture's middle, without sign, (N, 1): never 0."""
    row = theta[:, 2].abs()
    # The horizon may go through the middle: then the depth at the edges tells how small is small.
    unit = torch.maximum(row[:, 2:], MIN_DEPTH * row.amax(1, keepdim=True))
    return torch.where(unit > 0, unit, 1.0)


def volume_meshgrid(depth: int, height: int, width: int, *, dtype=None, device=None) -> Tensor:
    """The regular target grid of a volume, in homogeneous coordinates (appendix A.3).

    Returns:
        (4, D·H·W): rows x_t, y_t, z_t and 1; columns run through layer after layer, each as in
        reading. z points away from who looks, from the first layer to the last.

    Raises:
        TypeError, ValueError: as `meshgrid`.

    >>> volume_meshgrid(depth=2, height=1, width=2)
    tensor([[-1.,  1., -1.,  1.],
            [ 0.,  0.,  0.,  0.],
            [-1., -1.,  1.,  1.],
            [ 1.,  1.,  1.,  1.]])
    """
    axes = [pixel_centres(side, dtype=dtype, device=device) for side in (depth, height, width)]
    check_pixels(*map(len, axes))
    z_t, y_t, x_t = torch.meshgrid(*axes, indexing="ij")  # each (D, H, W)
    return torch.stack([axis.flatten() for axis in (x_t, y_t, z_t, torch.ones_like(x_t))])


@in_full_precision
def volume_grid(theta: Tensor, depth: int, height: int, width: int) -> Tensor:
    """Where each target voxel looks in the source: `(x_s, y_s, z_s) = θ · (x_t, y_t, z_t, 1)`.

    Equation (1) with one coordinate more (appendix A.3).

    Args:
        theta: (N, 3, 4), from target to source.
        depth: layers of the target volume.
        height: its rows.
        width: its columns.

    Returns:
        (N, D, H, W, 3), last axis x, y, z, in the source's coordinates from −1 to 1. It has
        32 bits, or 64 if θ has.

    Raises:
        TypeError, ValueError: as `sampling_grid`.

    >>> volume_grid(torch.eye(3, 4)[None], depth=2, height=1, width=1)
    tensor([[[[[ 0.,  0., -1.]]],
    <BLANKLINE>
    <BLANKLINE>
             [[[ 0.,  0.,  1.]]]]])
    """
    theta = check_volume_theta(theta)
    target = volume_meshgrid(depth, height, width, dtype=theta.dtype, device=theta.device)
    source = theta @ target  # (N, 3, 4) @ (4, D·H·W) = (N, 3, D·H·W)
    return source.transpose(1, 2).reshape(-1, depth, height, width, 3)
