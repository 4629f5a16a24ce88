"""Grading a folder of submissions, from the files to the table; started again, it goes on."""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm.auto import tqdm

from stn_grading import gradebook, report, sandbox
from stn_grading.examine import Examined, Limits, examine
from stn_grading.submissions import Handout, Submission, collect
from stn_lesson import assignment
from stn_lesson.training.checkpoints import write_atomically


def grade(
    folder: Path,
    *,
    seed: int = 0,
    trust: bool = False,
    feedback: bool = True,
    course: Path | None = None,
    limits: Limits = Limits(),  # noqa: B008 (frozen)
    at_once: int | None = None,
) -> list[report.Row]:
    """Grade a folder of submissions and write grades.csv, class_map.html and feedback pages.

    What was examined before is not examined again, unless submission, checks or seed have changed;
    so a run that was stopped goes on where it was. Points that a person has given stay.

    Args:
        folder: a file, a folder or a zip file for each student; or a zip file of them all.
        seed: of the hidden checks: another seed asks for other sizes and numbers.
        trust: run the submissions without a sandbox.
        feedback: whether to write a page for each student.
        course: the folder for gradebook, results and feedback; grading/ unless given.
        limits: how long a submission may take.
        at_once: how many submissions are examined at the same time; as many as processors.

    Returns:
        A row for each submission, in the order of the names.

    Raises:
        FileNotFoundError: there is nothing to grade.
        NoSandboxError: no sandbox can be made here, and the submissions are not trusted.
    """
    if not trust:
        sandbox.require_sandbox()
    course = course or gradebook.COURSE
    handed_out = gradebook.release(course / "release", course)
    submissions = collect(folder, handed_out)
    handout = Handout(handed_out)
    setup = handout.cells["setup"].source
    untouched = {name: cell.source for name, cell in handout.cells.items()}
    version = checks_version(seed)

    def one(submission: Submission) -> tuple[Examined, bool]:
        kept = course / "results" / f"{submission.student}.json"
        fingerprint = f"{submission.fingerprint} {version}"
        before = _kept(kept, fingerprint)
        if before:
            return before, False
        done = examine(submission, setup, untouched, seed, limits, trust)
        done.fingerprint = fingerprint
        text = json.dumps(done.as_dict(), indent=1, ensure_ascii=False)
        write_atomically(kept, lambda file: file.write(text.encode()))
        return done, True

    rows = []
    at_once = at_once or os.cpu_count() or 1
    with ThreadPoolExecutor(at_once) as pool:
        examined = pool.map(one, submissions)
        told = tqdm(zip(submissions, examined, strict=True), "examined", len(submissions), False)
        for submission, (done, anew) in told:
            gradebook.enter(course, submission, done, handed_out)
            read = gradebook.written_points(course, submission.student)
            rows.append(report.Row(done, read, anew))
    for name, text in (
        ("grades.csv", report.as_csv(rows)),
        ("class_map.html", report.class_map(rows)),
    ):
        _write(course / name, text)
    if feedback:
        for row in tqdm(rows, desc="feedback", leave=False):
            gradebook.write_feedback(course, row.examined.student)
    return rows


def checks_version(seed: int) -> str:
    """A number that changes when the checks or their seed change."""
    rooms = sorted(Path(assignment.__file__).parent.glob("*.py"))
    said = b"".join(path.read_bytes() for path in rooms) + str(seed).encode()
    return hashlib.sha256(said).hexdigest()


def _kept(path: Path, fingerprint: str) -> Examined | None:
    """What was found before, if it was found of the same submission with the same checks."""
    try:
        before = Examined.from_dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return before if before.fingerprint == fingerprint else None


def _write(path: Path, text: str) -> None:
    # A byte-order mark tells spreadsheets that the names are UTF-8.
    mark = "\ufeff" if path.suffix == ".csv" else ""
    write_atomically(path, lambda file: file.write((mark + text).encode()))
