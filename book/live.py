"""What the pages need for live pictures: code, states and bytes, in scripts that call `put`.

A page opened from disk may not fetch a file, but it may load a script; so each thing is a script of
one line, loaded when the reader comes near.
"""

import functools
import hashlib
import json
from pathlib import Path

from book import states
from stn_lesson import widgets

SHARED_FROM = 4000  # characters from which on deflated bytes are a script of their own
NEEDS_KERNEL = {
    "FoolTheNetwork": "Here it stands still: the network answers from a kernel. In JupyterLab you "
    "turn the digit and draw over it, and the network says what it sees.",
    "TrainingMonitor": "Here it stands still, at the end of a training: in JupyterLab the curves "
    "grow while the network learns, and you can pause it.",
}


@functools.cache
def widget_of(cell: str) -> str:
    """The class of the live picture in a cell."""
    for path in states.STATES.glob("*.json"):
        kept = states.read_states(path.stem)
        if cell in kept:
            return kept[cell]["widget"]
    raise ValueError(f"no state is kept for the live picture of cell {cell}")


def write_scripts(folder: Path, notebooks: list[str]) -> None:
    """Write the scripts of all live pictures of these notebooks into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in notebooks:
        for cell, kept in states.read_states(name).items():
            if kept["widget"] not in NEEDS_KERNEL:
                _write(folder, cell, _with_shared_bytes(folder, kept["state"]))
                _write(folder, kept["widget"], getattr(widgets, kept["widget"])._esm)
    (folder / "widgets.css").write_text(widgets.WarpExplorer._css, "utf-8")


def _write(folder: Path, name: str, what) -> None:
    text = json.dumps(what, ensure_ascii=False, separators=(",", ":"))
    (folder / f"{name}.js").write_text(f"livePictures.put({json.dumps(name)}, {text});\n", "utf-8")


def _with_shared_bytes(folder: Path, value):
    """A state whose large bytes are scripts, {"script": …}: pages that show the same share them."""
    if isinstance(value, list):
        return [_with_shared_bytes(folder, item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value.get("deflated", "")) < SHARED_FROM:
        return {name: _with_shared_bytes(folder, item) for name, item in value.items()}
    name = f"bytes-{hashlib.sha256(value['deflated'].encode()).hexdigest()[:12]}"
    _write(folder, name, value["deflated"])
    return {"script": name}
