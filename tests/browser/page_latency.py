"""Measure what a reader of the live book feels: python tests/browser/page_latency.py

Every page is opened from disk in Chromium, three times, each in a fresh profile, and its first live
picture scrolled to (milliseconds from the click to its first frame, the median). Then a slider or a
point of each live picture is dragged for three seconds (new pictures per second). Last, the trained
networks of the game answer fifty scenes (milliseconds for each, the median; the largest difference
from torch's θ and shares). Build the book first. Written to data/results/live-pages.json.
"""

import statistics

import torch
from bare import mount
from lab import ROOT, running_chromium
from latency import PROBE, measure_drag, write_record
from test_network import DIGITS, NETWORKS, scenes

import stn_lesson as stn
from stn_lesson.widgets import FoolTheNetwork

LOADS, ANSWERS = 3, 50
# Scrolls to the first live picture as soon as there is a page, and notes when it is alive.
ARRIVAL = """addEventListener("DOMContentLoaded", () => {
    const place = document.querySelector("[data-cell]");
    if (!place) return;
    place.scrollIntoView();
    new MutationObserver(() => {
        if (place.matches(".alive")) requestAnimationFrame(now => { window.aliveAt = now; });
    }).observe(place, {attributes: true});
})"""
CONTROLS = ("input[type=range]:visible", ".stn-handle:visible")  # to drag: a slider, else a point
ANSWER = """([scenes, count]) => {
    const network = networkFrom(model.get("network"), model.get("side"), model.get("view"));
    const bytes = scenes.map(scene => Uint8Array.from(scene)), times = [];
    for (let n = 0; n < count; n++) {
        const start = performance.now();
        network(bytes[n % bytes.length]);
        times.push(performance.now() - start);
    }
    return [bytes.map(network), times];
}"""


def first_alive(chromium, address: str) -> float:
    """Milliseconds until the first live picture of a page is alive, the median of `LOADS`."""
    times = []
    for _ in range(LOADS):
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.add_init_script(ARRIVAL)
        page.goto(address, wait_until="commit")
        page.wait_for_function("window.aliveAt")
        times.append(page.evaluate("window.aliveAt"))
        page.close()
    return round(statistics.median(times))


def drags(chromium, address: str) -> dict:
    """New pictures per second of each live picture that has something to drag, by cell."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    found = {}
    for place in page.locator("[data-cell]").all():
        cell = place.get_attribute("data-cell")
        place.scroll_into_view_if_needed()
        place.locator(".stn-live canvas").first.wait_for()
        controls = [c for c in map(place.locator, CONTROLS) if c.count()]
        if not controls:
            continue  # the training monitor
        control = controls[0].first
        control.scroll_into_view_if_needed()
        page.wait_for_timeout(500)
        page.evaluate(PROBE, [f"[data-cell='{cell}']", None])
        found[cell] = measure_drag(page, control)["pictures_a_second"]
    page.close()
    return found


def network_figures(chromium, name: str) -> dict:
    """How fast a trained network answers in the browser, and how far from torch."""
    make, side = NETWORKS[name]
    game = FoolTheNetwork(make(), DIGITS, side=side)
    game._esm += "\nwindow.networkFrom = networkFrom;"
    page = chromium.new_page()
    mount(page, game)
    answers, times = page.evaluate(ANSWER, [scenes(side).flatten(1).tolist(), ANSWERS])
    page.close()
    wanted = game.look(stn.to_floats(scenes(side)))
    given = (torch.tensor([answer[what] for answer in answers]) for what in ("theta", "shares"))
    differences = [
        (here.view(there.shape) - there).abs().max().item()
        for here, there in zip(given, wanted, strict=True)
    ]
    return {
        "answer_median_ms": round(statistics.median(times), 1),
        "largest_difference": float(f"{max(differences):.1g}"),
    }


def main() -> None:
    """Measure the pages and the networks, and write the record."""
    html = ROOT / "book" / "_build" / "html"
    figures = {"pages": {}, "networks": {}}
    with running_chromium() as chromium:
        for path in [html / "index.html", *sorted(html.glob("notebooks/*.html"))]:
            if "data-cell" not in path.read_text("utf-8"):
                continue
            figures["pages"][path.stem] = {
                "first_alive_ms": first_alive(chromium, path.as_uri()),
                "pictures_a_second": drags(chromium, path.as_uri()),
            }
            print(path.stem, figures["pages"][path.stem], flush=True)
        for name in ("cluttered", "turned"):
            figures["networks"][name] = network_figures(chromium, name)
            print(name, figures["networks"][name], flush=True)
        version = chromium.version
    write_record("live-pages", "live pages", __doc__, version, figures)


if __name__ == "__main__":
    main()
