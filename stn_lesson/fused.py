"""The sampler fused: θ and an image give a picture in one GPU kernel, with no grid in between.

`warp` writes a sampling grid to memory and reads it again. Here each program of a Triton kernel
takes a block of target pixels, works out where they look (equation 1), reads and mixes the four
neighbours (equation 5) in every channel, and forgets the positions. Backwards it works them out
once more, for equations (6) and (7).
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from stn_lesson.checks import check_image, check_image_and_theta
from stn_lesson.fused_kernels import gradient_kernel, triton, warp_kernel
from stn_lesson.sampler import pixels_per_unit
from stn_lesson.theta_checks import check_theta

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
BLOCK = 256  # target pixels of one program
MAX_PIXELS = 2**30  # pixels of a picture: twice as many still count in 32 bits


def is_available(device) -> bool:
    """Whether `fused_warp` runs on a device: a GPU of 2017 or later, with Triton installed.

    >>> is_available("cpu")
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
    _check_kernel_takes(image, padding)
    check_theta(_zeros_in_shape_of(theta))
    size = check_image_and_theta(image, theta, size)
    _check_kernel_runs(image, size)
    theta = theta.float().contiguous().expand(len(image), 2, 3)
    return _FusedWarp.apply(image.contiguous(), theta, size, padding)


def _zeros_in_shape_of(theta):
    """Zeros in the place of θ, to check its shape without looking at numbers on the GPU."""
    return torch.zeros(theta.shape, dtype=theta.dtype) if isinstance(theta, Tensor) else theta


def _check_kernel_takes(image: Tensor, padding: str) -> None:
    """Raise a clear error for a padding or a type that `warp` alone takes."""
    if padding == "reflection":
        raise ValueError('fused_warp pads with zeros or border, got "reflection": use warp instead')
    if image.dtype not in DTYPES:
        raise TypeError(f"fused_warp computes in float32, got {image.dtype}: use warp instead")


def _check_kernel_runs(image: Tensor, size: tuple[int, int]) -> None:
    """Raise a clear error where the kernel cannot run."""
    if max(image.shape[2] * image.shape[3], size[0] * size[1]) > MAX_PIXELS:
        raise ValueError(
            f"fused_warp takes at most {MAX_PIXELS} pixels a picture: use warp instead"
        )
    if triton is None:
        raise ImportError(
            "fused_warp needs triton: install triton; it comes with PyTorch's CUDA builds. "
            "warp needs none and gives the same picture"
        )
    # Triton's interpreter (TRITON_INTERPRET=1), for tests, hands out no JITFunction.
    if not image.is_cuda and isinstance(warp_kernel, triton.JITFunction):
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
        _launch(warp_kernel, image, theta, size, padding, picture)
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
            gradient_kernel,
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
            pixels_per_unit(height),
            pixels_per_unit(width),
            _blocks(size),
            BORDER=padding == "border",
            BLOCK=BLOCK,
            enable_fp_fusion=False,  # Triton's: every operation rounds, as in `warp`
            **choices,
        )
