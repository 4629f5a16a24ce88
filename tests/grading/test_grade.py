"""From a folder of submissions to grades, pages and the class map, as a teacher would do it."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from grading.make_submissions import write_submission
from grading.mistakes import MISTAKES
from grading.reference_notebook import REFERENCE, solution

from stn_grading import gradebook, report, sandbox
from stn_grading.examine import ExaminationResult, Limits
from stn_grading.grade import checks_version, grade
from stn_grading.recognition import ReleasedNotebook
from stn_grading.tasks import TASKS

pytestmark = pytest.mark.skipif(
    not sandbox.find_bubblewrap() and not os.environ.get("CI"), reason="no bubblewrap here"
)
RELEASE_FILE = gradebook.PROJECT_FOLDER / "notebooks" / "assignment" / "spatial_transformer.ipynb"
# No test here waits for a limit: on a busy machine none may be reached.
NO_LIMITS = Limits(cell=3600, training=3600, question=3600, total=3600)


def test_the_release_in_git_is_made_of_the_source(tmp_path):
    made = gradebook.release(tmp_path / "release", tmp_path)
    assert RELEASE_FILE.read_text("utf-8") == made.read_text("utf-8"), (
        "type: python3 run.py release"
    )


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("### END SOLUTION", "### END", "No end solution statement found"),
        (
            '"points": 5',
            '"points": 6',
            "check_bilinear_sample of the source is worth 6, its checks",
        ),
    ],
)
def test_a_refused_source_leaves_the_release_alone(right, wrong, message, tmp_path, monkeypatch):
    source = tmp_path / "source" / "assignment" / "spatial_transformer.ipynb"
    source.parent.mkdir(parents=True)
    handed_out = gradebook.release(tmp_path / "release", tmp_path)
    text = (gradebook.COURSE_FOLDER / source.relative_to(tmp_path)).read_text("utf-8")
    source.write_text(text.replace(right, wrong, 1), "utf-8")
    config = gradebook.nbgrader_config(tmp_path, source=str(tmp_path / "source"))

    def changed_config(course, release):
        config.CourseDirectory.release_directory = release
        return config

    monkeypatch.setattr(gradebook, "nbgrader_config", changed_config)
    with pytest.raises(gradebook.GradingError, match=message) as error:
        gradebook.release(tmp_path / "release", tmp_path)
    assert "Traceback" not in str(error.value) and "nothing was changed" in str(error.value)
    assert handed_out.read_bytes() == RELEASE_FILE.read_bytes()


def test_the_release_gives_nothing_away():
    text = RELEASE_FILE.read_text("utf-8")
    assert "SOLUTION" not in text and "row_inside" not in text and "holes" not in text
    handout = ReleasedNotebook(RELEASE_FILE)
    assert handout.cells["direction"].source == "Your answer here."
    assert 'raise NotImplementedError("not written yet")' in handout.cells["warp"].source


def test_the_points_of_the_source_are_those_of_the_checks():
    for task in TASKS:
        name = task.name if task.written_points else f"check_{task.name}"
        (cell,) = [
            c for c in REFERENCE.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name
        ]
        assert cell.metadata.nbgrader.points == task.points


def write_unlucky(file):
    """One whose notebook has no names any more, and who answers below the cells for it."""
    notebook = json.loads(write_submission(file, RELEASE_FILE).read_text("utf-8"))
    for k, cell in reversed(list(enumerate(notebook["cells"]))):
        cell.update(metadata={}, id=f"own{k}")
        if cell["source"] == "It grows.":
            cell["source"] = "Your answer here."
            below = {"cell_type": "raw", "id": "below", "metadata": {}, "source": "It grows."}
            notebook["cells"].insert(k + 1, below)
    file.write_text(json.dumps(notebook), "utf-8")


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A small class, graded once."""
    folder, course = tmp_path_factory.mktemp("in"), tmp_path_factory.mktemp("course")
    write_submission(folder / "ada.ipynb", RELEASE_FILE)
    (folder / "blank.ipynb").write_bytes(RELEASE_FILE.read_bytes())
    task, _, _, changes = MISTAKES[7]
    write_submission(folder / "x and y.ipynb", RELEASE_FILE, {task: solution(task, *changes)})
    (folder / "pdf.pdf").write_bytes(b"%PDF")
    write_unlucky(folder / "unlucky.ipynb")
    rows = grade(folder, course=course, limits=NO_LIMITS)
    return folder, course, {row.result.student: row for row in rows}


