"""The state of every live picture at its cell, kept in book/states/, so that a page can show it.

A notebook stores a still picture of what is live, not the numbers behind it. They are made by
running the notebook once (`python3 run.py book states`), taken when the picture's own cell has
ended: later cells may move it. Each state names the code that led to it, so that a test can tell
when a notebook has changed since.
"""

import base64
import hashlib
import json
import re
import zlib
from pathlib import Path

from stn_lesson import widgets

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
STATES = Path(__file__).parent / "states"
SHARED_FROM = 4000  # characters from which on deflated bytes are kept in a file of their own
DIGITS_OFFERED = 50  # to choose from on a page; all 510 would weigh as much as a network
VIEW = "application/vnd.jupyter.widget-view+json"
TRAINING = "TrainingMonitor"  # the picture whose training is kept beside its state, to be played
LIVE = {name for name in widgets.__all__ if hasattr(getattr(widgets, name), "still")}


def read_notebook(name: str) -> dict:
    """A notebook by its name, as in `00_welcome`: the JSON of its file."""
    path = NOTEBOOKS / f"{name}.ipynb"
    if not path.exists():
        names = ", ".join(sorted(each.stem for each in NOTEBOOKS.glob("*.ipynb")))
        raise ValueError(f"there is no notebook {name!r}: choose among {names}")
    return _json(path)


def _json(path: Path) -> dict:
    """The JSON of a file.

    Raises:
        ValueError: it holds none; the file is named.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged ({error}): take it from git again, or save it again"
        ) from None


def live_cells(notebook: dict) -> list[dict]:
    """The cells that show a live picture, in order."""
    return [
        cell
        for cell in notebook["cells"]
        if any(VIEW in output.get("data", {}) for output in cell.get("outputs", ()))
    ]


def code_before(notebook: dict, cell_id: str) -> str:
    """A fingerprint of the code down to this cell and of the cell's own: 16 hexadecimal digits."""
    code = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            code.append("".join(cell["source"]))
        if cell["id"] == cell_id:
            return hashlib.sha256("\0".join(code).encode()).hexdigest()[:16]
    raise KeyError(f"there is no cell {cell_id!r} in this notebook")


def read_states(name: str) -> dict:
    """The states kept for a notebook, by cell: {"widget": …, "code": …, "state": {…}}; or none."""
    path = STATES / f"{name}.json"
    return _json(path) if path.exists() else {}


def missing_states(name: str) -> list[str]:
    """What a page of this notebook would lack: a sentence for each state that is none, or old."""
    notebook, kept = read_notebook(name), read_states(name)
    cells = {cell["id"]: code_before(notebook, cell["id"]) for cell in live_cells(notebook)}
    remedy = f"make it by `python3 run.py book states {name}`"
    faults = []
    for cell, code in cells.items():
        if cell not in kept:
            faults.append(f"cell {cell} of {name} shows a live picture without a state: {remedy}")
        elif kept[cell]["code"] != code:
            faults.append(f"the state of cell {cell} of {name} is of other code: {remedy}")
        elif set(kept[cell]["state"]) != synced_traits(kept[cell]["widget"]):
            faults.append(f"the state of cell {cell} of {name} has other traits: {remedy}")
    faults += [f"{name} has no live cell {cell} any more: {remedy}" for cell in kept.keys() - cells]
    return faults


def synced_traits(widget: str) -> set[str]:
    """The names of what a live picture shares with the browser, without what every widget has."""
    traits = getattr(widgets, widget).class_traits(sync=True)
    return {name for name in traits if not name.startswith("_")} - OF_EVERY_WIDGET


OF_EVERY_WIDGET = {"layout", "tabbable", "tooltip"}


