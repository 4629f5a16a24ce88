"""Distorted digits: turned, moved, slanted or bent, as for the paper's table 1 (section 4.1)."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Generator, Tensor

from stn_lesson.arguments import pair, real_number, seed_number, true_or_false, whole_number
from stn_lesson.datasets.checks import check_bytes, check_side
from stn_lesson.datasets.clutter import clutter
from stn_lesson.datasets.dataset import Dataset, Split, derive_dataset
from stn_lesson.grid import projective_grid, sampling_grid
from stn_lesson.homography import corner_areas, projective_theta
from stn_lesson.sampler import sample
from stn_lesson.spline import control_points, thin_plate_grid
from stn_lesson.theta import affine_theta, compose, invert

HalfSize = tuple[float, float]  # half the width and half the height of a picture, in pixel steps
CHUNK_SIZE = 256  # images made at a time: so few that their grids stay in the processor's cache
MAX_JITTER = 1_000_000  # pixels; what is moved farther than this is lost anyhow
SCALES = (1e-6, 1e6)  # smallest and largest; beyond them 32 bits no longer tell corners apart
MAX_POINTS = 32  # along each side of a net; more would take gigabytes


def distort(
    digits: Tensor | Dataset,
    size: int | None = None,
    *,
    rotation: float = 45,
    scale: tuple[float, float] = (0.7, 1.2),
    anywhere: bool = False,
    seed: int = 0,
    redraw: bool = True,
    repeats: int = 1,
    chunk: int = CHUNK_SIZE,
) -> Tensor | Dataset:
    """Turn and scale each digit at random, in the middle of its image or anywhere in it.

    Args:
        digits: bytes (N, 1, h, w), or a whole `Dataset` of them.
        size: side of the new, square images in pixels; None keeps the digits' own height and
            width. Enough room keeps a large, turned digit whole.
        rotation: the largest angle in degrees; angles are uniform from −rotation to rotation.
        scale: smallest and largest scale, uniform between them.
        anywhere: move each digit to a uniform place at which its picture, scaled and not yet
            turned, lies within the image; one that is too large for it stays in the middle.
        seed: where the random numbers start from; the same seed gives the same images.
        redraw: for a `Dataset`, distort the training digits anew in every epoch. The validation
            and test images are always fixed.
        repeats: for a `Dataset`, how many images an epoch shows of each training digit.
        chunk: images made at a time; it changes speed, memory and, in few pixels, rounding.

    Returns:
        bytes (N, 1, size, size), or (N, 1, h, w) without a size; for a `Dataset`, a `Dataset` of
        such images.

    Raises:
        TypeError, ValueError: digits that are not bytes, a scale that is not positive, or a number
            that cannot be.

    >>> distort(torch.full((2, 1, 28, 28), 255, dtype=torch.uint8), 40).shape
    torch.Size([2, 1, 40, 40])
    """
    scale, rotation = _check_scale(scale), real_number(rotation, "rotation")
    anywhere = true_or_false(anywhere, "anywhere")
    draw_theta = partial(_draw_affine, rotation=rotation, scale=scale, anywhere=anywhere)
    how = dict(size=size, seed=seed, seed_stream=5, redraw=redraw, repeats=repeats, chunk=chunk)
    description = "turned" if scale == (1, 1) else "turned and scaled"
    return _distorted(digits, description, draw_theta, sampling_grid, **how)


def distort_projective(
    digits: Tensor | Dataset,
    size: int | None = None,
    *,
    jitter: float = 5,
    scale: tuple[float, float] = (0.75, 1.0),
    seed: int = 0,
    redraw: bool = True,
    repeats: int = 1,
    chunk: int = CHUNK_SIZE,
) -> Tensor | Dataset:
    """Show each digit aslant, as on a sheet of paper that is held at an angle.

    The digit's picture is scaled about the middle; then each of its corners moves on the screen by
    a normal random number of pixels, right and down. Some draws (about 3 in 100 at 28×28 pixels)
    would fold the picture, or bring a corner almost onto the line through its neighbours, where the
    picture is stretched without bound. The moves of such a picture are halved until no corner is
    ten times nearer to the eye than the middle: so every number is finite.

    Args:
        digits: as in `distort`.
        size: as in `distort`.
        jitter: the standard deviation of a corner's moves in pixels.
        scale: smallest and largest scale, uniform between them.
        seed: as in `distort`, and so are redraw, repeats and chunk.
        redraw: see there.
        repeats: see there.
        chunk: see there.

    Returns:
        as `distort`.

    Raises:
        TypeError, ValueError: digits that are not bytes, a scale that is not positive, or a
            negative jitter.

    >>> distort_projective(torch.full((2, 1, 28, 28), 255, dtype=torch.uint8)).shape
    torch.Size([2, 1, 28, 28])
    """
    scale, jitter = _check_scale(scale), real_number(jitter, "jitter", 0, MAX_JITTER)
    draw_theta = partial(_draw_projective, jitter=jitter, scale=scale)
    how = dict(size=size, seed=seed, seed_stream=6, redraw=redraw, repeats=repeats, chunk=chunk)
    return _distorted(digits, "slanted", draw_theta, projective_grid, **how)


def distort_elastic(
    digits: Tensor | Dataset,
    size: int | None = None,
    *,
    points: int = 4,
    jitter: float = 1.5,
    scale: tuple[float, float] = (0.75, 1.0),
    seed: int = 0,
    redraw: bool = True,
    repeats: int = 1,
    chunk: int = CHUNK_SIZE,
) -> Tensor | Dataset:
    """Bend each digit, as if it were drawn on rubber.

    The digit is scaled about the middle; then a net of points over the image is moved, each by a
    normal random number of pixels, right and down, and a thin-plate spline bends what lies between
    them. The net lies on the screen and its moves say where it looks, as θ always does.

    Args:
        digits: as in `distort`.
        size: as in `distort`.
        points: control points along each side of the image.
        jitter: the standard deviation of a control point's moves in pixels.
        scale: smallest and largest scale, uniform between them.
        seed: as in `distort`, and so are redraw, repeats and chunk.
        redraw: see there.
        repeats: see there.
        chunk: see there.

    Returns:
        as `distort`.

    Raises:
        TypeError, ValueError: digits that are not bytes, a scale that is not positive, a negative
            jitter, or points that are not 2 to 32.

    >>> distort_elastic(torch.full((2, 1, 28, 28), 255, dtype=torch.uint8)).shape
    torch.Size([2, 1, 28, 28])
    """
    scale, jitter = _check_scale(scale), real_number(jitter, "jitter", 0, MAX_JITTER)
    net = control_points(whole_number(points, "points", 2, MAX_POINTS))
    draw_theta = partial(_draw_elastic, net=net, jitter=jitter, scale=scale)
    how = dict(size=size, seed=seed, seed_stream=7, redraw=redraw, repeats=repeats, chunk=chunk)
    return _distorted(digits, "bent", draw_theta, thin_plate_grid, **how)


TC_CLUTTER = {"size": 60, "pieces": 6, "piece_size": 6}
# The paper's names, each called with a data set and, if you like, seed, redraw and repeats.
DISTORTIONS: dict[str, Callable[..., Dataset]] = {
    "R": partial(distort, rotation=90, scale=(1, 1)),
    "RTS": partial(distort, size=42, rotation=45, scale=(0.7, 1.2), anywhere=True),
    "P": distort_projective,
    "E": distort_elastic,
    "TC": partial(clutter, **TC_CLUTTER),
}


# What the three draw is θ, (count, …), for digits and a canvas of given half sizes in pixels.
def _draw_affine(
    count: int,
    digit: HalfSize,
    canvas: HalfSize,
    generator: Generator,
    *,
    rotation,
    scale,
    anywhere,
) -> Tensor:
    angle, zoom = torch.rand(2, count, generator=generator)
    zoom = _scale_between(scale, zoom)
    place = torch.zeros(2, count)
    if anywhere:
        room = [(c - zoom * d).clamp(min=0) / c for c, d in zip(canvas, digit, strict=True)]
        place = (2 * torch.rand(2, count, generator=generator) - 1) * torch.stack(room)
    # A pixel of the digit stays a pixel of the new image: hence the ratios of their half sides.
    same_x, same_y = (d / c for c, d in zip(canvas, digit, strict=True))
    scales = (same_x * zoom, same_y * zoom)
    shape = [2 * half + 1 for half in reversed(canvas)]
    return affine_theta((2 * angle - 1) * rotation, scales, translation=place.T, size=shape)


def _draw_projective(
    count: int, digit: HalfSize, canvas: HalfSize, generator: Generator, *, jitter, scale
) -> Tensor:
    zoom = _scale_between(scale, torch.rand(count, 1, 1, generator=generator))
    moves = jitter * torch.randn(count, 4, 2, generator=generator)
    corners = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    corners = zoom * corners * torch.tensor(digit)  # (count, 4, 2), pixels from the middle
    while (folded := _is_folded(corners + moves)).any():
        moves[folded] /= 2
    moved = (corners + moves) / torch.tensor(canvas)
    # The homography from the digit to the screen, and so θ is its inverse.
    return torch.linalg.inv(projective_theta(moved.double())).float()


def _draw_elastic(
    count: int, digit: HalfSize, canvas: HalfSize, generator: Generator, *, net, jitter, scale
) -> Tensor:
    zoom = _scale_between(scale, torch.rand(count, 1, 1, generator=generator))
    moves = jitter * torch.randn(count, len(net), 2, generator=generator)
    return (net * torch.tensor(canvas) + moves) / (zoom * torch.tensor(digit))


def _distorted(
    digits: Tensor | Dataset,
    description: str,
    draw_theta: Callable[[int, HalfSize, HalfSize, Generator], Tensor],
    grid: Callable[[Tensor, int, int], Tensor],
    *,
    size: int | None,
    seed: int,
    seed_stream: int,
    redraw: bool,
    repeats: int,
    chunk: int,
) -> Tensor | Dataset:
    """The digits, or all of a data set's, warped by the θ that `draw_theta` draws for each."""
    size = None if size is None else check_side(size)
    chunk = whole_number(chunk, "chunk", lowest=1)
    how = dict(draw_theta=draw_theta, grid=grid, size=size, chunk=chunk)
    if isinstance(digits, Dataset):
        return derive_dataset(
            digits,
            partial(_warp_split, **how),
            name=f"{description} {digits.name}",
            seed=seed,
            seed_stream=seed_stream,
            redraw=redraw,
            repeats=repeats,
        )
    digits = check_bytes(digits, "digits", alternative=", or a Dataset")
    return _warp_images(digits, seed_number(seed), **how)[0]


