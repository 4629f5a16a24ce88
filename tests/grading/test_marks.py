"""Points for answers in words, typed into a table, and where they end up."""

import base64
import html

import pytest
from grading.make_submissions import write_submission

from stn_grading import gradebook, marks
from stn_grading.examine import CheckResult, ExaminationResult
from stn_grading.submissions import collect_submissions
from stn_grading.tables import parse_table, read_table

RELEASE_FILE = gradebook.PROJECT_FOLDER / "notebooks" / "assignment" / "spatial_transformer.ipynb"
PNG = ("image/png", base64.b64encode(b"\x89PNG and so on").decode())


@pytest.fixture(scope="module")
def empty_course(tmp_path_factory):
    course = tmp_path_factory.mktemp("course")
    gradebook.release(course / "release", course)
    return course


@pytest.fixture
def course(empty_course):
    for name in (marks.TABLE, marks.WRITTEN_TABLE, marks.PAGE):
        (empty_course / name).unlink(missing_ok=True)
    with gradebook.open_gradebook(empty_course) as book:
        for student in book.students:
            book.remove_student(student.id)
    return empty_course


def enter(course, folder, **words):
    """Grade two students as far as a person is concerned; returns what is told."""
    answers = []
    for student in ("Ada", "Zoë"):
        changes = {"direction": words.get(student, f"=I am {student}; it grows,\nfourfold θ.")}
        write_submission(folder / f"{student}.ipynb", RELEASE_FILE, changes)
    for submission in collect_submissions(folder, RELEASE_FILE):
        result = ExaminationResult(submission.student, submission.entry, "")
        result.written_answers = submission.written_answers
        gradebook.record_submission(course, submission, result, RELEASE_FILE)
        answers += marks.answers_of(submission, result)
    told = marks.enter_marks(course, answers)
    marks.write_answers(course, answers, told)
    return [row["remark"] for row in told]


def table(course):
    return read_table(course / marks.TABLE).rows


def change(course, old, new, encoding="utf-8", delimiter=","):
    """Type into the table, in the row of a student and a question, and save it."""
    rows = table(course)
    for row in rows:
        if (row["student"], row["question"]) == old:
            row.update(new)
    lines = [marks.COLUMNS, *([row[name] for name in marks.COLUMNS] for row in rows)]
    quoted = [[f'"{cell}"' for cell in line] for line in lines]
    text = "\r\n".join(delimiter.join(line) for line in quoted)
    (course / marks.TABLE).write_bytes(text.encode(encoding, "replace"))


def in_book(course, student, task="direction"):
    return gradebook.manual_grades(course, [(student, task)])[student, task]


def test_what_is_typed_enters_and_comes_back(course, tmp_path):
    assert enter(course, tmp_path) == []
    first, *_ = table(course)
    assert first["student"] == "Ada" and first["answer"].startswith("'=I am Ada")
    assert [row["question"] for row in table(course)] == 2 * ["direction"] + 2 * ["clutter"]
    change(course, ("Ada", "direction"), {"points": "1.5", "comment": "Well said."})
    assert enter(course, tmp_path) == []
    assert in_book(course, "Ada") == (1.5, "Well said.") and in_book(course, "Zoë") == (None, "")
    assert gradebook.manual_points(course, "Ada") == {"direction": 1.5, "clutter": None}
    assert table(course)[0] | {"points": "1.5", "comment": "Well said."} == table(course)[0]


def test_a_german_spreadsheet_saves_it(course, tmp_path):
    enter(course, tmp_path)
    change(course, ("Zoë", "direction"), {"points": "0,50", "comment": "schön"}, "cp1252", ";")
    assert enter(course, tmp_path) == [] and in_book(course, "Zoë") == (0.5, "schön")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_tables_in_every_encoding(encoding, tmp_path):
    (tmp_path / "a.csv").write_bytes("name;points\r\nZoë;1\r\n".encode(encoding))
    assert read_table(tmp_path / "a.csv").rows == [{"name": "Zoë", "points": "1"}]


@pytest.mark.parametrize("points", ["2", "-1", "0.7", "nan", "two", "01. Mai", "1e999"])
def test_what_is_no_number_of_points(points):
    assert marks._points(marks._plain(points), 1.5) is None


def test_a_wrong_number_of_points_is_told_and_stays(course, tmp_path):
    enter(course, tmp_path)
    change(course, ("Ada", "direction"), {"points": "2", "comment": "so"})
    for _ in range(2):
        assert enter(course, tmp_path) == ["not entered: '2' is none of 0, 0.5, 1, 1.5"]
        assert in_book(course, "Ada") == (None, "")
        assert (table(course)[0]["points"], table(course)[0]["comment"]) == ("2", "so")
    change(course, ("Ada", "direction"), {"points": "1"})
    assert enter(course, tmp_path) == [] and table(course)[0]["remark"] == ""


