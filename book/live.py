"""What the pages need for live pictures: code, states and bytes, in scripts that call `put`.

A page opened from disk may not fetch a file, but it may load a script; so each thing is a script of
one line, loaded when the reader comes near.
"""

import functools
import json
import re
from pathlib import Path

from book import states
from stn_lesson import widgets

REPLAY = Path(__file__).parent / "replay.js"


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
            state = kept["state"]
            if "record" in kept:
                state = state | {"record": kept["record"]}
                _write(folder, "replay", lighter(REPLAY.read_text("utf-8")))
            _write(folder, cell, state)
            _write(folder, kept["widget"], lighter(getattr(widgets, kept["widget"])._esm))
            for shared in states.shared_bytes(json.dumps(state)):
                text = (states.STATES / "bytes" / f"{shared}.txt").read_text("utf-8")
                _write(folder, shared, text)
    (folder / "widgets.css").write_text(widgets.WarpExplorer._css, "utf-8")


def lighter(code: str) -> str:
    """JavaScript without the lines that are comments, and without indentation.

    >>> print(lighter("// why\n  const two = 2; // one of us\n"), end="")
    const two = 2; // one of us
    """
    return re.sub(r"(?m)^[ \t]*//.*\n|^[ \t]+", "", code)


def _write(folder: Path, name: str, what) -> None:
    text = json.dumps(what, ensure_ascii=False, separators=(",", ":"))
    (folder / f"{name}.js").write_text(f"livePictures.put({json.dumps(name)}, {text});\n", "utf-8")
