"""The fused kernel: compiled where there is a GPU, else in Triton's interpreter (see conftest)."""

import os
import re
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import stn_lesson as stn

pytest.importorskip("triton", minversion="3.3")  # older interpreters fail beside a new numpy
from stn_lesson import fused
from stn_lesson.fused import fused_warp

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
PADDINGS = ("zeros", "border")
TURNED = stn.affine_theta(
    rotation=torch.tensor([30.0, 200, -75]), scale=(1.3, 0.7), translation=(0.3, -0.2)
)


def random_images(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape) + shape[-1]))


def picture_and_gradients(warp, image, theta, size, padding):
    """The picture, and the gradients to whichever of image and θ wants one."""
    picture = warp(image, theta, size, padding=padding)
    wanted = [tensor for tensor in (image, theta) if tensor.requires_grad]
    weight = random_images(*picture.shape).to(picture)
    return picture, *torch.autograd.grad((picture * weight).sum(), wanted)


def assert_equal_to_scale(ours, theirs):
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    scale = theirs.abs().max().clamp(min=1).item() if theirs.numel() else 1
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5 * scale)


def assert_agrees_with_warp(image, theta, size=None, padding="zeros", wants=(True, True)):
    image = image.detach().to(DEVICE).requires_grad_(wants[0])  # keeps the strides
    theta = theta.detach().to(DEVICE).requires_grad_(wants[1])
    results = [
        picture_and_gradients(warp, image, theta, size, padding) for warp in (fused_warp, stn.warp)
    ]
    for ours, theirs in zip(*results, strict=True):
        assert_equal_to_scale(ours, theirs)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(
    ("images", "theta", "size"),
    [
        # With 5 and 9 pixels every centre is exact, so that identity looks at pixels, not beside.
        pytest.param((2, 3, 5, 9), stn.affine_theta().expand(2, 2, 3), None, id="identity"),
        pytest.param((3, 2, 7, 12), TURNED, None, id="rotation"),
        pytest.param((3, 2, 7, 12), TURNED, (9, 5), id="another size"),
        pytest.param((3, 1, 6, 8), TURNED, (17, 23), id="more than one block"),
        pytest.param((3, 4, 7, 12), TURNED[:1], (5, 6), id="one theta for all"),
        pytest.param((1, 2, 7, 12), TURNED[:1], (5, 6), id="a batch of one"),
        pytest.param((3, 2, 1, 5), TURNED, (4, 4), id="one row"),
        pytest.param((3, 2, 5, 1), TURNED, (4, 1), id="one column"),
        pytest.param((3, 2, 1, 1), TURNED, (3, 4), id="one pixel"),
        pytest.param((3, 2, 6, 8), TURNED, (1, 1), id="to one pixel"),
        pytest.param((3, 2, 6, 8), TURNED * 3, (8, 7), id="mostly outside"),
        pytest.param((1, 2, 6, 8), stn.affine_theta(translation=(9, -7)), None, id="all outside"),
        pytest.param((1, 2, 6, 8), TURNED[:1] * 1e9, None, id="far outside"),
        pytest.param((0, 2, 6, 8), TURNED[:0], (3, 4), id="an empty batch"),
    ],
)
def test_picture_and_both_gradients_equal_warp(images, theta, size, padding):
    assert_agrees_with_warp(random_images(*images), theta, size, padding)


@settings(deadline=None, max_examples=15)
@given(
    st.integers(0, 10_000),
    st.tuples(*[st.integers(1, 7)] * 4),
    st.integers(1, 3),
    st.sampled_from(PADDINGS),
)
def test_picture_and_both_gradients_equal_warp_whatever_the_sides(seed, sides, channels, padding):
    torch.manual_seed(seed)
    image, theta = torch.randn(2, channels, *sides[:2]), torch.randn(2, 2, 3)
    assert_agrees_with_warp(image, theta, sides[2:], padding)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("wants", [(True, False), (False, True)], ids=["image", "theta"])
