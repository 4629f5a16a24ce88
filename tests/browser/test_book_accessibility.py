"""Every page of the live book for every reader: by axe, by key, by finger, on paper."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from bare import settle
from lab import wait_until

from book import api, pages

NAMES = [
    *("index", "search", "genindex", "py-modindex", "records", "sources", "data/README"),
    *("CHANGELOG", "CONTRIBUTING", "grading/README", "grading/hub/README", "api/index"),
    *(f"api/{part}" for part in api.PARTS),
    *(f"notebooks/{name}" for name in pages.notebook_names()),
    "notebooks/assignment/spatial_transformer",
]
TELEPHONE = {"width": 390, "height": 844}
AFFINE = "notebooks/01_affine_theta"
# Without the list of all that is well, which takes minutes. And a header that is a formula (in 09)
# is no empty one: screen readers read MathML, which axe does not count as text.
FAULTS = {"resultTypes": ["violations"], "rules": {"empty-table-header": {"enabled": False}}}
COLOURS = FAULTS | {"runOnly": ["color-contrast", "link-in-text-block"]}  # what dark changes
# What sticks out of the page to the right, and does not scroll within a place of its own.
CUT_OFF = """() => {
    const scrolls = element => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
    const kept = element => element && element.tagName !== "ARTICLE"
        && (scrolls(element) || kept(element.parentElement));
    const all = [...document.querySelectorAll("article *")];
    const hidden = ".katex-mathml, .hide-tail"; // words for screen readers; a long line, cut off
    return all.filter(element => !element.closest(hidden)).filter(element => {
        const {right, width, height} = element.getBoundingClientRect();
        return right > innerWidth + 1 && width > 1 && height > 1 && !kept(element.parentElement);
    }).map(element => `${element.tagName} ${element.className}`);
}"""
FOCUS = """() => {
    const element = document.activeElement, style = getComputedStyle(element);
    const {right, bottom} = element.getBoundingClientRect();
    return {
        what: element.outerHTML.slice(0, 120),
        drawer: element.closest(".sidebar-drawer, .toc-drawer") !== null,
        seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
            && style.opacity === "1" && right > 0 && bottom > 0,
    };
}"""


def open_page(page, folder, name, **viewport):
    """Open a page and bring all its live pictures to life."""
    if viewport:
        page.set_viewport_size(viewport)
    page.goto(f"{folder.as_uri()}/{name}.html")
    for place in page.locator("[data-cell]").all():
        place.scroll_into_view_if_needed()
        place.locator(".stn-live canvas").first.wait_for()
    settle(page)


def test_all_pages_are_looked_at(folder):
    built = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.html")}
    assert built == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_no_fault(page, folder, name):
    page.emulate_media(reduced_motion="reduce")  # colours do not fade, but change at once
    open_page(page, folder, name)
    assert faults(page, FAULTS) == ""
    page.emulate_media(color_scheme="dark")
    assert faults(page, COLOURS) == ""


@pytest.mark.parametrize("name", ["index", AFFINE])
def test_axe_finds_no_fault_on_a_telephone(page, folder, name):
    open_page(page, folder, name, **TELEPHONE)
    assert faults(page, FAULTS) == ""


def faults(page, options):
    """What axe finds on a page, in words."""
    settle(page)
    found = Axe().run(page, options=options)
    return found.generate_report() if found.violations_count else ""


@pytest.mark.parametrize("name", NAMES)
def test_on_a_telephone_nothing_is_cut_off_or_scrolls_sideways(page, folder, name):
    open_page(page, folder, name, **TELEPHONE)
    assert page.evaluate(CUT_OFF) == []
    for width in (TELEPHONE["width"], 320):  # which 1280 pixels are at 400 %
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_is_wider_than_its_place_is_scrolled_by_the_arrow_keys(page, folder):
    open_page(page, folder, AFFINE, **TELEPHONE)
    wide = page.locator(".cell_input pre[tabindex='0']").first
    wide.focus()
    page.keyboard.press("ArrowRight")
    wait_until(
        lambda: wide.evaluate("code => code.scrollLeft") > 0,
        lambda seconds: page.wait_for_timeout(1000 * seconds),
    )


def test_what_fits_is_no_stop_of_the_tab_key(page, folder):
    open_page(page, folder, AFFINE)
    assert page.locator(".cell_input pre").count() and not page.locator("pre[tabindex]").count()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_the_tab_key_goes_to_the_content_first_and_is_always_seen(page, folder, width, scheme):
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    open_page(page, folder, AFFINE, width=width, height=1000)
    stops = []
    for _ in range(60):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUS))
    assert "skip-to-content" in stops[0]["what"]
    assert [stop["what"] for stop in stops if not stop["seen"]] == []
    assert any("stn-handle" in stop["what"] for stop in stops)
    assert any(stop["drawer"] for stop in stops) == (width > 390)  # closed drawers are passed by


def test_the_skip_link_leads_to_the_content(page, folder):
    open_page(page, folder, AFFINE)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('article') !== null")


@pytest.mark.parametrize(
    ("drawer", "inside"),
    [("The notebooks", ".sidebar-drawer li a"), ("On this page", ".toc-drawer li li a")],
)
def test_a_drawer_is_opened_and_closed_by_key(page, folder, drawer, inside):
    page.emulate_media(reduced_motion="reduce")
    open_page(page, folder, AFFINE, **TELEPHONE)
    button = page.locator(f"[role=button][aria-label='{drawer}']:visible")
    link = page.locator(inside).first
    for key, opened in [("Enter", True), (" ", False)]:
        button.focus()
        page.keyboard.press(key)
        assert button.get_attribute("aria-expanded") == str(opened).lower()
        assert link.is_visible() == opened


def test_nothing_moves_by_itself_for_those_who_asked_for_less_motion(page, folder):
    page.emulate_media(reduced_motion="reduce")
    open_page(page, folder, AFFINE)
    page.keyboard.press("Tab")  # the skip link would slide in
    assert page.evaluate("document.getAnimations().length") == 0


def test_on_paper_stills_and_answers_stand_and_nothing_is_cut(page, folder):
    open_page(page, folder, AFFINE)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 1000})  # of A4 within its margins, about
    assert page.locator("[data-cell] > img").first.is_visible()
    for gone in [".stn-live", ".sidebar-drawer", ".skip-to-content", ".copybtn"]:
        assert page.locator(gone).first.is_hidden(), gone
    answers = page.locator("details > p")
    assert answers.count() and all(answer.is_visible() for answer in answers.all())
    assert page.evaluate(CUT_OFF) == []
    wide = "[...document.querySelectorAll('pre')].filter(e => e.scrollWidth > e.clientWidth).length"
    assert page.evaluate(wide) == 0


def test_without_javascript_stills_formulae_and_folded_answers_are_there(browser, folder):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{folder.as_uri()}/{AFFINE}.html")
    still = page.locator("[data-cell] > img").first
    assert still.is_visible() and "standing still" in still.get_attribute("alt")
    assert page.locator(".katex-html").first.is_visible()
    answer = page.locator("details > p").first
    assert answer.is_hidden()
    page.locator("summary").first.click()
    assert answer.is_visible()
    context.close()


@pytest.fixture
def telephone(browser, folder):
    """A page in the hand, its front picture alive, and what a finger does there."""
    context = browser.new_context(viewport=TELEPHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    open_page(page, folder, "index")
    session = context.new_cdp_session(page)

    def swipe(x, y, right, down):
        def touch(kind, *points):
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", {"x": x, "y": y})
        for step in range(1, 11):
            touch("touchMove", {"x": x + right * step / 10, "y": y + down * step / 10})
        touch("touchEnd")
        settle(page)

    yield page, swipe
    context.close()


def middle(page, selector):
    """Where an element of the screen is, once it is in sight."""
    element = page.locator(selector).first
    element.scroll_into_view_if_needed()
    box = element.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize("control", [".stn-handle", ".stn-live input[type=range]"])
def test_a_finger_drags_handles_and_sliders_and_the_page_stays(telephone, control):
    page, swipe = telephone
    numbers = "[...document.querySelectorAll('.stn-live output')].map(e => e.textContent).join()"
    x, y = middle(page, control)
    before, scrolled = page.evaluate(numbers), page.evaluate("scrollY")
    swipe(x, y, 30, 0)
    assert page.evaluate(numbers) != before
    assert page.evaluate("scrollY") == scrolled


def test_a_finger_on_a_picture_scrolls_the_page(telephone):
    page, swipe = telephone
    box = page.locator(".stn-live canvas").first.bounding_box()
    before = page.evaluate("scrollY")
    swipe(box["x"] + 12, box["y"] + box["height"] - 12, 0, -150)
    wait_until(
        lambda: page.evaluate("scrollY") > before,
        lambda seconds: page.wait_for_timeout(1000 * seconds),
    )
