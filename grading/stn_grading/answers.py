"""What of a notebook is graded: the code to run, and the answers in words."""

import re

from stn_grading.handed_in import HandedInCell
from stn_grading.recognition import (
    CODE_TASKS,
    MIN_QUOTED_LENGTH,
    WRITTEN_TASKS,
    ReleasedNotebook,
    defined_names,
    is_python,
    is_words,
)

A_PICTURE = "(a picture)"


def own_words(source: str, release: ReleasedNotebook) -> str:
    """A text without what was handed out: the question above it, "Your answer here.".

    Where a picture was pasted into it, it says so: the picture itself is shown below.
    """
    source = re.sub(r"!\[[^\]]*\]\(attachment:[^)]*\)", A_PICTURE, source)
    texts = [cell.source.strip() for cell in release.notebook.cells if cell.cell_type == "markdown"]
    for text in filter(None, texts):
        source = source.replace(text, "")
    long_lines = {
        line for text in texts for line in text.split("\n") if len(line) >= MIN_QUOTED_LENGTH
    }
    return "\n".join(line for line in source.split("\n") if line not in long_lines).strip()


def written_answers(
    cells: list[HandedInCell], release: ReleasedNotebook
) -> tuple[dict[str, str], list[str]]:
    """The answers in words, by task, untouched ones left out; and flags.

    To an answer belong its own cell, whatever kind it is now, what was written into the cell of its
    question, and words in new cells below either. Where none of these says anything, words that
    stand elsewhere in new cells are taken for it, and a person is told.
    """
    task = ""
    for cell in cells:
        if cell.name:
            task = release.questions.get(cell.name, cell.name if cell.name in WRITTEN_TASKS else "")
            cell.answers = task
        elif task and is_words(cell):
            cell.answers = task
    elsewhere = [
        cell
        for cell in cells
        if is_words(cell) and not cell.answers and (not cell.name or _has_additions(cell, release))
    ]
    answers, flags = {}, []
    for task in WRITTEN_TASKS:
        parts = [cell for cell in cells if cell.answers == task]
        answer = _joined(parts, release)
        if not answer and (answer := _joined(elsewhere, release)):
            flags.append(f"{task}: not answered in its place; words from other cells stand for it")
        if answer:
            answers[task] = answer
    return answers, flags


def _has_additions(cell: HandedInCell, release: ReleasedNotebook) -> bool:
    """Whether a student has written into a text that was handed out."""
    is_text = release.by_name[cell.name].cell_type == "markdown"
    return is_text and not release.is_unchanged(cell)


def _joined(parts: list[HandedInCell], release: ReleasedNotebook) -> str:
    """What cells say, one below the other."""
    texts = [own_words(cell.source, release) or A_PICTURE * bool(cell.pictures) for cell in parts]
    return "\n\n".join(text for text in texts if text)


def code_to_run(
    cells: list[HandedInCell], release: ReleasedNotebook
) -> tuple[list[tuple[str, str]], list[str]]:
    """The code of a notebook, in its order: (nbgrader's name or "", source); and flags.

    Left out are checks, long demonstrations, words, and tasks as they were handed out that are
    solved in another cell. A solution that has become text by a key press is run all the same.
    """
    code, flags, solvers = [], [], _solvers(cells, release)
    for cell in cells:
        defined_elsewhere = {
            name for name, found in solvers.items() if any(other is not cell for other in found)
        }
        if cell.answers or not cell.source.strip() or cell.source.strip() in release.not_graded:
            continue
        if cell.kind != "code":
            flags += _text_that_is_code(cell, release, defined_elsewhere)
            if not _is_solution(cell, defined_elsewhere) or not is_python(cell.source):
                continue
        if cell.name in defined_elsewhere and release.is_unchanged(cell):
            continue
        solves = defined_names(cell.source) & set(CODE_TASKS)
        if release.is_check(cell.name) and (release.is_unchanged(cell) or not solves):
            continue
        name = cell.name if cell.name in release.cells and not release.is_check(cell.name) else ""
        code.append((name, cell.source))
    return _mended(code), flags


def _solvers(cells: list[HandedInCell], release: ReleasedNotebook) -> dict[str, list[HandedInCell]]:
    """The cells of code that define what each task asks for."""
    solvers: dict[str, list[HandedInCell]] = {}
    for cell in cells:
        if cell.kind == "code" and not release.is_unchanged(cell):
            for name in defined_names(cell.source) & set(CODE_TASKS):
                solvers.setdefault(name, []).append(cell)
    return solvers


def _is_solution(cell: HandedInCell, defined_elsewhere: set[str]) -> bool:
    return cell.name in CODE_TASKS and cell.name not in defined_elsewhere


def _text_that_is_code(
    cell: HandedInCell, release: ReleasedNotebook, defined_elsewhere: set[str]
) -> list[str]:
    """A flag for a cell of text that was meant to run, and is not run."""
    if _is_solution(cell, defined_elsewhere) and not is_python(cell.source):
        return [f"the cell {cell.name} is no code any more, and cannot be run as code"]
    if not cell.name and is_python(cell.source) and defined_names(cell.source):
        return [f"a cell of text that looks like code was not run: {cell.source[:40]!r}"]
    return []


def _mended(code: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Put together again what was split in the middle of a function."""
    mended: list[tuple[str, str]] = []
    for name, source in code:
        if mended and name in ("", mended[-1][0]) and not is_python(source):
            whole = f"{mended[-1][1]}\n{source}"
            if is_python(whole):
                mended[-1] = (mended[-1][0], whole)
                continue
        mended.append((name, source))
    return mended
