"""The live book: built from the notebooks, opened from disk and from a server, moved by keys."""

import functools
import http.server
import re
import threading

import pytest
from bare import settle
from lab import wait_until

from book import live, pages, states

PAGES = ["index.html", *(f"notebooks/{name}.html" for name in pages.notebook_names())]
# Something to press an arrow key on, and what all canvases of a picture show.
CONTROL = "input[type=range]:visible, .stn-handle:visible"
SHOWN = "place => [...place.querySelectorAll('canvas')].map(c => c.toDataURL()).join()"


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
