"""How many students one machine holds: python tests/grading/hub_load.py [STUDENTS]

A hub from grading/hub, and students who each have notebook 01 open, run to its end, pictures and
all. One of them sits at a real browser on the same machine and moves sliders (tests/browser's
measure), while others do nothing, drag a slider too (their messages come to the kernel as fast as
it answers, at most 50 a second), or train the network of notebook 05. What the hub has started
steps back behind the browser, which in a class runs on a computer of its own. As root (for that).
Written to data/results/hub.json.
"""

import itertools
import json
import math
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import Manager, get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))

import psutil
import torch
from grading.hubs import PASSWORD, Hub, Student, running_hub
from lab import open_notebook, running_chromium
from latency import measure

from stn_lesson.experiments import records

NOTEBOOK = records.DATA.parent / "notebooks" / "01_affine_theta.ipynb"
CELLS = [
    "".join(cell["source"])
    for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    if cell["cell_type"] == "code"
]
PICTURES = {
    "warp explorer": ("from stn_lesson.widgets import *\nimport stn_lesson as stn\n"
                      "WarpExplorer(stn.house())", None),
    "fool the network: the network's view": (
        "from stn_lesson import experiments\nfrom stn_lesson.widgets import *\n"
        "import stn_lesson as stn\n"
        "FoolTheNetwork(experiments.pretrained('cluttered'), stn.load_digits().test)", 1),
}  # fmt: skip
TRAINING = """
import time, torch, stn_lesson as stn
from stn_lesson import experiments
data, schedule = experiments.load_recipe("digits")
torch.manual_seed(0)
start = time.monotonic()
stn.fit(stn.RecipeSTN(), data, **schedule)
print(time.monotonic() - start)
"""


class Load:
    """The class, how it came, and what it is doing."""

    def __init__(self, hub):
        self.hub, self.students, self.seconds, self.opening = hub, [], [], []
        self.before = free_memory()

    def come(self, together: int) -> None:
        """So many students log in at once; each runs the notebook to its end."""
        names = [f"student{len(self.students) + k:03d}" for k in range(together)]
        new = [Student(self.hub, name) for name in names]
        with ThreadPoolExecutor(together) as pool:
            self.seconds.append(list(pool.map(Student.start, new)))
            self.opening.append(list(pool.map(open_notebook_01, new)))
        self.students += new
        each = (self.before - free_memory()) / len(self.students)
        print(f"{len(self.students)} students, {each:.0f} MB each", flush=True)


def step_back(hub: Hub) -> None:
    """Give what the hub has started the lowest priority."""
    whole = psutil.Process(hub.pid)
    for process in (whole, *whole.children(recursive=True)):
        with suppress(OSError):  # it has ended meanwhile
            Path(f"/proc/{process.pid}/autogroup").write_text("19")


def hands() -> None:
    """A process for the hands of those who drag steps back, too."""
    os.setsid()
    Path("/proc/self/autogroup").write_text("19")


