"""The sampler of the browser against the package's, number by number."""

import pytest
import torch
from lab import ROOT

import stn_lesson as stn

SCRIPT = (ROOT / "stn_lesson" / "widgets" / "warp.js").read_text("utf-8")
NAMES = "warp, affineTheta, decompose, invert"


@pytest.fixture
def samplers(page):
    page.set_content(f"<script>{SCRIPT}; window.stn = {{{NAMES}}};</script>")
    return page


def random_moves():
    rotation, shear = (torch.rand(2) * 120 - 60).tolist()
    scale, stretch = (0.3 + 2 * torch.rand(2)).tolist()
    x, y = (torch.randn(2) * 0.6).tolist()
    flip = torch.rand(()).item() < 0.5
    return dict(rotation=rotation, scale=scale, stretch=stretch, shear=shear, x=x, y=y, flip=flip)


def theta_of(moves, size):
    across = -moves["scale"] if moves["flip"] else moves["scale"]
    return stn.affine_theta(
        torch.tensor(moves["rotation"]).double(),
        (across, moves["scale"] * moves["stretch"]),
        moves["shear"],
        (moves["x"], moves["y"]),
        size=size,
    )


@pytest.mark.parametrize("kernel", ["bilinear", "nearest"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_the_samplers_of_browser_and_package_agree(samplers, kernel, padding):
    torch.manual_seed(0)
    for _ in range(20):
        moves = random_moves()
        height, width, rows, columns = torch.randint(1, 24, (4,)).tolist()
        pixels = torch.randint(0, 256, (height, width, 4), dtype=torch.uint8)
        pixels[..., 3] = 255
        theta, target = samplers.evaluate(
            """([pixels, height, width, moves, rows, columns, kernel, padding]) => {
                const theta = stn.affineTheta(moves, height, width);
                const source = {pixels, height, width};
                return [theta, [...stn.warp(source, theta, rows, columns, kernel, padding)]];
            }""",
            [pixels.flatten().tolist(), height, width, moves, rows, columns, kernel, padding],
        )
        expected = theta_of(moves, (height, width))
        assert torch.allclose(torch.tensor(theta).view(1, 2, 3).double(), expected, atol=1e-6)
        image = pixels[..., :3].permute(2, 0, 1)[None].double() / 255
        picture = stn.warp(image, expected, (rows, columns), kernel, padding)
        browser = torch.tensor(target).view(rows, columns, 4)[..., :3].permute(2, 0, 1)[None] / 255
        assert (browser - picture).abs().max() <= 1 / 255


def test_taking_apart_undoes_making_and_refuses_what_has_no_inverse(samplers):
    torch.manual_seed(1)
    for _ in range(20):
        moves, size = random_moves(), torch.randint(2, 40, (2,)).tolist()
        parts = samplers.evaluate(
            "([moves, h, w]) => stn.decompose(stn.affineTheta(moves, h, w), h, w)", [moves, *size]
        )
        assert parts == pytest.approx(moves, abs=1e-6)
    assert samplers.evaluate("stn.decompose([0, 0, 0, 0, 1, 0], 8, 8)") is None
    assert samplers.evaluate("stn.decompose([1, 1, 0, 1, 1, 0], 8, 8)") is None
