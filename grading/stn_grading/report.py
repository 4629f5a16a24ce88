"""What grading tells a teacher: a table, a CSV, and who fell into which trap."""

import csv
import html
import io
from collections import defaultdict
from dataclasses import dataclass

from stn_grading.examine import Examined
from stn_lesson.assignment.questions import MISSING
from stn_lesson.assignment.tasks import TASKS


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        examined: what the checks found.
        written: points for each answer in words, None where nobody has read it yet.
        anew: whether it was examined in this run.
    """

    examined: Examined
    written: dict[str, float | None]
    anew: bool = True

    def points(self, name: str) -> float | None:
        """Points of a task; None where a person has still to read."""
        return self.written[name] if name in self.written else self.examined.points(name)

    @property
    def total(self) -> float:
        """All points so far."""
        return sum(self.points(task.name) or 0 for task in TASKS)

    @property
    def unread(self) -> bool:
        """Whether an answer still waits for a reader."""
        return any(points is None for points in self.written.values())


def _number(points: float | None) -> str:
    return "?" if points is None else f"{points:g}"


def table(rows: list[Row]) -> str:
    """A line for each student; a question mark where a person has still to read, + in the sum."""
    width = max(7, *(len(row.examined.student) for row in rows))
    names = [task.name for task in TASKS]
    lines = ["  ".join([f"{'student':{width}}", *names, "total"])]
    for row in rows:
        cells = [
            f"{_number(row.points(task.name)):>{len(name)}}"
            for task, name in zip(TASKS, names, strict=True)
        ]
        total = f"{row.total:g}" + ("+" if row.unread else "")
        flags = "  ⚑ " + "; ".join(row.examined.flags) if row.examined.flags else ""
        lines.append("  ".join([f"{row.examined.student:{width}}", *cells, f"{total:>5}"]) + flags)
    best = sum(task.points for task in TASKS)
    flagged = sum(bool(row.examined.flags) for row in rows)
    unread = sum(row.unread for row in rows)
    same = sum(not row.anew for row in rows)
    lines.append(
        f"{len(rows)} submissions ({same} as before, not examined again), {best:g} points at best; "
        f"{flagged} flagged for a look (⚑), {unread} with answers in words to read (?, +)"
    )
    return "\n".join(lines)


def as_csv(rows: list[Row]) -> str:
    """The table for a spreadsheet or a learning platform."""
    text = io.StringIO()
    writer = csv.writer(text)
    names = [task.name for task in TASKS]
    writer.writerow(["student", "handed in as", *names, "total", "to read", "flags", "notes"])
    for row in rows:
        points = ["" if row.points(name) is None else f"{row.points(name):g}" for name in names]
        words = ["; ".join(row.examined.flags), "; ".join(row.examined.notes)]
        writer.writerow(
            [
                _plain(row.examined.student),
                _plain(row.examined.entry),
                *points,
                f"{row.total:g}",
                "yes" if row.unread else "",
                *map(_plain, words),
            ]
        )
    return text.getvalue()


def _plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def misconceptions(rows: list[Row]) -> dict[tuple[str, str], list[str]]:
    """Who fell into which trap: (task, the mistake's name) → students.

    The most frequent come first, what was not written last.
    """
    found = defaultdict(list)
    for row in rows:
        student = row.examined.student
        for one in row.examined.checks:
            if not one.passed and student not in found[one.task, one.misconception]:
                found[one.task, one.misconception].append(student)
    return dict(sorted(found.items(), key=lambda item: (item[0][1] == MISSING, -len(item[1]))))


def _told(rows: list[Row], task: str, name: str) -> str:
    """What the first who made a mistake was told of it."""
    checks = (one for row in rows for one in row.examined.checks if not one.passed)
    return next(one.says for one in checks if (one.task, one.misconception) == (task, name))


def traps(rows: list[Row]) -> str:
    """The class map in words: a line for each mistake, the most frequent first."""
    lines = [
        f"{task}: {name} – {len(who)}: {', '.join(who[:5])}{', …' if len(who) > 5 else ''}"
        for (task, name), who in misconceptions(rows).items()
    ]
    return "\n".join(lines)


def class_map(rows: list[Row]) -> str:
    """A page: which check failed for whom, and by which misconception."""
    checks = [(task, check) for task in TASKS for check in task.checks]
    head = "".join(
        f"<th>{html.escape(task.name)}<br><small>{html.escape(check.name)}</small></th>"
        for task, check in checks
    )
    body = []
    for row in rows:
        outcome = {(one.task, one.check): one for one in row.examined.checks}
        cells = "".join(_cell(outcome.get((task.name, check.name))) for task, check in checks)
        name = html.escape(row.examined.student)
        body.append(f"<tr><th scope='row'>{name}</th>{cells}</tr>")
    traps = "".join(
        f"<tr><td>{html.escape(task)}</td><td>{html.escape(name or '')}</td><td>{len(who)}</td>"
        f"<td>{html.escape(', '.join(who))}</td>"
        f"<td>{html.escape(_told(rows, task, name))}</td></tr>"
        for (task, name), who in misconceptions(rows).items()
    )
    return PAGE.format(count=len(rows), traps=traps, head=head, body="\n".join(body))


def _cell(one) -> str:
    if one is None:
        return "<td class='none'>–</td>"
    if one.passed:
        return "<td class='right'>✓</td>"
    return f"<td class='wrong'>✗ {html.escape(one.misconception or '')}</td>"


PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Class map</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em; color: #222; }}
table {{ border-collapse: collapse; margin-bottom: 2em; }}
th, td {{ border: 1px solid #bbb; padding: .3em .6em; text-align: left; vertical-align: top; }}
small {{ font-weight: normal; }}
.right {{ background: #e3f1f9; text-align: center; }}
.wrong {{ background: #fdeed3; }}
.none {{ color: #777; text-align: center; }}
</style></head><body>
<h1>Class map</h1>
<p>{count} submissions. ✓ right, ✗ wrong with the mistake's name, – not examined.</p>
<h2>By misconception</h2>
<table><tr><th>task</th><th>mistake</th><th>students</th><th>who</th>
<th>what they are told (the first of them)</th></tr>{traps}</table>
<h2>By student</h2>
<table><tr><th>student</th>{head}</tr>
{body}
</table>
</body></html>
"""
