"""The sampler fused: θ and an image give a picture in one GPU kernel, with no grid in between.

`warp` writes a sampling grid to memory and reads it again. Here each program of a Triton kernel
takes a block of target pixels, works out where they look (equation 1), reads and mixes the four
neighbours (equation 5) in every channel, and forgets the positions. Backwards it works them out
once more, for equations (6) and (7).
"""

from __future__ import annotations

from operator import index

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from stn_lesson.sampler import check_image, check_image_and_theta, half_steps
from stn_lesson.theta import check_theta

try:
    import triton
    import triton.language as tl
    from triton.language import constexpr
except ImportError:  # a build of torch for the CPU, or a system that Triton does not know
    triton = None

TYPES = (torch.float32, torch.bfloat16, torch.float16)
BLOCK = 256  # target pixels of one program
LARGEST = 2**30  # pixels of a picture: twice as many still count in 32 bits


def available(device) -> bool:
    """Whether `fused_warp` runs on a device: a GPU of 2017 or later, with Triton installed.

    >>> available("cpu")
    False
    """
    if triton is None or torch.device(device).type != "cuda" or not torch.cuda.is_available():
        return False
    return torch.cuda.get_device_capability(device) >= (7, 0)


def fused_warp(image: Tensor, theta: Tensor, size=None, padding: str = "zeros") -> Tensor:
    """The picture that θ reads from an image, as `warp` (bilinear) gives it, in one GPU kernel.

    Geometry is computed in float32 whatever the image's type; the picture has the image's type.
    The gradient to θ is summed in a fixed order; that to the image is not, so its last digits may
    differ from run to run, as with torch's own operator on a GPU.

    Numbers are not looked at, because the CPU would have to wait for the GPU: where `warp` raises
    an error, a θ that holds NaN gives a picture of NaN here.

    Args:
        image: (N, C, H, W), float32, bfloat16 or float16, on a GPU.
        theta: (N, 2, 3), or (1, 2, 3) to serve for the whole batch; float32 or the image's type.
        size: (height, width) of the result; None keeps the image's own.
        padding: what lies outside: "zeros" or "border".

    Returns:
        (N, C, *size).

    Raises:
        ImportError: Triton is not installed.
        TypeError, ValueError: wrong kinds or shapes, or tensors that are not on a GPU.

    >>> from stn_lesson.theta import affine_theta
    >>> image = torch.tensor([[[[1., 2., 3.]]]], device="cuda")  # doctest: +SKIP
    >>> fused_warp(image, affine_theta(translation=(1, 0)).cuda())  # doctest: +SKIP
    tensor([[[[0., 1., 2.]]]], device='cuda:0')
    """
    check_image(image, padding)
    check_theta(_blank(theta))
    size = tuple(map(index, check_image_and_theta(image, theta, size, torch.float32)))
    _check_kernel_runs(image, size)
    theta = theta.float().contiguous().expand(len(image), 2, 3)
    return _FusedWarp.apply(image.contiguous(), theta, size, padding)


def _blank(theta):
    """Zeros in the place of θ, to check its shape without looking at numbers on the GPU."""
    return torch.zeros(theta.shape, dtype=theta.dtype) if isinstance(theta, Tensor) else theta


def _check_kernel_runs(image: Tensor, size: tuple[int, int]) -> None:
    """Raise a clear error where the kernel cannot do what `warp` can."""
    if image.dtype not in TYPES:
        raise TypeError(f"fused_warp computes in float32, got {image.dtype}: use warp instead")
    if max(image.shape[2] * image.shape[3], size[0] * size[1]) > LARGEST:
        raise ValueError(f"fused_warp takes at most {LARGEST} pixels a picture: use warp instead")
    if triton is None:
        raise ImportError(
            "fused_warp needs triton: install triton; it comes with PyTorch's CUDA builds. "
            "warp needs none and gives the same picture"
        )
    # Triton's interpreter (TRITON_INTERPRET=1), for tests, hands out no JITFunction.
    if not image.is_cuda and isinstance(_warp_kernel, triton.JITFunction):
        raise ValueError(
            f"fused_warp runs on a CUDA GPU, got an image on {image.device}: use image.cuda() and "
            "theta.cuda(), or warp, which gives the same picture"
        )


