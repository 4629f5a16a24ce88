"""The record of a training: what it told its monitor, so that a page can play it back."""

import base64
from collections import defaultdict

import torch
from nbclient import NotebookClient

from stn_lesson.experiments.records import provenance

STEPS_PER_REPORT = 20  # of the training, between two reports that are kept
ROUTINE = {"progress", "losses"}  # what every report tells; the rest is news, and is kept at once
DIGITS = 5  # of every number that is kept
FLOAT_BYTES = 4


class RecordingClient(NotebookClient):
    """Runs a notebook and keeps, by model, what Python tells its pictures in the browser."""

    def __init__(self, *arguments, **options):
        """See `NotebookClient`."""
        super().__init__(*arguments, **options)
        self.updates = defaultdict(list)

    def handle_comm_msg(self, outs: list, msg: dict, cell_index: int) -> None:
        """Keep an update as {trait: value}, its bytes as bytes."""
        super().handle_comm_msg(outs, msg, cell_index)
        content = msg["content"]
        if msg["msg_type"] != "comm_msg" or "state" not in content["data"]:
            return
        buffers = self._get_buffer_data(msg) if content["data"].get("buffer_paths") else []
        bytes_ = {buffer["path"][-1]: base64.b64decode(buffer["data"]) for buffer in buffers}
        self.updates[content["comm_id"]].append(content["data"]["state"] | bytes_)


def record(updates: list[dict]) -> dict:
    """The record of a training from its monitor's updates, none of them once it has ended.

    Returns:
        where and when it ran; "losses", float32, all of them; and "reports", each with the traits
        that it changed, of `losses` only how many there were.
    """
    losses = [update["losses"] for update in updates if "losses" in update]
    return {
        **provenance(torch.device("cpu")),
        "losses": losses[-1] if losses else b"",
        "reports": [_brief(report) for report in _thinned(updates)],
    }


def _thinned(updates: list[dict]) -> list[dict]:
    """The updates, those merged that follow one another within `STEPS_PER_REPORT` without news."""
    reports, waiting, next_step = [], {}, 0
    for update in updates:
        waiting = waiting | update
        step = waiting.get("progress", {}).get("step", 0)
        if step >= next_step or update.keys() - ROUTINE:
            reports.append(waiting)
            waiting, next_step = {}, step + STEPS_PER_REPORT
    return [*reports, waiting] if waiting else reports


def _brief(value):
    """A report with rounded numbers, and only the number of its losses."""
    match value:
        case float():
            return float(f"{value:.{DIGITS}g}")
        case bytes():
            return len(value) // FLOAT_BYTES
        case list():
            return [_brief(item) for item in value]
        case dict():
            return {name: _brief(item) for name, item in value.items()}
    return value
