"""θ, the numbers of a transformation: the six of an affine one made, combined and taken apart.

Conventions, the same in every part of this package:

* θ has shape (N, 2, 3) and maps a **target** point (in the output) to the **source** point (in the
  input) at which the output looks. Warping *moves the picture* by the inverse of θ.
* Coordinates run from −1 to 1 between the centres of the corner pixels, x to the right, y down.
* The numbers typed here say what the picture does **on the screen**: rotation and shear in degrees,
  positive counter-clockwise; a scale above 1 makes the picture bigger (so θ holds 1/scale);
  translation in units of half the image, (1, 0) moves the picture half its width to the right.
"""

import numpy as np
import torch
from torch import Tensor

from stn_lesson.arguments import pair, real_number, vector, vector_pair
from stn_lesson.checks import check_alike, first_of
from stn_lesson.precision import in_full_precision
from stn_lesson.theta_checks import check_matrix, check_theta


def affine_theta(
    rotation=0, scale=1, shear=0, translation=(0, 0), *, centre=(0, 0), size=None
) -> Tensor:
    """θ that scales, then shears, then rotates, then moves a picture.

    Args:
        rotation: degrees, counter-clockwise on the screen. A number, or a tensor of N.
        scale: how much bigger the picture gets. A number, a tensor of N, or (horizontal, vertical)
            as a pair or as a tensor (N, 2). A negative entry mirrors; 0 is refused.
        shear: degrees by which vertical lines lean to the right. A number, or a tensor of N.
        translation: (right, down) in units of half the image. A pair, or a tensor (N, 2).
        centre: (x, y) of the point that scale, shear and rotation leave where it is; (0, 0) is the
            middle of the picture, (1, 1) its bottom right pixel. A pair, or a tensor (N, 2).
        size: (height, width) of the picture in pixels. Needed for a picture that is not square:
            without it a rotation would also shear, because x and y are measured in
            different units.

    Returns:
        θ of shape (N, 2, 3); N is 1 when only numbers were given. (Equation 1 of the paper.)

    Arrays of numpy count as tensors, and an array of two numbers as a pair. θ has 32 bits, or 64
    if one of the tensors has.

    Raises:
        TypeError, ValueError: what is no number, no pair, not finite, or of another length than
            the others; a scale of 0, or a shear of ±90°.

    >>> affine_theta(scale=2, translation=(0.5, 0))  # twice as big, then to the right
    tensor([[[ 0.5000,  0.0000, -0.2500],
             [ 0.0000,  0.5000,  0.0000]]])
    >>> affine_theta(scale=2, centre=(1, 0))  # the middle of the right edge stays there
    tensor([[[0.5000, 0.0000, 0.5000],
             [0.0000, 0.5000, 0.0000]]])
    """
    angle, lean, scale_x, scale_y, right, down, x, y = broadcast_numbers(
        rotation=[vector(rotation, "rotation")],
        shear=[vector(shear, "shear")],
        scale=_both_scales(scale),
        translation=vector_pair(translation, "translation"),
        centre=vector_pair(centre, "centre"),
    )
    if first_of((scale_x == 0) | (scale_y == 0)) is not None:
        raise ValueError(
            f"scale must not be 0, nor round to it in {scale_x.dtype}: a picture shrunk to nothing "
            "has no inverse"
        )
    if first_of(lean.remainder(180) == 90) is not None:
        raise ValueError("shear must not be ±90 degrees: it would flatten the picture to a line")
    picture = _picture_matrix(angle, scale_x, scale_y, lean)
    picture = picture * _aspect_factors(size, picture)
    centre = torch.stack([x, y], -1)  # it comes back to where it was, and then moves
    shift = torch.stack([right, down], -1) + centre - (picture * centre[:, None]).sum(-1)
    return invert(torch.cat([picture, shift[..., None]], -1))


def attention_theta(scale=1, translation=(0, 0)) -> Tensor:
    """θ that only scales and moves: a movable window on the picture.

    The arguments mean what they mean for `affine_theta`: scale 2 shows the middle half of the
    picture twice as big. (Equation 2 of the paper, whose s is 1/scale here.)

    >>> attention_theta(scale=2)
    tensor([[[0.5000, 0.0000, 0.0000],
             [0.0000, 0.5000, 0.0000]]])
    """
    return affine_theta(scale=scale, translation=translation)


