"""Submissions as learning platforms export them: a file or a folder for each student, any names."""

import ast
import base64
import hashlib
import json
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from stn_grading.archives import is_archive, unpack, unpacked
from stn_lesson.assignment.tasks import TASKS

LARGEST = 20 * 2**20  # bytes of a notebook
PICTURE, PICTURES = 2 * 2**20, 3  # bytes of a picture that is shown, and how many of a cell
WRITTEN = {task.name for task in TASKS if task.read}
# Names that solve a task without solving it; in a solution they are shown to a person.
BORROWED = {
    "affine_grid", "affine_grid_generator", "grid_sample", "grid_sampler", "grid_sampler_2d",
    "sampling_grid", "import_module", "__import__", "ctypes", "subprocess",
}  # fmt: skip


@dataclass
class Submission:
    """What a student has handed in.

    Attributes:
        student: a name that is safe in paths and tables, one for each entry of the folder.
        entry: the file's or folder's own name.
        file: the notebook that was chosen, or None.
        cells: the code to run, in order: (the cell's name or "", source).
        written: the answers in words, by task.
        pictures: PNG pictures as they were handed in, base64, by the cell's name or source.
        flags: what a person should look at.
        notes: what a person may want to know.
    """

    student: str
    entry: str
    file: Path | None = None
    cells: list[tuple[str, str]] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, list[str]] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """A number that changes when anything that is graded changes."""
        said = json.dumps([self.entry, self.cells, self.written, self.flags, self.notes])
        return hashlib.sha256(said.encode()).hexdigest()


def collect(folder: Path, release: Path) -> list[Submission]:
    """Every submission in a folder, in the order of their names.

    Args:
        folder: holds a file, a folder or a zip file for each student; or a zip file of them all.
        release: the notebook that was handed out.

    Raises:
        FileNotFoundError: there is no such folder, or nothing in it.
    """
    handed_out, seen, found = Handout(release), Counter(), []
    with unpacked(folder) as inside:
        entries = sorted(path for path in inside.iterdir() if not path.name.startswith((".", "__")))
        if not entries:
            raise FileNotFoundError(f"there are no submissions in {folder}")
        for path in entries:
            student = student_name(path.stem if path.is_file() else path.name)
            seen[student] += 1
            submission = Submission(student, path.name)
            if seen[student] > 1:
                submission.student = f"{student} ({seen[student]})"
                twice = f"a second submission of {student}: keep the one that counts"
                submission.flags.append(twice)
            _open(path, handed_out, submission)
            found.append(submission)
    return found


def _open(path: Path, handed_out: "Handout", submission: Submission) -> None:
    """Find the notebook of an entry, in a zip file too, and read it."""
    with tempfile.TemporaryDirectory() as inside:
        if is_archive(path):
            try:
                unpack(path, Path(inside))
            except ValueError as error:
                submission.flags.append(str(error)[:200])
                return
            path = Path(inside)
        submission.file = _notebook(path, handed_out, submission)
        if submission.file:
            _read(submission, handed_out)


def student_name(entry: str) -> str:
    """A name that is safe in paths, tables and pages.

    >>> student_name("Ada Lovelace_12345_assignsubmission_file_")
    'Ada Lovelace_12345'
    >>> student_name("lovelaceada_LATE_90210_5551212_my_notebook-1")
    'lovelaceada_90210'
    >>> student_name("../=cmd|x")
    'cmd x'
    """
    name = re.sub(r"_assignsubmission.*", "", entry)  # Moodle's
    name = re.sub(r"(?:_LATE)?_(\d+)_\d+_.*", r"_\1", name)  # Canvas's
    name = re.sub(r"[^\w .,'@-]+", " ", name).strip(" .=-@_'")
    return " ".join(name.split())[:80] or "nameless"


class Handout:
    """The notebook that was handed out, cell by cell."""

    def __init__(self, release: Path):
        """Read it."""
        self.notebook = nbformat.read(release, as_version=4)
        self.cells = {name_of(cell): cell for cell in self.notebook.cells if name_of(cell)}
        # Demonstrations that take long, and that no solution needs.
        self.skipped = {
            cell.source.strip()
            for cell in self.notebook.cells
            if "not-graded" in cell.metadata.get("tags", [])
        }

    def is_test(self, name: str) -> bool:
        """Whether a cell holds a task's checks."""
        settings = self.cells[name].metadata.nbgrader if name in self.cells else {}
        return bool(settings.get("grade")) and not settings.get("solution")


