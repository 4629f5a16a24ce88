"""Grades as Canvas and Moodle import them, on small tables in their layout."""

import pytest

from stn_grading.examine import CheckResult, ExaminationResult
from stn_grading.grade import grade
from stn_grading.gradebook import GradingError
from stn_grading.names import student_name
from stn_grading.platforms import read_roster, write_platform_grades
from stn_grading.report import Row
from stn_lesson.files import FileError

CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Essay (77),Spatial transformer (78),Final Score\n"
    '"    Points Possible",,,,,10,20,(read only)\n'
    '"Lovelace, Ada",12,u12,ada@x.org,A,9,,90\n'
    '"Turing, Alan",13,u13,alan@x.org,A,8,,80\n'
)
MOODLE = (
    "\ufeffIdentifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\n"
    "Participant 12,Ada Lovelace,ada@x.org,Submitted,,20.00,Yes,-,-,\n"
    "Participant 13,Alan Turing,alan@x.org,No submission,,20.00,Yes,-,-,\n"
)


def row(entry, unread=False, student=None):
    check = CheckResult("meshgrid", "a", 3, True, "right", None)
    result = ExaminationResult(student or student_name(entry), entry, "", checks=[check])
    return Row(result, {"direction": None if unread else 1.5, "clutter": 0.0})


def told(rows, course, roster=None, column=None):
    return write_platform_grades(rows, course, roster and read_roster(roster, column))[1]


def written(course, platform):
    return (course / f"grades_for_{platform}.csv").read_text("utf-8").splitlines()


def test_canvas_by_the_numbers_in_the_names(tmp_path):
    rows = [row("lovelaceada_LATE_12_34_work.ipynb"), row("turingalan_13_35_w.ipynb", unread=True)]
    assert told(rows, tmp_path) == []
    assert written(tmp_path, "canvas") == [
        "Student,ID,SIS User ID,SIS Login ID,Section,Spatial transformer",
        "    Points Possible,,,,,20",
        "lovelaceada,12,,,,4.5",
        "turingalan,13,,,,",  # nobody has read the answer yet
    ]
    assert not (tmp_path / "grades_for_moodle.csv").exists()


def test_moodle_by_the_numbers_in_the_names(tmp_path):
    told([row("Ada Lovelace_12_assignsubmission_file_")], tmp_path)
    head, ada = written(tmp_path, "moodle")
    assert head == "Identifier,Full name,Grade,Last modified (grade),Feedback comments"
    assert ada.startswith("Participant 12,Ada Lovelace,4.5,-,meshgrid 3 of 3; bilinear_sample 0 of")


def test_the_gradebook_of_canvas_is_filled_in(tmp_path):
    roster = tmp_path / "roster.csv"
    roster.write_text(CANVAS, "utf-8")
    rows = [row("lovelaceada_12_34_work.ipynb"), row("eve_99_3_work.ipynb")]
    assert told(rows, tmp_path, roster) == [
        "eve_99 is not in the table of the platform: not entered"
    ]
    assert written(tmp_path, "canvas") == [
        "Student,ID,SIS User ID,SIS Login ID,Section,Spatial transformer (78)",
        "    Points Possible,,,,,20",
        '"Lovelace, Ada",12,u12,ada@x.org,A,4.5',
        '"Turing, Alan",13,u13,alan@x.org,A,',
    ]


def test_the_worksheet_of_moodle_is_filled_in(tmp_path):
    roster = tmp_path / "roster.csv"
    roster.write_text(MOODLE, "utf-8")
    assert told([row("Ada_12_assignsubmission_file")], tmp_path, roster) == []
    _, ada, alan = written(tmp_path, "moodle")
    assert ada.startswith("Participant 12,Ada Lovelace,ada@x.org,Submitted,4.5,20.00,Yes,-,-,mesh")
    assert alan == "Participant 13,Alan Turing,alan@x.org,No submission,,20.00,Yes,-,-,"


@pytest.mark.parametrize("entry", ["Ada Lovelace.ipynb", "lovelace ada.zip", "ada.ipynb"])
def test_without_a_number_a_name_or_a_login_tells(entry, tmp_path):
    for table, platform in ((CANVAS, "canvas"), (MOODLE, "moodle")):
        (tmp_path / "roster.csv").write_text(table, "utf-8")
        student = student_name(entry.rsplit(".", 1)[0])
        told([row(entry, student=student)], tmp_path, tmp_path / "roster.csv")
        (ada,) = [line for line in written(tmp_path, platform) if "Ada" in line]
        assert ",4.5" in ada


def test_what_is_not_settled_gets_no_grade_and_is_told(tmp_path):
    roster = tmp_path / "roster.csv"
    roster.write_text(MOODLE.replace("20.00", "100.00"), "utf-8")
    twice = [
        row("Ada_12_assignsubmission_file"),
        row("Ada_12_assignsubmission_file_", student="Ada_12 (2)"),
    ]
    rows = [*twice, row("Alan_13_assignsubmission_file", unread=True)]
    assert told(rows, tmp_path, roster) == [
        "the platform counts to 100.00 points, here they are 20: set it",
        "Ada_12 was handed in twice: no grade for the platform yet",
        "Ada_12 (2) was handed in twice: no grade for the platform yet",
        "Alan_13 is not read in full: no grade for the platform yet",
    ]
    assert ",4.5," not in "".join(written(tmp_path, "moodle"))


def test_a_table_of_neither_and_a_column_that_is_not_there(tmp_path):
    roster = tmp_path / "roster.csv"
    roster.write_text("name,points\nAda,3\n", "utf-8")
    with pytest.raises(GradingError, match="neither Moodle's grading worksheet nor Canvas's"):
        told([], tmp_path, roster)
    roster.write_text(MOODLE.replace("Grade,Maximum", "Bewertung,Maximum"), "utf-8")
    with pytest.raises(GradingError, match="name the column of the grades with --column"):
        told([], tmp_path, roster)
    told([row("Ada_12_assignsubmission_")], tmp_path, roster, "Bewertung")
    assert ",4.5," in written(tmp_path, "moodle")[1]


def test_comments_go_into_the_worksheet_of_any_language(tmp_path):
    roster = tmp_path / "roster.csv"
    for comments in ("Feedback als Kommentar", "Commentaires", "Komentarz zwrotny"):
        roster.write_text(MOODLE.replace("Feedback comments", comments), "utf-8")
        told([row("Ada_12_assignsubmission_file")], tmp_path, roster)
        assert "-,meshgrid 3 of 3;" in written(tmp_path, "moodle")[1], comments
    roster.write_text(MOODLE.replace(",Feedback comments", "").replace("-,\n", "-\n"), "utf-8")
    told([row("Ada_12_assignsubmission_file")], tmp_path, roster)
    assert written(tmp_path, "moodle")[1].endswith(",Yes,-,-")


@pytest.mark.parametrize("content", [None, b"PK\3\4\0\0 a workbook", b'a"\rb', b""])
def test_what_is_no_roster_is_told_before_anything_is_graded(content, tmp_path):
    roster = tmp_path / "roster.xlsx"
    if content is not None:
        roster.write_bytes(content)
    with pytest.raises((FileNotFoundError, FileError, GradingError), match="roster.xlsx") as error:
        grade(tmp_path / "no folder", course=tmp_path / "course", trust=True, roster=roster)
    assert "Errno" not in str(error.value) and not (tmp_path / "course").exists()


def test_names_without_numbers_make_no_file(tmp_path):
    assert told([row("ada.ipynb")], tmp_path) == []
    assert not list(tmp_path.iterdir())