class _FusedWarp(torch.autograd.Function):
    """`fused_warp` of a contiguous image and one float32 θ for each sample."""

    @staticmethod
    def forward(ctx, image: Tensor, theta: Tensor, size: tuple[int, int], padding: str) -> Tensor:
        """The picture."""
        ctx.save_for_backward(image, theta)
        ctx.size, ctx.padding = size, padding
        picture = image.new_empty(*image.shape[:2], *size)
        _launch(_warp_kernel, image, theta, size, padding, picture)
        return picture

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        """The gradients to image and θ, of those that are wanted."""
        image, theta = ctx.saved_tensors
        wants_image, wants_theta = ctx.needs_input_grad[:2]
        # float32 also for 16-bit images: many small additions would be lost in 16 bits.
        to_image = torch.zeros_like(image, dtype=torch.float32) if wants_image else None
        # A row of six sums for every program, which torch adds up in a fixed order.
        to_theta = theta.new_empty(len(image), _blocks(ctx.size), 6) if wants_theta else None
        _launch(
            _gradient_kernel,
            image,
            theta,
            ctx.size,
            ctx.padding,
            gradient.contiguous(),
            to_image if wants_image else gradient,  # a pointer that is not followed
            to_theta if wants_theta else gradient,
            WANTS_IMAGE=wants_image,
            WANTS_THETA=wants_theta,
        )
        return (
            to_image.to(image.dtype) if wants_image else None,
            to_theta.sum(1).view(-1, 2, 3) if wants_theta else None,
            None,
            None,
        )


def _blocks(size: tuple[int, int]) -> int:
    """Programs that one picture takes."""
    return triton.cdiv(size[0] * size[1], BLOCK)


def _launch(kernel, image: Tensor, theta: Tensor, size, padding: str, *tensors, **choices) -> None:
    """Start a kernel with one program for every sample and block of target pixels."""
    batch, channels, height, width = image.shape
    programs = batch * _blocks(size)
    if programs == 0:
        return  # an empty batch
    with torch.cuda.device_of(image):
        kernel[(programs,)](
            image,
            theta,
            *tensors,
            theta.stride(0),  # 0 where one θ serves for all
            channels,
            height,
            width,
            *size,
            half_steps(height),
            half_steps(width),
            _blocks(size),
            BORDER=padding == "border",
            BLOCK=BLOCK,
            enable_fp_fusion=False,  # Triton's: every operation rounds, as in `warp`
            **choices,
        )


def _kernel(function):
    """A function that Triton compiles when it is first called; unused where there is no Triton."""
    return triton.jit(function) if triton else function


@_kernel
def _pixel_centre(index, count):
    """Coordinates of pixels in a row of `count`, as `pixel_centres` gives them."""
    steps = (2 * index - (count - 1)).to(tl.float32)  # from the middle, in half pixels
    return tl.div_rn(steps, tl.maximum(count - 1, 1).to(tl.float32))


@_kernel
def _hold_inside(position, last):
    """Positions beyond an edge moved onto it. NaN stays NaN."""
    position = tl.where(position < 0, 0.0, position)
    return tl.where(position > last, last, position)