@in_full_precision
def compose(first: Tensor, then: Tensor) -> Tensor:
    """One θ that does what warping by `first` and then by `then` does.

    θ points from output to input, so the product stands in the order that surprises:
    the last warp is asked first, θ = θ_first · θ_then.

    Args:
        first: (N, 2, 3), (N, 3, 3) for a homography, or (N, 3, 4) for volumes; N may be 1, to
            serve for all.
        then: the same, of the same type.

    Returns:
        (N, 2, 3); (N, 3, 3) if one of them is a homography; (N, 3, 4) for volumes.

    Raises:
        TypeError, ValueError: θ of another kind or shape, two that do not agree, or a product too
            large for their type.

    >>> once = affine_theta(rotation=30)
    >>> torch.allclose(compose(once, once), affine_theta(rotation=60))
    True
    """
    first, then = check_matrix(first), check_matrix(then)
    check_alike(first, then, ("first", "then"))
    if first.shape[2] != then.shape[2]:
        raise ValueError(
            "first and then must both be of pictures or both of volumes, got "
            f"{tuple(first.shape)} and {tuple(then.shape)}"
        )
    rows = max(first.shape[1], then.shape[1])
    both = (_homogeneous(first) @ _homogeneous(then))[:, :rows]
    if (n := first_of(~both.isfinite().flatten(1).all(1))) is not None:
        use = "" if both.dtype == torch.double else ": use first.double() and then.double()"
        raise ValueError(
            f"first and then are so large that their product {n} does not fit into {both.dtype}"
            + use
        )
    return both


@in_full_precision
def invert(theta: Tensor) -> Tensor:
    """The θ that undoes θ: from source back to target.

    Args:
        theta: (N, 2, 3), (N, 3, 3) for a homography, or (N, 3, 4) for volumes.

    Returns:
        θ of the same shape.

    Raises:
        TypeError, ValueError: θ of another kind or shape, or one that squeezes the plane to a line
            or a point and cannot be undone.

    >>> invert(affine_theta(scale=2))
    tensor([[[2., 0., 0.],
             [0., 2., 0.]]])
    >>> invert(torch.diag(torch.tensor([2., 4., 1.]))[None])
    tensor([[[0.5000, 0.0000, 0.0000],
             [0.0000, 0.2500, 0.0000],
             [0.0000, 0.0000, 1.0000]]])
    """
    theta = check_matrix(theta)
    rows = theta.shape[1]
    matrix, shift = theta[..., :rows], theta[..., rows:]  # a homography has no shift of its own
    inverse, determinant = _inverse(matrix)
    if (n := first_of(determinant == 0)) is not None:
        raise ValueError(
            f"theta {n} has determinant 0: it reads the whole output from one line of the input, "
            f"so it cannot be undone; its matrix is {matrix[n].tolist()}"
        )
    shift = -inverse @ shift.to(inverse.dtype)
    undone = torch.cat([inverse, shift], -1).to(theta.dtype) + 0.0  # + 0 turns −0 into 0
    held = undone.isfinite().all(2) & (undone[..., :rows] != 0).any(2)
    if (n := first_of(~held.all(1))) is not None:
        use = "look at what computed it" if theta.dtype == torch.double else "use theta.double()"
        raise ValueError(
            f"theta {n} is so large or small that its inverse does not fit into {theta.dtype}, "
            f"its matrix is {matrix[n].tolist()}: {use}"
        )
    return undone


def decompose(theta: Tensor, *, size=None) -> dict[str, Tensor]:
    """Rotation, scale, shear and translation of θ: the inverse of `affine_theta`.

    A mirrored picture comes back with a negative vertical scale (and the rotation to match).

    Args:
        theta: (N, 2, 3) that can be undone.
        size: (height, width) of the picture, when it is not square, as in `affine_theta`.

    Returns:
        rotation (N,), scale (N, 2), shear (N,), translation (N, 2), ready for
        `affine_theta(**decompose(theta))`.

    >>> parts = decompose(affine_theta(rotation=30, scale=2))
    >>> parts["rotation"], parts["scale"]
    (tensor([30.0000]), tensor([[2., 2.]]))
    """
    picture = invert(check_theta(theta))
    matrix, translation = picture[..., :2] / _aspect_factors(size, picture), picture[..., 2]
    (a, b), (c, d) = (row.unbind(-1) for row in matrix.unbind(-2))
    scale_x = torch.hypot(a, c)
    cos, sin = a / scale_x, -c / scale_x  # no product of two scales: it might not fit
    scale_y = cos * d + sin * b
    lean = (cos * b - sin * d) / scale_y
    return {
        "rotation": torch.rad2deg(torch.atan2(sin, cos)),
        "scale": torch.stack([scale_x, scale_y], -1),
        "shear": torch.rad2deg(torch.atan(-lean)),
        "translation": translation,
    }


