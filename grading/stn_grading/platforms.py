"""The grades in the form that a learning platform imports.

The platform's own numbers stand in the names of the files that it exported; or a teacher names a
file that it exported for grading (Moodle's grading worksheet, Canvas's gradebook), to be filled in.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from stn_grading.gradebook import GradingError
from stn_grading.names import name_key, parse_platform_name
from stn_grading.report import Row
from stn_grading.tables import Table, escape_formula, read_table, table_text
from stn_grading.tasks import TASKS
from stn_lesson.files import write_atomically

TITLE = "Spatial transformer"
MOST_POINTS = sum(task.points for task in TASKS)
POINTS_POSSIBLE = "    Points Possible"  # Canvas writes it so, in the second line
CANVAS_COLUMNS = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
# What the importer of Moodle's grading worksheet looks for, and a name to read.
MOODLE_COLUMNS = [
    "Identifier", "Full name", "Grade", "Last modified (grade)", "Feedback comments"
]  # fmt: skip


@dataclass(frozen=True)
class Roster:
    """A table of the students that a platform has exported, to be filled in.

    Attributes:
        table: what stands in it.
        platform: "canvas" or "moodle".
        column: the column of the grades.
    """

    table: Table
    platform: str
    column: str


def read_roster(file: Path, column: str | None = None) -> Roster:
    """Read Moodle's grading worksheet, or Canvas's gradebook.

    Args:
        file: as the platform exports it.
        column: the column of the grades, where its name is not found.

    Raises:
        GradingError: it is of neither platform, or has no such column.
        FileNotFoundError, FileError: there is none, or it cannot be read.
    """
    if not file.is_file():
        raise FileNotFoundError(
            f"there is no file {file}: after --roster name what Moodle or Canvas has exported"
        )
    table = read_table(file)
    if {"Student", "ID"} <= set(table.header):
        return Roster(table, "canvas", _canvas_column(table, column))
    if _numbers_of_moodle(table):
        return Roster(table, "moodle", _moodle_column(table, column))
    raise GradingError(
        f"{file} is neither Moodle's grading worksheet nor Canvas's gradebook: its "
        f"columns are {', '.join(table.header[:6]) or 'none'}"
    )


def write_platform_grades(
    rows: list[Row], course: Path, roster: Roster | None = None
) -> tuple[list[Path], list[str]]:
    """Write `grades_for_canvas.csv` or `grades_for_moodle.csv` if these can be made.

    Who has an answer that nobody has read yet, or has handed in twice, gets no grade there.

    Args:
        rows: the grades.
        course: the folder for the files.
        roster: the platform's own table, to be filled in.

    Returns:
        The files, and what the teacher should know.
    """
    texts, told = _fill(rows, roster) if roster else (_from_file_names(rows), [])
    files = {course / f"grades_for_{platform}.csv": text for platform, text in texts.items()}
    for file, text in files.items():
        write_atomically(file, text.encode())
    return list(files), told


def _grade(row: Row, twice: Counter) -> str:
    """Points, or nothing where they are not settled."""
    is_settled = not row.unread and twice[_person(row)] == 1
    return f"{row.total:g}" if is_settled else ""


def _person(row: Row) -> str:
    """The same for all that a student has handed in."""
    return name_key(re.sub(r" \(\d+\)$", "", row.result.student))


def _comment(row: Row) -> str:
    points = [(task, row.points(task.name)) for task in TASKS]
    return "; ".join(
        f"{task.name} {'?' if given is None else f'{given:g}'} of {task.points:g}"
        for task, given in points
    )


def _from_file_names(rows: list[Row]) -> dict[str, str]:
    """Files made of the numbers in the names of what was handed in."""
    twice = Counter(map(_person, rows))
    lines: dict[str, list[dict[str, str]]] = {"Canvas": [], "Moodle": []}
    for row in rows:
        parts = parse_platform_name(row.result.entry)
        who, grade = escape_formula(parts.who), _grade(row, twice)
        if parts.platform == "Canvas":
            lines["Canvas"].append({"Student": who, "ID": parts.number, TITLE: grade})
        elif parts.number:
            values = (f"Participant {parts.number}", who, grade, "-", _comment(row))
            lines["Moodle"].append(dict(zip(MOODLE_COLUMNS, values, strict=True)))
    possible = {"Student": POINTS_POSSIBLE, TITLE: f"{MOST_POINTS:g}"}
    texts = {
        "canvas": table_text([*CANVAS_COLUMNS, TITLE], [possible, *lines["Canvas"]]),
        "moodle": table_text(MOODLE_COLUMNS, lines["Moodle"]),
    }
    return {name: text for name, text in texts.items() if lines[name.capitalize()]}


def _numbers_of_moodle(table: Table) -> bool:
    """Whether the first column holds "Participant 12345", in any language."""
    first = [row[table.header[0]] for row in table.rows] if table.header else []
    return bool(first) and all(re.fullmatch(r"\D+\d+", cell.strip()) for cell in first)


def _moodle_column(table: Table, column: str | None) -> str:
    column = column or "Grade"
    if column not in table.header:
        raise GradingError(
            f"the worksheet has no column {column!r}: name the column of the grades with --column, "
            f"one of {', '.join(table.header)}"
        )
    return column


def _canvas_column(table: Table, column: str | None) -> str:
    """The assignment's column, or a new one, for which Canvas asks."""
    wanted = (column or TITLE).casefold()
    found = [name for name in table.header if wanted in name.casefold()]
    if len(found) > 1:
        raise GradingError(f"which column? Name one with --column: {', '.join(found)}")
    return found[0] if found else column or TITLE


