"""nbgrader's part: the notebook that is handed out, the gradebook, the pages that go back.

nbgrader's own autograder runs students' code beside the tests and the gradebook. Here the checks
are run by `examine`; the gradebook only learns what they gave.
"""

import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config, PyFileConfigLoader

from stn_grading.examine import Examined
from stn_grading.submissions import Submission, name_of
from stn_lesson.assignment.tasks import TASKS
from stn_lesson.training.checkpoints import write_atomically

ASSIGNMENT, NOTEBOOK = "assignment", "spatial_transformer"
UNREAD = "Not read yet: the points for this answer are still open."
HOUSE = Path(__file__).parents[2]
COURSE = HOUSE / "grading"


class GradingError(RuntimeError):
    """Something that a teacher can put right; the message says how."""


def settings(course: Path | None = None, **directories: str) -> Config:
    """Settings of nbgrader: those of grading/nbgrader_config.py, of a course elsewhere if asked."""
    loader = PyFileConfigLoader("nbgrader_config.py", path=str(COURSE))
    config = loader.load_config()
    if course is not None:
        config.CourseDirectory.root = str(course)
        config.CourseDirectory.source_directory = str(COURSE / "source")
        config.CourseDirectory.db_url = f"sqlite:///{course / 'gradebook.db'}"
    for name, folder in directories.items():
        config.CourseDirectory[f"{name}_directory"] = folder
    return config


def release(to: Path | None = None, course: Path | None = None) -> Path:
    """Make the notebook that is handed out from the source: no solutions, cells locked.

    Args:
        to: the folder that gets `assignment/`; notebooks/ unless given.
        course: the folder of the gradebook; grading/ unless given.

    Returns:
        The notebook's file.

    Raises:
        GradingError: nbgrader refused the source.
    """
    to, course = to or HOUSE / "notebooks", course or COURSE
    course.mkdir(parents=True, exist_ok=True)
    with _within():
        api = NbGraderAPI(config=settings(course, release=str(to)))
        done = api.generate_assignment(ASSIGNMENT, force=True, create=True)
    if not done["success"]:
        raise GradingError(f"nbgrader refused the source:\n{_said(done)}")
    return to / ASSIGNMENT / f"{NOTEBOOK}.ipynb"


@contextmanager
def open_gradebook(course: Path) -> Iterator[Gradebook]:
    """The gradebook of a course."""
    with _within(), Gradebook(f"sqlite:///{course / 'gradebook.db'}", "stn_lesson") as gradebook:
        yield gradebook


