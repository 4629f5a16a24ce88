"""Grading a folder of submissions, from the files to the table; started again, it goes on."""

import hashlib
import json
import os
import platform
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import torch
from tqdm.auto import tqdm

import stn_lesson
from stn_grading import gradebook, marks, platforms, report, sandbox
from stn_grading.examine import ExaminationResult, Limits, examine
from stn_grading.lesson_copy import lesson_copy
from stn_grading.recognition import CODE_TASKS, ReleasedNotebook
from stn_grading.submissions import Submission, collect_submissions
from stn_lesson.files import FileBusyError, lesson_folder, locked, write_atomically


def grade(
    folder: Path,
    *,
    seed: int = 0,
    trust: bool = False,
    feedback: bool = True,
    course: Path | None = None,
    limits: Limits = Limits(),  # noqa: B008 (frozen)
    max_workers: int | None = None,
    roster: Path | None = None,
    column: str | None = None,
    tell: Callable[[str], None] = print,
) -> list[report.Row]:
    """Grade a folder of submissions and write tables, pages to read, and feedback pages.

    What was examined before is not examined again, unless the submission or what decides its marks
    has changed (`checks_version`); so a run that was stopped goes on where it was. Points that a
    person has given stay.

    Args:
        folder: a file, a folder or a zip file for each student; or a zip file of them all.
        seed: of the hidden checks: another seed asks for other sizes and numbers.
        trust: run the submissions without a sandbox.
        feedback: whether to write a page for each student.
        course: the folder for gradebook, results and feedback; grading/ unless given.
        limits: how long a submission may take.
        max_workers: how many submissions are examined at the same time; as many as processors.
        roster: a table of the students that the learning platform has exported, to be filled in.
        column: the column of the grades in it.
        tell: is called with what could not be entered, a line at a time.

    Returns:
        A row for each submission, in the order of the names.

    Raises:
        FileNotFoundError: there is nothing to grade, or no such roster.
        NoSandboxError: no sandbox can be made here, and the submissions are not trusted.
        FileBusyError: another grader is at work on this gradebook.
        GradingError: the roster is none.
    """
    if not trust:
        sandbox.require_sandbox()
    course = course or gradebook.COURSE_FOLDER
    table = platforms.read_roster(roster, column) if roster else None  # before the long work
    with _alone_with(course / "gradebook.db"):
        rows = _grade(folder, course, max_workers, tell, seed=seed, limits=limits, trust=trust)
        _write_text(course / "grades.csv", report.grades_csv(rows))
        _write_text(course / "class_map.html", report.class_map_page(rows))
        files, told = platforms.write_platform_grades(rows, course, table)
        for words in [*told, *(f"written for the platform: {file.name}" for file in files)]:
            tell(words)
        if feedback:
            for row in tqdm(rows, desc="feedback", leave=False):
                gradebook.write_feedback(course, row.result.student)
    return rows


@contextmanager
def _alone_with(book: Path) -> Iterator[None]:
    """Keep a gradebook to this grader."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(book))
        except FileBusyError as error:
            raise FileBusyError(
                f"another grading is at work on {book}: wait until it has ended, then type this "
                "again; what it has examined is not examined anew"
            ) from error
        yield


def _grade(
    folder: Path,
    course: Path,
    max_workers: int | None,
    tell: Callable[[str], None],
    **settings,
) -> list[report.Row]:
    """A row for each submission; what was found is in the gradebook."""
    release_file = gradebook.release(course / "release", course)
    submissions = collect_submissions(folder, release_file)
    for words in _doubts_of_folder(submissions, folder):
        tell(words)
    release = ReleasedNotebook(release_file)
    examine_one = partial(
        _examine_or_reuse,
        results=course / "results",
        released_cells={name: cell.source for name, cell in release.cells.items()},
        version=checks_version(settings["seed"], settings["limits"], release.cells["setup"].source),
        **settings,
    )
    lesson_copy()  # here, once, and not in every thread: they would disturb each other's parsing
    answers, examined = [], []
    with ThreadPoolExecutor(max_workers or os.cpu_count() or 1) as pool:
        results = zip(submissions, pool.map(examine_one, submissions), strict=True)
        for submission, (result, is_new) in tqdm(results, "examined", len(submissions), False):
            gradebook.record_submission(course, submission, result, release_file)
            answers += marks.answers_of(submission, result)
            examined.append((result, is_new))
    told = marks.enter_marks(course, answers)
    for row in told:
        tell(f"answers.csv, {row['student']}, {row['question']}: {row['remark']}")
    marks.write_answers(course, answers, told)
    return [
        report.Row(result, gradebook.manual_points(course, result.student), is_new)
        for result, is_new in examined
    ]


def _doubts_of_folder(submissions: list[Submission], folder: Path) -> list[str]:
    """What to say, before anything is examined, of a folder that holds little of the assignment."""
    others = [s for s in submissions if not any(c.name in CODE_TASKS for c in s.handed_in)]
    if len(submissions) == 1 or 2 * len(others) <= len(submissions):
        return []
    return [
        f"{len(others)} of {len(submissions)} in {folder} hold no notebook of the assignment, "
        f"{others[0].entry} for one: if this is the wrong folder, Ctrl-C ends it"
    ]


def _examine_or_reuse(
    submission: Submission,
    *,
    results: Path,
    released_cells: dict[str, str],
    seed: int,
    version: str,
    **settings,
) -> tuple[ExaminationResult, bool]:
    """The stored result of a submission, or a new one, stored; and whether it is new."""
    file = results / f"{submission.student}.json"
    fingerprint = f"{submission.fingerprint} {version}"
    stored = _stored_result(file, fingerprint)
    if stored:
        return stored, False
    setup = released_cells["setup"]
    result = examine(submission, setup, released_cells, seed=seed, **settings)
    result.fingerprint = fingerprint
    text = json.dumps(result.as_dict(), indent=1, ensure_ascii=False)
    write_atomically(file, text.encode())
    return result, True


def checks_version(seed: int, limits: Limits, setup: str) -> str:
    """A number that changes when anything that decides a mark does.

    That is all code of the lesson and of grading, the digits, torch, the seed, the limits and the
    code that comes before a submission.
    """
    packages = Path(stn_lesson.__file__).parent, Path(__file__).parent
    files = [path for package in packages for path in sorted(package.rglob("*.py"))]
    files += sorted((lesson_folder() / "digits").iterdir())
    names = [f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]
    settings = [torch.__version__, platform.python_version(), seed, limits, setup]
    return hashlib.sha256(repr([names, settings]).encode()).hexdigest()


def _stored_result(file: Path, fingerprint: str) -> ExaminationResult | None:
    """What was found before, if it was found of the same submission with the same checks."""
    try:
        stored = ExaminationResult.from_dict(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return stored if stored.fingerprint == fingerprint else None


def _write_text(path: Path, text: str) -> None:
    # A byte-order mark tells spreadsheets that the names are UTF-8.
    mark = "\ufeff" if path.suffix == ".csv" else ""
    write_atomically(path, (mark + text).encode())