def test_only_the_gradient_that_is_wanted_is_computed(wants, padding):
    assert_agrees_with_warp(random_images(3, 2, 7, 12), TURNED, (9, 5), padding, wants)


def test_images_in_any_order_of_memory_are_read():
    image = random_images(3, 4, 7, 12)
    assert_agrees_with_warp(image.contiguous(memory_format=torch.channels_last), TURNED)
    assert_agrees_with_warp(image[:, ::2, :, 1::3], TURNED)
    assert_agrees_with_warp(image[:1].expand(3, -1, -1, -1), TURNED)
    assert_agrees_with_warp(image, TURNED.mT.contiguous().mT)


def test_one_pixel_worked_out_by_hand():
    image = torch.tensor([[[[1.0, 2], [3, 5]]]], device=DEVICE, requires_grad=True)
    # The one target pixel is at 0, 0, so it looks at x = 0.5, y = −0.5: 0.75, 0.25 in pixels.
    theta = torch.tensor([[[7.0, 7, 0.5], [7, 7, -0.5]]], device=DEVICE, requires_grad=True)
    picture = fused_warp(image, theta, size=(1, 1))
    picture.backward()
    weights = torch.tensor([[[[3.0, 9], [1, 3]]]]) / 16
    assert picture.item() == pytest.approx((3 * 1 + 9 * 2 + 1 * 3 + 3 * 5) / 16)
    assert torch.allclose(image.grad.cpu(), weights)
    dx = 0.5 * ((2 - 1) * 0.75 + (5 - 3) * 0.25)
    dy = 0.5 * ((3 - 1) * 0.25 + (5 - 2) * 0.75)
    assert torch.allclose(theta.grad.cpu(), torch.tensor([[[0, 0, dx], [0, 0, dy]]]))


def test_the_gradient_to_theta_is_the_same_every_time():
    image, theta = random_images(3, 2, 6, 8).to(DEVICE), TURNED[:1].to(DEVICE).requires_grad_()
    once, again = (
        picture_and_gradients(fused_warp, image, theta, (17, 23), "zeros")[1] for _ in range(2)
    )
    assert torch.equal(once, again)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_16_bit_images_keep_their_type_and_a_float32_geometry(dtype):
    image = random_images(3, 2, 7, 12).to(DEVICE, dtype)
    wide, theta = image.float().requires_grad_(), TURNED.to(DEVICE).requires_grad_()
    ours = picture_and_gradients(fused_warp, image.requires_grad_(), theta, (9, 5), "zeros")
    exact = picture_and_gradients(stn.warp, wide, theta, (9, 5), "zeros")
    assert [tensor.dtype for tensor in ours] == [dtype, dtype, torch.float32]
    rounding = 4 * torch.finfo(dtype).eps
    for mine, expected in zip(ours, exact, strict=True):
        scale = expected.abs().max().item()
        torch.testing.assert_close(mine.float(), expected, rtol=0, atol=rounding * scale)
    assert fused_warp(image, theta.to(dtype)).dtype == dtype


def test_a_theta_that_is_not_a_number_gives_a_picture_of_none():
    image = random_images(2, 1, 5, 5).to(DEVICE)
    theta = stn.affine_theta().repeat(2, 1, 1).to(DEVICE)
    theta[1, 0, 2] = float("nan")
    for padding in PADDINGS:
        sound, broken = fused_warp(image, theta, padding=padding)
        assert sound.isfinite().all() and broken.isnan().all()


