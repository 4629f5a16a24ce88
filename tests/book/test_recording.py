"""What is kept of a training, so that a page can play it back."""

import json

import torch

from book import live, recording, states


def update(step, **news):
    progress = {"step": step, "seconds": step / 3}
    return {"progress": progress, "losses": b"\0" * 4 * (step // 2)} | news


def test_reports_are_kept_some_steps_apart_and_news_at_once():
    updates = [update(step) for step in range(0, 90, 5)]
    updates[9] |= {"accuracy": [0.5]}  # at step 45
    kept = recording.record([*updates, update(85, state="finished")])["reports"]
    assert [report["progress"]["step"] for report in kept] == [0, 20, 40, 45, 65, 85, 85]
    assert kept[3]["accuracy"] == [0.5] and kept[-1]["state"] == "finished"


def test_what_comes_between_two_kept_reports_is_not_lost():
    updates = [update(0), update(5), {"progress": {"step": 7}}]
    assert recording.record(updates)["reports"][-1] == {"progress": {"step": 7}, "losses": 2}


def test_a_record_names_device_and_date_and_keeps_the_losses_once():
    losses = torch.tensor([2.0, 1.0, 0.5]).numpy().tobytes()
    kept = recording.record([{"losses": losses[:4]}, {"losses": losses, "state": "finished"}])
    assert kept["losses"] == losses
    assert [report["losses"] for report in kept["reports"]] == [1, 3]
    assert kept["device"].startswith("cpu") and len(kept["date"]) == len("2026-11-28")


def test_numbers_are_kept_short():
    (report,) = recording.record(
        [{"thetas": [[1 / 3, 1.0]], "aim": [{"found": 2 / 3}], "state": "x"}]
    )["reports"]
    assert report == {"thetas": [[0.33333, 1.0]], "aim": [{"found": 0.66667}], "state": "x"}


def test_a_client_keeps_what_python_tells_of_a_picture_not_what_else_it_says():
    client = recording.RecordingClient({"cells": []})
    data = {"method": "update", "state": {"step": 1}, "buffer_paths": [["losses"]]}
    for kind, content in [
        ("comm_msg", data),
        ("comm_msg", {"method": "custom"}),
        ("comm_open", data),
    ]:
        content = {"comm_id": "a", "data": content}
        client.handle_comm_msg([], {"msg_type": kind, "content": content, "buffers": [b"1234"]}, 0)
    assert dict(client.updates) == {"a": [{"step": 1, "losses": b"1234"}]}


def test_the_page_of_a_training_has_its_record_and_what_plays_it(tmp_path):
    live.write_scripts(tmp_path, ["05_training"])
    kept = states.read_states("05_training")["05-21"]["record"]
    text = (tmp_path / "05-21.js").read_text("utf-8")
    state = json.loads(text.removeprefix('livePictures.put("05-21", ').removesuffix(");\n"))
    assert state["record"] == kept and kept["reports"][-1]["state"] == "finished"
    assert "addReplay" in (tmp_path / "replay.js").read_text("utf-8")