def make_states(name: str) -> Path:
    """Run a notebook down to its last live picture and keep the state of each at its cell.

    Of a training monitor the training is kept as well, as `recording.record` gives it.
    """
    import nbformat

    from book.recording import RecordingClient, record

    notebook = read_notebook(name)
    live = [cell["id"] for cell in live_cells(notebook)]
    if not live:
        raise ValueError(f"{name} shows no live picture, so there is no state to make")
    fingerprints = {cell: code_before(notebook, cell) for cell in live}
    last = max(n for n, cell in enumerate(notebook["cells"]) if cell["id"] in live)
    states, trainings = {}, {}

    def keep(cell, **_):
        for output in cell.get("outputs", ()):
            view = output.get("data", {}).get(VIEW)
            widget = view and _widget(client.widget_state[view["model_id"]])
            if widget in LIVE:
                state = _state(client, view["model_id"], widget)
                states[cell["id"]] = {
                    "widget": widget,
                    "code": fingerprints[cell["id"]],
                    "state": state,
                }
            if widget == TRAINING:
                trainings[cell["id"]] = view["model_id"]

    beginning = notebook | {"cells": notebook["cells"][: last + 1]}
    client = RecordingClient(
        nbformat.reads(json.dumps(beginning), as_version=4),
        timeout=3600,
        resources={"metadata": {"path": NOTEBOOKS}},
        on_cell_executed=keep,
    )
    client.execute()
    for cell, model_id in trainings.items():
        kept = record(client.updates[model_id])
        states[cell]["record"] = kept | {"losses": {"deflated": deflated(kept["losses"])}}
    return write_states(name, states)


def write_states(name: str, states: dict) -> Path:
    """Keep a notebook's states; large bytes in files of their own, which pictures share."""
    (STATES / "bytes").mkdir(parents=True, exist_ok=True)
    path = STATES / f"{name}.json"
    path.write_text(json.dumps(_shared(states), indent=1, ensure_ascii=False) + "\n", "utf-8")
    used = "".join(path.read_text("utf-8") for path in STATES.glob("*.json"))
    for bytes_file in (STATES / "bytes").iterdir():
        if bytes_file.stem not in used:
            bytes_file.unlink()
    return path


def _shared(value):
    """A state with the name of a file, {"script": …}, in place of its large bytes."""
    if isinstance(value, list):
        return [_shared(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value.get("deflated", "")) < SHARED_FROM:
        return {name: _shared(item) for name, item in value.items()}
    name = f"bytes-{hashlib.sha256(value['deflated'].encode()).hexdigest()[:12]}"
    (STATES / "bytes" / f"{name}.txt").write_text(value["deflated"], "utf-8")
    return {"script": name}


def shared_bytes(state: str) -> list[str]:
    """The names of the files of bytes that a state, written out as JSON, refers to."""
    return re.findall(r'"script": ?"(bytes-\w+)"', state)


def _widget(state: dict) -> str:
    return state.get("_anywidget_id", "").rpartition(".")[2]


def _state(client, model_id: str, widget: str) -> dict:
    """A picture's state, its bytes deflated and in base64 under the one name "deflated"."""
    wanted = synced_traits(widget)
    state = {k: v for k, v in client.widget_state[model_id].items() if k in wanted}
    state = json.loads(json.dumps(state))  # a copy: later cells go on changing the other
    buffers = client.widget_buffers.get(model_id, {}).values()
    data = {tuple(buffer["path"]): base64.b64decode(buffer["data"]) for buffer in buffers}
    if widget == "FoolTheNetwork":
        _offer_fewer_digits(state, data)
    for (*path, last), content in data.items():
        if not path and last not in wanted:
            continue
        place = state
        for step in path:
            place = place[step]
        place[last] = {"deflated": deflated(content)}
    return state


def _offer_fewer_digits(state: dict, data: dict) -> None:
    """Leave the first of a game's digits in its state and its bytes: {("digits",): bytes}."""
    bytes_each = len(data["digits",]) // len(state["labels"])
    count = max(DIGITS_OFFERED, state["index"] + 1)
    state["labels"] = state["labels"][:count]
    data["digits",] = data["digits",][: count * bytes_each]


def deflated(data: bytes) -> str:
    """Bytes, compressed, in base64."""
    return base64.b64encode(zlib.compress(data, 9)).decode()
