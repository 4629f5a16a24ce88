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

from stn_grading.archives import is_zip_file, unpack, unpacked
from stn_grading.tasks import TASKS

MAX_NOTEBOOK_BYTES = 20 * 2**20
MAX_PICTURE_BYTES = 2 * 2**20
MAX_PICTURES_PER_CELL = 3
WRITTEN_TASKS = {task.name for task in TASKS if task.written_points}
# Names that solve a task without solving it; in a solution they are shown to a person.
FLAGGED_NAMES = {
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
        written_answers: the answers in words, by task.
        pictures: PNG pictures as they were handed in, base64, by the cell's name or source.
        flags: what a person should look at.
        notes: what a person may want to know.
    """

    student: str
    entry: str
    file: Path | None = None
    cells: list[tuple[str, str]] = field(default_factory=list)
    written_answers: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, list[str]] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """A number that changes when anything that is graded changes."""
        graded = [self.entry, self.cells, self.written_answers, self.flags, self.notes]
        return hashlib.sha256(json.dumps(graded).encode()).hexdigest()


def collect_submissions(folder: Path, release_file: Path) -> list[Submission]:
    """Every submission in a folder, in the order of their names.

    Args:
        folder: holds a file, a folder or a zip file for each student; or a zip file of them all.
        release_file: the notebook that was handed out.

    Raises:
        FileNotFoundError: there is no such folder, or nothing in it.
    """
    release, entries_of, submissions = ReleasedNotebook(release_file), Counter(), []
    with unpacked(folder) as inner_folder:
        entries = sorted(
            path for path in inner_folder.iterdir() if not path.name.startswith((".", "__"))
        )
        if not entries:
            raise FileNotFoundError(f"there are no submissions in {folder}")
        for path in entries:
            student = student_name(path.stem if path.is_file() else path.name)
            entries_of[student] += 1
            submission = Submission(student, path.name)
            if entries_of[student] > 1:
                submission.student = f"{student} ({entries_of[student]})"
                flag = f"a second submission of {student}: keep the one that counts"
                submission.flags.append(flag)
            _open_entry(path, release, submission)
            submissions.append(submission)
    return submissions


def _open_entry(path: Path, release: "ReleasedNotebook", submission: Submission) -> None:
    """Find the notebook of an entry, in a zip file too, and read it."""
    with tempfile.TemporaryDirectory() as unpacked_entry:
        if is_zip_file(path):
            try:
                unpack(path, Path(unpacked_entry))
            except ValueError as error:
                submission.flags.append(str(error)[:200])
                return
            path = Path(unpacked_entry)
        submission.file = _choose_notebook(path, release, submission)
        if submission.file:
            _read_notebook(submission, release)


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


class ReleasedNotebook:
    """The notebook that was handed out.

    Attributes:
        notebook: as nbformat reads it.
        cells: those that nbgrader knows, by their names.
        not_graded: sources of the cells that are left out when a submission is run.
    """

    def __init__(self, release_file: Path):
        """Read it."""
        self.notebook = nbformat.read(release_file, as_version=4)
        self.cells = {grade_id(cell): cell for cell in self.notebook.cells if grade_id(cell)}
        # Demonstrations that take long, and that no solution needs.
        self.not_graded = {
            cell.source.strip()
            for cell in self.notebook.cells
            if "not-graded" in cell.metadata.get("tags", [])
        }

    def is_check(self, name: str) -> bool:
        """Whether a cell holds a task's checks."""
        settings = self.cells[name].metadata.nbgrader if name in self.cells else {}
        return bool(settings.get("grade")) and not settings.get("solution")


def grade_id(cell) -> str:
    """The name that nbgrader has given to a cell, or ""."""
    settings = cell.metadata.get("nbgrader", {})
    name = settings.get("grade_id", "") if isinstance(settings, dict) else ""
    return name if isinstance(name, str) else ""


def _choose_notebook(path: Path, release: ReleasedNotebook, submission: Submission) -> Path | None:
    """The notebook of an entry; of several, the one that looks most like the assignment."""
    if path.is_symlink():
        submission.flags.append("a link instead of a file: not followed")
        return None
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    files = [f for f in files if f.is_file() and not f.is_symlink()]
    candidates = [f for f in files if ".ipynb_checkpoints" not in f.parts]
    notebooks = [f for f in candidates if f.suffix.lower() == ".ipynb"] or [
        f for f in candidates if _looks_like_a_notebook(f)
    ]
    if not notebooks:
        kinds = ", ".join(sorted({f.suffix or f.name for f in candidates})) or "nothing"
        submission.flags.append(f"no notebook was handed in, but {kinds}"[:200])
        return None
    chosen = max(notebooks, key=lambda f: (_count_known_cells(f, release), f.stat().st_mtime))
    if len(notebooks) > 1:
        submission.flags.append(f"{len(notebooks)} notebooks: graded was {chosen.name}")
    return chosen


def _looks_like_a_notebook(file: Path) -> bool:
    return file.stat().st_size < MAX_NOTEBOOK_BYTES and b'"cells"' in file.read_bytes()


def _count_known_cells(file: Path, release: ReleasedNotebook) -> int:
    try:
        if file.stat().st_size > MAX_NOTEBOOK_BYTES:
            return -1
        text = file.read_text("utf-8", errors="replace")
    except OSError:
        return -1
    return sum(f'"{name}"' in text for name in release.cells)


def _read_notebook(submission: Submission, release: ReleasedNotebook) -> None:
    """Take a notebook apart; whatever is wrong with it becomes a flag."""
    try:
        if submission.file.stat().st_size > MAX_NOTEBOOK_BYTES:
            raise ValueError(f"it is larger than {MAX_NOTEBOOK_BYTES >> 20} MB")
        text = submission.file.read_bytes().decode("utf-8-sig")
        notebook = nbformat.reads(text, as_version=4)
        cells = [(grade_id(cell), cell.cell_type, str(cell.source)) for cell in notebook.cells]
    except Exception as error:  # a damaged file may fail in any way
        reason = str(error).splitlines()[0][:150] if str(error) else type(error).__name__
        submission.flags.append(f"the notebook cannot be read: {reason}")
        submission.file = None
        return
    _note_changed_cells(submission, release, cells)
    for cell in notebook.cells:
        submission.pictures[grade_id(cell) or str(cell.source).strip()] = _png_pictures(cell)
    for name, kind, source in cells:
        left_out = release.is_check(name) or source.strip() in {"", *release.not_graded}
        if kind == "code" and not left_out:
            submission.cells.append((name, source))
        if kind == "markdown" and name in WRITTEN_TASKS:
            submission.written_answers[name] = source
    _flag_forbidden_names(submission)


def _note_changed_cells(
    submission: Submission, release: ReleasedNotebook, cells: list[tuple[str, str, str]]
) -> None:
    """Note what became of the released cells in (name, type, source) of those handed in."""
    counts = Counter(name for name, _, _ in cells if name)
    twice = sorted(name for name, count in counts.items() if count > 1 and name in release.cells)
    if twice:
        submission.notes.append(f"cells that are there twice: {', '.join(twice)}")
    missing = sorted(name for name in release.cells if name not in counts)
    if missing:
        submission.notes.append(f"cells that are missing: {', '.join(missing)}")
    changed = sorted(
        name
        for name, _, source in cells
        if release.is_check(name) and source.strip() != release.cells[name].source.strip()
    )
    if changed:
        submission.notes.append(f"checks that were changed: {', '.join(changed)}")


def _png_pictures(cell) -> list[str]:
    """The PNG pictures among a cell's outputs: of what was handed in nothing else is shown."""
    found = []
    outputs = cell.get("outputs", [])
    for output in outputs if isinstance(outputs, list) else []:
        data = output.get("data") if isinstance(output, dict) else None
        text = data.get("image/png") if isinstance(data, dict) else None
        if isinstance(text, str) and len(text) < MAX_PICTURE_BYTES:
            try:
                content = base64.b64decode("".join(text.split()), validate=True)
            except ValueError:
                continue
            if content.startswith(b"\x89PNG"):
                found.append(base64.b64encode(content).decode())
    return found[:MAX_PICTURES_PER_CELL]


def _flag_forbidden_names(submission: Submission) -> None:
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
        for word in sorted(used & FLAGGED_NAMES):
            flag = f"uses {word}"
            if flag not in submission.flags:
                submission.flags.append(flag)
