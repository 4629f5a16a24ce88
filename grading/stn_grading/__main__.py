"""For teachers: make the assignment that students get, grade what came back, read the answers."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

try:
    from stn_grading import gradebook
    from stn_grading.grade import grade
    from stn_grading.report import grades_table, misconceptions_summary
    from stn_grading.sandbox import NoSandboxError
    from stn_grading.visible_checks import write_visible_checks
    from stn_lesson.files import FileError
except ModuleNotFoundError as error:
    sys.exit(
        f"{error}. Type python3 run.py {' '.join(sys.argv[1:]) or 'grade FOLDER'} in the folder of "
        "the repository: it installs what teachers need"
    )


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks for; return the exit status."""
    parser = _make_parser()
    options, options.jupyterlab_options = parser.parse_known_args(arguments)
    if options.jupyterlab_options and options.verb is not mark_answers:
        parser.error(
            f"unrecognized arguments: {' '.join(options.jupyterlab_options)} (the name of a file "
            "or folder with spaces in it needs quotation marks around it)"
        )
    try:
        options.verb(options)
    except (FileNotFoundError, FileError, gradebook.GradingError, NoSandboxError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


class _Once(argparse.Action):
    """An option that is given once: of two files, the first would be lost without a word."""

    def __call__(self, parser, options, value, name=None):
        if getattr(options, self.dest) is not None:
            parser.error(f"{name} was given twice: grade once with each")
        setattr(options, self.dest, value)


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 run.py", description=__doc__)
    verbs = parser.add_subparsers(required=True)
    release = verbs.add_parser("release", help="make notebooks/assignment from grading/source")
    release.set_defaults(verb=make_release)
    grade = verbs.add_parser("grade", help="grade a folder of submissions; goes on if stopped")
    grade.add_argument(
        "folder", type=Path, help="what the platform has exported: a zip file, or a folder of it"
    )
    grade.add_argument("--seed", type=int, default=0, help="of the hidden checks (default 0)")
    grade.add_argument("--trust", action="store_true", help="run the submissions unprotected")
    grade.add_argument(
        "--roster", type=Path, action=_Once, help="Moodle's grading worksheet, Canvas's gradebook"
    )
    grade.add_argument("--column", help="the column of the grades in it, if it is not found")
    grade.set_defaults(verb=grade_folder)
    mark = verbs.add_parser("mark", help="read the answers in words, in nbgrader's form grader")
    mark.set_defaults(verb=mark_answers)
    return parser


def make_release(options: argparse.Namespace) -> None:
    """Make what students get: the notebook, and the data of the checks in it."""
    with tempfile.TemporaryDirectory() as course:  # no gradebook remains of this
        notebook = gradebook.release(course=Path(course))
    for file in (notebook, write_visible_checks()):
        print(f"written: {file.relative_to(gradebook.PROJECT_FOLDER)}")


def grade_folder(options: argparse.Namespace) -> None:
    """Grade the submissions in a folder and print the table."""
    if options.column and not options.roster:
        raise gradebook.GradingError("--column names a column of a table: name it with --roster")
    os.umask(0o077)  # points and answers are the teacher's alone, where students log in, too
    rows = grade(
        options.folder,
        seed=options.seed,
        trust=options.trust,
        roster=options.roster,
        column=options.column,
    )
    print(grades_table(rows))
    print(misconceptions_summary(rows))
    print("written: grading/grades.csv, class_map.html, answers.html, answers.csv, feedback/")
    if any(row.unread for row in rows):
        print("next: python3 run.py mark, or points typed into answers.csv; then grade once more")


def mark_answers(options: argparse.Namespace) -> None:
    """Open nbgrader's form grader on what has been graded; further options go to JupyterLab."""
    from jupyterlab.labapp import main as start_jupyterlab

    os.environ["JUPYTER_CONFIG_PATH"] = str(gradebook.COURSE_FOLDER)
    settings = [
        "--LabApp.default_url=/formgrader/gradebook",
        f"--ServerApp.root_dir={gradebook.PROJECT_FOLDER}",
    ]
    if getattr(os, "geteuid", lambda: 1)() == 0:
        settings.append("--allow-root")  # in a container, say
    start_jupyterlab([*settings, *options.jupyterlab_options])


if __name__ == "__main__":
    sys.exit(main())