def _fill(rows: list[Row], roster: Roster) -> tuple[dict[str, str], list[str]]:
    """The platform's own table with the grades in it; of Canvas's only what an import needs."""
    table, platform, column = roster.table, roster.platform, roster.column
    header = table.header
    comments = _comments_column(table) if platform == "moodle" else ""
    if platform == "canvas":
        header = [name for name in table.header if name in CANVAS_COLUMNS] + [column]
        is_new = column not in table.header
        for line in table.rows:
            if is_new and line["Student"].strip() == POINTS_POSSIBLE.strip():
                line[column] = f"{MOST_POINTS:g}"
    twice, told = Counter(map(_person, rows)), _other_points(table, platform, column)
    for row in rows:
        lines = _lines_of(row, table, platform)
        if len(lines) != 1:
            found = "is not in" if not lines else "may be several in"
            told.append(f"{row.result.student} {found} the table of the platform: not entered")
            continue
        if grade := _grade(row, twice):
            lines[0][column] = grade
            if comments:
                lines[0][comments] = _comment(row)
        else:
            reason = "was handed in twice" if twice[_person(row)] > 1 else "is not read in full"
            told.append(f"{row.result.student} {reason}: no grade for the platform yet")
    return {platform: table_text(header, table.rows)}, told


def _comments_column(table: Table) -> str:
    """Moodle's "Feedback comments" in the teacher's language, if there is one: the last column."""
    last = table.header[-1]
    return last if re.search("feedback|[ck]omm?ent", last, re.I) else ""


def _lines_of(row: Row, table: Table, platform: str) -> list[dict[str, str]]:
    """The lines of a table that are a student's: by number, else by name or login."""
    parts = parse_platform_name(row.result.entry)
    number = {"canvas": "ID", "moodle": table.header[0]}[platform]
    if parts.number:
        found = [x for x in table.rows if re.sub(r"^\D+", "", x[number].strip()) == parts.number]
        if found:
            return found
    who = _spellings(parts.who if parts.platform else row.result.student)
    return [line for line in table.rows if who & _names_in(line)]


def _names_in(line: dict[str, str]) -> set[str]:
    """Every way in which a line may name its student, letters alone."""
    cells = list(line.values())[:5]
    return {name for cell in cells for name in _spellings(cell) | _spellings(cell.split("@")[0])}


def _spellings(text: str) -> set[str]:
    """A name's letters, as they stand and with its words in the order of the alphabet."""
    words = re.findall(r"[^\W_]+", name_key(text))
    return {"".join(words), "".join(sorted(words))} - {""}


def _other_points(table: Table, platform: str, column: str) -> list[str]:
    """What to say where the platform counts to other points than this assignment."""
    if platform == "moodle":
        name = next((n for n in table.header if n.casefold() == "maximum grade"), None)
        most = {line[name] for line in table.rows} if name else set()
    else:
        possible = [x for x in table.rows if x["Student"].strip() == POINTS_POSSIBLE.strip()]
        most = {line.get(column, "") for line in possible}
    for text in sorted(most - {""}):
        try:
            is_other = float(text.replace(",", ".")) != MOST_POINTS
        except ValueError:
            continue
        if is_other:
            return [f"the platform counts to {text} points, here they are {MOST_POINTS:g}: set it"]
    return []