def test_points_of_the_reference_the_blank_and_a_mistake(graded):
    _, _, rows = graded
    assert {name: row.total for name, row in rows.items()} == {
        "ada": 17, "blank": 0, "x and y": 12, "pdf": 0, "unlucky": 17,
    }  # fmt: skip
    assert rows["ada"].unread and not rows["blank"].unread
    students = report.students_by_misconception(list(rows.values()))
    assert students["bilinear_sample", "x and y swapped"] == ["x and y"]


def test_what_is_written_for_the_teacher(graded):
    _, course, rows = graded
    with (course / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = {line["student"]: line for line in csv.DictReader(file)}
    assert lines["ada"]["total"] == "17" and lines["ada"]["to read"] == "yes"
    assert lines["pdf"]["flags"] == "no notebook was handed in, but .pdf"
    page = (course / "class_map.html").read_text("utf-8")
    assert "✗ x and y swapped" in page and "did you swap x and y?" in page
    table = report.grades_table(list(rows.values()))
    assert "5 submissions (0 as before, not examined again), 20 points at best" in table
    assert "1 flagged for a look (⚑), 3 with answers in words to read (?, +)" in table


def test_feedback_tells_points_and_mistakes_and_no_hidden_numbers(graded):
    _, course, _ = graded
    page = course / "feedback" / "x and y" / "assignment" / "spatial_transformer.html"
    text = page.read_text("utf-8")
    assert "did you swap x and y?" in text and "Score: 12" in text.replace("12.0", "12")
    assert "row_inside" in text  # what the student wrote
    assert "Handed in by <strong>x and y</strong>" in text and text.count("Not read yet") == 2
    other = course / "feedback" / "unlucky" / "assignment" / "spatial_transformer.html"
    words = other.read_text("utf-8")
    assert "Score: 17" in words and "It grows." in words and words.count("Not read yet") == 2
    other = course / "feedback" / "pdf" / "assignment" / "spatial_transformer.html"
    top, _, _ = other.read_text("utf-8").partition("1. The target grid")
    assert "Not graded: no notebook was handed in, but .pdf." in top
    assert "¶" not in text and "In [" not in text


def test_marks_for_words_are_kept_and_the_reference_gets_20(graded):
    folder, course, _ = graded
    with gradebook.open_gradebook(course) as book:  # as the form grader does
        entry = book.find_grade("direction", gradebook.NOTEBOOK, gradebook.ASSIGNMENT, "ada")
        entry.manual_score, entry.needs_manual_grade = 1.5, False
        book.db.commit()
    table = (course / "answers.csv").read_text("utf-8")
    row = "ada,clutter,It zooms.,"
    assert f"{row},," in table and "It zooms." in (course / "answers.html").read_text("utf-8")
    (course / "answers.csv").write_text(table.replace(row, f'{row}"1,5"'), "utf-8")
    before = {path: path.stat().st_mtime_ns for path in (course / "results").iterdir()}
    rows = {row.result.student: row for row in grade(folder, course=course, limits=NO_LIMITS)}
    assert rows["ada"].total == 20 and not rows["ada"].unread
    assert not any(row.is_new for row in rows.values())
    page = course / "feedback" / "ada" / "assignment" / "spatial_transformer.html"
    assert "Not read yet" not in page.read_text("utf-8")
    after = {path: path.stat().st_mtime_ns for path in (course / "results").iterdir()}
    assert after == before  # nothing was examined again


@pytest.mark.parametrize(
    "changed", ["stn_lesson/sampler.py", "stn_grading/worker.py", "digits/optdigits.tes.gz"]
)
def test_whatever_decides_a_mark_is_in_the_checks_version(monkeypatch, changed):
    before = checks_version(0, Limits(), "import torch")
    assert before == checks_version(0, Limits(), "import torch")
    assert before != checks_version(1, Limits(), "import torch")
    assert before != checks_version(0, Limits(cell=1), "import torch")
    read = Path.read_bytes
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: read(path) + b"#" * path.as_posix().endswith(changed)
    )
    assert before != checks_version(0, Limits(), "import torch")


