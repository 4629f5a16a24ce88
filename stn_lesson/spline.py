"""The thin-plate spline: a net of control points bends the picture like a thin sheet of metal."""

import math
from functools import lru_cache

import torch
from torch import Tensor, nn

from stn_lesson.arguments import whole_number
from stn_lesson.grid import meshgrid
from stn_lesson.precision import in_full_precision
from stn_lesson.theta_checks import check_control_points


def control_points(k: int, *, dtype=None, device=None) -> Tensor:
    """A regular net of k × k points over the picture, (k², 2), x then y, in reading order.

    k is a whole number from 2 to 64, else a TypeError or ValueError says so.

    >>> control_points(2)
    tensor([[-1., -1.],
            [ 1., -1.],
            [-1.,  1.],
            [ 1.,  1.]])
    """
    if whole_number(k, "k", highest=64) < 2:  # the spline's system holds k⁴ numbers
        raise ValueError(f"a thin-plate spline needs at least 2 × 2 control points, got k = {k}")
    return meshgrid(k, k, dtype=dtype, device=device)[:2].T.contiguous()


@in_full_precision
def thin_plate_grid(theta: Tensor, height: int, width: int) -> Tensor:
    """Where each target pixel looks under a thin-plate spline (Bookstein 1989).

    A regular net of k × k control points lies over the target. θ says where each of them looks in
    the source; between them the grid bends as little as a thin sheet of metal would. That is a
    linear map: grid = `thin_plate_matrix` · θ, with a matrix that depends on k and the size alone.

    Args:
        theta: (N, k², 2), where each control point looks, x then y, in reading order.
        height: rows of the target picture.
        width: columns of the target picture.

    Returns:
        (N, H, W, 2), as `sampling_grid`. Points that coincide fold the picture; the grid stays
        finite.

    Raises:
        TypeError, ValueError: θ of another kind or shape, or holding NaN or infinity.

    >>> thin_plate_grid(control_points(4)[None] + 0.5, height=1, width=2)  # all of it moved
    tensor([[[[-0.5000,  0.5000],
              [ 1.5000,  0.5000]]]])
    """
    theta = check_control_points(theta)
    k = math.isqrt(theta.shape[1])
    make = thin_plate_matrix_on
    if torch.compiler.is_compiling() or type(theta) not in (Tensor, nn.Parameter):
        make = make.__wrapped__  # a program that is traced, a fake tensor: no numbers to keep
    matrix = make(k, height, width, theta.dtype, theta.device)  # (H·W, k²)
    source = theta.mT @ matrix.mT  # (N, 2, k²) @ (k², H·W) = (N, 2, H·W)
    return source.transpose(1, 2).reshape(-1, height, width, 2)


def thin_plate_matrix(k: int, height: int, width: int) -> Tensor:
    """The matrix of a thin-plate spline: how much each pixel follows each control point.

    It is made of the sheet's profile U(r) = r² log r² around every control point and of a plane;
    their weights are found by asking that the spline goes through the points and that its bending
    forces balance.

    Returns:
        (H·W, k²), rows in reading order, in double precision, on the CPU. Each row sums to 1.

    >>> thin_plate_matrix(2, 2, 2).round(decimals=6).abs()  # four pixels on four points
    tensor([[1., 0., 0., 0.],
            [0., 1., 0., 0.],
            [0., 0., 1., 0.],
            [0., 0., 0., 1.]], dtype=torch.float64)
    """
    where = dict(dtype=torch.double, device="cpu")  # whatever torch.set_default_device says
    points = control_points(k, **where)  # (k², 2)
    pixels = meshgrid(height, width, **where)[:2].T  # (H·W, 2)
    flat = points.new_ones(len(points), 1)
    plane = torch.cat([flat, points], 1)  # (k², 3)
    # U · weights + plane · coefficients = θ, and the weights push neither sideways nor around.
    system = torch.cat(
        [
            torch.cat([_radial_basis(points, points), plane], 1),
            torch.cat([plane.T, points.new_zeros(3, 3)], 1),
        ]
    )
    solution = torch.linalg.inv(system)[:, : len(points)]  # (k² + 3, k²)
    at_pixels = torch.cat(
        [_radial_basis(pixels, points), pixels.new_ones(len(pixels), 1), pixels], 1
    )
    return at_pixels @ solution


@lru_cache(maxsize=16, typed=True)  # True is no 1: it is refused
def thin_plate_matrix_on(k: int, height: int, width: int, dtype, device) -> Tensor:
    """`thin_plate_matrix`, rounded and where it is needed: copied there once, not at every step."""
    with torch.inference_mode(False):  # what is made in inference mode cannot be trained with later
        return thin_plate_matrix(k, height, width).to(device, dtype)


def _radial_basis(a: Tensor, b: Tensor) -> Tensor:
    """U(r) = r² log r² between all points of a (n, 2) and b (m, 2); 0 where they meet."""
    squared = (a[:, None] - b).square().sum(-1)
    return torch.special.xlogy(squared, squared)