def free_memory() -> float:
    """MB that programs can still have."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("MemAvailable"))


def open_notebook_01(student: Student) -> float:
    """Run the notebook; returns the seconds it took."""
    start = time.monotonic()
    student.open_kernel()
    student.widgets = []
    for code in CELLS:
        student.begin(code)
        printed, widgets = student.end()
        assert "Error" not in printed, printed
        student.widgets += widgets
    return time.monotonic() - start


@contextmanager
def dragging(students: list[Student]):
    """Students who drag the rotation of their picture to and fro, in a process of their own.

    Yields a list; when they have stopped, the messages of each in a second are in it.
    """
    counts = []
    for student in students:  # a socket cannot go there with them
        student.socket = None
    with (
        ProcessPoolExecutor(1, get_context("spawn"), hands) as pool,
        Manager() as manager,
    ):
        over = manager.Event()
        dragged = pool.submit(drag_all, students, over)
        try:
            yield counts
        finally:
            over.set()
            counts += dragged.result()


def drag_all(students: list[Student], over) -> list[float]:
    """Drag with many hands until it is over."""
    with ThreadPoolExecutor(max(1, len(students))) as pool:
        return list(pool.map(lambda student: drag(student, over), students))


def drag(student: Student, over) -> float:
    """Drag with one hand; returns messages a second."""
    student.connect()
    start, sent = time.monotonic(), 0
    for alpha in itertools.cycle([*range(-90, 90, 3), *range(90, -90, -3)]):
        begun, alpha = time.monotonic(), math.radians(alpha)
        theta = [math.cos(alpha), -math.sin(alpha), 0, math.sin(alpha), math.cos(alpha), 0]
        change = {"method": "update", "state": {"theta": theta}, "buffer_paths": []}
        student.tell("comm_msg", {"comm_id": student.widgets[-1], "data": change})
        student.hear()
        sent += 1
        if sent % 20 == 0 and over.is_set():
            break
        time.sleep(max(0, begun + 1 / 50 - time.monotonic()))
    student.socket.close()
    return sent / (time.monotonic() - start)


def look(chromium, hub, number: int) -> dict:
    """What the student at the browser feels, in each of the pictures."""
    student = Student(hub, f"browser{number}")
    student.start()
    felt = {}
    for k, (name, (code, which)) in enumerate(PICTURES.items()):
        write = {"type": "notebook", "format": "json", "content": notebook(code)}
        hub.ask("PUT", f"/user/{student.name}/api/contents/lesson/notebooks/p{k}.ipynb", write)
        page = chromium.new_page(viewport={"width": 1280, "height": 1100})
        path = f"/user/{student.name}/lab/tree/lesson/notebooks/p{k}.ipynb?reset"
        page.goto(f"http://{hub.place}/hub/login")
        page.fill("input[name=username]", student.name)
        page.fill("input[name=password]", PASSWORD)
        page.click("input[type=submit]")
        open_notebook(page, f"http://{hub.place}{path}", ".jp-CodeCell")
        page.click(".jp-CodeCell >> nth=0")
        page.keyboard.press("Shift+Enter")
        page.wait_for_selector(".stn-live canvas", timeout=180_000)
        page.wait_for_timeout(3000)
        step_back(hub)
        felt[name] = measure(page, "rotation", which)
        page.close()
    student.stop()
    return felt


def notebook(code: str) -> dict:
    """A notebook of one cell."""
    cell = {"cell_type": "code", "id": "one", "metadata": {}, "source": code, "outputs": []}
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    cells = [cell | {"execution_count": None}]
    return {"nbformat": 4, "nbformat_minor": 5, "cells": cells, "metadata": {"kernelspec": kernel}}


def train_once(student: Student) -> float:
    """Seconds of a training."""
    student.connect()
    return float(student.run(TRAINING).split()[-1])


def situation(load: Load, chromium, drag: int, train: int) -> dict:
    """Measure while `drag` students drag and `train` others train."""
    drags, trains = load.students[:drag], load.students[drag : drag + train]
    with ThreadPoolExecutor(max(1, train)) as pool:
        training = [pool.submit(train_once, student) for student in trains]
        with dragging(drags) as messages:
            felt = look(chromium, load.hub, drag * 1000 + train)
        seconds = [ended.result() for ended in training]
    row = {"students": len(load.students), "dragging": drag, "training": train, "felt": felt}
    if messages:
        row["messages_a_second_each"] = round(statistics.median(messages), 1)
    if seconds:
        row["training_seconds"] = [round(s) for s in seconds]
    print(json.dumps(row), flush=True)
    return row


def main(students: int) -> None:
    """Fill the class, measure, write the record."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_hub(Path(folder)) as hub,
        running_chromium() as chromium,
    ):
        load, rows = Load(hub), []
        load.come(1)
        memory = load.before - free_memory()
        rows.append(situation(load, chromium, 0, 0))
        load.come(9)
        rows.append(situation(load, chromium, 5, 0))
        while len(load.students) < students and free_memory() > 3000:
            load.come(10)
        each = (load.before - free_memory()) / len(load.students)
        for drags, trainings in ((0, 0), (5, 0), (10, 0), (0, 2), (5, 2), (5, 5)):
            rows.append(situation(load, chromium, drags, trainings))
        version = chromium.version
    ten = range(1 + (len(load.seconds) > 2), len(load.seconds))  # the groups of ten
    starts = [seconds for k in ten for seconds in load.seconds[k]]
    openings = [seconds for k in ten for seconds in load.opening[k]]
    record = {
        "experiment": "a class on a hub",
        "how": __doc__.split("\n\n", 1)[1].strip(),
        "students": len(load.students),
        "memory_mb": {
            "of_the_machine": round(load.before),
            "the_first_student": round(memory),
            "each_of_all": round(each),
        },
        "server_start_seconds": {
            "alone": round(load.seconds[0][0], 1),
            "ten_at_once_median": round(statistics.median(starts), 1),
            "ten_at_once_most": round(max(starts), 1),
        },
        "notebook_01_seconds": {
            "alone": round(load.opening[0][0], 1),
            "ten_at_once_median": round(statistics.median(openings), 1),
        },
        "situations": rows,
        "cores": os.cpu_count(),
        "browser": f"Chromium {version}, headless, on the same machine",
        **records.provenance(torch.device("cpu")),
    }
    records.write_record(records.DATA / "results" / "hub.json", record)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
