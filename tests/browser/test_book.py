"""The live book: built from the notebooks, opened from disk and from a server, moved by keys.

Every page in Chromium and in Firefox; what is left to look at, in Chromium.
"""

import functools
import http.server
import re
import threading
import time

import pytest
from bare import settle
from firefox import FIREFOX, running_firefox
from lab import BROWSERS_REQUIRED, wait_until

from book import pages, states

PAGES = ["index.html", *(f"notebooks/{name}.html" for name in pages.notebook_names())]
# Of the n-th live picture: whether it is alive, once it is in sight.
ALIVE = """n => {
    const place = document.querySelectorAll("[data-cell]")[n];
    place.scrollIntoView({block: "center", behavior: "instant"});
    return place.classList.contains("alive");
}"""
# Takes hold of a slider or a point of it; of what has none, of its first button.
HOLD = """n => {
    const place = document.querySelectorAll("[data-cell]")[n];
    const visible = what => [...place.querySelectorAll(what)].find(each => each.checkVisibility());
    (visible("input[type=range], .stn-handle") ?? visible("button")).focus();
    window.shown = () => [...place.querySelectorAll("canvas")].map(c => c.toDataURL()).join();
    return getComputedStyle(place.querySelector("img")).display;
}"""


@pytest.fixture(scope="module", params=["file", "http"])
def address(request, folder):
    """Where the pages are: on disk, or at a plain web server."""
    if request.param == "file":
        yield folder.as_uri()
        return
    handler = functools.partial(QuietHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    """A page of Firefox; its tests are left out where there is none."""
    if not FIREFOX and not BROWSERS_REQUIRED:
        pytest.skip("no Firefox here: the tests in it are left out")
    with running_firefox(tmp_path_factory.mktemp("firefox")) as page:
        yield page


@pytest.fixture
def complaints(page, address):
    """What goes wrong on a page of Chromium: its errors, and what it asks for elsewhere."""
    said = []
    page.on("request", lambda r: None if r.url.startswith(own(address)) else said.append(r.url))
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def own(address):
    """How an address starts that does not lead elsewhere."""
    return (address, "blob:", "data:", "about:")


@pytest.fixture(params=["chromium", "firefox"])
def reader(request, address):
    """A page of a browser, and a function that says what goes wrong there."""
    if request.param == "chromium":
        said = request.getfixturevalue("complaints")
        return request.getfixturevalue("page"), lambda: said
    page = request.getfixturevalue("firefox")
    page.requests.clear()
    page.errors.clear()
    return (
        page,
        lambda: page.errors + [url for url in page.requests if not url.startswith(own(address))],
    )


@pytest.mark.parametrize("name", PAGES)
def test_every_live_picture_of_a_page_moves_and_nothing_is_asked_elsewhere(reader, address, name):
    page, complaints = reader
    page.goto(f"{address}/{name}")
    cells = "() => [...document.querySelectorAll('[data-cell]')].map(place => place.dataset.cell)"
    for n, cell in enumerate(page.evaluate(cells)):
        wait_until(lambda n=n: complaints() or page.evaluate(ALIVE, n), time.sleep)
        assert page.evaluate(HOLD, n) == "none"  # the still picture is gone
        settle(page)
        page.evaluate("() => { window.before = shown(); }")
        moved = []
        for key in ["ArrowLeft", "ArrowRight", "Enter"]:  # at one end, an arrow moves nothing
            page.keyboard.press(key)
            settle(page)
            moved.append(page.evaluate("() => shown() !== before"))
        assert any(moved), cell
    assert page.evaluate(cells) == expected(name)
    assert complaints() == []


def expected(name):
    """The cells whose live pictures a page brings to life."""
    if name == "index.html":
        return [pages.FRONT_PICTURE]
    return list(states.read_states(name.removeprefix("notebooks/").removesuffix(".html")))


SOUGHT = {  # what is looked for: the page that teaches it, words that results show
    "align_corners": ("03 · Bilinear interpolation", "explain what align_corners means"),
    "bilinear": (
        "03 · Bilinear interpolation",
        "nearly always points between pixels",
        "from x_1 to x_2, in pixels",  # of 15: formulae once, as they were typed
    ),
    "meshgrid": ("02 · The meshgrid", "A picture has thousands of them"),
    "thin-plate spline": ("07 · Beyond affine", "warp by homographies and thin-plate splines"),
}


@pytest.mark.parametrize("words", SOUGHT)
def test_the_search_finds_the_page_that_teaches_it_and_shows_its_words(
    page, address, complaints, words
):
    page.goto(f"{address}/search.html?q={words}")
    title, *shown = SOUGHT[words]
    results = page.locator("#search-results li")
    results.filter(has_text=title).first.wait_for()
    page.get_by_text("Search finished").wait_for()
    assert any(title in text for text in results.all_inner_texts()[:2])
    if address.startswith("http"):  # a page on disk cannot read another
        for text in shown:
            results.filter(has_text=text).first.wait_for()
    assert complaints == []


def test_a_picture_that_fails_leaves_its_still_picture(page, folder):
    page.route("**/live/00-01.js", lambda route: route.abort())
    said = []
    page.on("console", lambda m: said.append(m.text))
    page.goto(f"{folder.as_uri()}/index.html")
    wait_until(
        lambda: any("stays still" in text for text in said),
        lambda seconds: page.wait_for_timeout(1000 * seconds),
    )
    assert page.locator("[data-cell] > img").is_visible()


def test_the_model_tells_of_a_change_only_when_a_value_differs(page, folder):
    page.goto(f"{folder.as_uri()}/index.html")
    told = page.evaluate("""() => {
        const view = (...bytes) => new DataView(Uint8Array.from(bytes).buffer);
        const model = new livePictures.Model({a: [1, {b: 2}], c: view(1, 2)}), told = [];
        model.on("change:a change:c", value => told.push(value instanceof DataView ? "c" : value));
        model.on("change", () => told.push("any"));
        model.set("a", [1, {b: 2}]);
        model.set({c: view(1, 2)});
        model.set({a: [1, {b: 3}], c: view(1, 3)});
        model.off("change:a change:c");
        model.set("a", []);
        model.off();
        model.set("a", [1]);
        return told;
    }""")
    assert told == [[1, {"b": 3}], "c", "any", "any"]


def test_the_book_is_small(folder):
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 10e6


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_small_with_all_that_it_loads(page, folder, name):
    asked = set()
    page.on("request", lambda r: asked.add(r.url.split("?")[0]))
    page.goto(f"{folder.as_uri()}/{name}")
    page.evaluate("for (const image of document.images) image.loading = 'eager'")
    for place in page.locator("[data-cell]").all():
        place.scroll_into_view_if_needed()
        place.locator(".stn-live canvas").first.wait_for()
    page.wait_for_function("[...document.images].every(image => image.complete)")
    files = [url.removeprefix(folder.as_uri()) for url in asked if url.startswith("file:")]
    assert f"/{name}" in files and "/_static/host.js" in files
    assert sum((folder / file.lstrip("/")).stat().st_size for file in files) < 800e3


def test_the_training_monitor_plays_a_record_by_its_buttons(page, folder):
    page.clock.install()
    page.goto(f"{folder.as_uri()}/notebooks/05_training.html")
    monitor = page.locator("[data-widget=TrainingMonitor]")
    monitor.scroll_into_view_if_needed()
    monitor.locator(".stn-figures").wait_for()
    play = monitor.get_by_text("play it from the start")
    hold, stop = (monitor.locator(".stn-row button").nth(n) for n in (0, 1))

    def after(seconds):
        page.clock.run_for(1000 * seconds)
        settle(page)
        return monitor.locator(".stn-figures").inner_text()

    record = states.read_states("05_training")["05-21"]["record"]
    words = monitor.locator("p").first.inner_text()
    assert "This is a record" in words
    assert record["device"] in words and record["date"] in words
    assert "finished · epoch 10 of 10" in after(0)
    play.press("Enter")
    assert re.match(r"running · epoch [2-9] of 10 · step [1-9]", after(10))
    hold.press("Enter")
    held = after(0)
    assert held.startswith("paused") and after(10) == held
    assert "The training is paused. Epoch" in monitor.locator("[role=status]").first.inner_text()
    hold.press("Enter")
    assert after(10).startswith("running") and "finished · epoch 10 of 10" in after(30)
    play.press("Enter")
    after(5)
    stop.press("Enter")
    held = after(0)
    assert held.startswith("stopped") and after(10) == held
