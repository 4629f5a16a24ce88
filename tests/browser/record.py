"""Record the README's moving picture anew: python tests/browser/record.py"""

import io
import tempfile
from pathlib import Path

from lab import ROOT, open_notebook, run_first_cell, running_chromium, running_lab
from PIL import Image

# slider, arrow key, how often; five presses a frame
MOVES = [("rotation", "ArrowRight", 30), ("scale", "ArrowRight", 30), ("right", "ArrowLeft", 30)]
MOVES += [(n, {"ArrowRight": "ArrowLeft"}.get(key, "ArrowRight"), c) for n, key, c in MOVES]


def main() -> None:
    """Move the sliders of the welcome notebook and keep every fifth step as a frame."""
    frames = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running_lab(Path(folder)) as address,
        running_chromium() as chromium,
    ):
        page = chromium.new_page(viewport={"width": 1300, "height": 1000})
        open_notebook(page, address("00_welcome.ipynb"))
        run_first_cell(page)
        picture = page.locator(".stn-live").first
        for slider, key, count in MOVES:
            page.locator(f".stn-live input[aria-label='{slider}']").focus()
            for press in range(count):
                page.keyboard.press(key)
                if press % 5 == 4:
                    page.wait_for_timeout(60)
                    frames.append(Image.open(io.BytesIO(picture.screenshot())))
    size = (640, round(640 * frames[0].height / frames[0].width))
    small = [
        frame.convert("RGB").resize(size).quantize(64, dither=Image.Dither.NONE) for frame in frames
    ]
    small[0].save(
        ROOT / "notebooks" / "warp.gif",
        save_all=True,
        append_images=small[1:],
        duration=150,
        loop=2,  # three times, then it stands still
        optimize=True,
    )


if __name__ == "__main__":
    main()
