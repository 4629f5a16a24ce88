"""Submissions for tests: the reference solution with changes, as a student would hand it in."""

import base64
import json
from pathlib import Path

import nbformat
from grading.reference_notebook import CELLS, REFERENCE, solution

from stn_grading.recognition import ReleasedNotebook, grade_id
from stn_grading.submissions import Submission

# A network that was trained elsewhere: tests of grading need not train one.
WEIGHTS = base64.b64encode(Path(__file__).with_name("trained_network.pt").read_bytes()).decode()
TRAINED_MODEL = f"""
import base64, io
localisation = nn.Sequential(
    nn.AvgPool2d(4), nn.Flatten(), nn.Linear(12 * 12, 64), nn.ReLU(), nn.Linear(64, 6)
)
classifier = nn.Sequential(
    nn.Conv2d(1, 16, 3), nn.MaxPool2d(2), nn.ReLU(),
    nn.Conv2d(16, 32, 3), nn.MaxPool2d(2), nn.ReLU(),
    nn.Flatten(), nn.Linear(32 * 3 * 3, 64), nn.ReLU(), nn.Linear(64, 10),
)
model = nn.Sequential(SpatialTransformer(localisation, size=(20, 20)), classifier)
weights = torch.load(io.BytesIO(base64.b64decode("{WEIGHTS}")))
with torch.no_grad():
    for parameter, weight in zip(model.parameters(), weights, strict=True):
        parameter.copy_(weight)
"""
UNTRAINED = {"model": TRAINED_MODEL}  # with it, the worked examples are left out


def write_submission(path, release_file, changes=None, drop=(), **more):
    """Write a notebook as a student would: solutions by task, changed where `changes` says so."""
    sources = {name: solution(name) for name in CELLS if CELLS[name].cell_type == "code"}
    sources |= {"direction": "It grows.", "clutter": "It zooms."} | UNTRAINED | (changes or {})
    notebook = nbformat.read(release_file, as_version=4)
    untrained = sources["model"] == TRAINED_MODEL
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
