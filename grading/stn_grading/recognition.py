"""Which cell of a student's notebook is which of the released one: by name, or by what it holds.

Editors drop nbgrader's names; students split, merge, move and retype cells, and write into new
ones. Whatever they did, each of their cells is found to be a released one, or one of their own.
"""

import ast
import re
from collections import Counter
from pathlib import Path

import nbformat

from stn_grading.handed_in import HandedInCell
from stn_grading.tasks import TASKS

WRITTEN_TASKS = tuple(task.name for task in TASKS if task.written_points)
CODE_TASKS = tuple(task.name for task in TASKS if not task.written_points)
MIN_QUOTED_LENGTH = 30  # of a released text that is known again inside another
_DEFINED = re.compile(
    r"^(?:(?:async\s+)?def|class)\s+(\w+)|^(\w+)\s*(?::[^=\n]*)?=(?!=)", re.MULTILINE
)


class ReleasedNotebook:
    """The notebook that was handed out.

    Attributes:
        notebook: as nbformat reads it.
        cells: those that nbgrader knows, by their names.
        by_name: all, in order: by nbgrader's names, else by their ids.
        not_graded: sources of the cells that are left out when a submission is run.
        questions: the name of the cell that asks each question in words → the question's task.
    """

    def __init__(self, release_file: Path):
        """Read it."""
        self.notebook = nbformat.read(release_file, as_version=4)
        self.cells = {grade_id(cell): cell for cell in self.notebook.cells if grade_id(cell)}
        self.by_name = {grade_id(cell) or cell.id: cell for cell in self.notebook.cells}
        # Demonstrations that take long, and that no solution needs.
        self.not_graded = {
            cell.source.strip()
            for cell in self.notebook.cells
            if "not-graded" in cell.metadata.get("tags", [])
        }
        names = list(self.by_name)
        self.questions = {names[names.index(task) - 1]: task for task in WRITTEN_TASKS}

    def is_check(self, name: str) -> bool:
        """Whether a cell holds a task's checks."""
        settings = self.cells[name].metadata.nbgrader if name in self.cells else {}
        return bool(settings.get("grade")) and not settings.get("solution")

    def is_unchanged(self, cell: HandedInCell) -> bool:
        """Whether a cell stands as it was handed out."""
        return cell.name in self.by_name and _same(cell.source, self.by_name[cell.name].source)


def grade_id(cell) -> str:
    """The name that nbgrader has given to a cell, or ""."""
    settings = cell.metadata.get("nbgrader", {})
    name = settings.get("grade_id", "") if isinstance(settings, dict) else ""
    return name if isinstance(name, str) else ""


def defined_names(source: str) -> set[str]:
    """Functions, classes and variables that a cell defines, whether or not it is right Python.

    >>> sorted(defined_names("%matplotlib inline\\ndef warp(image):\\n    x = 1\\nmodel = 2 +"))
    ['model', 'warp']
    """
    return {name for found in _DEFINED.findall(source) for name in found if name}


def is_python(source: str) -> bool:
    """Whether Python can read it, a notebook's magic lines aside."""
    lines = [re.sub(r"^(\s*)[%!?].*", r"\1pass", line) for line in source.split("\n")]
    try:
        ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def is_words(cell: HandedInCell) -> bool:
    """Whether a cell says something to a reader: any text, and code of nothing but words."""
    if cell.kind != "code":
        return bool(cell.source.strip() or cell.pictures)
    if not is_python(cell.source):
        return not defined_names(cell.source)
    try:
        body = ast.parse(cell.source).body
    except (SyntaxError, ValueError):  # magic lines
        return False
    says = all(isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) for line in body)
    return says and bool(cell.source.strip())


def recognise(cells: list[HandedInCell], release: ReleasedNotebook) -> list[str]:
    """Give each cell the name of the released one that it is; returns what is worth a note.

    By nbgrader's name, else the cell's id, else its source, else what it holds or defines. A name
    that is there twice (of a copy, or of a cell that was split) stays with both.
    """
    for cell in cells:
        cell.name = cell.grade_id if cell.grade_id in release.by_name else ""
    ids = {released.id: name for name, released in release.by_name.items()}
    _name_missing(cells, release, lambda cell, missing: ids.get(cell.id))
    _name_missing(cells, release, lambda cell, missing: _by_source(cell.source, release, missing))
    for kinds in (("code",), ("markdown", "raw")):
        _name_missing(
            cells, release, lambda cell, missing, kinds=kinds: _by_definition(cell, missing, kinds)
        )
    found = sum(cell.name in release.cells and not cell.grade_id for cell in cells)
    lost = f"cells without their names, known by what they are: {found}"
    return [lost] * bool(found) + _changes(cells, release)


def _name_missing(cells: list[HandedInCell], release: ReleasedNotebook, name_of) -> None:
    """Name the cells that have no name yet after released ones that are not there yet."""
    missing = set(release.by_name) - {cell.name for cell in cells}
    for cell in cells:
        if not cell.name and (name := name_of(cell, missing)) in missing:
            cell.name = name
            missing.discard(name)


def _by_source(source: str, release: ReleasedNotebook, missing: set[str]) -> str:
    """The released cell whose text this is, or holds; an empty answer could be of any question."""
    for name in release.by_name:
        released = release.by_name[name].source
        if name in missing and name not in WRITTEN_TASKS:
            quoted = len(released) >= MIN_QUOTED_LENGTH and released in source
            if _same(source, released) or quoted:
                return name
    return ""


def _by_definition(cell: HandedInCell, missing: set[str], kinds: tuple[str, ...]) -> str:
    """The task that a cell solves, as far as names tell."""
    if cell.kind not in kinds or not is_python(cell.source):
        return ""
    defined = defined_names(cell.source)
    return next((name for name in CODE_TASKS if name in missing & defined), "")


def _same(source: str, other: str) -> bool:
    """Whether two sources differ in no more than spaces at the ends of their lines."""
    lines = [[line.rstrip() for line in text.strip().split("\n")] for text in (source, other)]
    return lines[0] == lines[1]


def _changes(cells: list[HandedInCell], release: ReleasedNotebook) -> list[str]:
    """What became of the released cells."""
    counts = Counter(cell.name for cell in cells if cell.name in release.cells)
    changed = {
        cell.name
        for cell in cells
        if release.is_check(cell.name) and not release.is_unchanged(cell)
    }
    retyped = {
        cell.name
        for cell in cells
        if cell.name in release.cells and cell.kind != release.cells[cell.name].cell_type
    }
    kinds = {
        "cells that are there twice": {name for name, count in counts.items() if count > 1},
        "cells that are missing": set(release.cells) - set(counts),
        "checks that were changed": changed,
        "cells that became another kind": retyped,
    }
    return [f"{words}: {', '.join(sorted(names))}" for words, names in kinds.items() if names]
