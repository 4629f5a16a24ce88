"""Submissions for tests: the reference solution with changes, as a student would hand it in."""

import json

import nbformat
from grading.reference_notebook import CELLS, REFERENCE, solution

from stn_grading.recognition import ReleasedNotebook, grade_id
from stn_grading.submissions import Submission

# A network that is right at once: tests of grading need not train one.
KNOWING_MODEL = """
class KnowsTheLabels(nn.Module):
    def forward(self, images):
        return nn.functional.one_hot(digits.test.labels[self.next(len(images))], 10).float()

    def next(self, count):
        start = getattr(self, "start", 0) % len(digits.test.labels)
        self.start = start + count
        return slice(start, start + count)

digits = scenes(1)
model = KnowsTheLabels()
"""
UNTRAINED = {"model": KNOWING_MODEL}  # with it, the worked examples are left out


def write_submission(path, release_file, changes=None, drop=(), **more):
    """Write a notebook as a student would: solutions by task, changed where `changes` says so."""
    sources = {name: solution(name) for name in CELLS if CELLS[name].cell_type == "code"}
    sources |= {"direction": "It grows.", "clutter": "It zooms."} | UNTRAINED | (changes or {})
    notebook = nbformat.read(release_file, as_version=4)
    untrained = sources["model"] == KNOWING_MODEL
    cells = []
    for cell in notebook.cells:
        name = grade_id(cell)
        if name in drop or (untrained and cell.cell_type == "code" and not name):
            continue
        if name in sources and not ReleasedNotebook(release_file).is_check(name):
            cell.source = sources[name]
        cells.append(cell)
    notebook.cells = cells
    notebook.update(more)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), "utf-8")
    return path


def make_submission(changes=None, student="Ada"):
    """What is collected of such a notebook, without a file."""
    sources = {name: solution(name) for name in ("meshgrid", "bilinear_sample", "warp")}
    sources |= {"SpatialTransformer": solution("SpatialTransformer")} | UNTRAINED | (changes or {})
    submission = Submission(student, f"{student}.ipynb", file=REFERENCE)
    submission.cells = list(sources.items())
    return submission
