"""θ: the numbers of a transformation; the six of an affine one made, combined and taken apart.

Conventions, the same in every room of this package:

* θ has shape (N, 2, 3) and maps a **target** point (in the output) to the **source** point (in the
  input) at which the output looks. Warping *moves the picture* by the inverse of θ.
* Coordinates run from −1 to 1 between the centres of the corner pixels, x to the right, y down.
* The numbers typed here say what the picture does **on the screen**: rotation and shear in degrees,
  positive counter-clockwise; a scale above 1 makes the picture bigger (so θ holds 1/scale);
  translation in units of half the image, (1, 0) moves the picture half its width to the right.
"""

import torch
from torch import Tensor

from stn_lesson.checks import check_floats, check_theta, not_finite_error


def affine_theta(rotation=0, scale=1, shear=0, translation=(0, 0), *, size=None) -> Tensor:
    """θ that scales, then shears, then rotates, then moves a picture.

    Args:
        rotation: degrees, counter-clockwise on the screen. A number, or a tensor of N.
        scale: how much bigger the picture gets. A number, a tensor of N, or (horizontal, vertical)
            as a pair or as a tensor (N, 2). A negative entry mirrors; 0 is refused.
        shear: degrees by which vertical lines lean to the right. A number, or a tensor of N.
        translation: (right, down) in units of half the image. A pair, or a tensor (N, 2).
        size: (height, width) of the picture in pixels. Needed for a picture that is not square:
            without it a rotation would also shear, because x and y are measured in
            different units.

    Returns:
        θ of shape (N, 2, 3); N is 1 when only numbers were given. (Equation 1 of the paper.)

    Raises:
        ValueError: a scale of 0, a shear of ±90°, or a pair that is not a pair.

    >>> affine_theta(scale=2, translation=(0.5, 0))  # twice as big, then to the right
    tensor([[[ 0.5000,  0.0000, -0.2500],
             [ 0.0000,  0.5000,  0.0000]]])
    """
    scale_x, scale_y = _pair(scale, "scale") if _is_pair(scale) else (scale, scale)
    shift_x, shift_y = _pair(translation, "translation")
    numbers = _broadcast_to_vectors(rotation, scale_x, scale_y, shear, shift_x, shift_y)
    rotation, scale_x, scale_y, shear, shift_x, shift_y = numbers
    if (scale_x == 0).any() or (scale_y == 0).any():
        raise ValueError("scale must not be 0: a picture shrunk to nothing has no inverse")
    if (shear.remainder(180) == 90).any():
        raise ValueError("shear must not be ±90 degrees: it would flatten the picture to a line")

    cos, sin = torch.cos(torch.deg2rad(rotation)), torch.sin(torch.deg2rad(rotation))
    lean = -torch.tan(
        torch.deg2rad(shear)
    )  # y points down, so leaning right means −x at the bottom
    # What the picture does on the screen: p ↦ rotate · shear · scale · p + shift.
    picture = torch.stack(
        [
            torch.stack([cos * scale_x, (cos * lean + sin) * scale_y], -1),
            torch.stack([-sin * scale_x, (cos - sin * lean) * scale_y], -1),
        ],
        -2,
    )  # (N, 2, 2)
    picture = picture * _aspect_factors(size, picture)
    shift = torch.stack([shift_x, shift_y], -1)[..., None]  # (N, 2, 1)
    return invert(torch.cat([picture, shift], -1))


def attention_theta(scale=1, translation=(0, 0)) -> Tensor:
    """θ that only scales and moves: a movable window on the picture.

    The arguments mean what they mean for `affine_theta`: scale 2 shows the middle half of the
    picture twice as big. (Equation 2 of the paper, whose s is 1/scale here.)

    >>> attention_theta(scale=2)
    tensor([[[0.5000, 0.0000, 0.0000],
             [0.0000, 0.5000, 0.0000]]])
    """
    return affine_theta(scale=scale, translation=translation)


def compose(first: Tensor, then: Tensor) -> Tensor:
    """One θ that does what warping by `first` and then by `then` does.

    θ points from output to input, so the product stands in the order that surprises:
    the last warp is asked first, θ = θ_first · θ_then.

    Args:
        first: (N, 2, 3), or (1, 2, 3) to serve for all.
        then: (N, 2, 3), or (1, 2, 3) to serve for all.

    >>> once = affine_theta(rotation=30)
    >>> torch.allclose(compose(once, once), affine_theta(rotation=60))
    True
    """
    return (_homogeneous(check_theta(first)) @ _homogeneous(check_theta(then)))[:, :2]


def invert(theta: Tensor) -> Tensor:
    """The θ that undoes θ: from source back to target. Shape (N, 2, 3).

    Raises:
        ValueError: some θ squeezes the plane to a line or a point and cannot be undone.

    >>> invert(affine_theta(scale=2))
    tensor([[[2., 0., 0.],
             [0., 2., 0.]]])
    """
    matrix = check_theta(theta)[..., :2]  # (N, 2, 2)
    a, b, c, d = matrix.flatten(1).unbind(1)
    determinant = a * d - b * c
    for n in (determinant == 0).nonzero().flatten().tolist()[:1]:
        raise ValueError(
            f"theta {n} has determinant 0: it reads the whole output from one line of the input, "
            f"so it cannot be undone; its matrix is {matrix[n].tolist()}"
        )
    inverse = torch.stack([d, -b, -c, a], -1).view(-1, 2, 2) / determinant[:, None, None]
    return torch.cat([inverse, -inverse @ theta[..., 2:]], -1) + 0.0  # + 0 turns −0 into 0