def test_there_is_no_second_derivative():
    image, theta = random_images(1, 1, 5, 5).to(DEVICE), TURNED[:1].to(DEVICE).requires_grad_()
    energy = fused_warp(image, theta).square().sum()
    (first,) = torch.autograd.grad(energy, theta, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        first.sum().backward()


IMAGE, THETA = torch.zeros(2, 1, 3, 3), stn.affine_theta()


@pytest.mark.parametrize(
    ("image", "theta", "how"),
    [
        (IMAGE[0], THETA, {}),
        (IMAGE[..., :0], THETA, {}),
        (IMAGE.byte(), THETA, {}),
        (None, THETA, {}),
        (IMAGE.numpy(), THETA, {}),
        (IMAGE, THETA.flatten(), {}),
        (IMAGE, THETA.mT, {}),
        (IMAGE, [1, 0, 0], {}),
        (IMAGE, THETA.expand(3, 2, 3), {}),
        (IMAGE, THETA.double(), {}),
        (IMAGE, THETA, {"size": 5}),
        (IMAGE, THETA, {"size": (0, 5)}),
        (IMAGE, THETA, {"padding": "wrap"}),
    ],
)
def test_what_warp_refuses_is_refused_in_the_same_words(image, theta, how):
    with pytest.raises((TypeError, ValueError)) as refusal:
        stn.warp(image, theta, **how)
    with pytest.raises(refusal.type, match=re.escape(str(refusal.value))):
        fused_warp(image, theta, **how)


def test_a_theta_on_another_device_is_refused():
    with pytest.raises(TypeError, match=r"got torch.float32 on meta and .* use theta.to\(image\)"):
        fused_warp(IMAGE, torch.empty(1, 2, 3, device="meta"))


def test_what_the_kernel_cannot_do_is_left_to_warp():
    with pytest.raises(TypeError, match="computes in float32, got torch.float64: use warp"):
        fused_warp(IMAGE.double(), THETA.double())
    with pytest.raises(ValueError, match='zeros or border, got "reflection": use warp'):
        fused_warp(IMAGE, THETA, padding="reflection")
    with pytest.raises(ValueError, match="at most 1073741824 pixels a picture: use warp"):
        fused_warp(IMAGE[:1, :1, :1, :1].expand(1, 1, 2**16, 2**15), THETA[:1])


def python(code, **environment):
    """What Python prints when it runs some lines in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=kept | environment
    )
    assert said.returncode == 0, said.stderr
    return said.stdout.strip()


def test_importing_the_package_loads_no_triton():
    assert python("import sys, stn_lesson; print('triton' in sys.modules)") == "False"


REFUSED = """
import torch, stn_lesson as stn
from stn_lesson import fused
print([fused.is_available(device) for device in ("cpu", torch.device("cuda"))])
try:
    fused.fused_warp(torch.zeros(1, 1, 3, 3), stn.affine_theta())
except (ImportError, ValueError) as refusal:
    print(refusal)
"""


def test_without_triton_the_error_says_what_to_install():
    said = python("import sys; sys.modules['triton'] = None" + REFUSED)
    assert said.startswith("[False, False]\nfused_warp needs triton: install triton; it comes with")


def test_without_the_interpreter_images_on_the_cpu_are_refused():
    assert "runs on a CUDA GPU, got an image on cpu: use image.cuda()" in python(REFUSED)
    assert fused.is_available("cpu") is False
    assert fused.is_available(DEVICE) is torch.cuda.is_available()


COMPILE = """
import inspect, triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from stn_lesson import fused, fused_kernels

for kernel in (fused_kernels.warp_kernel, fused_kernels.gradient_kernel):
    constants, signature = {"BLOCK": fused.BLOCK}, {}
    for name in inspect.signature(kernel.fn).parameters:
        if name.isupper():
            signature[name] = "constexpr"
            constants.setdefault(name, True)
        elif name in ("image", "theta", "picture", "gradient", "to_image", "to_theta"):
            signature[name] = "*fp32"
        else:
            signature[name] = "fp32" if name.startswith("half") else "i32"
    source = ASTSource(kernel, signature, constants)
    print(len(triton.compile(source, target=GPUTarget("cuda", 80, 32)).asm["cubin"]) > 0)
"""


def test_the_kernels_compile_for_a_gpu_also_where_there_is_none(tmp_path):
    pytest.importorskip("triton", minversion="3.3")  # older ones write a signature otherwise
    assert python(COMPILE, TRITON_CACHE_DIR=str(tmp_path)).split() == ["True", "True"]
