"""The states of live pictures: there for every one, of today's code, and as the page needs them."""

import base64
import json
import zlib

import pytest

from book import live, pages, states
from book.__main__ import main
from stn_lesson.widgets import GridExplorer


@pytest.mark.parametrize("name", pages.notebook_names())
def test_every_live_picture_has_a_state_of_todays_code(name):
    assert states.missing_states(name) == []


def notebook(*sources):
    cells = [
        {"id": f"c{n}", "cell_type": "code", "source": [source], "outputs": []}
        for n, source in enumerate(sources)
    ]
    cells[1]["outputs"] = [{"data": {states.VIEW: {}}}]
    return {"cells": cells}


@pytest.fixture
def kept(monkeypatch):
    """A notebook whose second cell shows a picture, and the state that is kept of it."""
    shown = notebook("a = 1", "GridExplorer(a)", "a = 2")
    state = dict.fromkeys(states.synced_traits("GridExplorer"))
    code = states.code_before(shown, "c1")
    kept = {"c1": {"widget": "GridExplorer", "code": code, "state": state}}
    monkeypatch.setattr(states, "read_notebook", lambda name: shown)
    monkeypatch.setattr(states, "read_states", lambda name: kept)
    assert states.missing_states("99") == []
    return shown, kept


def test_a_state_is_old_when_code_before_it_has_changed(kept):
    kept[0]["cells"][0]["source"] = ["a = 3"]
    (fault,) = states.missing_states("99")
    assert "cell c1 of 99 is of other code" in fault and "python3 run.py book states 99" in fault


def test_a_state_stays_when_only_a_later_cell_has_changed(kept):
    kept[0]["cells"][2]["source"] = ["a = 3"]
    assert states.missing_states("99") == []


def test_a_missing_state_is_named(kept):
    kept[1].clear()
    assert "cell c1 of 99 shows a live picture without a state" in states.missing_states("99")[0]


def test_a_state_of_a_picture_that_is_gone_is_named(kept):
    kept[0]["cells"][1]["outputs"] = []
    assert "has no live cell c1" in states.missing_states("99")[0]


def test_a_state_lacking_a_trait_is_named(kept):
    del kept[1]["c1"]["state"]["pixel"]
    assert "other traits" in states.missing_states("99")[0]


def test_bytes_are_deflated_and_come_back():
    data = bytes(range(256)) * 40
    assert zlib.decompress(base64.b64decode(states.deflated(data))) == data


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(states, "STATES", tmp_path)
    return tmp_path


def test_large_bytes_are_kept_once_for_the_pictures_that_show_them(folder):
    large, small = {"deflated": "A" * states.SHARED_FROM}, {"deflated": "B"}
    states.write_states("98", {"c1": {"state": {"digits": large}}})
    states.write_states("99", {"c2": {"state": {"pictures": [{"bytes": large}, {"bytes": small}]}}})
    (file,) = (folder / "bytes").iterdir()
    assert file.read_text("utf-8") == large["deflated"]
    first, second = states.read_states("99")["c2"]["state"]["pictures"]
    assert first["bytes"] == {"script": file.stem} and second["bytes"] == small
    assert states.shared_bytes(json.dumps(first, separators=(",", ":"))) == [file.stem]


def test_code_goes_to_a_page_without_comment_lines_and_indentation():
    code = "// why\nif (a) {\n  // because\n  b(); // of https://example.org\n}\n"
    assert live.lighter(code) == "if (a) {\nb(); // of https://example.org\n}\n"


@pytest.mark.parametrize(("index", "count"), [(4, states.DIGITS_OFFERED), (99, 100)])
def test_a_page_offers_the_first_digits_and_that_which_is_shown(index, count):
    state = {"index": index, "labels": [*range(10)] * 20}
    data = {("digits",): bytes(range(200)) * 4}
    states._offer_fewer_digits(state, data)
    assert len(state["labels"]) == count and data["digits",] == (bytes(range(200)) * 4)[: 4 * count]


def test_bytes_that_no_state_names_any_more_are_deleted(folder):
    states.write_states("99", {"c1": {"state": {"digits": {"deflated": "A" * 5000}}}})
    states.write_states("99", {"c1": {"state": {"digits": {"deflated": "B" * 5000}}}})
    (file,) = (folder / "bytes").iterdir()
    assert file.read_text("utf-8") == "B" * 5000


def test_the_scripts_of_a_page_hold_states_code_and_bytes(tmp_path):
    live.write_scripts(tmp_path, ["02_meshgrid", "01_affine_theta"])
    state = (tmp_path / "02-01.js").read_text("utf-8")
    assert state.startswith('livePictures.put("02-01", {') and state.endswith("});\n")
    code = json.dumps(live.lighter(GridExplorer._esm), ensure_ascii=False)
    assert code in (tmp_path / "GridExplorer.js").read_text("utf-8")
    for name in states.shared_bytes((tmp_path / "01-01.js").read_text("utf-8")):
        assert f'put("{name}", "' in (tmp_path / f"{name}.js").read_text("utf-8")


def stored_text(name, cell_id):
    """What a cell has printed and what its pictures say in words, as the notebook stores it."""
    (cell,) = (cell for cell in states.read_notebook(name)["cells"] if cell["id"] == cell_id)
    texts = [out.get("text") or out["data"]["text/plain"] for out in cell["outputs"]]
    return "\n".join("".join(text) for text in texts)


def test_the_trainings_that_pages_show_are_those_of_the_stored_outputs():
    kept = states.read_states("05_training")
    told = [
        report["accuracy"] for report in kept["05-21"]["record"]["reports"] if "accuracy" in report
    ]
    error = 100 * (1 - told[-1][-1])
    assert f"{error:.1f} % in the end" in stored_text("05_training", "05-21")
    assert kept["05-30"]["state"]["accuracy"] == pytest.approx(told[-1], abs=1e-4)
    accuracy = states.read_states("12_birds")["12-22"]["state"]["accuracy"]
    assert f"test accuracy {accuracy[-1]:.2f}" in stored_text("12_birds", "12-13")


def test_a_wrong_name_is_answered_by_the_right_ones(capsys):
    assert main(["states", "nonsense"]) == 1
    assert "no notebook 'nonsense': choose among 00_welcome" in capsys.readouterr().out


def test_a_notebook_without_live_pictures_is_told_of(capsys):
    assert main(["states", "10_making_it_fast"]) == 1
    assert "10_making_it_fast shows no live picture" in capsys.readouterr().out


def test_a_damaged_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(states, "STATES", tmp_path)
    (tmp_path / "99.json").write_text("{")
    with pytest.raises(ValueError, match="99.json is damaged"):
        states.read_states("99")
