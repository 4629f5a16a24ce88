"""Answers in words in one table to read down, and the points that are typed into it.

`answers.html` shows them with their pictures; what is typed into `answers.csv` enters the gradebook
at the next grading. What has changed there since the table was written wins over the form grader,
and all that cannot be entered stays in the table with a remark.
"""

import hashlib
import html
import json
from dataclasses import dataclass
from pathlib import Path

from stn_grading import gradebook
from stn_grading.examine import ExaminationResult
from stn_grading.submissions import Submission
from stn_grading.tables import escape_formula, read_table, table_text
from stn_grading.tasks import TASKS
from stn_lesson.files import write_atomically

COLUMNS = ["student", "question", "answer", "points", "comment", "remark", "key"]
TABLE, PAGE = "answers.csv", "answers.html"
WRITTEN_TABLE = ".answers.json"  # points and comments as they stood when the table was written
STEP = 0.5
MAX_PICTURES = 6
MAX_WORDS = 30_000  # characters, in a cell of a spreadsheet; the page has all
WRITTEN_POINTS = {task.name: task.written_points for task in TASKS if task.written_points}
SCHEMES = {task.name: task.scheme for task in TASKS}


@dataclass(frozen=True)
class Answer:
    """An answer in words that a person reads.

    Attributes:
        student: who gave it.
        task: to which question.
        words: the answer.
        pictures: (type, base64): in it, and since the check before it.
    """

    student: str
    task: str
    words: str
    pictures: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """Letters that change when the answer changes, and that no spreadsheet takes for more."""
        content = json.dumps([self.student, self.task, self.words, self.pictures])
        digits = hashlib.sha256(content.encode()).hexdigest()[:12]
        return "".join("abcdefghijklmnop"[int(digit, 16)] for digit in digits)


def answers_of(submission: Submission, result: ExaminationResult) -> list[Answer]:
    """The answers of a submission that wait for a reader, or have had one."""
    return [
        Answer(submission.student, task, words, tuple(_pictures_for(submission, task)))
        for task, words in result.written_answers.items()
    ]


def _pictures_for(submission: Submission, task: str) -> list[tuple[str, str]]:
    """The pictures of an answer, and those of the cells before it that it speaks of."""
    found, wanted = [], False
    for cell in reversed(submission.handed_in):
        if cell.answers == task:
            found, wanted = cell.pictures + found, True
        elif wanted and (cell.answers or cell.name.startswith("check_")):
            break
        elif wanted:
            found = cell.pictures + found
    return found[-MAX_PICTURES:]


def enter_marks(course: Path, answers: list[Answer]) -> list[dict[str, str]]:
    """Enter what was typed into the table.

    Returns:
        The rows that could not be entered, or that overrule the form grader, each with a remark.
    """
    if not (course / TABLE).exists():
        return []
    written, in_book, told = _written_table(course), stored_marks(course, answers), []
    for row in read_table(course / TABLE).rows:
        row = {name: row.get(name, "").strip() for name in COLUMNS}
        here = [a for a in answers if (a.student, a.task) == (row["student"], row["question"])]
        answer = next((a for a in answers if _is_of(row, a)), None)
        if answer:
            before = written.get(answer.key, ["", ""])
            remark = _enter(course, answer, row, before, in_book[answer.key])
            told += [{**row, "key": answer.key, "remark": remark}] if remark else []
        elif row["points"] or row["comment"]:
            reason = "the answer has changed since" if here else "no such answer was graded now"
            told.append({**row, "remark": f"not entered: {reason}"})
    return told


def _is_of(row: dict[str, str], answer: Answer) -> bool:
    """Whether a row is about an answer as it is now; without its key, the words tell."""
    if row["key"]:
        return row["key"] == answer.key
    mine = [answer.student, answer.task, *escape_formula(answer.words).split()]
    return [row["student"], row["question"], *row["answer"].split()] == mine


def _enter(
    course: Path, answer: Answer, row: dict[str, str], written: list[str], in_book: list[str]
) -> str:
    """Enter what was typed into a row since it was written; returns what is worth a remark.

    An empty cell changes nothing; points that the gradebook has lost are given anew.
    """
    typed = [_plain(row["points"]), row["comment"]]
    points, comment = (
        new if new and (new != old or not now) else now
        for new, old, now in zip(typed, written, in_book, strict=True)
    )
    if [points, comment] == in_book:
        return ""
    most = WRITTEN_POINTS[answer.task]
    if points and _points(points, most) is None:
        steps = ", ".join(f"{k * STEP:g}" for k in range(int(most / STEP) + 1))
        return f"not entered: {row['points']!r} is none of {steps}"
    number = _points(points, most)
    gradebook.enter_manual_grade(course, answer.student, answer.task, number, comment)
    overruled = in_book[0] not in ("", written[0], points)
    return f"entered in place of {in_book[0]} from the form grader" if overruled else ""


