"""What every live picture promises: names for its controls, no network, an end that is an end."""

import pytest
import torch
from bare import mount, settle

import stn_lesson as stn
from stn_lesson import widgets

DIGITS = stn.clutter(stn.load_digits())
DIGIT = stn.to_floats(stn.load_digits().test.images[3:4])
TURNED = stn.affine_theta(rotation=torch.linspace(-40, 40, 32), scale=1.5)

PICTURES = {
    "warp explorer": lambda: widgets.WarpExplorer(stn.house(), choices=widgets.CHOICES),
    "grid explorer": lambda: widgets.GridExplorer(stn.house(), start={"rotation": 20}),
    "family explorer": lambda: widgets.FamilyExplorer(stn.house(), family="projective"),
    "family explorer, a net": lambda: widgets.FamilyExplorer(stn.house(), family="tps", k=6),
    "pixel inspector": lambda: widgets.PixelInspector(),
    "align it yourself": lambda: widgets.Alignment(DIGIT, stn.warp(DIGIT, TURNED[:1])),
    "training monitor": lambda: widgets.TrainingMonitor(stn.RecipeSTN(), DIGITS),
    "flight recorder": lambda: widgets.FlightRecorder(DIGITS, [TURNED, TURNED]),
    "solid explorer": lambda: widgets.SolidExplorer(
        stn.to_floats(stn.solids(stn.load_digits().test.images[:1]))
    ),
    "fool the network": lambda: widgets.FoolTheNetwork(stn.RecipeSTN(), stn.load_digits().test),
}
# The name that a screen reader says, as the accessibility tree of the browser has it.
UNNAMED = """() => [...el.querySelectorAll("button, input, select, progress, canvas")]
    .filter(e => e.type !== "file" && !e.hidden)
    .filter(e => !e.parentElement.closest("button[aria-label]"))
    .filter(e => ![e.getAttribute("aria-label"), e.labels?.[0]?.textContent, e.textContent]
      .some(name => name?.trim()))
    .map(e => e.outerHTML)"""


@pytest.fixture(params=PICTURES)
def picture(request):
    torch.manual_seed(0)
    return PICTURES[request.param]()


def test_every_control_and_every_canvas_has_a_name(page, picture):
    mount(page, picture)
    settle(page)
    assert page.evaluate(UNNAMED) == []
    assert page.locator(".stn-live canvas").count() >= 2


def test_nothing_is_loaded_from_elsewhere(page, picture):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    mount(page, picture)
    settle(page)
    assert [url for url in asked if not url.startswith(("blob:", "data:", "about:"))] == []


def test_every_control_is_reached_by_the_tab_key_and_left_again(page, picture):
    mount(page, picture)
    settle(page)
    page.evaluate("document.body.append(document.createElement('button'))")
    page.evaluate("document.body.lastChild.id = 'after'")
    seen = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.outerHTML.slice(0, 200)"))
        if page.evaluate("document.activeElement.id") == "after":
            break
    else:
        pytest.fail("the tab key does not leave the picture")
    sliders = page.locator(".stn-live input[type=range]:visible").count()
    assert sum('type="range"' in element for element in seen) == sliders


def test_it_follows_nothing_after_its_end(page, picture):
    mount(page, picture)
    settle(page)
    assert page.evaluate("model.listeners()") > 0
    page.evaluate("end()")
    assert page.evaluate("model.listeners()") == 0
    settle(page)


def test_the_still_picture_has_words(picture):
    assert len(picture.still().alt) > 40
