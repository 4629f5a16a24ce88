"""What students have handed in: found in an export, read, and taken apart for grading."""

import ast
import hashlib
import html
import json
import re
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from stn_grading.answers import code_to_run, written_answers
from stn_grading.archives import NAME_IN_DOUBT, is_zip_file, unpack_nested
from stn_grading.exports import NOTEBOOK_SUFFIX, Entry, opened_export
from stn_grading.handed_in import HandedInCell, decode, read_cells
from stn_grading.names import is_litter, name_key, parse_platform_name, readable_name
from stn_grading.recognition import ReleasedNotebook, recognise

MAX_NOTEBOOK_BYTES = 20 * 2**20
MAX_TEXT_LENGTH = 20_000
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
        handed_in: all of its cells, in order.
        cells: the code to run, in order: (the cell's name or "", source).
        written_answers: the answers in words, by task.
        texts: what was typed into the platform's own page: (name, text).
        flags: what a person should look at.
        notes: what a person may want to know.
    """

    student: str
    entry: str
    file: Path | None = None
    handed_in: list[HandedInCell] = field(default_factory=list)
    cells: list[tuple[str, str]] = field(default_factory=list)
    written_answers: dict[str, str] = field(default_factory=dict)
    texts: list[tuple[str, str]] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """A number that changes when anything changes that is graded or shown."""
        seen = {name: value for name, value in asdict(self).items() if name != "file"}
        seen["handed_in"] = [{**cell, "id": ""} for cell in seen["handed_in"]]
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def collect_submissions(folder: Path, release_file: Path) -> list[Submission]:
    """Every submission in a folder, in the order of their names.

    Args:
        folder: holds a file, a folder or a zip file for each student; or a zip file of them all.
        release_file: the notebook that was handed out.

    Raises:
        FileNotFoundError: there is no such folder, or nothing in it.
    """
    release, count_of, submissions = ReleasedNotebook(release_file), Counter(), []
    first_of: dict[str, str] = {}
    with opened_export(folder) as entries:
        for entry in entries:
            submission = Submission(entry.student, entry.name, flags=list(entry.remarks))
            key = name_key(entry.student)
            count_of[key] += 1
            first = first_of.setdefault(key, entry.name)
            if count_of[key] > 1:
                submission.student = f"{entry.student} ({count_of[key]})"
                submission.flags.append(
                    f"a second submission of {entry.student}, or another of that name (the first "
                    f"is {first}): keep the one that counts"
                )
            if any(parse_platform_name(readable_name(p.name)).late for p in entry.paths):
                submission.notes.append("handed in late")
            try:
                _open_entry(entry, release, submission)
            except OSError as error:
                submission.flags.append(f"it cannot be opened: {error.strerror or error}")
            submissions.append(submission)
    return submissions


def _open_entry(entry: Entry, release: ReleasedNotebook, submission: Submission) -> None:
    """Find the notebook of an entry, in zip files too, and read it."""
    with tempfile.TemporaryDirectory() as scratch:
        files = _files_of(entry, Path(scratch), submission)
        is_text = [_is_typed_text(file) for file in files]
        others = [file for file, text in zip(files, is_text, strict=True) if not text]
        for file in (file for file, text in zip(files, is_text, strict=True) if text):
            _read_text(file, submission)
        submission.file = _choose_notebook(others, release, submission)
        if submission.file:
            _read_notebook(submission, release)


def _files_of(entry: Entry, scratch: Path, submission: Submission) -> list[Path]:
    """The files of an entry, those in its folders and zip files too; links are not followed."""
    files: list[Path] = []
    waiting = list(entry.paths)
    while waiting:
        path = waiting.pop(0)
        if path.is_symlink():
            if path in entry.paths:
                submission.flags.append("a link instead of a file: not followed")
        elif is_zip_file(path) and scratch not in path.parents:
            folder = Path(tempfile.mkdtemp(dir=scratch))
            folders, remarks = unpack_nested(path, folder)
            for words in remarks:  # the name of a student's own file decides nothing
                told = submission.notes if NAME_IN_DOUBT in words else submission.flags
                told.append(words[:200])
            waiting += folders
        elif path.is_dir():
            try:
                waiting += sorted(inner for inner in path.iterdir() if not is_litter(inner))
            except OSError as error:
                submission.flags.append(
                    f"the folder {path.name} cannot be opened: {error.strerror}"
                )
        elif path.is_file() and path.suffix.lower() != ".zip":
            files.append(path)
    return files


def _is_typed_text(file: Path) -> bool:
    """Whether a file holds what was typed into the platform's own page."""
    named = [parse_platform_name(readable_name(path.name)) for path in (file, file.parent)]
    is_text = any(name.is_text for name in named) or file.name.lower().startswith("onlinetext")
    return is_text and file.suffix.lower() in (".html", ".htm", ".txt")


def _read_text(file: Path, submission: Submission) -> None:
    """Keep a text that was typed into the platform's page, and let a person read it."""
    content = file.read_bytes()[: 4 * MAX_TEXT_LENGTH]
    text = re.sub(r"<(?:br|/p|/div|/li)[^>]*>", "\n", content.decode("utf-8-sig", "replace"))
    text = html.unescape(re.sub(r"<[^>]*>", "", text)).strip()
    if text:
        submission.texts.append((file.name, text[:MAX_TEXT_LENGTH]))
        submission.flags.append("a text was typed into the platform's page: it stands at the end")


def _choose_notebook(
    files: list[Path], release: ReleasedNotebook, submission: Submission
) -> Path | None:
    """The notebook of an entry; of several, the one that looks most like the assignment."""
    notebooks = [f for f in files if f.suffix.lower() == NOTEBOOK_SUFFIX or f.name == ".ipynb"]
    notebooks = notebooks or [f for f in files if _looks_like_a_notebook(f)]
    others = sorted({f.suffix or f.name for f in files if f not in notebooks})
    if not notebooks:
        if others or submission.texts or not submission.flags:
            kinds = ", ".join(others) or ("a text" if submission.texts else "nothing")
            submission.flags.append(f"no notebook was handed in, but {kinds}"[:200])
        return None
    chosen = max(notebooks, key=lambda f: _likeness(f, release))
    if len(notebooks) > 1:
        submission.flags.append(f"{len(notebooks)} notebooks: graded was {chosen.name}")
    if others:
        names = ", ".join(readable_name(f.name) for f in files if f not in notebooks)
        submission.notes.append(f"also handed in: {names}"[:200])
    return chosen


def _looks_like_a_notebook(file: Path) -> bool:
    try:
        is_small = file.stat().st_size < MAX_NOTEBOOK_BYTES
        return is_small and '"cells"' in decode(file.read_bytes())
    except (OSError, UnicodeError):
        return False


def _likeness(file: Path, release: ReleasedNotebook) -> tuple[int, int, float]:
    """How much a notebook looks like work on the assignment; one that cannot be read comes last.

    First by the released cells' names, or definitions, in it; then by how few of its tasks are
    still empty; then by its age.
    """
    try:
        if file.stat().st_size > MAX_NOTEBOOK_BYTES:
            return -1, 0, 0.0
        text = decode(file.read_bytes())
        json.loads(text, strict=False)
    except (OSError, ValueError, RecursionError):
        return -1, 0, 0.0
    known = sum(f'"{name}"' in text or f" {name}(" in text for name in release.cells)
    return known, -text.count("not written yet"), file.stat().st_mtime


def _read_notebook(submission: Submission, release: ReleasedNotebook) -> None:
    """Take a notebook apart; whatever is wrong with it becomes a flag."""
    try:
        if submission.file.stat().st_size > MAX_NOTEBOOK_BYTES:
            raise ValueError(f"it is larger than {MAX_NOTEBOOK_BYTES >> 20} MB")
        cells, remarks = read_cells(submission.file.read_bytes())
        submission.notes += recognise(cells, release)
        submission.written_answers, doubts = written_answers(cells, release)
        submission.cells, unrun = code_to_run(cells, release)
    except Exception as error:  # a damaged file may fail in any way
        words = error.strerror if isinstance(error, OSError) else str(error)
        reason = words.splitlines()[0][:150] if words else type(error).__name__
        submission.flags.append(f"the notebook cannot be read: {reason}")
        submission.file = None
        return
    submission.handed_in = cells
    submission.flags += [*remarks, *doubts, *unrun]
    _flag_forbidden_names(submission)


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
