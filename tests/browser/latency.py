"""Measure what a hand feels: python tests/browser/latency.py [words of a live picture's name]

Every live picture is shown in JupyterLab in Chromium, in a cell of its own. One of its sliders is
moved by single arrow keys, each after the last has been answered (milliseconds from the key to the
first frame with a new picture), and then dragged for three seconds (new pictures per second, and
milliseconds from the release to the last new picture). Written to data/results/live-pictures.json,
unless only some pictures are named.
"""

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from lab import ROOT, open_notebook, running_chromium, running_lab

from stn_lesson.files import write_atomically

HOUSE = "stn.house(256, 256)"
GREY = f"{HOUSE}.mean(1, keepdim=True)"
TURNED = "stn.affine_theta(rotation=20)"
# name: (Python, the slider's label, which canvas to watch; None for all)
PICTURES = {
    "warp explorer, 256×256": (f"WarpExplorer({HOUSE})", "rotation", None),
    "grid explorer, 256×256, 32×32 points": (
        f"GridExplorer({HOUSE}, size=(32, 32))", "rotation", None),
    "family explorer, projective, 256×256": (
        f"FamilyExplorer({HOUSE}, 'projective')", "x", None),
    "family explorer, spline of 6×6 points, 256×256": (
        f"FamilyExplorer({HOUSE}, 'tps', k=6)", "x", None),
    "solid explorer, 24×24×24 voxels": (
        "SolidExplorer(stn.to_floats(stn.solids(stn.load_digits().test.images[:1])))",
        "turn", None),
    "pixel inspector, 4×5": ("PixelInspector()", "x", None),
    "align it yourself, 256×256": (
        f"Alignment({GREY}, stn.warp({GREY}, {TURNED}))", "rotation", None),
    "flight recorder, 32 digits": (
        "FlightRecorder(experiments.PRETRAINED['turned'].make_data(stn.load_digits()), "
        "experiments.recorded_history(experiments.read_record('pretrained-turned')), "
        "size=(28, 28))",
        "epoch", None),
    "fool the network: the scene": (
        "FoolTheNetwork(experiments.pretrained('cluttered'), stn.load_digits().test)",
        "rotation", 0),
    "fool the network: the network's view": (
        "FoolTheNetwork(experiments.pretrained('cluttered'), stn.load_digits().test)",
        "rotation", 1),
}  # fmt: skip
PROBE = """([scope, which]) => {
    const all = [...document.querySelectorAll(`${scope} .stn-live canvas`)];
    const watched = which === null ? all : [all[which]];
    const scratch = Object.assign(document.createElement("canvas"), {width: 64, height: 64})
        .getContext("2d", {willReadFrequently: true});
    const look = () => { // one number for all that is watched, good enough to tell a change
        let sum = 0;
        for (const canvas of watched) {
            scratch.clearRect(0, 0, 64, 64);
            scratch.drawImage(canvas, 0, 0, 64, 64);
            const pixels = new Uint32Array(scratch.getImageData(0, 0, 64, 64).data.buffer);
            for (let i = 0; i < pixels.length; i++) sum = Math.imul(sum ^ pixels[i], 16777619);
        }
        return sum;
    };
    if (window.probe) cancelAnimationFrame(window.probe.frame); // one that watched another picture
    const probe = window.probe = {changes: [], key: 0};
    addEventListener("keydown", event => { probe.key = event.timeStamp; }, true);
    let last = look();
    const frame = now => {
        const seen = look();
        if (seen !== last) { probe.changes.push(now); last = seen; }
        probe.frame = requestAnimationFrame(frame);
    };
    probe.frame = requestAnimationFrame(frame);
}"""


def measure(page, label: str, which: int | None) -> dict:
    """Figures of the live picture on the page."""
    page.evaluate(PROBE, ["", which])
    slider = page.locator(f".stn-live input[aria-label='{label}']").first
    slider.scroll_into_view_if_needed()
    slider.focus()
    times = []
    for press in range(40):
        page.evaluate("probe.changes = []")
        page.keyboard.press("ArrowLeft" if press % 20 < 10 else "ArrowRight")
        page.wait_for_function("probe.changes.length")
        times.append(page.evaluate("probe.changes[0] - probe.key"))
        page.wait_for_timeout(150)
    return {
        "key_to_picture_median_ms": round(statistics.median(times), 1),
        "key_to_picture_p95_ms": round(sorted(times)[int(0.95 * len(times))], 1),
        **measure_drag(page, slider),
    }


def measure_drag(page, control) -> dict:
    """Figures of the picture that the probe watches, while a slider or a point is dragged."""
    box = control.bounding_box()
    middle, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    reach = max(box["width"] / 3, 20)
    page.mouse.move(middle, y)
    page.mouse.down()
    page.wait_for_timeout(300)
    start = page.evaluate("probe.changes = [], performance.now()")
    began, side = time.monotonic(), 1
    while time.monotonic() < began + 3:  # to and fro, some three pixels of the screen at a time
        page.mouse.move(middle + side * reach, y, steps=round(2 * reach / 3))
        side = -side
    end = page.evaluate("performance.now()")
    page.mouse.up()
    page.wait_for_timeout(1000)
    changes = page.evaluate("probe.changes")
    return {
        "pictures_a_second": round(1000 * sum(t <= end for t in changes) / (end - start), 1),
        "moving_after_release_ms": round(max(0, changes[-1] - end)),
    }


def main() -> None:
    """Measure every live picture and write the record; or only those named, and print theirs."""
    words = " ".join(sys.argv[1:])
    figures = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_lab(Path(folder)) as address,
        running_chromium() as chromium,
    ):
        for number, (name, (code, label, which)) in enumerate(PICTURES.items()):
            if words not in name:
                continue
            lines = [
                "import stn_lesson as stn",
                "from stn_lesson import experiments, plots",
                "from stn_lesson.widgets import *",
            ]
            cells = [nbformat.v4.new_code_cell("\n".join([*lines, code]))]
            kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
            notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
            nbformat.write(notebook, Path(folder) / f"picture{number}.ipynb")
            page = chromium.new_page(viewport={"width": 1280, "height": 1100})
            open_notebook(page, address(f"picture{number}.ipynb"), ".jp-CodeCell")
            page.click(".jp-CodeCell >> nth=0")
            page.keyboard.press("Shift+Enter")
            page.wait_for_selector(".stn-live canvas")
            page.wait_for_timeout(2000)
            figures[name] = measure(page, label, which)
            print(name, figures[name], flush=True)
            page.close()
        version = chromium.version
    if words:
        return
    write_record("live-pictures", "live pictures", __doc__, version, figures)


def write_record(name: str, experiment: str, how: str, version: str, figures: dict) -> None:
    """Write figures to data/results, with how and where they were measured."""
    record = {
        "experiment": experiment,
        "how": how.split("\n\n", 1)[1].strip(),
        "date": datetime.now(UTC).date().isoformat(),
        "device": f"cpu ({platform.machine()}), {os.cpu_count()} cores, no graphics card",
        "browser": f"Chromium {version}, headless",
        "python": sys.version.split()[0],
        "figures": figures,
    }
    text = json.dumps(record, indent=1, ensure_ascii=False)
    write_atomically(ROOT / "data" / "results" / f"{name}.json", text.encode())


if __name__ == "__main__":
    main()
