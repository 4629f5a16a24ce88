"""The notebook that a teacher reads: the student's own cells, in their order, and the points.

The cells that the gradebook knows keep the names and settings that they were handed out with.
"""

import hashlib
import re

import nbformat

from stn_grading.examine import CheckResult, ExaminationResult
from stn_grading.handed_in import HandedInCell
from stn_grading.recognition import WRITTEN_TASKS, ReleasedNotebook, grade_id
from stn_grading.submissions import Submission
from stn_grading.tasks import TASKS


def notebook_for_reader(
    submission: Submission, result: ExaminationResult, release: ReleasedNotebook
):
    """What a student handed in, cell by cell, with what the checks found.

    A cell that the gradebook needs and that is missing stands where it was handed out. Pictures are
    those that were handed in; of other outputs and of HTML nothing is shown.
    """
    page = _Page(submission, result, release)
    if submission.handed_in:
        for cell in submission.handed_in:
            page.add(cell)
        page.add_missing()
    else:
        page.cells = [page.released(name) for name in release.by_name]
    who = f"Handed in by **{escape_markup(submission.student)}**"
    if not submission.handed_in:
        reason = escape_markup("; ".join(submission.flags) or "nothing was handed in")
        who += f"\n\n**Not graded: {reason}.** Below stands the assignment as it was handed out."
    page.cells.insert(1, nbformat.v4.new_markdown_cell(who))
    page.cells += _remarks(submission, result)
    notebook = nbformat.v4.new_notebook(cells=page.cells)
    notebook.metadata = release.notebook.metadata
    return notebook


def answers_on_page(notebook) -> dict[str, str]:
    """The answers in words as a page shows them."""
    return {grade_id(c): c.source for c in notebook.cells if grade_id(c) in WRITTEN_TASKS}


def escape_markup(markdown: str) -> str:
    """Markdown whose HTML and links are shown as text.

    >>> escape_markup("if θ < 1 <script> [x](y)")
    'if θ < 1 &lt;script> [x] (y)'
    """
    return re.sub(r"](?=[(:[])", "] ", re.sub(r"<(?=[a-zA-Z/!?])", "&lt;", markdown))


class _Page:
    """The cells of a page, as they are put together."""

    def __init__(
        self, submission: Submission, result: ExaminationResult, release: ReleasedNotebook
    ):
        self.submission, self.release = submission, release
        self.cells: list[nbformat.NotebookNode] = []
        self.shown: set[str] = set()  # names of released cells that stand on the page
        self.check_outputs = {
            f"check_{task.name}": "\n".join(
                _describe_check(check) for check in result.checks if check.task == task.name
            )
            for task in TASKS
        }

    def add(self, cell: HandedInCell) -> None:
        """Show a student's cell; the first of each name is the gradebook's."""
        is_first = cell.name in self.release.by_name and cell.name not in self.shown
        if cell.answers and cell.name == cell.answers and is_first:
            self.cells.append(self.released(cell.name))
        elif cell.answers and cell.name not in self.release.questions:
            return  # its words stand in the answer's cell
        elif self.release.is_check(cell.name):
            if not self.release.is_unchanged(cell):
                self.cells.append(_own_cell(cell))
            self.cells += [self.released(cell.name)] * is_first
        elif is_first:
            self.cells.append(self._changed(cell))
        else:
            self.cells.append(_own_cell(cell))

    def released(self, name: str):
        """A cell as it was handed out, with what belongs into it."""
        cell = nbformat.from_dict(self.release.by_name[name])
        self.shown.add(name)
        if name in self.submission.written_answers:
            _fill(cell, self.submission.written_answers[name], self._answer_pictures(name))
        elif name in self.check_outputs:
            text = self.check_outputs[name] or "not examined"
            cell.outputs = [nbformat.v4.new_output("stream", text=text)]
        return cell

    def _answer_pictures(self, task: str) -> list[tuple[str, str]]:
        return [
            p for cell in self.submission.handed_in if cell.answers == task for p in cell.pictures
        ]

    def _changed(self, own: HandedInCell):
        """A released cell as the student has left it."""
        cell = self.released(own.name)
        if self.release.is_unchanged(own) and cell.cell_type != "code":
            return cell
        if cell.cell_type == "code":
            cell.source, cell.outputs = own.source, _outputs(own)
            return cell
        changed = _own_cell(own)
        changed.metadata = cell.metadata
        return changed

    def add_missing(self) -> None:
        """Put the cells that the gradebook needs where they were handed out."""
        names, needed = list(self.release.by_name), [f"check_{t}" for t in map(_name, TASKS)]
        for name in names:
            if name in self.shown or name not in (*needed, *WRITTEN_TASKS):
                continue
            before = set(names[: names.index(name)])
            places = [k for k, cell in enumerate(self.cells) if _name_of(cell) in before]
            self.cells.insert(max(places, default=len(self.cells) - 1) + 1, self.released(name))


def _name(task) -> str:
    return task.name


def _name_of(cell) -> str:
    return grade_id(cell) or cell.get("id", "")


def _own_cell(own: HandedInCell):
    """A cell of the student's own: code as code, all else as text."""
    if own.kind == "code":
        return nbformat.v4.new_code_cell(own.source, outputs=_outputs(own))
    cell = nbformat.v4.new_markdown_cell()
    _fill(cell, own.source, own.pictures)
    return cell


def _outputs(own: HandedInCell) -> list:
    return [nbformat.v4.new_output("display_data", {kind: data}) for kind, data in own.pictures]


def _fill(cell, words: str, pictures: list[tuple[str, str]]) -> None:
    """Write a student's words and pictures into a cell of text."""
    names = [
        f"{hashlib.sha256(data.encode()).hexdigest()[:16]}.{kind[6:]}" for kind, data in pictures
    ]
    shown = [f"![a picture that was handed in](attachment:{name})" for name in names]
    cell.source = "\n\n".join([escape_markup(words), *shown])
    if pictures:
        cell.attachments = {
            name: {kind: data} for name, (kind, data) in zip(names, pictures, strict=True)
        }


def _remarks(submission: Submission, result: ExaminationResult) -> list:
    """Cells at the end: what else was handed in, and what a person should know."""
    texts = [
        f"### Also handed in: {escape_markup(name)}\n\n{_as_text(text)}"
        for name, text in submission.texts
    ]
    if result.flags or result.notes:
        remarks = "\n".join(f"- {words}" for words in [*result.flags, *result.notes])
        texts.append(f"### Remarks of the checks\n\n{_as_text(remarks)}")
    return [nbformat.v4.new_markdown_cell(text) for text in texts]


def _as_text(words: str) -> str:
    safe = escape_markup(words.replace("```", "'''"))
    return f"```text\n{safe}\n```"


def _describe_check(check: CheckResult) -> str:
    """A check in a line: "✓ at the pixels (1 point): right"."""
    mark, plural = "✓" if check.passed else "✗", "s" * (check.points != 1)
    return f"{mark} {check.check} ({check.points:g} point{plural}): {check.message}"
