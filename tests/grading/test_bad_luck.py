"""Accidents on the way from a student to the grader: nobody's work is lost.

Each is done to a notebook that is right; what must be graded, read or flagged stands beside it.
"""

import base64
import json

import nbformat
import pytest
from grading.accidents import (
    ACCIDENTS,
    GROWS,
    RELEASE,
    RELEASE_FILE,
    STUB,
    ZOOMS,
    added,
    at,
    checks_deleted,
)  # fmt: skip
from grading.make_submissions import write_submission

from stn_grading.answers import own_words
from stn_grading.examine import ExaminationResult
from stn_grading.pages import escape_markup, notebook_for_reader
from stn_grading.recognition import grade_id
from stn_grading.submissions import collect_submissions

PNG = base64.b64encode(b"\x89PNG and so on").decode()


def hand_in(folder, accident, name="ada.ipynb"):
    """The right notebook after an accident; the submission, and the page that is read of it."""
    file = write_submission(folder / name, RELEASE_FILE)
    notebook = json.loads(file.read_text("utf-8"))
    accident(notebook["cells"])
    file.write_text(json.dumps(notebook), "utf-8")
    (submission,) = collect_submissions(folder, RELEASE_FILE)
    return submission, page_of(submission)


def page_of(submission):
    result = ExaminationResult(submission.student, submission.entry, "")
    return notebook_for_reader(submission, result, RELEASE)


def words_on(page):
    return "\n".join(cell.source for cell in page.cells)


@pytest.mark.parametrize(
    ("accident", "flags"), ACCIDENTS, ids=lambda value: getattr(value, "__name__", "")
)
def test_nothing_is_lost_by(accident, flags, tmp_path):
    submission, page = hand_in(tmp_path, accident)
    assert tuple(submission.flags) == flags
    code = [source for _, source in submission.cells]
    for start in ("def meshgrid", "def bilinear_sample", "def warp", "class SpatialTransformer"):
        (last,) = [source for source in code if start in source]
        compile(last, "cell", "exec")
        assert last.split("\n")[-1] in words_on(page)
    assert not any("not written yet" in source for source in code)
    for task, words in (("direction", GROWS), ("clutter", ZOOMS)):
        answer = " ".join(submission.written_answers[task].split())
        assert words in answer and "?" not in answer and STUB not in answer
        (cell,) = [cell for cell in page.cells if grade_id(cell) == task]
        assert words in " ".join(cell.source.split()) and cell.cell_type == "markdown"
    shown = "".join(words_on(page).split())
    for cell in submission.handed_in:
        words = escape_markup(own_words(cell.source, RELEASE))
        assert RELEASE.is_unchanged(cell) or "".join(words.split()) in shown
    names = [grade_id(cell) for cell in page.cells if grade_id(cell)]
    assert len(names) == len(set(names))
    assert {name for name in RELEASE.cells if RELEASE.is_check(name)} <= set(names)
    nbformat.validate(page)
    nbformat.writes(page).encode()


def test_what_was_added_stands_in_its_place(tmp_path):
    def accident(cells):
        k = at(cells, "warp")
        cells.insert(k, added("code", "def my_helper(x):\n    return x"))
        cells.insert(k + 2, added("raw", "Here I was tired."))

    submission, page = hand_in(tmp_path, accident)
    starts = [cell.source.split("\n")[0] for cell in page.cells]
    k = starts.index("def my_helper(x):")
    assert starts[k + 1].startswith("def warp(") and starts[k + 2] == "Here I was tired."
    assert grade_id(page.cells[k + 3]) == "check_warp"
    assert any("my_helper" in source for _, source in submission.cells)


def test_a_deleted_check_stands_where_it_was(tmp_path):
    _, page = hand_in(tmp_path, checks_deleted)
    names = [grade_id(cell) for cell in page.cells]
    assert names[names.index("warp") + 1] == "check_warp"


def test_text_that_was_meant_to_run_is_flagged(tmp_path):
    def accident(cells):
        cells[at(cells, "warp")].update(cell_type="markdown", source="def warp(: no")
        cells.append(added("raw", "def my_helper(x):\n    return x"))

    submission, page = hand_in(tmp_path, accident)
    assert submission.flags == [
        "the cell warp is no code any more, and cannot be run as code",
        "a cell of text that looks like code was not run: 'def my_helper(x):\\n    return x'",
    ]
    assert "def warp(: no" in words_on(page)


def test_an_empty_notebook_asks_nobody_to_read_it(tmp_path):
    (tmp_path / "blank.ipynb").write_bytes(RELEASE_FILE.read_bytes())
    (blank,) = collect_submissions(tmp_path, RELEASE_FILE)
    assert not blank.written_answers and not blank.flags and not blank.notes
    assert [name for name, _ in blank.cells if name in RELEASE.cells] == [
        "setup", "meshgrid", "bilinear_sample", "warp", "SpatialTransformer", "model",
    ]  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_change_neither_what_runs_nor_what_is_seen(end, tmp_path):
    notebook = nbformat.read(RELEASE_FILE, as_version=4)
    output = nbformat.v4.new_output("display_data", {"image/png": PNG})
    for cell in notebook.cells:
        if "views = model[0]" in cell.source:
            cell.outputs = [output]
        cell.source = cell.source.replace("\n", end)
    (tmp_path / "ada.ipynb").write_text(json.dumps(notebook), "utf-8", newline="")
    (submission,) = collect_submissions(tmp_path, RELEASE_FILE)
    assert not any("shrunk" in source for _, source in submission.cells)  # it trains, ungraded
    outputs = [o for cell in page_of(submission).cells for o in cell.get("outputs", [])]
    assert output.data in [o.get("data") for o in outputs]


def test_a_picture_pasted_into_an_answer_is_seen_and_a_changed_one_is_news(tmp_path):
    def paste(png):
        def accident(cells):
            cells[at(cells, "direction")].update(
                source="![](attachment:a.png)", attachments={"a.png": {"image/png": png}}
            )

        _, page = hand_in(tmp_path, accident)
        (cell,) = [cell for cell in page.cells if grade_id(cell) == "direction"]
        (bundle,) = cell.attachments.values()
        assert (
            bundle == {"image/png": png}
            and f"](attachment:{next(iter(cell.attachments))}" in cell.source
        )
        return cell.source

    assert paste(PNG) != paste(base64.b64encode(b"\x89PNG and others").decode())


def test_all_that_is_shown_changes_the_fingerprint(tmp_path):
    seen = set()
    png = {"output_type": "display_data", "metadata": {}, "data": {"image/png": PNG}}
    for cell in (
        added("markdown", "a"),
        added("raw", "a"),
        added("code", "a", outputs=[]),
        added("code", "a", outputs=[png]),
    ):
        submission, _ = hand_in(tmp_path, lambda cells, cell=cell: cells.append(cell))
        seen.add(submission.fingerprint)
    assert len(seen) == 4