def test_a_new_answer_must_be_read_anew(graded):
    folder, course, _ = graded
    write_submission(folder / "ada.ipynb", RELEASE_FILE, {"direction": "It shrinks."})
    rows = {row.result.student: row for row in grade(folder, course=course, limits=NO_LIMITS)}
    assert rows["ada"].marks == {"direction": None, "clutter": 1.5}
    write_submission(folder / "ada.ipynb", RELEASE_FILE)


def test_grading_goes_on_after_it_was_killed(tmp_path):
    folder, course = tmp_path / "in", tmp_path / "course"
    for name in "ab":
        write_submission(folder / f"{name}.ipynb", RELEASE_FILE)
    code = (
        "from pathlib import Path; from stn_grading.examine import Limits; "
        f"from stn_grading.grade import grade; grade(Path({str(folder)!r}), feedback=False, "
        f"course=Path({str(course)!r}), max_workers=1, limits={NO_LIMITS!r})"
    )
    environment = os.environ | {"PYTHONPATH": str(gradebook.COURSE_FOLDER)}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.DEVNULL, env=environment
    )
    while not (course / "results" / "a.json").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    first = (course / "results" / "a.json").stat().st_mtime_ns
    rows = grade(folder, course=course, limits=NO_LIMITS, feedback=False)
    assert [row.total for row in rows] == [17, 17]
    assert (course / "results" / "a.json").stat().st_mtime_ns == first


def test_the_lesson_is_copied_once_before_submissions_are_examined_side_by_side(
    tmp_path, monkeypatch
):
    folder, steps = tmp_path / "in", []
    folder.mkdir()
    for name in "ab":
        (folder / f"{name}.ipynb").write_bytes(RELEASE_FILE.read_bytes())
    monkeypatch.setattr("stn_grading.grade.lesson_copy", lambda: steps.append("copied"))

    def examine_nothing(submission, *words, **settings):
        steps.append(submission.student)
        return ExaminationResult(submission.student, submission.entry, "")

    monkeypatch.setattr("stn_grading.grade.examine", examine_nothing)
    grade(folder, course=tmp_path / "course", feedback=False)
    assert steps[0] == "copied" and sorted(steps[1:]) == ["a", "b"]


def test_names_that_are_no_html_and_no_formula(tmp_path):
    result = ExaminationResult("a", "=1+1<b>", "", flags=["<script>alert(1)</script>"])
    row = report.Row(result, {"direction": None, "clutter": 0.0})
    assert "'=1+1<b>" in report.grades_csv([row])
    result.student = "<b>"
    assert "<b>" not in report.class_map_page([row])


def test_what_a_student_wrote_is_no_script_on_the_feedback_page(tmp_path):
    folder, course = tmp_path / "in", tmp_path / "course"
    write_submission(
        folder / "eve.ipynb",
        RELEASE_FILE,
        {"direction": "<script>alert(1)</script>words [x](javascript:alert(2))"},
    )
    grade(folder, course=course, limits=NO_LIMITS)
    text = (course / "feedback" / "eve" / "assignment" / "spatial_transformer.html").read_text()
    assert "<script>alert(1)" not in text and "words" in text
    assert 'href="javascript' not in text


def test_the_notebook_for_the_reader_keeps_the_gradebooks_cells(graded):
    _, course, _ = graded
    file = course / "autograded" / "ada" / "assignment" / "spatial_transformer.ipynb"
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    assert json.loads((course / "results" / "ada.json").read_text("utf-8"))["student"] == "ada"


def test_a_check_that_fails_does_not_stop_the_cells_below_it():
    for cell in ReleasedNotebook(RELEASE_FILE).notebook.cells:
        if "check_" in cell.metadata.get("nbgrader", {}).get("grade_id", ""):
            assert cell.metadata.tags == ["raises-exception"]  # Jupyter's word for it
