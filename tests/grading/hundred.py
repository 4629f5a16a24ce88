"""A class of a hundred, graded: how long it takes, and whether anybody is lost.

    python tests/grading/hundred.py

It makes a hundred submissions (right, blank, every known mistake, hostile, damaged, no notebooks),
each of the right ones with a training in full, grades them as `python3 run.py grade` does, checks
the points of each, and writes data/results/grading.json.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from assignment.solutions import MISTAKES, solution
from grading.handing_in import hand_in

from stn_grading import gradebook, report
from stn_grading.grade import grade
from stn_lesson.assignment.tasks import TASKS
from stn_lesson.experiments import records

TRAINS = solution("model")
HOSTILE = {
    "loop": {"warp": "while True: pass"},
    "exit": {"warp": "import os; os._exit(0)"},
    "memory": {"warp": "hoard = []\nwhile True: hoard.append(bytearray(10**8))"},
    "flood": {"warp": "print('x' * 100_000_000)"},
    "allclose": {
        "warp": "torch.allclose = lambda *a, **k: True\ndef warp(*words): return words[0]"
    },
    "borrowed": {"warp": "def warp(i, t, h, w): return stn.warp(i, t, (h, w))"},
}


def make(folder: Path, release: Path, count: int = 100) -> dict[str, float]:
    """Hand in; returns the points that each should get from the checks."""
    wanted, best = {}, sum(check.points for task in TASKS for check in task.checks)

    def put(name, points, changes, **more):
        hand_in(folder / f"{name}_{len(wanted):03d}.ipynb", release, changes, **more)
        wanted[f"{name}_{len(wanted):03d}"] = points

    for k, (task, _, fails, changes) in enumerate(MISTAKES):
        put(f"mistake{k}", best - len(fails), {task: solution(task, *changes)})
    for name, changes in HOSTILE.items():
        put(name, best - 4, {"model": TRAINS} | changes)
    for name, suffix, content in (("pdf", ".pdf", b"%PDF"), ("damaged", ".ipynb", b"{")):
        (folder / f"{name}_{len(wanted):03d}{suffix}").write_bytes(content)
        wanted[f"{name}_{len(wanted):03d}"] = 0
    (folder / f"blank_{len(wanted):03d}.ipynb").write_bytes(release.read_bytes())
    wanted[f"blank_{len(wanted):03d}"] = 0
    while len(wanted) < count:
        put("right", best, {"model": TRAINS})
    return wanted


def main() -> None:
    """Make, grade, compare, record."""
    with tempfile.TemporaryDirectory() as made:
        folder, course = Path(made) / "in", Path(made) / "course"
        folder.mkdir()
        course.mkdir()
        release = gradebook.HOUSE / "notebooks" / "assignment" / "spatial_transformer.ipynb"
        wanted = make(folder, release)
        start = time.monotonic()
        rows = grade(folder, course=course)
        whole = time.monotonic() - start
    print(report.table(rows))
    print(report.traps(rows))
    got = {
        row.examined.student: sum(c.points for c in row.examined.checks if c.passed) for row in rows
    }
    other = {
        name: [points, got.get(name)] for name, points in wanted.items() if got.get(name) != points
    }
    seconds = [row.examined.seconds for row in rows]
    record = {
        "experiment": "grading a class",
        "submissions": len(rows),
        "other_than_expected": other,
        "minutes_in_all": round(whole / 60, 1),
        "seconds_each": {
            "median": statistics.median(seconds),
            "most": max(seconds),
            "right_median": statistics.median(
                row.examined.seconds for row in rows if row.examined.student.startswith("right")
            ),
        },
        "at_once": os.cpu_count(),
        **records.provenance(torch.device("cpu")),
    }
    records.write_record(records.DATA / "results" / "grading.json", record)
    print(record)


if __name__ == "__main__":
    main()