@_kernel
def _look(
    theta,
    theta_step,
    blocks,
    height,
    width,
    rows,
    columns,
    half_y,
    half_x,
    BORDER: constexpr,
    BLOCK: constexpr,
):
    """The sample and target pixels of this program, and where these look: x and y in pixels."""
    sample = (tl.program_id(0) // blocks).to(tl.int64)  # 64 bits: a batch may be large
    pixel = (tl.program_id(0) % blocks) * BLOCK + tl.arange(0, BLOCK)
    exists = pixel < rows * columns
    pixel = tl.where(exists, pixel, 0)  # what lies beyond the end does as the first pixel does
    x_t = _pixel_centre(pixel % columns, columns)
    y_t = _pixel_centre(pixel // columns, rows)

    theta += sample * theta_step
    x_s = tl.load(theta) * x_t + tl.load(theta + 1) * y_t + tl.load(theta + 2)  # equation (1)
    y_s = tl.load(theta + 3) * x_t + tl.load(theta + 4) * y_t + tl.load(theta + 5)
    x = (x_s + 1) * half_x
    y = (y_s + 1) * half_y
    if BORDER:
        x = _hold_inside(x, width - 1)
        y = _hold_inside(y, height - 1)
    return sample, pixel, exists, x_t, y_t, x, y


@_kernel
def _neighbour(column, row, x, y, height, width):
    """One of the four pixels around a point: its index, whether it exists, and its weight."""
    exists = (column >= 0) & (column <= width - 1) & (row >= 0) & (row <= height - 1)
    # Indices stay inside the picture even where they are masked; NaN exists nowhere.
    m = tl.where(exists, column, 0.0).to(tl.int32)
    n = tl.where(exists, row, 0.0).to(tl.int32)
    weight = (1 - tl.abs(x - column)) * (1 - tl.abs(y - row))  # equation (5)
    return n * width + m, exists, weight


@_kernel
def _read(image, index, exists):
    """Pixels of one channel in float32; 0 where they do not exist."""
    return tl.load(image + index, mask=exists, other=0.0).to(tl.float32)


@_kernel
def _warp_kernel(
    image,
    theta,
    picture,
    theta_step,
    channels,
    height,
    width,
    rows,
    columns,
    half_y,
    half_x,
    blocks,
    BORDER: constexpr,
    BLOCK: constexpr,
):
    """One program reads a block of target pixels of one sample, in all channels."""
    sample, pixel, exists, _x_t, _y_t, x, y = _look(
        theta, theta_step, blocks, height, width, rows, columns, half_y, half_x, BORDER, BLOCK
    )
    left = tl.floor(x)
    top = tl.floor(y)
    at_nw, is_nw, w_nw = _neighbour(left, top, x, y, height, width)
    at_ne, is_ne, w_ne = _neighbour(left + 1, top, x, y, height, width)
    at_sw, is_sw, w_sw = _neighbour(left, top + 1, x, y, height, width)
    at_se, is_se, w_se = _neighbour(left + 1, top + 1, x, y, height, width)

    image += sample * channels * height * width
    picture += sample * channels * rows * columns
    for _channel in range(channels):
        value = w_nw * _read(image, at_nw, is_nw) + w_ne * _read(image, at_ne, is_ne)
        value += w_sw * _read(image, at_sw, is_sw) + w_se * _read(image, at_se, is_se)
        tl.store(picture + pixel, value.to(picture.dtype.element_ty), mask=exists)
        image += height * width
        picture += rows * columns


@_kernel
def _gradient_kernel(
    image,
    theta,
    gradient,
    to_image,
    to_theta,
    theta_step,
    channels,
    height,
    width,
    rows,
    columns,
    half_y,
    half_x,
    blocks,
    BORDER: constexpr,
    BLOCK: constexpr,
    WANTS_IMAGE: constexpr,
    WANTS_THETA: constexpr,
):
    """One program passes the gradient of a block of target pixels on to image and θ."""
    sample, pixel, exists, x_t, y_t, x, y = _look(
        theta, theta_step, blocks, height, width, rows, columns, half_y, half_x, BORDER, BLOCK
    )
    left = tl.floor(x)
    top = tl.floor(y)
    at_nw, is_nw, w_nw = _neighbour(left, top, x, y, height, width)
    at_ne, is_ne, w_ne = _neighbour(left + 1, top, x, y, height, width)
    at_sw, is_sw, w_sw = _neighbour(left, top + 1, x, y, height, width)
    at_se, is_se, w_se = _neighbour(left + 1, top + 1, x, y, height, width)

    image += sample * channels * height * width
    to_image += sample * channels * height * width
    gradient += sample * channels * rows * columns
    slope_x = tl.zeros((BLOCK,), tl.float32)
    slope_y = tl.zeros((BLOCK,), tl.float32)
    for _channel in range(channels):
        g = _read(gradient, pixel, exists)
        if WANTS_IMAGE:  # equation (6); several target pixels may look at the same source pixel
            tl.atomic_add(to_image + at_nw, g * w_nw, mask=exists & is_nw, sem="relaxed")
            tl.atomic_add(to_image + at_ne, g * w_ne, mask=exists & is_ne, sem="relaxed")
            tl.atomic_add(to_image + at_sw, g * w_sw, mask=exists & is_sw, sem="relaxed")
            tl.atomic_add(to_image + at_se, g * w_se, mask=exists & is_se, sem="relaxed")
        if WANTS_THETA:  # equation (7): differences of neighbours
            nw = _read(image, at_nw, is_nw)
            ne = _read(image, at_ne, is_ne)
            sw = _read(image, at_sw, is_sw)
            se = _read(image, at_se, is_se)
            slope_x += g * ((top + 1 - y) * (ne - nw) + (y - top) * (se - sw))
            slope_y += g * ((left + 1 - x) * (sw - nw) + (x - left) * (se - ne))
        image += height * width
        to_image += height * width
        gradient += rows * columns

    if WANTS_THETA:
        if BORDER:  # what is held at an edge does not follow θ
            slope_x = tl.where((x > 0) & (x < width - 1), slope_x, 0.0)
            slope_y = tl.where((y > 0) & (y < height - 1), slope_y, 0.0)
        slope_x *= half_x
        slope_y *= half_y
        to_theta += tl.program_id(0).to(tl.int64) * 6
        tl.store(to_theta, tl.sum(slope_x * x_t, 0))
        tl.store(to_theta + 1, tl.sum(slope_x * y_t, 0))
        tl.store(to_theta + 2, tl.sum(slope_x, 0))
        tl.store(to_theta + 3, tl.sum(slope_y * x_t, 0))
        tl.store(to_theta + 4, tl.sum(slope_y * y_t, 0))
        tl.store(to_theta + 5, tl.sum(slope_y, 0))