def _warp_split(split: Split, seed: int, *, grid, **how) -> tuple[Tensor, Tensor | None]:
    """A split's digits, warped, and the poses that they have then."""
    images, theta = _warp_images(split.images, seed, grid=grid, **how)
    if grid is not sampling_grid:
        return images, None  # no affine θ undoes a slant or a bend
    poses = invert(theta.cpu())
    return images, poses if split.poses is None else compose(poses, split.poses.cpu())


def _warp_images(
    images: Tensor, seed: int, *, draw_theta, grid, size: int | None, chunk: int
) -> tuple[Tensor, Tensor]:
    """Every digit warped by a θ of its own, and these; drawn on the CPU whatever the device."""
    height, width = (size, size) if size else images.shape[-2:]
    halves = _half_size(*images.shape[-2:]), _half_size(height, width)
    generator = torch.Generator().manual_seed(seed)
    theta = draw_theta(len(images), *halves, generator).to(images.device)
    new = images.new_empty(len(images), images.shape[1], height, width)
    for start in range(0, len(images), chunk):
        part = slice(start, start + chunk)
        new[part] = sample(images[part].float(), grid(theta[part], height, width)).round_()
    return new, theta


def _half_size(height: int, width: int) -> HalfSize:
    return max(width - 1, 1) / 2, max(height - 1, 1) / 2


def _scale_between(scale: tuple[float, float], share: Tensor) -> Tensor:
    return scale[0] + share * (scale[1] - scale[0])


def _is_folded(corners: Tensor) -> Tensor:
    """Whether the horizon comes too near to a picture with these corners (N, 4, 2), (N,).

    The depth of a corner, relative to the middle's, is the area of the triangle at the opposite
    corner, relative to the mean of all four triangles.
    """
    areas = corner_areas(corners)
    return areas.amin(1) <= 0.1 * areas.mean(1)


def _check_scale(scale) -> tuple[float, float]:
    """(smallest, largest) as numbers; an error where they are not two, positive and in order."""
    smallest, largest = pair(scale, "scale = (smallest, largest)", of=real_number)
    if not SCALES[0] <= smallest <= largest <= SCALES[1]:
        between = f"both above 0, from {SCALES[0]} to {SCALES[1]:.0f}"
        raise ValueError(f"scale must be (smallest, largest), {between}, got {scale}")
    return smallest, largest
