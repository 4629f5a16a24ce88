"""nbgrader's part: the notebook that is handed out, the gradebook, the pages that go back.

nbgrader's own autograder runs students' code beside the tests and the gradebook. Here the checks
are run by `examine`; the gradebook only learns what they gave.
"""

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config, PyFileConfigLoader

from stn_grading.examine import ExaminationResult
from stn_grading.pages import answers_on_page, notebook_for_reader
from stn_grading.recognition import ReleasedNotebook
from stn_grading.submissions import Submission
from stn_grading.tasks import TASKS, Task
from stn_lesson.files import write_atomically

ASSIGNMENT, NOTEBOOK = "assignment", "spatial_transformer"
UNREAD_COMMENT = "Not read yet: the points for this answer are still open."
PROJECT_FOLDER = Path(__file__).parents[2]
COURSE_FOLDER = PROJECT_FOLDER / "grading"


class GradingError(RuntimeError):
    """Something that a teacher can put right; the message says how."""


def nbgrader_config(course: Path | None = None, **directories: str) -> Config:
    """Settings of nbgrader: those of grading/nbgrader_config.py, of a course elsewhere if asked.

    Args:
        course: the folder of the gradebook; grading/ unless given.
        directories: others of nbgrader's folders, `release="…"`.
    """
    loader = PyFileConfigLoader("nbgrader_config.py", path=str(COURSE_FOLDER))
    config = loader.load_config()
    if course is not None:
        config.CourseDirectory.root = str(course)
        config.CourseDirectory.source_directory = str(COURSE_FOLDER / "source")
        config.CourseDirectory.db_url = f"sqlite:///{course / 'gradebook.db'}"
    for name, directory in directories.items():
        config.CourseDirectory[f"{name}_directory"] = directory
    return config


def release(folder: Path | None = None, course: Path | None = None) -> Path:
    """Make the notebook that is handed out from the source: no solutions, cells locked.

    Args:
        folder: the folder that gets `assignment/`; notebooks/ unless given.
        course: the folder of the gradebook; grading/ unless given.

    Returns:
        The notebook's file.

    Raises:
        GradingError: nbgrader refused the source, or its points are not those of the checks. What
            was released before stays.
    """
    folder, course = folder or PROJECT_FOLDER / "notebooks", course or COURSE_FOLDER
    course.mkdir(parents=True, exist_ok=True)
    with _nbgrader_environment(), tempfile.TemporaryDirectory() as made:
        api = NbGraderAPI(config=nbgrader_config(course, release=made))
        reply = api.generate_assignment(ASSIGNMENT, force=True, create=True)
        if not reply["success"]:
            reason = _nbgrader_log(reply).split("[ERROR] There was an error")[0].strip()
            raise GradingError(f"nbgrader refused the source, nothing was changed:\n{reason}")
        notebook = Path(ASSIGNMENT) / f"{NOTEBOOK}.ipynb"
        _require_points_of_the_checks(nbformat.read(Path(made, notebook), as_version=4))
        write_atomically(folder / notebook, Path(made, notebook).read_bytes())
    return folder / notebook


def _require_points_of_the_checks(notebook: nbformat.NotebookNode) -> None:
    """Raise `GradingError` where a cell of the source promises other points than are given."""
    settings = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    promised = {cell["grade_id"]: cell["points"] for cell in settings if cell.get("grade")}
    for task in TASKS:
        name, points = _graded_cell(task), promised.get(_graded_cell(task))
        if points != task.points:
            found = "is missing" if points is None else f"is worth {points:g}"
            raise GradingError(
                f"the cell {name} of the source {found}, its checks give {task.points:g} points: "
                f"change one of them (grading/stn_grading/tasks); nothing was changed"
            )


def _graded_cell(task: Task) -> str:
    """The name of the cell that has a task's points."""
    return task.name if task.written_points else f"check_{task.name}"


@contextmanager
def open_gradebook(course: Path) -> Iterator[Gradebook]:
    """The gradebook of a course."""
    with (
        _nbgrader_environment(),
        Gradebook(f"sqlite:///{course / 'gradebook.db'}", "stn_lesson") as gradebook,
    ):
        yield gradebook


