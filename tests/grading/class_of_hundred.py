"""A class of a hundred, graded: how long it takes, and whether anybody is lost.

    python tests/grading/class_of_hundred.py

It makes a hundred submissions: a third right, each with a training in full; a third wrong, by known
mistakes or by bad will; a third damaged on their way, or empty, or no notebooks. It grades them as
`python3 run.py grade` does, kills that now and then and starts it again, checks the points of each
and writes data/results/grading.json.
"""

import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "grading"))

import torch
from grading.accidents import ACCIDENTS
from grading.make_submissions import write_submission
from grading.mistakes import MISTAKES
from grading.reference_notebook import solution

from stn_grading import gradebook, report
from stn_grading.grade import grade
from stn_grading.tasks import TASKS
from stn_lesson.experiments import records

TRAINING_CELL = solution("model")
KILLED_AFTER = (45, 150, 290)  # seconds, each from its own start
HOSTILE_CELLS = {
    "loop": {"warp": "while True: pass"},
    "exit": {"warp": "import os; os._exit(0)"},
    "memory": {"warp": "hoard = []\nwhile True: hoard.append(bytearray(10**8))"},
    "flood": {"warp": "print('x' * 100_000_000)"},
    "allclose": {
        "warp": "torch.allclose = lambda *a, **k: True\ndef warp(*words): return words[0]"
    },
    "borrowed": {"warp": "def warp(i, t, h, w): return stn.warp(i, t, (h, w))"},
}


def write_class(folder: Path, release_file: Path, count: int = 100) -> dict[str, float]:
    """Write the submissions; returns the points that each should get from the checks."""
    expected, all_points = {}, sum(check.points for task in TASKS for check in task.checks)

    def add(name, points, changes, **more):
        file = folder / f"{name}_{len(expected):03d}.ipynb"
        expected[file.stem] = points
        return write_submission(file, release_file, changes, **more)

    for name, changes in HOSTILE_CELLS.items():
        add(name, all_points - 4, {"model": TRAINING_CELL} | changes)
    wrong = count // 3 - len(HOSTILE_CELLS)
    for k, (task, _, fails, changes) in enumerate(
        MISTAKES[k * len(MISTAKES) // wrong] for k in range(wrong)
    ):
        add(f"mistake{k}", all_points - len(fails), {task: solution(task, *changes)})
    for accident, _ in ACCIDENTS:
        file = add(accident.__name__, all_points, {})
        notebook = json.loads(file.read_text("utf-8"))
        accident(notebook["cells"])
        file.write_text(json.dumps(notebook), "utf-8")
    blank = release_file.read_bytes()
    for name, suffix, content in (
        ("pdf", ".pdf", b"%PDF"),
        ("no_notebook", ".ipynb", b"{"),
        ("cut_off", ".ipynb", blank[: len(blank) // 2]),
        ("nothing", ".ipynb", b""),
        ("blank", ".ipynb", blank),
    ):
        (folder / f"{name}_{len(expected):03d}{suffix}").write_bytes(content)
        expected[f"{name}_{len(expected):03d}"] = 0
    while len(expected) < count:
        add("right", all_points, {"model": TRAINING_CELL})
    return expected


def grade_and_kill(folder: Path, course: Path) -> int:
    """Begin to grade and be killed, some times over; returns how many had been examined by then."""
    for seconds in KILLED_AFTER:
        grading = multiprocessing.get_context("spawn").Process(
            target=grade, args=(folder,), kwargs={"course": course}
        )
        grading.start()
        grading.join(seconds)
        grading.kill()
        grading.join()
    return len([*(course / "results").glob("*.json")])


def main() -> None:
    """Make, grade, compare, record."""
    with tempfile.TemporaryDirectory() as directory:
        folder, course = Path(directory) / "in", Path(directory) / "course"
        folder.mkdir()
        course.mkdir()
        released = gradebook.PROJECT_FOLDER / "notebooks" / "assignment"
        expected = write_class(folder, released / "spatial_transformer.ipynb")
        start = time.monotonic()
        examined_when_killed = grade_and_kill(folder, course)
        rows = grade(folder, course=course)
        total_seconds = time.monotonic() - start
    print(report.grades_table(rows))
    print(report.misconceptions_summary(rows))
    earned = {
        row.result.student: sum(c.points for c in row.result.checks if c.passed) for row in rows
    }
    unexpected = {
        name: [points, earned.get(name)]
        for name, points in expected.items()
        if points != earned.get(name)
    }
    seconds = [row.result.seconds for row in rows]
    record = {
        "experiment": "grading a class",
        "submissions": len(rows),
        "other_than_expected": unexpected,
        "killed": {"times": len(KILLED_AFTER), "examined_by_then": examined_when_killed},
        "minutes_in_all": round(total_seconds / 60, 1),
        "seconds_each": {
            "median": statistics.median(seconds),
            "most": max(seconds),
            "right_median": statistics.median(
                row.result.seconds for row in rows if row.result.student.startswith("right")
            ),
        },
        "at_once": os.cpu_count(),
        **records.provenance(torch.device("cpu")),
    }
    records.write_record(records.record_path("grading"), record)
    print(record)


if __name__ == "__main__":
    main()