def stored_marks(course: Path, answers: list[Answer]) -> dict[str, list[str]]:
    """Points and comment of each answer in the gradebook, as the table shows them, by its key."""
    places = {answer.key: (answer.student, answer.task) for answer in answers}
    grades = gradebook.manual_grades(course, places.values())
    return {
        key: ["" if points is None else f"{points:g}", comment.strip()]
        for key, (points, comment) in ((key, grades[place]) for key, place in places.items())
    }


def write_answers(course: Path, answers: list[Answer], told: list[dict[str, str]]) -> None:
    """Write the table, what it was written with, and the page."""
    keys = {answer.key for answer in answers}
    remarks = {row["key"]: row for row in told if row["key"] in keys}
    others = [row for row in told if row["key"] not in keys]
    rows, marks = [], stored_marks(course, answers)
    for answer in sorted(answers, key=lambda answer: list(WRITTEN_POINTS).index(answer.task)):
        points, comment = marks[answer.key]
        row = remarks.get(answer.key, {"points": points, "comment": comment})
        words = escape_formula(answer.words)[:MAX_WORDS]
        rows.append(row | dict(zip(COLUMNS, (answer.student, answer.task, words), strict=False)))
        rows[-1]["key"] = answer.key
    text = "\ufeff" + table_text(COLUMNS, rows + others)
    page = _page(answers, {key: points for key, (points, _) in marks.items()})
    write_atomically(course / PAGE, page.encode())
    write_atomically(course / TABLE, text.encode())
    write_atomically(course / WRITTEN_TABLE, json.dumps(marks).encode())


def _written_table(course: Path) -> dict[str, list[str]]:
    try:
        return json.loads((course / WRITTEN_TABLE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _plain(points: str) -> str:
    """Points as a number without frills: "1,50" is "1.5"; anything else as it stands."""
    try:
        return f"{float(points.replace(',', '.')):g}"
    except ValueError:
        return points


def _points(text: str, most: float) -> float | None:
    """Points that can be given; None for anything else."""
    try:
        points = float(text)
    except ValueError:
        return None
    return points if 0 <= points <= most and points % STEP == 0 else None


def _page(answers: list[Answer], points: dict[str, str]) -> str:
    """A page to read down: for each question a row a student."""
    parts = []
    for task, most in WRITTEN_POINTS.items():
        rows = "\n".join(
            f"<tr><th scope='row'>{html.escape(answer.student)}</th>"
            f"<td class='words'>{html.escape(answer.words)}</td><td>{_images(answer)}</td>"
            f"<td>{points[answer.key] or '?'}</td></tr>"
            for answer in answers
            if answer.task == task
        )
        head = "<tr><th>student</th><th>answer</th><th>pictures</th><th>points</th></tr>"
        scheme = "".join(f"<li>{html.escape(words)}</li>" for words in SCHEMES[task])
        parts.append(
            f"<h2>{task} ({most:g} points)</h2>\n<p>{STEP:g} for each, in any words:</p>\n"
            f"<ol>{scheme}</ol>\n<table>{head}\n{rows}\n</table>"
        )
    return ANSWERS_TEMPLATE.format(tables="\n".join(parts))


def _images(answer: Answer) -> str:
    return "".join(
        f"<img alt='a picture that {html.escape(answer.student)} handed in' "
        f"src='data:{kind};base64,{data}'>"
        for kind, data in answer.pictures
    )


ANSWERS_TEMPLATE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Answers in words</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em; color: #222; }}
table {{ border-collapse: collapse; margin-bottom: 2em; }}
th, td {{ border: 1px solid #bbb; padding: .3em .6em; text-align: left; vertical-align: top; }}
.words {{ white-space: pre-wrap; max-width: 40em; }}
img {{ max-width: 24em; display: block; margin-bottom: .5em; }}
</style></head><body>
<h1>Answers in words</h1>
<p>Points go into answers.csv beside this page, or into the form grader; ? waits for you.</p>
{tables}
</body></html>
"""