def record_submission(
    course: Path, submission: Submission, result: ExaminationResult, release_file: Path
) -> None:
    """Write the points of a submission into the gradebook, and its notebook for who reads it.

    What a person has given for an answer in words stays, as long as the answer stays.

    Args:
        course: the folder of the gradebook.
        submission: what was handed in.
        result: what the checks found.
        release_file: the notebook that was handed out.
    """
    file = course / "autograded" / submission.student / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    stored = answers_on_page(nbformat.read(file, as_version=4)) if file.exists() else {}
    file.parent.mkdir(parents=True, exist_ok=True)
    notebook = notebook_for_reader(submission, result, ReleasedNotebook(release_file))
    shown = answers_on_page(notebook)
    write_atomically(file, nbformat.writes(notebook).encode())
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_student(submission.student)
        gradebook.update_or_create_submission(ASSIGNMENT, submission.student)
        for task in TASKS:
            cell = _graded_cell(task)
            grade = gradebook.find_grade(cell, NOTEBOOK, ASSIGNMENT, submission.student)
            if not task.written_points:
                if grade.auto_score != result.points(task.name):
                    grade.manual_score = None  # what a person gave in its place was for other work
                grade.auto_score, grade.needs_manual_grade = result.points(task.name), False
                continue
            answered = task.name in result.written_answers
            grade.auto_score = None if answered else 0.0
            if not answered or stored.get(task.name) != shown[task.name]:
                grade.manual_score = None
            grade.needs_manual_grade = answered and grade.manual_score is None
            comment = gradebook.find_comment(cell, NOTEBOOK, ASSIGNMENT, submission.student)
            comment.auto_comment = UNREAD_COMMENT if grade.needs_manual_grade else None
        gradebook.db.commit()


def manual_points(course: Path, student: str) -> dict[str, float | None]:
    """What a person has given, by task.

    Of the answers in words all, None where nobody has read them yet; of the other tasks those whose
    points a person has changed in the form grader.
    """
    points = {}
    with open_gradebook(course) as gradebook:
        for task in TASKS:
            try:
                grade = gradebook.find_grade(_graded_cell(task), NOTEBOOK, ASSIGNMENT, student)
            except MissingEntry:
                grade = None
            if task.written_points:
                is_read = grade and not grade.needs_manual_grade
                points[task.name] = grade.score if is_read else None
            elif grade and (grade.manual_score is not None or grade.extra_credit):
                points[task.name] = grade.score
    return points


def manual_grades(
    course: Path, answers: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], tuple[float | None, str]]:
    """What a person has given for answers, (student, task) → points, None if not read; comment."""
    found = {}
    with open_gradebook(course) as gradebook:
        for student, task in answers:
            cell = task, NOTEBOOK, ASSIGNMENT, student
            grade, comment = gradebook.find_grade(*cell), gradebook.find_comment(*cell)
            found[student, task] = grade.manual_score, comment.manual_comment or ""
    return found


def enter_manual_grade(
    course: Path, student: str, task: str, points: float | None, comment: str
) -> None:
    """Enter what a person gives for an answer in words; None lets it wait for a reader again."""
    cell = task, NOTEBOOK, ASSIGNMENT, student
    with open_gradebook(course) as gradebook:
        grade, remark = gradebook.find_grade(*cell), gradebook.find_comment(*cell)
        grade.manual_score, grade.needs_manual_grade = points, points is None
        remark.manual_comment = comment or None
        remark.auto_comment = UNREAD_COMMENT if points is None else None
        gradebook.db.commit()


def write_feedback(course: Path, student: str) -> Path:
    """The page that goes back to a student: their notebook, points, what the checks found.

    Raises:
        GradingError: nbgrader could not write it.
    """
    with _nbgrader_environment():
        api = NbGraderAPI(config=nbgrader_config(course))
        reply = api.generate_feedback(ASSIGNMENT, student, force=True)
    if not reply["success"]:
        raise GradingError(f"no feedback for {student}:\n{_nbgrader_log(reply)}")
    return course / "feedback" / student / ASSIGNMENT / f"{NOTEBOOK}.html"


def _nbgrader_log(reply: dict) -> str:
    return reply.get("log") or reply.get("error") or "it does not say why"


@contextmanager
def _nbgrader_environment() -> Iterator[None]:
    """Run nbgrader with its helper programs on the path and without its log messages.

    It starts `alembic` by name, which stands beside this Python and need not be on the path.
    """
    disabled_level, path = logging.root.manager.disable, os.environ.get("PATH", os.defpath)
    logging.disable(logging.WARNING)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{path}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its database layer, about nbgrader itself
            yield
    finally:
        logging.disable(disabled_level)
        os.environ["PATH"] = path
