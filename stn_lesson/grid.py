"""The sampling grid: for every target pixel, the point of the source at which it looks.

−1 and 1 are the centres of the corner pixels (torch calls this `align_corners=True`). The
convention is written once, in `pixel_centres`, and once in the other direction, in the sampler.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from stn_lesson.arguments import whole_number
from stn_lesson.checks import check_control_points, check_homography, check_theta
from stn_lesson.precision import float_type, in_full_precision


def pixel_centres(count: int, *, dtype=None, device=None) -> Tensor:
    """Coordinates of `count` pixel centres in a row, from −1 to 1. One pixel alone sits at 0.

    Raises:
        TypeError, ValueError: `count` is no whole number from 1, or dtype has fewer than 32 bits.

    >>> pixel_centres(5)
    tensor([-1.0000, -0.5000,  0.0000,  0.5000,  1.0000])
    """
    count = whole_number(count, "a side in pixels", 1, 2**24)  # float32 counts no further
    edge = 1 if count > 1 else 0
    return torch.linspace(-edge, edge, count, dtype=float_type(dtype), device=device)


def meshgrid(height: int, width: int, *, dtype=None, device=None) -> Tensor:
    """The regular target grid G in homogeneous coordinates (section 3.2 of the paper).

    Returns:
        (3, H·W): rows x_t, y_t and 1; columns run through the pixels row by row, as in reading.

    Raises:
        TypeError, ValueError: a side that is no whole number from 1, or a dtype of 16 bits.

    >>> meshgrid(height=2, width=3)
    tensor([[-1.,  0.,  1., -1.,  0.,  1.],
            [-1., -1., -1.,  1.,  1.,  1.],
            [ 1.,  1.,  1.,  1.,  1.,  1.]])
    """
    y_t, x_t = torch.meshgrid(
        pixel_centres(height, dtype=dtype, device=device),
        pixel_centres(width, dtype=dtype, device=device),
        indexing="ij",
    )  # both (H, W)
    return torch.stack([x_t.flatten(), y_t.flatten(), torch.ones_like(x_t).flatten()])


@in_full_precision
def sampling_grid(theta: Tensor, height: int, width: int) -> Tensor:
    """Where each target pixel looks in the source: (x_s, y_s) = θ · (x_t, y_t, 1), equation (1).

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
    """Where each target pixel looks under a homography: (x, y, w) = θ · (x_t, y_t, 1), over w.

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
    if torch.compiler.is_compiling():
        make = make.__wrapped__  # a program that is traced has no numbers to keep
    matrix = make(k, height, width, theta.dtype, theta.device)  # (H·W, k²)
    source = theta.mT @ matrix.mT  # (N, 2, k²) @ (k², H·W) = (N, 2, H·W)
    return source.transpose(1, 2).reshape(-1, height, width, 2)


def thin_plate_matrix(k: int, height: int, width: int) -> Tensor:
    """The matrix of a thin-plate spline: how much each pixel follows each control point.

    It is made of the sheet's profile U(r) = r² log r² around every control point and of a plane;
    their weights are found by asking that the spline goes through the points and that its bending
    forces balance.

    Returns:
        (H·W, k²), rows in reading order, in double precision. Each row sums to 1.

    >>> thin_plate_matrix(2, 2, 2).round(decimals=6).abs()  # four pixels on four points
    tensor([[1., 0., 0., 0.],
            [0., 1., 0., 0.],
            [0., 0., 1., 0.],
            [0., 0., 0., 1.]], dtype=torch.float64)
    """
    points = control_points(k, dtype=torch.double)  # (k², 2)
    pixels = meshgrid(height, width, dtype=torch.double)[:2].T  # (H·W, 2)
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


def grid_of(theta: Tensor, height: int, width: int) -> Tensor:
    """The sampling grid (N, H, W, 2) of θ, of whichever family its shape tells.

    θ is affine (N, 2, 3), a homography (N, 3, 3), or the points of a spline (N, k², 2); the grid is
    that of `sampling_grid`, `projective_grid` or `thin_plate_grid`.

    >>> grid_of(control_points(3)[None], 2, 2).shape
    torch.Size([1, 2, 2, 2])
    """
    shape = tuple(theta.shape) if isinstance(theta, Tensor) else ()
    if shape[1:] == (3, 3):
        return projective_grid(theta, height, width)
    if len(shape) == 3 and shape[2] == 2 and shape[1] >= 4:
        return thin_plate_grid(theta, height, width)
    return sampling_grid(theta, height, width)


def _radial_basis(a: Tensor, b: Tensor) -> Tensor:
    """U(r) = r² log r² between all points of a (n, 2) and b (m, 2); 0 where they meet."""
    squared = (a[:, None] - b).square().sum(-1)
    return torch.special.xlogy(squared, squared)


@dataclass(frozen=True)
class Family:
    """A family of transformations that a localisation network can choose from.

    Attributes:
        name: what to call it.
        identity: the P numbers that leave the picture as it is.
        theta: turns a network's numbers (N, P) into θ, of the shape that `grid` takes.
        grid: turns θ, a height and a width into a sampling grid (N, H, W, 2).
    """

    name: str
    identity: tuple[float, ...]
    theta: Callable[[Tensor], Tensor]
    grid: Callable[[Tensor, int, int], Tensor]


# By name, for a lambda could not be pickled: neither saved with a model nor sent to a process.
def _affine(numbers: Tensor) -> Tensor:
    return numbers.view(-1, 2, 3)  # equation (1)


def _attention(numbers: Tensor) -> Tensor:
    s, t_x, t_y = numbers.unbind(-1)
    zero = torch.zeros_like(s)
    return torch.stack([s, zero, t_x, zero, s, t_y], -1).view(-1, 2, 3)  # equation (2)


def _projective(numbers: Tensor) -> Tensor:
    return torch.cat([numbers, torch.ones_like(numbers[:, :1])], 1).view(-1, 3, 3)


def _net(numbers: Tensor) -> Tensor:
    return numbers.unflatten(1, (-1, 2))  # (N, k², 2)


def thin_plate_spline(k: int = 4) -> Family:
    """The family of thin-plate splines with k × k control points: 2k² numbers.

    >>> len(thin_plate_spline(3).identity)
    18
    """
    identity = tuple(control_points(k).flatten().tolist())
    return Family("tps", identity, _net, thin_plate_grid)


FAMILIES = {
    family.name: family
    for family in (
        Family("affine", (1, 0, 0, 0, 1, 0), _affine, sampling_grid),
        Family("attention", (1, 0, 0), _attention, sampling_grid),
        Family("projective", (1, 0, 0, 0, 1, 0, 0, 0), _projective, projective_grid),
        thin_plate_spline(4),
    )
}
