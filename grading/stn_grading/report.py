"""What grading tells a teacher: a table, a CSV, and who fell into which trap."""

import csv
import html
import io
from collections import defaultdict
from dataclasses import dataclass

from stn_grading.examine import CheckResult, ExaminationResult
from stn_grading.tables import escape_formula
from stn_grading.tasks import TASKS
from stn_lesson.assignment.questions import NOT_WRITTEN


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        result: what the checks found.
        marks: points that a person has given, by task; of each answer in words, None where nobody
            has read it yet.
        is_new: whether it was examined in this run.
    """

    result: ExaminationResult
    marks: dict[str, float | None]
    is_new: bool = True

    def points(self, name: str) -> float | None:
        """Points of a task; None where a person has still to read."""
        return self.marks[name] if name in self.marks else self.result.points(name)

    @property
    def total(self) -> float:
        """All points so far."""
        return sum(self.points(task.name) or 0 for task in TASKS)

    @property
    def unread(self) -> bool:
        """Whether an answer still waits for a reader."""
        return any(points is None for points in self.marks.values())


def _number(points: float | None) -> str:
    return "?" if points is None else f"{points:g}"


def grades_table(rows: list[Row]) -> str:
    """A line for each student; a question mark where a person has still to read, + in the sum."""
    width = max(7, *(len(row.result.student) for row in rows))
    names = [task.name for task in TASKS]
    lines = ["  ".join([f"{'student':{width}}", *names, "total"])]
    for row in rows:
        cells = [
            f"{_number(row.points(task.name)):>{len(name)}}"
            for task, name in zip(TASKS, names, strict=True)
        ]
        total = f"{row.total:g}" + ("+" if row.unread else "")
        flags = "  ⚑ " + "; ".join(row.result.flags) if row.result.flags else ""
        lines.append("  ".join([f"{row.result.student:{width}}", *cells, f"{total:>5}"]) + flags)
    best = sum(task.points for task in TASKS)
    flagged = sum(bool(row.result.flags) for row in rows)
    unread = sum(row.unread for row in rows)
    unchanged = sum(not row.is_new for row in rows)
    lines.append(
        f"{len(rows)} submissions ({unchanged} as before, not examined again), "
        f"{best:g} points at best; {flagged} flagged for a look (⚑), "
        f"{unread} with answers in words to read (?, +)"
    )
    return "\n".join(lines)


def grades_csv(rows: list[Row]) -> str:
    """The table for a spreadsheet or a learning platform."""
    text = io.StringIO()
    writer = csv.writer(text)
    names = [task.name for task in TASKS]
    writer.writerow(["student", "handed in as", *names, "total", "to read", "flags", "notes"])
    for row in rows:
        points = ["" if row.points(name) is None else f"{row.points(name):g}" for name in names]
        words = ["; ".join(row.result.flags), "; ".join(row.result.notes)]
        writer.writerow(
            [
                escape_formula(row.result.student),
                escape_formula(row.result.entry),
                *points,
                f"{row.total:g}",
                "yes" if row.unread else "",
                *map(escape_formula, words),
            ]
        )
    return text.getvalue()


def students_by_misconception(rows: list[Row]) -> dict[tuple[str, str], list[str]]:
    """The students who made each mistake: (task, the mistake's name) → students.

    The most frequent come first, what was not written last.
    """
    students = defaultdict(list)
    for row in rows:
        student = row.result.student
        for check in row.result.checks:
            if not check.passed and student not in students[check.task, check.misconception]:
                students[check.task, check.misconception].append(student)
    return dict(
        sorted(students.items(), key=lambda item: (item[0][1] == NOT_WRITTEN, -len(item[1])))
    )


def _first_message(rows: list[Row], task: str, name: str) -> str:
    """What the first who made a mistake was told of it."""
    checks = (check for row in rows for check in row.result.checks if not check.passed)
    return next(
        check.message for check in checks if (check.task, check.misconception) == (task, name)
    )


def misconceptions_summary(rows: list[Row]) -> str:
    """The class map in words: a line for each mistake, the most frequent first."""
    lines = [
        f"{task}: {name} – {len(who)}: {', '.join(who[:5])}{', …' if len(who) > 5 else ''}"
        for (task, name), who in students_by_misconception(rows).items()
    ]
    return "\n".join(lines)


def class_map_page(rows: list[Row]) -> str:
    """A page: which check failed for whom, and by which misconception."""
    checks = [(task, check) for task in TASKS for check in task.checks]
    tasks = "".join(
        f"<th colspan='{len(task.checks)}'>{html.escape(task.name)}</th>"
        for task in TASKS
        if task.checks
    )
    head = "".join(f"<th><small>{html.escape(check.name)}</small></th>" for _, check in checks)
    body = []
    for row in rows:
        results = {(check.task, check.check): check for check in row.result.checks}
        cells = "".join(_check_cell(results.get((task.name, check.name))) for task, check in checks)
        name = html.escape(row.result.student)
        body.append(f"<tr><th scope='row'>{name}</th>{cells}</tr>")
    misconceptions = "".join(
        f"<tr><td>{html.escape(task)}</td><td>{html.escape(name or '')}</td><td>{len(who)}</td>"
        f"<td>{html.escape(', '.join(who))}</td>"
        f"<td>{html.escape(_first_message(rows, task, name))}</td></tr>"
        for (task, name), who in students_by_misconception(rows).items()
    )
    return CLASS_MAP_TEMPLATE.format(
        count=len(rows), misconceptions=misconceptions, tasks=tasks, head=head, body="\n".join(body)
    )


def _check_cell(check: CheckResult | None) -> str:
    if check is None:
        return "<td class='none'>–</td>"
    if check.passed:
        return "<td class='right'>✓</td>"
    return f"<td class='wrong'>✗ {html.escape(check.misconception or '')}</td>"


CLASS_MAP_TEMPLATE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Class map</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em; color: #222; }}
table {{ border-collapse: collapse; margin-bottom: 2em; }}
th, td {{ border: 1px solid #bbb; padding: .3em .6em; text-align: left; vertical-align: top; }}
small {{ font-weight: normal; }}
.map {{ font-size: 13px; line-height: 1.3; }}
.map th, .map td {{ padding: .25em .4em; }}
.map th[scope], .map th[rowspan] {{ position: sticky; left: 0; background: white; }}
.right {{ background: #e3f1f9; text-align: center; }}
.wrong {{ background: #fdeed3; }}
.none {{ color: #777; text-align: center; }}
</style></head><body>
<h1>Class map</h1>
<p>{count} submissions. ✓ right, ✗ wrong with the mistake's name, – not examined.</p>
<h2>By misconception</h2>
<table><tr><th>task</th><th>mistake</th><th>students</th><th>who</th>
<th>what they are told (the first of them)</th></tr>{misconceptions}</table>
<h2>By student</h2>
<table class="map"><tr><th rowspan="2">student</th>{tasks}</tr>
<tr>{head}</tr>
{body}
</table>
</body></html>
"""