def decompose(theta: Tensor, *, size=None) -> dict[str, Tensor]:
    """Rotation, scale, shear and translation of θ: the inverse of `affine_theta`.

    A mirrored picture comes back with a negative vertical scale (and the rotation to match).

    Args:
        theta: (N, 2, 3), invertible.
        size: (height, width) of the picture, when it is not square, as in `affine_theta`.

    Returns:
        rotation (N,), scale (N, 2), shear (N,), translation (N, 2), ready for
        `affine_theta(**decompose(theta))`.

    >>> parts = decompose(affine_theta(rotation=30, scale=2))
    >>> parts["rotation"], parts["scale"]
    (tensor([30.0000]), tensor([[2., 2.]]))
    """
    picture = invert(theta)
    matrix, translation = picture[..., :2] / _aspect_factors(size, picture), picture[..., 2]
    (a, b), (c, d) = (row.unbind(-1) for row in matrix.unbind(-2))
    scale_x = torch.hypot(a, c)
    scale_y = (a * d - b * c) / scale_x
    lean = (a * b + c * d) / (scale_x * scale_y)
    return {
        "rotation": torch.rad2deg(torch.atan2(-c, a)),
        "scale": torch.stack([scale_x, scale_y], -1),
        "shear": torch.rad2deg(torch.atan(-lean)),
        "translation": translation,
    }


def projective_theta(corners: Tensor) -> Tensor:
    """θ of the homography under which the target's four corners look at four given points.

    Args:
        corners: (N, 4, 2), where the corners look in the source, x then y: top left, top right,
            bottom right, bottom left.

    Returns:
        (N, 3, 3) with 1 as its last entry, for `projective_grid`.

    Raises:
        TypeError, ValueError: no floats (N, 4, 2), three of the four points on one line, or the
            picture's middle at infinity (which takes sides that cross).

    >>> square = torch.tensor([[[-1., -1.], [1., -1.], [1., 1.], [-1., 1.]]])
    >>> projective_theta(square)[0] + 0
    tensor([[1., 0., 0.],
            [0., 1., 0.],
            [0., 0., 1.]])
    """
    check_floats(corners, "corners")
    if corners.ndim != 3 or corners.shape[1:] != (4, 2):
        raise ValueError(f"corners must have shape (N, 4, 2), got {tuple(corners.shape)}")
    if not corners.isfinite().all():
        raise not_finite_error(corners, "corner", "coordinate", name="corners")
    smallest = corner_areas(corners).abs().amin(1)
    extent = (corners - corners[:, :1]).abs().amax((1, 2))
    rounding = 8 * torch.finfo(corners.dtype).eps * extent.square()
    for n in (smallest <= rounding).nonzero().flatten().tolist()[:1]:
        raise ValueError(
            f"corners of sample {n} have three points on one line, {corners[n].tolist()}: "
            "no homography goes through them"
        )
    # Each corner gives two equations, x·w = x_t·h₁ + y_t·h₂ + h₃ and the like, linear in the h.
    x_t, y_t = (
        corners.new_tensor([[-1, 1, 1, -1], [-1, -1, 1, 1]]).expand(len(corners), 2, 4).unbind(1)
    )
    x, y = corners.unbind(-1)  # both (N, 4)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    rows_x = torch.stack([x_t, y_t, one, zero, zero, zero, -x * x_t, -x * y_t], -1)
    rows_y = torch.stack([zero, zero, zero, x_t, y_t, one, -y * x_t, -y * y_t], -1)
    equations = torch.cat([rows_x, rows_y], 1)  # (N, 8, 8)
    solution, trouble = torch.linalg.solve_ex(equations, torch.cat([x, y], 1))
    for n in (trouble.bool() | ~solution.isfinite().all(1)).nonzero().flatten().tolist()[:1]:
        raise ValueError(
            f"corners of sample {n} have sides that cross, {corners[n].tolist()}: the picture's "
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


def _homogeneous(theta: Tensor) -> Tensor:
    """θ with the row 0 0 1 below it: (N, 3, 3)."""
    last = theta.new_tensor([0.0, 0.0, 1.0]).expand(len(theta), 1, 3)
    return torch.cat([theta, last], -2)


def _aspect_factors(size, like: Tensor) -> Tensor | float:
    """Factors (2, 2) that turn a matrix in pixels into one in half widths and half heights."""
    if size is None:
        return 1.0
    height, width = (max(side - 1, 1) for side in size)
    return like.new_tensor([[1.0, height / width], [width / height, 1.0]])


def _is_pair(value) -> bool:
    return isinstance(value, (tuple, list)) or (isinstance(value, Tensor) and value.ndim == 2)


def _pair(value, name: str):
    """Both halves of a pair: two numbers, two tensors of N, a tensor (2,) or a tensor (N, 2)."""
    if not isinstance(value, (tuple, list, Tensor)) or (
        value.shape[-1:] != (2,) if isinstance(value, Tensor) else len(value) != 2
    ):
        raise ValueError(f"{name} must be a pair such as (0.5, 0) or a tensor (N, 2), got {value}")
    return value.unbind(-1) if isinstance(value, Tensor) else value


def _broadcast_to_vectors(*values) -> tuple[Tensor, ...]:
    """Numbers and tensors, brought to 1-D floating tensors of one length, type and device."""
    tensors = [value for value in values if isinstance(value, Tensor)]
    dtype = torch.get_default_dtype()
    if any(tensor.is_floating_point() for tensor in tensors):
        dtype = max((t.dtype for t in tensors if t.is_floating_point()), key=lambda d: d.itemsize)
    device = tensors[0].device if tensors else None
    vectors = [torch.as_tensor(value, dtype=dtype, device=device).reshape(-1) for value in values]
    return torch.broadcast_tensors(*vectors)
