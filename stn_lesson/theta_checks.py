"""What a θ of each family may be, and errors that say what makes it one."""

import math

from torch import Tensor

from stn_lesson.checks import check_finite, check_floats


def check_theta(theta: Tensor) -> Tensor:
    """θ in at least 32 bits, if it is a floating tensor (N, 2, 3) of finite numbers.

    Raises:
        TypeError, ValueError: it is not; the message says what makes it one.
    """
    theta = check_floats(theta)
    if theta.ndim != 3 or theta.shape[1:] != (2, 3):
        if theta.shape[-2:] == (3, 3):
            remedy = (
                "theta[..., :2, :].reshape(-1, 2, 3) if its last row is 0 0 1; "
                "warp and projective_grid take homographies"
            )
        elif theta.shape[-2:] == (3, 2):
            remedy = "theta.mT.reshape(-1, 2, 3)"
        elif theta.shape[-1:] == (6,) or theta.shape[-2:] == (2, 3):
            remedy = "theta.reshape(-1, 2, 3)"
        else:
            remedy = "affine_theta() to make one"
            if theta.shape[-2:] == (3, 4):
                remedy += "; warp and volume_grid take those of volumes"
        raise ValueError(f"theta must have shape (N, 2, 3), got {tuple(theta.shape)}: use {remedy}")
    return check_finite(theta, "row", "column")


def check_homography(theta: Tensor) -> Tensor:
    """θ in at least 32 bits, if it is a floating tensor (N, 3, 3) of finite numbers.

    Raises:
        TypeError, ValueError: it is not; the message says what makes it one.
    """
    theta = check_floats(theta)
    if theta.ndim != 3 or theta.shape[1:] != (3, 3):
        if theta.shape[-2:] == (3, 3) or theta.shape[-1:] == (9,):
            remedy = "theta.reshape(-1, 3, 3)"
        elif theta.shape[1:] == (2, 3):
            remedy = "sampling_grid for an affine θ"
        else:
            remedy = "projective_theta(corners) to make one"
        raise ValueError(
            f"theta of a homography must have shape (N, 3, 3), got {tuple(theta.shape)}: "
            f"use {remedy}"
        )
    return check_finite(theta, "row", "column")


def check_volume_theta(theta: Tensor) -> Tensor:
    """θ in at least 32 bits, if it is a floating tensor (N, 3, 4) of finite numbers.

    Raises:
        TypeError, ValueError: it is not; the message says what makes it one.
    """
    theta = check_floats(theta)
    if theta.ndim != 3 or theta.shape[1:] != (3, 4):
        twelve = theta.shape[-2:] == (3, 4) or theta.shape[-1:] == (12,)
        remedy = "theta.reshape(-1, 3, 4)" if twelve else "volume_theta() to make one"
        raise ValueError(
            f"theta of a volume must have shape (N, 3, 4), got {tuple(theta.shape)}: use {remedy}"
        )
    return check_finite(theta, "row", "column")


def check_matrix(theta: Tensor) -> Tensor:
    """θ in at least 32 bits, if it is a matrix: (N, 2, 3), (N, 3, 3) or (N, 3, 4).

    Raises:
        TypeError, ValueError: it is not; the message says what makes it one.
    """
    shape = tuple(theta.shape[-2:]) if isinstance(theta, Tensor) else ()
    return {(3, 3): check_homography, (3, 4): check_volume_theta}.get(shape, check_theta)(theta)


def check_any_theta(theta: Tensor) -> Tensor:
    """θ in at least 32 bits, if its shape is that of a family; a clear error otherwise."""
    shape = tuple(theta.shape) if isinstance(theta, Tensor) else ()
    is_net = len(shape) == 3 and shape[2] == 2 and shape[1] >= 4
    return check_control_points(theta) if is_net else check_matrix(theta)


def check_control_points(theta: Tensor) -> Tensor:
    """θ in at least 32 bits, if it holds the finite points of a k × k net, (N, k², 2).

    Raises:
        TypeError, ValueError: it does not; the message says what makes it one.
    """
    theta = check_floats(theta)
    k = math.isqrt(theta.shape[1]) if theta.ndim == 3 else 0
    if theta.ndim != 3 or theta.shape[2] != 2 or k < 2 or k * k != theta.shape[1]:
        net = math.isqrt(theta.shape[0]) if theta.ndim == 2 and theta.shape[1] == 2 else 0
        remedy = "theta[None]" if net > 1 and net**2 == len(theta) else "control_points(4)[None]"
        raise ValueError(
            "theta must hold the points of a k × k net, (N, k², 2) with k at least 2, got "
            f"{tuple(theta.shape)}: use {remedy}, or the like"
        )
    return check_finite(theta, "point", "coordinate")