def enter(course: Path, submission: Submission, examined: Examined, release: Path) -> None:
    """Write the points of a submission into the gradebook, and its notebook for who reads it.

    What a person has given for an answer in words stays, as long as the answer stays.

    Args:
        course: the folder of the gradebook.
        submission: what was handed in.
        examined: what it is worth.
        release: the notebook that was handed out.
    """
    file = course / "autograded" / submission.student / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    before = _answers(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    notebook = shown(submission, examined, release)
    write_atomically(file, lambda opened: opened.write(nbformat.writes(notebook).encode()))
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_student(submission.student)
        gradebook.update_or_create_submission(ASSIGNMENT, submission.student)
        for task in TASKS:
            cell = task.name if task.read else f"check_{task.name}"
            grade = gradebook.find_grade(cell, NOTEBOOK, ASSIGNMENT, submission.student)
            if not task.read:
                grade.auto_score, grade.needs_manual_grade = examined.points(task.name), False
                continue
            answered = task.name in examined.written
            grade.auto_score = None if answered else 0.0
            if not answered or before.get(task.name) != _harmless(submission.written[task.name]):
                grade.manual_score = None
            grade.needs_manual_grade = answered and grade.manual_score is None
            comment = gradebook.find_comment(cell, NOTEBOOK, ASSIGNMENT, submission.student)
            comment.auto_comment = UNREAD if grade.needs_manual_grade else None
        gradebook.db.commit()


def _points(points: float) -> str:
    return f"{points:g} point{'s' * (points != 1)}"


def _harmless(words: str) -> str:
    """Markdown whose HTML and links are shown, not obeyed.

    >>> _harmless("if θ < 1 <script> [x](y)")
    'if θ < 1 &lt;script> [x] (y)'
    """
    return re.sub(r"](?=[(:[])", "] ", re.sub(r"<(?=[a-zA-Z/!?])", "&lt;", words))


def _answers(file: Path) -> dict[str, str]:
    """The answers in words as they stood when they were last entered."""
    if not file.exists():
        return {}
    cells = nbformat.read(file, as_version=4).cells
    words = {task.name for task in TASKS if task.read}
    return {name_of(cell): cell.source for cell in cells if name_of(cell) in words}


def shown(submission: Submission, examined: Examined, release: Path):
    """The notebook as it was handed out, with what the student wrote and what the checks found.

    Pictures are those that were handed in.
    """
    notebook = nbformat.read(release, as_version=4)
    code = dict(submission.cells)
    outcomes = {
        f"check_{task.name}": "\n".join(
            f"{'✓' if one.passed else '✗'} {one.check} ({_points(one.points)}): {one.says}"
            for one in examined.checks
            if one.task == task.name
        )
        for task in TASKS
    }
    for cell in notebook.cells:
        name = name_of(cell)
        if cell.cell_type == "code":
            pictures = submission.pictures.get(name or cell.source.strip(), [])
            cell.outputs = [
                nbformat.v4.new_output("display_data", {"image/png": one}) for one in pictures
            ]
        if name in code and cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = code[name]
        elif name in submission.written:
            cell.source = _harmless(submission.written[name])
        elif name in outcomes:
            text = outcomes[name] or "not examined"
            cell.outputs = [nbformat.v4.new_output("stream", text=text)]
    whose = nbformat.v4.new_markdown_cell(f"Handed in by **{_harmless(submission.student)}**")
    notebook.cells.insert(1, whose)
    named = {name_of(cell) for cell in notebook.cells}
    known = {cell.source.strip() for cell in notebook.cells}
    for name, source in submission.cells:
        if name not in named and source.strip() not in known:
            notebook.cells.append(nbformat.v4.new_code_cell(source))
    if examined.flags or examined.notes:
        remarks = "\n".join(f"- {words}" for words in [*examined.flags, *examined.notes])
        heading = "### Remarks of the checks\n\n```text\n"
        safe = _harmless(remarks.replace("```", "'''"))
        notebook.cells.append(nbformat.v4.new_markdown_cell(f"{heading}{safe}\n```"))
    return notebook


def written_points(course: Path, student: str) -> dict[str, float | None]:
    """What a person has given for the answers in words; None where nobody has yet."""
    points = {}
    with open_gradebook(course) as gradebook:
        for task in TASKS:
            if task.read:
                try:
                    grade = gradebook.find_grade(task.name, NOTEBOOK, ASSIGNMENT, student)
                except MissingEntry:
                    points[task.name] = None
                    continue
                points[task.name] = None if grade.needs_manual_grade else grade.score
    return points


def write_feedback(course: Path, student: str) -> Path:
    """The page that goes back to a student: their notebook, points, what the checks found.

    Raises:
        GradingError: nbgrader could not write it.
    """
    with _within():
        api = NbGraderAPI(config=settings(course))
        done = api.generate_feedback(ASSIGNMENT, student, force=True)
    if not done["success"]:
        raise GradingError(f"no feedback for {student}:\n{_said(done)}")
    return course / "feedback" / student / ASSIGNMENT / f"{NOTEBOOK}.html"


def _said(done: dict) -> str:
    return done.get("log") or done.get("error") or "it does not say why"


@contextmanager
def _within() -> Iterator[None]:
    """What nbgrader needs around it: its helper programs within reach, and nobody to report to.

    It starts `alembic` by name, which stands beside this Python and need not be on the path.
    """
    before, path = logging.root.manager.disable, os.environ.get("PATH", os.defpath)
    logging.disable(logging.WARNING)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{path}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its database layer, about nbgrader itself
            yield
    finally:
        logging.disable(before)
        os.environ["PATH"] = path
