"""The homography that takes four points to four points: the θ of a picture seen aslant."""

import torch
from torch import Tensor

from stn_lesson.checks import check_alike, check_finite, check_floats, first_of
from stn_lesson.precision import in_full_precision
from stn_lesson.theta import compose, invert


@in_full_precision
def projective_theta(corners: Tensor, target: Tensor | None = None) -> Tensor:
    """θ of the homography under which four points of the target look at four given points.

    Args:
        corners: (N, 4, 2), where the four points look in the source, x then y: top left, top
            right, bottom right, bottom left.
        target: (N, 4, 2), the four points in the target, in the same order; None for its corners.

    Either may be (1, 4, 2), to serve for all.

    Returns:
        (N, 3, 3), with 1 as its last entry if the four points are the target's corners.

    Raises:
        TypeError, ValueError: no floats (N, 4, 2), three of the four points on one line, or the
            picture's middle at infinity (which takes sides that cross).

    >>> square = torch.tensor([[[-1., -1.], [1., -1.], [1., 1.], [-1., 1.]]])
    >>> projective_theta(square)[0] + 0
    tensor([[1., 0., 0.],
            [0., 1., 0.],
            [0., 0., 1.]])
    >>> projective_theta(square / 2, target=square / 4)[0] + 0  # a quarter shows a half
    tensor([[2., 0., 0.],
            [0., 2., 0.],
            [0., 0., 1.]])
    """
    corners = _check_corners(corners, "corners")
    if target is None:
        return _solve_for_corners(corners, "corners")
    target = _check_corners(target, "target")
    check_alike(corners, target, ("corners", "target"))
    to_target = _solve_for_corners(target, "target")
    return compose(_solve_for_corners(corners, "corners"), invert(to_target))


def _check_corners(corners: Tensor, name: str) -> Tensor:
    """Four points (N, 4, 2) in at least 32 bits, no three on one line; a clear error otherwise."""
    corners = check_floats(corners, name)
    if corners.ndim != 3 or corners.shape[1:] != (4, 2):
        fits = corners.shape[-1:] == (8,) or corners.shape[-2:] == (4, 2)
        use = f": use {name}.reshape(-1, 4, 2)" if fits else ""
        raise ValueError(f"{name} must have shape (N, 4, 2), got {tuple(corners.shape)}{use}")
    check_finite(corners, "corner", "coordinate", name=name)
    smallest = corner_areas(corners).abs().amin(1)
    extent = (corners - corners[:, :1]).abs().amax((1, 2))
    rounding = 8 * torch.finfo(corners.dtype).eps * extent.square()
    if (n := first_of(smallest <= rounding)) is not None:
        raise ValueError(
            f"{name} of sample {n} have three points on one line, {corners[n].tolist()}: "
            "no homography goes through them"
        )
    return corners


def _solve_for_corners(corners: Tensor, name: str) -> Tensor:
    """θ of the homography from the target's corners to four points (N, 4, 2)."""
    # Each corner gives two equations, x·w = x_t·h₁ + y_t·h₂ + h₃ and the like, linear in the h.
    x_t, y_t = corners.new_tensor([[-1, 1, 1, -1], [-1, -1, 1, 1]]).expand_as(corners.mT).unbind(1)
    x, y = corners.unbind(-1)  # both (N, 4)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    rows_x = torch.stack([x_t, y_t, one, zero, zero, zero, -x * x_t, -x * y_t], -1)
    rows_y = torch.stack([zero, zero, zero, x_t, y_t, one, -y * x_t, -y * y_t], -1)
    equations = torch.cat([rows_x, rows_y], 1)  # (N, 8, 8)
    solution, trouble = torch.linalg.solve_ex(equations, torch.cat([x, y], 1))
    if (n := first_of(trouble.bool() | ~solution.isfinite().all(1))) is not None:
        raise ValueError(
            f"{name} of sample {n} have sides that cross, {corners[n].tolist()}: the picture's "
            "middle would lie at infinity, so give them in order around the picture"
        )
    return torch.cat([solution, one[:, :1]], 1).view(-1, 3, 3)


def corner_areas(corners: Tensor) -> Tensor:
    """Twice the area of the triangle that each corner makes with its two neighbours.

    Args:
        corners: (N, 4, 2), clockwise on the screen.

    Returns:
        (N, 4); negative where a corner points inwards, 0 where it lies on its neighbours' line.

    >>> corner_areas(torch.tensor([[[0., 0.], [2., 0.], [2., 1.], [0., 1.]]]))
    tensor([[2., 2., 2., 2.]])
    """
    x_in, y_in = (corners - corners.roll(1, 1)).unbind(-1)  # both (N, 4)
    x_out, y_out = (corners.roll(-1, 1) - corners).unbind(-1)
    return x_in * y_out - y_in * x_out
