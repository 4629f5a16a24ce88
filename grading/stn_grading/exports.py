"""From a folder, or a zip file, to the students in it: which files and folders are whose."""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stn_grading.archives import is_zip_file, unpack
from stn_grading.names import (
    is_litter,
    name_key,
    parse_platform_name,
    readable_name,
    student_name,
    without_suffix,
)

NOTEBOOK_SUFFIX = ".ipynb"
SUFFIXES_BESIDE = {".pdf", ".png", ".jpg", ".jpeg", ".txt", ".html", ".htm", ".docx", ".py", ".md"}
ASSIGNMENT_WORD = b"bilinear_sample"  # in every notebook of the assignment, also a blank one


@dataclass
class Entry:
    """What one student has handed in, as it lies in an export.

    Attributes:
        student: a name that is safe in paths and tables.
        paths: files and folders; the first gives the entry its name.
        remarks: what a person should know of how they came out of a zip file.
    """

    student: str
    paths: list[Path]
    remarks: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The first file's or folder's own name."""
        return readable_name(self.paths[0].name)


@contextmanager
def opened_export(folder: Path) -> Iterator[list[Entry]]:
    """The students' entries, in the order of their names; zip files are unpacked meanwhile.

    A folder around the class, or several, is no student; nor is a zip file around it.

    Raises:
        FileNotFoundError: there is no such folder, nothing in it, or its archive cannot be read.
    """
    if is_zip_file(folder):
        paths = [folder]
    elif folder.is_dir():
        paths = _contents(folder)
    else:
        there_is = f"{folder} is a file" if folder.exists() else f"there is no folder {folder}"
        raise FileNotFoundError(
            f"{there_is}: name the folder, or the zip file, with the submissions"
        )
    with tempfile.TemporaryDirectory() as scratch:
        opening = _Opening(Path(scratch))
        if len(paths) == 1:
            paths = opening.around_class(paths[0], is_outermost=True) or paths
        else:
            paths = [inner for path in paths for inner in opening.class_within(path)]
        if not paths:
            raise FileNotFoundError(f"there are no submissions in {folder}")
        yield _by_student(paths, opening.remarks)


def _contents(folder: Path) -> list[Path]:
    """What people have put into a folder."""
    paths = [path for path in folder.iterdir() if not is_litter(path)]
    return sorted(paths, key=lambda path: readable_name(path.name))


class _Opening:
    """Opens the folders and zip files around a class."""

    def __init__(self, scratch: Path):
        self.scratch, self.remarks, self.count = scratch, [], 0

    def contents(self, path: Path) -> list[Path]:
        """What is in a folder or a zip file; nothing in any other file."""
        if path.is_dir() and not path.is_symlink():
            return _contents(path)
        if not is_zip_file(path):
            return []
        self.count += 1
        folder = self.scratch / str(self.count)
        folder.mkdir()
        self.remarks += unpack(path, folder)
        return _contents(folder)

    def around_class(self, path: Path, is_outermost: bool = False) -> list[Path]:
        """The class within the only thing that is there; nothing if that is a student's own."""
        try:
            inner = self.contents(path)
        except ValueError as error:
            if is_outermost:
                raise FileNotFoundError(f"{path.name}: {error}") from error
            return []
        is_student, named = _is_named_by_platform(path), any(map(_is_named_by_platform, inner))
        if named or (not is_student and sum(map(_holds_assignment, inner)) > 1):
            return inner
        if is_student:
            return []
        deeper = self.around_class(inner[0]) if len(inner) == 1 else []
        return deeper or (inner if is_outermost and is_zip_file(path) else [])

    def class_within(self, path: Path) -> list[Path]:
        """The students in one of several zip files or folders, if a platform has made it."""
        names = _names_within(path)
        if _is_named_by_platform(path) or sum(map(_is_named_by_platform, map(Path, names))) < 2:
            return [path]
        try:
            return self.contents(path) or [path]
        except ValueError:
            return [path]  # it is flagged when it is opened as a student's


def _is_named_by_platform(path: Path) -> bool:
    return bool(parse_platform_name(readable_name(path.name)).platform)


def _names_within(path: Path) -> set[str]:
    """The names at the top of a folder or a zip file."""
    try:
        if path.is_dir() and not path.is_symlink():
            return {inner.name for inner in _contents(path)}
        if is_zip_file(path):
            with zipfile.ZipFile(path) as archive:
                return {name.split("/")[0] for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile):
        pass
    return set()


def _holds_assignment(path: Path) -> bool:
    """Whether a notebook of the assignment is there, or a zip file that may hold one."""
    files = [path] if path.is_file() else path.rglob(f"*{NOTEBOOK_SUFFIX}")
    try:
        return is_zip_file(path) or any(
            file.suffix == NOTEBOOK_SUFFIX and ASSIGNMENT_WORD in file.read_bytes()
            for file in files
            if file.is_file() and not file.is_symlink() and not is_litter(file)
        )
    except OSError:
        return False


def _by_student(paths: list[Path], remarks: list[tuple[Path, str]]) -> list[Entry]:
    """An entry for each; what a platform has split (a text, several files) is one again.

    Two notebooks, folders or zip files stay two entries, even under one name.
    """
    entries: list[Entry] = []
    for path in sorted(paths, key=_is_addition):  # stable: additions come last
        student = student_name(without_suffix(path))
        words = [text for file, text in remarks if path == file or path in file.parents]
        same = [entry for entry in entries if name_key(entry.student) == name_key(student)]
        if _is_addition(path) and same:
            same[0].paths.append(path)
            same[0].remarks += words
        else:
            entries.append(Entry(student, [path], words))
    return sorted(entries, key=lambda entry: entry.name)


def _is_addition(path: Path) -> bool:
    """Whether a platform has named it, and it may come to what the student handed in besides."""
    parts = parse_platform_name(readable_name(path.name))
    is_beside = path.is_file() and path.suffix.lower() in SUFFIXES_BESIDE
    return bool(parts.platform) and (parts.is_text or is_beside)
