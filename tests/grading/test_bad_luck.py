"""Accidents on the way from a student to the grader: nobody's work is lost.

Each is done to a notebook that is right; what must be graded, read or flagged stands beside it.
"""

import base64
import json

import nbformat
import pytest
from grading.make_submissions import write_submission

from stn_grading import gradebook
from stn_grading.answers import own_words
from stn_grading.examine import ExaminationResult
from stn_grading.pages import escape_markup, notebook_for_reader
from stn_grading.recognition import ReleasedNotebook, grade_id
from stn_grading.submissions import collect_submissions

RELEASE_FILE = gradebook.PROJECT_FOLDER / "notebooks" / "assignment" / "spatial_transformer.ipynb"
RELEASE = ReleasedNotebook(RELEASE_FILE)
PNG = base64.b64encode(b"\x89PNG and so on").decode()
GROWS, ZOOMS = "It grows.", "It zooms."
STUB = RELEASE.cells["direction"].source
WARP_STUB = RELEASE.cells["warp"].source


def at(cells, name):
    """Position of a cell by nbgrader's name, or by its id."""
    names = [cell["metadata"].get("nbgrader", {}).get("grade_id", cell.get("id")) for cell in cells]
    return names.index(name)


def added(kind, source, **more):
    return {"cell_type": kind, "id": "own-cell", "metadata": {}, "source": source} | more


def answer_below(cells, kind="markdown"):
    k = at(cells, "direction")
    cells[k]["source"] = STUB
    cells.insert(k + 1, added(kind, GROWS))


def answer_below_as_code(cells):
    answer_below(cells, "code")


def answer_as_raw_text_below(cells):
    answer_below(cells, "raw")


def answer_between_question_and_cell(cells):
    k = at(cells, "direction")
    cells[k]["source"] = STUB
    cells.insert(k, added("markdown", GROWS))


def answer_in_the_cell_of_its_question(cells):
    k = at(cells, "direction")
    cells[k]["source"] = STUB
    cells[k - 1]["source"] += f"\n\n{GROWS}"


def answer_merged_with_its_question(cells):
    k = at(cells, "direction")
    cells[k - 1]["source"] += f"\n\n{GROWS}"
    del cells[k]


def answer_merged_with_what_follows(cells):
    k = at(cells, "direction")
    cells[k]["source"] += f"\n\n{cells.pop(k + 1)['source']}"


def answer_split_in_two(cells):
    k = at(cells, "direction")
    cells[k]["source"] = "It"
    cells.insert(k + 1, json.loads(json.dumps(cells[k])) | {"source": "grows.", "id": "half"})


def answer_that_became_code(cells):
    cells[at(cells, "direction")]["cell_type"] = "code"


def answers_at_the_end(cells):
    for name in ("direction", "clutter"):
        cells[at(cells, name)]["source"] = STUB
    cells.append(added("markdown", f"{GROWS} {ZOOMS}"))


def answers_in_the_text_above(cells):
    answers_at_the_end(cells)
    cells[0]["source"] += f"\n\n{cells.pop()['source']}"


def solution_that_became_markdown(cells):
    cells[at(cells, "warp")]["cell_type"] = "markdown"


def solution_that_became_raw_and_lost_its_name(cells):
    cells[at(cells, "warp")].update(cell_type="raw", metadata={}, id="x")


def solution_above_the_empty_cell(cells):
    k = at(cells, "warp")
    cells.insert(k, added("code", cells[k]["source"]))
    cells[k + 1]["source"] = WARP_STUB


def solution_in_the_cell_of_its_check(cells):
    k = at(cells, "warp")
    cells[k + 1]["source"] = f"{cells[k]['source']}\n{cells[k + 1]['source']}"
    cells[k]["source"] = WARP_STUB


def solution_merged_with_its_check(cells):
    k = at(cells, "warp")
    cells[k]["source"] += f"\n{cells.pop(k + 1)['source']}"


def solution_split_within_the_function(cells):
    k = at(cells, "warp")
    lines = cells[k]["source"].split("\n")
    cells[k]["source"] = "\n".join(lines[:3])
    cells.insert(k + 1, added("code", "\n".join(lines[3:])))


def two_solutions_in_one_cell(cells):
    k = at(cells, "bilinear_sample")
    cells[k]["source"] += f"\n{cells[at(cells, 'warp')]['source']}"
    del cells[at(cells, "warp")]


def names_of_nbgrader_removed(cells):
    for cell in cells:
        cell["metadata"] = {}


def names_and_ids_removed(cells):
    for cell in cells:
        cell["metadata"] = {}
        cell.pop("id", None)


def cells_in_another_order(cells):
    cells.insert(0, cells.pop(at(cells, "clutter")))
    cells.append(cells.pop(at(cells, "meshgrid")))


def checks_deleted(cells):
    cells[:] = [cell for cell in cells if "check_" not in json.dumps(cell["metadata"])]


def line_ends_of_windows(cells):
    for cell in cells:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")


def line_ends_of_old_macs(cells):
    for cell in cells:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r").splitlines(True)


def lines_without_ends(cells):
    for cell in cells:
        cell["source"] = "".join(cell["source"]).split("\n")


def half_a_letter(cells):
    cells.append(added("markdown", "\ud83d half an emoji"))


def a_cell_that_is_no_cell(cells):
    cells.insert(3, None)


def a_cell_without_anything(cells):
    cells.insert(3, {})


ELSEWHERE = "not answered in its place; words from other cells stand for it"
# What happened, and the flags that it must get: () where all is understood without a person.
ACCIDENTS = [
    (answer_below, ()),
    (answer_below_as_code, ()),
    (answer_as_raw_text_below, ()),
    (answer_between_question_and_cell, ()),
    (answer_in_the_cell_of_its_question, ()),
    (answer_merged_with_its_question, ()),
    (answer_merged_with_what_follows, ()),
    (answer_split_in_two, ()),
    (answer_that_became_code, ()),
    (answers_at_the_end, (f"direction: {ELSEWHERE}", f"clutter: {ELSEWHERE}")),
    (answers_in_the_text_above, (f"direction: {ELSEWHERE}", f"clutter: {ELSEWHERE}")),
    (solution_that_became_markdown, ()),
    (solution_that_became_raw_and_lost_its_name, ()),
    (solution_above_the_empty_cell, ()),
    (solution_in_the_cell_of_its_check, ()),
    (solution_merged_with_its_check, ()),
    (solution_split_within_the_function, ()),
    (two_solutions_in_one_cell, ()),
    (names_of_nbgrader_removed, ()),
    (names_and_ids_removed, ()),
    (cells_in_another_order, ()),
    (checks_deleted, ()),
    (line_ends_of_windows, ()),
    (line_ends_of_old_macs, ()),
    (lines_without_ends, ()),
    (half_a_letter, ()),
    (a_cell_that_is_no_cell, ("damaged cells were left out: 1",)),
    (a_cell_without_anything, ()),
]


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