def test_an_answer_that_changed_and_an_unknown_student_are_told_and_stay(course, tmp_path):
    enter(course, tmp_path)
    change(course, ("Ada", "direction"), {"points": "1", "comment": "short"})
    change(course, ("Zoë", "clutter"), {"student": "Nobody", "points": "0.5", "key": "xyz"})
    told = enter(course, tmp_path, Ada="It shrinks.")
    assert told == [
        "not entered: the answer has changed since",
        "not entered: no such answer was graded now",
    ]
    assert in_book(course, "Ada") == (None, "")
    kept = table(course)[-2:]
    assert [(row["student"], row["points"]) for row in kept] == [("Ada", "1"), ("Nobody", "0.5")]


def test_a_row_without_its_key_is_known_by_its_words(course, tmp_path):
    enter(course, tmp_path)
    change(course, ("Ada", "direction"), {"points": "1", "key": ""})
    assert enter(course, tmp_path) == [] and in_book(course, "Ada") == (1, "")


def test_the_form_grader_and_the_table_agree(course, tmp_path):
    enter(course, tmp_path)
    gradebook.enter_manual_grade(course, "Ada", "direction", 0.5, "by hand")
    assert enter(course, tmp_path) == []
    assert (table(course)[0]["points"], table(course)[0]["comment"]) == ("0.5", "by hand")
    gradebook.enter_manual_grade(course, "Ada", "direction", 1.5, "by hand")
    change(course, ("Ada", "direction"), {"comment": "and by table"})  # the points are old ones
    assert enter(course, tmp_path) == [] and in_book(course, "Ada") == (1.5, "and by table")
    gradebook.enter_manual_grade(course, "Ada", "direction", 0.5, "")
    change(course, ("Ada", "direction"), {"points": "1"})
    assert enter(course, tmp_path) == ["entered in place of 0.5 from the form grader"]
    assert in_book(course, "Ada") == (1, "and by table")


def test_a_gradebook_that_was_lost_gets_its_points_from_the_table(course, tmp_path):
    enter(course, tmp_path)
    change(course, ("Ada", "direction"), {"points": "1"})
    enter(course, tmp_path)
    with gradebook.open_gradebook(course) as book:
        book.remove_student("Ada")
    assert enter(course, tmp_path) == [] and in_book(course, "Ada") == (1, "")


def test_the_page_shows_words_and_pictures_and_is_no_script(course, tmp_path):
    answer = marks.Answer("<b>", "clutter", "<script>alert(1)</script>\nit zooms", (PNG,))
    page = marks._page([answer], {answer.key: "1"})
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page and "<b>" not in page
    assert f"src='data:image/png;base64,{PNG[1]}'" in page and "<td>1</td>" in page


def test_the_page_has_the_marking_scheme_of_the_readme(course, tmp_path):
    enter(course, tmp_path)
    page = html.unescape((course / marks.PAGE).read_text("utf-8"))
    readme = (gradebook.COURSE_FOLDER / "README.md").read_text("utf-8")
    for task, most in marks.WRITTEN_POINTS.items():
        assert len(marks.SCHEMES[task]) * marks.STEP == most
        for words in marks.SCHEMES[task]:
            assert f"<li>{words}</li>" in page and words in readme


def test_points_that_a_person_changed_count_until_the_machines_change(course, tmp_path):
    enter(course, tmp_path)
    with gradebook.open_gradebook(course) as book:
        grade = book.find_grade("check_warp", gradebook.NOTEBOOK, gradebook.ASSIGNMENT, "Ada")
        grade.manual_score = 2.5
        book.db.commit()
    enter(course, tmp_path)
    given = {"warp": 2.5, "direction": None, "clutter": None}
    assert gradebook.manual_points(course, "Ada") == given
    ada, _ = collect_submissions(tmp_path, RELEASE_FILE)
    check = CheckResult("warp", "larger and moved", 1, True, "right", None)
    result = ExaminationResult("Ada", ada.entry, "", checks=[check])
    gradebook.record_submission(course, ada, result, RELEASE_FILE)
    assert "warp" not in gradebook.manual_points(course, "Ada")


def test_the_pictures_of_an_answer_are_those_since_the_check_before_it(tmp_path):
    write_submission(tmp_path / "ada.ipynb", RELEASE_FILE)
    (submission,) = collect_submissions(tmp_path, RELEASE_FILE)
    names = [cell.name for cell in submission.handed_in]
    result = ExaminationResult("ada", "", "", written_answers={"clutter": "It zooms."})
    for name in ("warp", "check_model", "a-34"):
        submission.handed_in[names.index(name)].pictures = [("image/png", name)]
    (answer,) = marks.answers_of(submission, result)
    assert answer.pictures == (("image/png", "a-34"),)


@pytest.mark.parametrize(
    "text", ["a;b\n1;2,5\n", "a\tb\n1\t2,5\n", 'sep=;\n"a";b\n1;2,5', 'a,b\n1,"2,5"']
)
def test_tables_of_every_spreadsheet(text):
    assert parse_table(text).rows == [{"a": "1", "b": "2,5"}]
