"""What happens to a student's notebook on its way, each as a change of its cells.

Each is done to a notebook that is right; the flags that it must get stand beside it.
"""

import json

from stn_grading import gradebook
from stn_grading.recognition import ReleasedNotebook

RELEASE_FILE = gradebook.PROJECT_FOLDER / "notebooks" / "assignment" / "spatial_transformer.ipynb"
RELEASE = ReleasedNotebook(RELEASE_FILE)
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