def name_of(cell) -> str:
    """The name that a cell has for grading, or ""."""
    settings = cell.metadata.get("nbgrader", {})
    name = settings.get("grade_id", "") if isinstance(settings, dict) else ""
    return name if isinstance(name, str) else ""


def _notebook(path: Path, handed_out: Handout, submission: Submission) -> Path | None:
    """The notebook of an entry; of several, the one that looks most like the assignment."""
    if path.is_symlink():
        submission.flags.append("a link instead of a file: not followed")
        return None
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    files = [f for f in files if f.is_file() and not f.is_symlink()]
    inside = [f for f in files if ".ipynb_checkpoints" not in f.parts]
    notebooks = [f for f in inside if f.suffix.lower() == ".ipynb"] or [
        f for f in inside if _looks_like_a_notebook(f)
    ]
    if not notebooks:
        kinds = ", ".join(sorted({f.suffix or f.name for f in inside})) or "nothing"
        submission.flags.append(f"no notebook was handed in, but {kinds}"[:200])
        return None
    chosen = max(notebooks, key=lambda file: (_likeness(file, handed_out), file.stat().st_mtime))
    if len(notebooks) > 1:
        submission.flags.append(f"{len(notebooks)} notebooks: graded was {chosen.name}")
    return chosen


def _looks_like_a_notebook(file: Path) -> bool:
    with file.open("rb") as opened:
        return b'"cells"' in opened.read(LARGEST) if file.stat().st_size < LARGEST else False


def _likeness(file: Path, handed_out: Handout) -> int:
    try:
        if file.stat().st_size > LARGEST:
            return -1
        text = file.read_text("utf-8", errors="replace")
    except OSError:
        return -1
    return sum(f'"{name}"' in text for name in handed_out.cells)


def _read(submission: Submission, handed_out: Handout) -> None:
    """Take a notebook apart; whatever is wrong with it becomes a flag."""
    try:
        if submission.file.stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST >> 20} MB")
        text = submission.file.read_bytes().decode("utf-8-sig")
        notebook = nbformat.reads(text, as_version=4)
        cells = [(name_of(cell), cell.cell_type, str(cell.source)) for cell in notebook.cells]
    except Exception as error:  # a damaged file may fail in any way
        reason = str(error).splitlines()[0][:150] if str(error) else type(error).__name__
        submission.flags.append(f"the notebook cannot be read: {reason}")
        submission.file = None
        return
    named = Counter(name for name, _, _ in cells if name)
    twice = sorted(name for name, count in named.items() if count > 1 and name in handed_out.cells)
    if twice:
        submission.notes.append(f"cells that are there twice: {', '.join(twice)}")
    missing = sorted(name for name in handed_out.cells if name not in named)
    if missing:
        submission.notes.append(f"cells that are missing: {', '.join(missing)}")
    changed = sorted(
        name
        for name, _, source in cells
        if handed_out.is_test(name) and source.strip() != handed_out.cells[name].source.strip()
    )
    if changed:
        submission.notes.append(f"checks that were changed: {', '.join(changed)}")
    for cell in notebook.cells:
        submission.pictures[name_of(cell) or str(cell.source).strip()] = _pictures(cell)
    for name, kind, source in cells:
        left_out = handed_out.is_test(name) or source.strip() in {"", *handed_out.skipped}
        if kind == "code" and not left_out:
            submission.cells.append((name, source))
        if kind == "markdown" and name in WRITTEN:
            submission.written[name] = source
    _flag_borrowing(submission)


def _pictures(cell) -> list[str]:
    """The PNG pictures among a cell's outputs: of what was handed in nothing else is shown."""
    found = []
    outputs = cell.get("outputs", [])
    for output in outputs if isinstance(outputs, list) else []:
        data = output.get("data") if isinstance(output, dict) else None
        text = data.get("image/png") if isinstance(data, dict) else None
        if isinstance(text, str) and len(text) < PICTURE:
            try:
                content = base64.b64decode("".join(text.split()), validate=True)
            except ValueError:
                continue
            if content.startswith(b"\x89PNG"):
                found.append(base64.b64encode(content).decode())
    return found[:PICTURES]


def _flag_borrowing(submission: Submission) -> None:
    """Flag names that solve a task without solving it."""
    for _, source in submission.cells:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        used = {
            word
            for node in ast.walk(tree)
            for word in (
                getattr(node, "attr", None),
                getattr(node, "id", None),
                *(alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")),
            )
        }
        for word in sorted(used & BORROWED):
            flag = f"uses {word}"
            if flag not in submission.flags:
                submission.flags.append(flag)
