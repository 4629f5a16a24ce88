"""The notebooks as a student meets them: JupyterLab in Chromium, sliders moved by key and mouse."""

import base64
import io
import os
from contextlib import ExitStack
from pathlib import Path

import matplotlib.image
import pytest
import torch
from lab import CHROMIUM, ROOT, open_notebook, run_first_cell, running_chromium, running_lab
from playwright.sync_api import Error

import stn_lesson as stn

NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
LIVE = [name for name in NOTEBOOKS if name < "05"]

if not CHROMIUM and os.environ.get("CI") != "true":
    pytest.skip("no Chromium here: the browser tests are left out", allow_module_level=True)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with running_lab(tmp_path_factory.mktemp("lab")) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with ExitStack() as stack:
        try:
            chromium = stack.enter_context(running_chromium())
        except Error as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(f"this Chromium cannot be driven: {error}")
        yield chromium


@pytest.fixture
def page(browser, request):
    """A fresh page; if the test fails, its screenshot is kept in tests/browser/failures."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    failed = request.session.testsfailed
    yield page
    if request.session.testsfailed > failed:
        folder = Path(__file__).parent / "failures"
        folder.mkdir(exist_ok=True)
        page.screenshot(path=folder / f"{request.node.name}.png")
    page.close()


def canvas_pixels(page, which):
    """The pixels of the n-th canvas of the live picture as a tensor (1, 3, H, W)."""
    data = page.evaluate(
        "n => document.querySelectorAll('.stn-live canvas')[n].toDataURL('image/png')", which
    )
    raw = matplotlib.image.imread(io.BytesIO(base64.b64decode(data.split(",")[1])))
    return torch.from_numpy(raw[..., :3].copy()).permute(2, 0, 1)[None]


@pytest.mark.parametrize("notebook", LIVE)
def test_a_notebook_opens_with_its_picture_and_comes_to_life(lab, page, notebook):
    open_notebook(page, lab(notebook))
    cell = page.locator(".jp-CodeCell").first
    assert cell.locator(".jp-RenderedImage img").is_visible()  # before anything has run
    run_first_cell(page)
    assert cell.locator("canvas").first.is_visible()
    assert not cell.locator(".jp-RenderedImage img").first.is_visible()  # the live one replaces it
    assert cell.locator(".jp-OutputArea-output[data-mime-type*='error']").count() == 0


def test_keys_and_mouse_warp_the_house_as_torch_does(lab, page):
    open_notebook(page, lab("00_welcome.ipynb"))
    run_first_cell(page)
    handle = page.locator(".noUi-handle").first  # rotation
    handle.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)
    theta = stn.affine_theta(rotation=20, size=(128, 192))
    expected = stn.warp(stn.house().mul(255).round() / 255, theta)
    difference = (canvas_pixels(page, 1) - expected).abs()
    assert difference.max() <= 1.01 / 255

    before = canvas_pixels(page, 1)
    box = page.locator(".noUi-handle").nth(1).bounding_box()  # scale
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 30, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    page.wait_for_timeout(300)
    assert (canvas_pixels(page, 1) - before).abs().mean() > 0.01


@pytest.mark.parametrize("kernel", ["bilinear", "nearest"])
@pytest.mark.parametrize("padding", ["zeros", "border"])
def test_the_samplers_of_browser_and_package_agree(page, kernel, padding):
    torch.manual_seed(0)
    script = (ROOT / "stn_lesson" / "widgets" / "warp.js").read_text("utf-8")
    page.set_content(f"<script>{script}; window.stn = {{warp, affineTheta}};</script>")
    for _ in range(10):
        rotation, shear = (torch.rand(2) * 120 - 60).tolist()
        scale = (0.3 + 2 * torch.rand(1)).item()
        x, y = (torch.randn(2) * 0.6).tolist()
        height, width, rows, columns = torch.randint(1, 24, (4,)).tolist()
        pixels = torch.randint(0, 256, (height, width, 4), dtype=torch.uint8)
        pixels[..., 3] = 255
        moves = dict(rotation=rotation, scale=scale, shear=shear, x=x, y=y)
        theta, target = page.evaluate(
            """([pixels, height, width, moves, rows, columns, kernel, padding]) => {
                const theta = stn.affineTheta(moves, height, width);
                const source = {pixels, height, width};
                return [theta, [...stn.warp(source, theta, rows, columns, kernel, padding)]];
            }""",
            [pixels.flatten().tolist(), height, width, moves, rows, columns, kernel, padding],
        )
        expected = stn.affine_theta(
            torch.tensor(rotation).double(), scale, shear, (x, y), size=(height, width)
        )
        assert torch.allclose(torch.tensor(theta).view(1, 2, 3).double(), expected, atol=1e-6)
        image = pixels[..., :3].permute(2, 0, 1)[None].double() / 255
        picture = stn.warp(image, expected, (rows, columns), kernel, padding)
        browser = torch.tensor(target).view(rows, columns, 4)[..., :3].permute(2, 0, 1)[None] / 255
        assert (browser - picture).abs().max() <= 1 / 255