def _homogeneous(theta: Tensor) -> Tensor:
    """θ with the row 0 … 0 1 below it, unless it is square: (N, 3, 3), or (N, 4, 4) of volumes."""
    size = theta.shape[2]
    last = theta.new_tensor([*[0.0] * (size - 1), 1.0]).expand(theta.shape[0], 1, size)
    return torch.cat([theta, last], -2)[:, :size]


def _inverse(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The inverse of (N, 2, 2) or (N, 3, 3), in 64 bits where 32 might not do.

    With it, (N,), what is 0 where there is no inverse: the determinant with its rows brought to
    the size of 1 by powers of two, which round nothing.
    """
    size = matrix.detach().abs().amax(2, keepdim=True)  # of each row, (N, k, 1)
    largest = size.amax((1, 2))
    if matrix.shape[1] == 3 or first_of((largest < 1e-12) | (largest > 1e12)) is not None:
        matrix, size = matrix.double(), size.double()
    size = size.clamp(min=torch.finfo(size.dtype).tiny)
    size = size / (2 * torch.frexp(size).mantissa)
    matrix = matrix / size
    if matrix.shape[1] == 2:
        a, b, c, d = matrix.flatten(1).unbind(1)
        adjugate = torch.stack([d, -b, -c, a], -1).view(-1, 2, 2)
        determinant = a * d - b * c
    else:
        first, second, third = matrix.unbind(1)
        pairs = (second, third), (third, first), (first, second)
        adjugate = torch.stack([torch.linalg.cross(*pair) for pair in pairs], -1)
        determinant = (first * adjugate[..., 0]).sum(-1)
    return adjugate / determinant[:, None, None] / size.mT, determinant


def _picture_matrix(rotation: Tensor, scale_x: Tensor, scale_y: Tensor, shear: Tensor) -> Tensor:
    """What the picture does on the screen, (N, 2, 2) in pixels: p ↦ rotate · shear · scale · p."""
    cos, sin = torch.cos(torch.deg2rad(rotation)), torch.sin(torch.deg2rad(rotation))
    # y points down, so leaning right means −x at the bottom.
    lean = -torch.tan(torch.deg2rad(shear))
    return torch.stack(
        [
            torch.stack([cos * scale_x, (cos * lean + sin) * scale_y], -1),
            torch.stack([-sin * scale_x, (cos - sin * lean) * scale_y], -1),
        ],
        -2,
    )


def _aspect_factors(size, like: Tensor) -> Tensor | float:
    """Factors (2, 2) that turn a matrix in pixels into one in half widths and half heights."""
    if size is None:
        return 1.0
    size = pair(size, "size (height, width)", of=real_number, lowest=1)
    height, width = (max(side - 1, 1) for side in size)
    return like.new_tensor([[1.0, height / width], [width / height, 1.0]])


def _both_scales(scale) -> tuple:
    """The horizontal and the vertical scale: of a pair, or twice the same."""
    is_tensor, is_array = isinstance(scale, Tensor), isinstance(scale, np.ndarray)
    if isinstance(scale, tuple | list) or ((is_tensor or is_array) and scale.ndim == 2):
        return vector_pair(scale, "scale")
    if is_array and scale.shape == (2,):
        return vector_pair(scale, "scale")
    return (vector(scale, "scale"),) * 2


def broadcast_numbers(**values) -> tuple[Tensor, ...]:
    """Lists of numbers and of tensors (N,), each as a finite vector (N,), all of one type.

    The type is float32, or float64 if one of the tensors has it: never one of 16 bits.
    """
    names = [name for name, several in values.items() for _ in several]
    vectors = [value for several in values.values() for value in several]
    tensors = [value for value in vectors if isinstance(value, Tensor)]
    floats = {value.dtype for value in tensors if value.is_floating_point()}
    double = torch.double in (floats or {torch.get_default_dtype()})
    like = dict(dtype=torch.double if double else torch.float)
    like["device"] = tensors[0].device if tensors else None
    vectors = [torch.as_tensor(value, **like).reshape(-1) for value in vectors]
    try:
        vectors = torch.broadcast_tensors(*vectors)
    except RuntimeError:
        lengths = {len(v): name for name, v in zip(names, vectors, strict=True) if len(v) != 1}
        got = ", ".join(f"{length} for {name}" for length, name in lengths.items())
        message = f"arguments must hold one number for all, or N like the others, got {got}"
        raise ValueError(message) from None
    if (n := first_of(~torch.stack(vectors).isfinite().all(1))) is not None:
        raise ValueError(f"{names[n]} must hold finite numbers, got {vectors[n].tolist()}")
    return vectors
