"""Aim: how well a transformer's frames go to the digits, where it is known where these are."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stn_lesson.datasets import Split, to_floats
from stn_lesson.theta_checks import check_theta
from stn_lesson.training.checks import check_model, check_split
from stn_lesson.transformer import find_transformer, look

MAX_IMAGES = 1000  # whose frames are measured, for time's sake
FAR = 10.0  # half views: a place beyond, or in a frame squeezed to a line, counts as here


@dataclass(frozen=True)
class Aim:
    """How a transformer's frames lie to the digits, over many pictures.

    Attributes:
        slope: by how much the frame's centre moves when the digit's does, in x and in y: 1 follows
            in full, 0 not at all. A correlation would hide a lazy frame, which moves a little of
            the way, but dependably.
        spread: standard deviations of the digit's place in the view, in x and in y, in half views:
            0 when every digit stands at the same place.
        found: share of the pictures whose digit has its centre in the middle half of the view.
        area: of the frame as a share of the picture, the median.
        theta_spread: the largest standard deviation among θ's six numbers.
    """

    slope: tuple[float, float]
    spread: tuple[float, float]
    found: float
    area: float
    theta_spread: float

    def __str__(self) -> str:
        """In words, rounded.

        >>> print(Aim((0.98, 1.02), (0.04, 0.05), 0.995, 0.26, 0.4))
        frames follow 0.98 in x, 1.02 in y; 99.5 % found; area 0.26
        """
        x, y = self.slope
        return (
            f"frames follow {x:z.2f} in x, {y:z.2f} in y; {100 * self.found:.1f} % found; "
            f"area {self.area:.2f}"
        )


def places_in_view(theta: Tensor, poses: Tensor) -> Tensor:
    """Where in the transformers' views the digits' centres come to lie, (N, 2), x then y.

    Args:
        theta: (N, 2, 3), from view to picture.
        poses: (N, 2, 3), of the digits in the pictures (`Split.poses`).

    Returns:
        places; −1 and 1 are the edges of the view, and beyond them a digit is missed.

    >>> from stn_lesson.theta import attention_theta
    >>> places_in_view(attention_theta(2, (-1, 0)), attention_theta(4, (-3, 0)))
    tensor([[0.5000, 0.0000]])
    """
    matrix, centres = check_theta(theta)[:, :, :2], theta[:, :, 2:]
    a, b, c, d = matrix.flatten(1).unbind(1)
    adjugate = torch.stack([d, -b, -c, a], -1).view(-1, 2, 2)
    places = (adjugate @ (poses[:, :, 2:] - centres) / matrix.det()[:, None, None])[..., 0]
    return places.nan_to_num(FAR).clamp(-FAR, FAR)


def aim_of_frames(theta: Tensor, poses: Tensor) -> Aim:
    """How the frames of an affine transformer lie to the digits.

    Args:
        theta: (N, 2, 3), one for each picture.
        poses: (N, 2, 3), of the digits (`Split.poses`).

    >>> from stn_lesson.theta import attention_theta
    >>> poses = attention_theta(3, torch.tensor([[-1.5, 0.3], [0.0, -0.9], [1.5, 0.6]]))
    >>> print(aim_of_frames(poses, poses))
    frames follow 1.00 in x, 1.00 in y; 100.0 % found; area 0.11
    """
    if theta.shape != poses.shape or not len(theta):
        raise ValueError(
            "theta and poses must be (N, 2, 3), one of each for N pictures, got "
            f"{tuple(theta.shape)} and {tuple(poses.shape)}"
        )
    frames, digits = theta[:, :, 2], poses[:, :, 2]
    from_mean = digits - digits.mean(0)
    slope = (from_mean * frames).sum(0) / from_mean.square().sum(0).clamp(min=1e-12)
    places = places_in_view(theta, poses)
    return Aim(
        slope=tuple(slope.tolist()),
        spread=tuple(_deviations(places).tolist()),
        found=share_found(places),
        area=theta[:, :, :2].det().abs().median().item(),
        theta_spread=theta_spread(theta),
    )


def share_found(places: Tensor) -> float:
    """The share of the places (N, 2) in the views that lie in the middle half, in x and in y.

    >>> share_found(torch.tensor([[0.0, 0.0], [0.4, -0.4], [0.4, 0.6], [-0.9, 0.1]]))
    0.5
    """
    return (places.abs() < 0.5).all(1).float().mean().item()


def theta_spread(theta: Tensor) -> float:
    """The largest standard deviation, over the pictures, among the numbers of θ (N, …).

    >>> theta_spread(torch.tensor([[0.0, 1.0], [0.0, 3.0], [0.0, 5.0]]))
    2.0
    """
    return _deviations(theta).max().item()


def _deviations(values: Tensor) -> Tensor:
    """The standard deviations over the first axis; of one picture alone, 0."""
    return values.std(0, correction=min(1, len(values) - 1))


def measure_aim(model: nn.Module, split: Split, which: int = 0) -> Aim | None:
    """How a network's transformer aims on the pictures of a split, or on the first thousand.

    Args:
        model: a network.
        split: pictures that know where their digits are.
        which: of several transformers, as in `look`.

    Returns:
        None where there is nothing to measure: no transformer, one that is not affine, or a split
        that does not know the poses of its digits.

    Raises:
        TypeError, ValueError: it is no network, or no split with images in it.

    >>> from stn_lesson.datasets import load_digits
    >>> from stn_lesson.datasets.clutter import clutter
    >>> from stn_lesson.networks import RecipeSTN
    >>> print(measure_aim(RecipeSTN(), clutter(load_digits()).test))  # not trained yet
    frames follow 0.00 in x, 0.00 in y; 76.1 % found; area 1.00
    """
    check_model(model)
    check_split(split)
    if split.poses is None or find_transformer(model, which) is None:
        return None
    theta = look(model, to_floats(split.images[:MAX_IMAGES]), which).theta.float()
    is_affine = theta.shape[1:] == (2, 3)
    return aim_of_frames(theta, split.poses[:MAX_IMAGES].cpu()) if is_affine else None
