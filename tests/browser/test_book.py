"""The live book: built from the notebooks, opened from disk and from a server, moved by keys."""

import functools
import http.server
import re
import shutil
import subprocess
import sys
import threading

import pytest
from bare import settle
from lab import ROOT, wait_until

from book import live, pages, states

HTML = pages.BUILD / "html"
PAGES = ["index.html", *(f"notebooks/{name}.html" for name in pages.notebook_names())]
# Something to press an arrow key on, and what all canvases of a picture show.
CONTROL = "input[type=range]:visible, .stn-handle:visible"
SHOWN = "place => [...place.querySelectorAll('canvas')].map(c => c.toDataURL()).join()"


@pytest.fixture(scope="module")
def folder():
    """The folder of the built pages."""
    if not shutil.which("node"):
        pytest.skip("no Node.js here, which sets the formulae: the book is left out")
    done = subprocess.run(
        [sys.executable, "-m", "book"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return HTML


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


@pytest.fixture
def complaints(page, address):
    """What the page asks for elsewhere, and its errors."""
    found = []
    own = (address, "blob:", "data:", "about:")
    page.on("request", lambda r: None if r.url.startswith(own) else found.append(r.url))
    page.on("console", lambda m: found.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


@pytest.mark.parametrize("name", PAGES)
def test_every_live_picture_of_a_page_moves_and_nothing_is_asked_elsewhere(
    page, address, complaints, name
):
    page.goto(f"{address}/{name}")
    places = page.locator("[data-cell]")
    assert places.count() == len(expected(name))
    for place in places.all():
        place.scroll_into_view_if_needed()
        place.locator(".stn-live canvas").first.wait_for()
        settle(page)
        before = place.evaluate(SHOWN)
        place.locator(CONTROL).first.focus()
        seen = []
        for key in ["ArrowLeft", "ArrowRight"]:  # at one end, one of them moves nothing
            page.keyboard.press(key)
            settle(page)
            seen.append(place.evaluate(SHOWN))
        assert any(shown != before for shown in seen), place.get_attribute("data-cell")
        assert place.locator("> img").is_hidden()
    assert complaints == []


def expected(name):
    """The cells whose live pictures a page brings to life."""
    if name == "index.html":
        return [pages.FRONT_PICTURE]
    kept = states.read_states(name.removeprefix("notebooks/").removesuffix(".html"))
    return [cell for cell, state in kept.items() if state["widget"] not in live.NEEDS_KERNEL]


@pytest.mark.parametrize("name", PAGES)
def test_on_a_telephone_nothing_scrolls_sideways(page, folder, name):
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{folder.as_uri()}/{name}")
    for place in page.locator("[data-cell]").all():
        place.scroll_into_view_if_needed()
        place.locator(".stn-live canvas").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_javascript_the_still_picture_stands_with_its_words(browser, folder):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{folder.as_uri()}/index.html")
    still = page.locator("[data-cell] > img")
    assert still.is_visible() and "standing still" in still.get_attribute("alt")
    context.close()


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


def test_on_paper_the_still_picture_stands_for_the_live_one(page, folder):
    page.goto(f"{folder.as_uri()}/index.html")
    page.locator(".stn-live canvas").first.wait_for()
    page.emulate_media(media="print")
    assert page.locator("[data-cell] > img").is_visible()
    assert page.locator("[data-cell] > .stn-live").is_hidden()


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


def test_the_book_and_every_page_are_small(folder):
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 10e6
    for name in PAGES:
        text = (folder / name).read_text("utf-8")
        loaded = [folder / name]
        sources = re.findall(r'<(?:img|script)[^>]* src="([^"?]*)', text)
        sources += re.findall(r'<link rel="stylesheet"[^>]* href="([^"?]*)', text)
        loaded += [(folder / name).parent / source for source in sources]
        for cell in re.findall(r'data-cell="(.*?)"', text):
            loaded += scripts(folder / "_static" / "live", cell)
        assert sum(path.stat().st_size for path in {p.resolve() for p in loaded}) < 800e3, name


def scripts(place, cell):
    """The scripts that a live picture loads: its state, its code, the bytes that it shares."""
    state = place / f"{cell}.js"
    text = state.read_text("utf-8")
    shared = states.shared_bytes(text)
    code = place / f"{live.widget_of(cell)}.js"
    return [state, code, *(place / f"{name}.js" for name in shared)]
