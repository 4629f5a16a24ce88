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
from grading.trial_hub import PASSWORD, Hub, Student, running_hub
from lab import open_notebook, running_chromium
from latency import measure

from stn_lesson.experiments import records
from stn_lesson.files import lesson_folder

NOTEBOOK = lesson_folder().parent / "notebooks" / "01_affine_theta.ipynb"
NOTEBOOK_CELLS = [
    "".join(cell["source"])
    for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    if cell["cell_type"] == "code"
]
PICTURE_CODE = {
    "warp explorer": ("from stn_lesson.widgets import *\nimport stn_lesson as stn\n"
                      "WarpExplorer(stn.house())", None),
    "fool the network: the network's view": (
        "from stn_lesson import experiments\nfrom stn_lesson.widgets import *\n"
        "import stn_lesson as stn\n"
        "FoolTheNetwork(experiments.pretrained('cluttered'), stn.load_digits().test)", 1),
}  # fmt: skip
TRAINING_CODE = """
import time, torch, stn_lesson as stn
from stn_lesson import experiments
data, schedule = experiments.load_recipe("digits")
torch.manual_seed(0)
start = time.monotonic()
stn.fit(stn.RecipeSTN(), data, **schedule)
print(time.monotonic() - start)
"""


class ClassOnHub:
    """The students who have logged in, and how long each took to start."""

    def __init__(self, hub):
        self.hub, self.students, self.start_seconds, self.notebook_seconds = hub, [], [], []
        self.memory_before = free_memory()

    def log_in_together(self, count: int) -> None:
        """So many students log in at once; each runs the notebook to its end."""
        names = [f"student{len(self.students) + k:03d}" for k in range(count)]
        new = [Student(self.hub, name) for name in names]
        with ThreadPoolExecutor(count) as pool:
            self.start_seconds.append(list(pool.map(Student.start, new)))
            self.notebook_seconds.append(list(pool.map(open_notebook_01, new)))
        self.students += new
        each = (self.memory_before - free_memory()) / len(self.students)
        print(f"{len(self.students)} students, {each:.0f} MB each", flush=True)


def lower_priority(hub: Hub) -> None:
    """Give what the hub has started the lowest priority."""
    hub_process = psutil.Process(hub.pid)
    for process in (hub_process, *hub_process.children(recursive=True)):
        with suppress(OSError):  # it has ended meanwhile
            Path(f"/proc/{process.pid}/autogroup").write_text("19")


def lower_own_priority() -> None:
    """Give this process, which drags, the lowest priority."""
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
    for code in NOTEBOOK_CELLS:
        student.start_cell(code)
        printed, widgets = student.wait_for_cell()
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
        ProcessPoolExecutor(1, get_context("spawn"), lower_own_priority) as pool,
        Manager() as manager,
    ):
        stop = manager.Event()
        drag_future = pool.submit(drag_with_all, students, stop)
        try:
            yield counts
        finally:
            stop.set()
            counts += drag_future.result()


def drag_with_all(students: list[Student], stop) -> list[float]:
    """Drag for all students until `stop` is set; returns messages a second of each."""
    with ThreadPoolExecutor(max(1, len(students))) as pool:
        return list(pool.map(lambda student: drag_slider(student, stop), students))


def drag_slider(student: Student, stop) -> float:
    """Drag for one student until `stop` is set; returns messages a second."""
    student.connect()
    start, sent = time.monotonic(), 0
    for alpha in itertools.cycle([*range(-90, 90, 3), *range(90, -90, -3)]):
        begun, alpha = time.monotonic(), math.radians(alpha)
        theta = [math.cos(alpha), -math.sin(alpha), 0, math.sin(alpha), math.cos(alpha), 0]
        change = {"method": "update", "state": {"theta": theta}, "buffer_paths": []}
        student.send_message("comm_msg", {"comm_id": student.widgets[-1], "data": change})
        student.receive_replies()
        sent += 1
        if sent % 20 == 0 and stop.is_set():
            break
        time.sleep(max(0, begun + 1 / 50 - time.monotonic()))
    student.socket.close()
    return sent / (time.monotonic() - start)


def measure_pictures(chromium, hub, number: int) -> dict:
    """What the student at the browser feels, in each of the pictures."""
    student = Student(hub, f"browser{number}")
    student.start()
    felt = {}
    for k, (name, (code, which)) in enumerate(PICTURE_CODE.items()):
        write = {"type": "notebook", "format": "json", "content": notebook(code)}
        hub.request("PUT", f"/user/{student.name}/api/contents/lesson/notebooks/p{k}.ipynb", write)
        page = chromium.new_page(viewport={"width": 1280, "height": 1100})
        path = f"/user/{student.name}/lab/tree/lesson/notebooks/p{k}.ipynb?reset"
        page.goto(f"http://{hub.address}/hub/login")
        page.fill("input[name=username]", student.name)
        page.fill("input[name=password]", PASSWORD)
        page.click("input[type=submit]")
        open_notebook(page, f"http://{hub.address}{path}", ".jp-CodeCell")
        page.click(".jp-CodeCell >> nth=0")
        page.keyboard.press("Shift+Enter")
        page.wait_for_selector(".stn-live canvas", timeout=180_000)
        page.wait_for_timeout(3000)
        lower_priority(hub)
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
    return float(student.run_cell(TRAINING_CODE).split()[-1])


def measure_situation(classroom: ClassOnHub, chromium, drag: int, train: int) -> dict:
    """Measure while `drag` students drag and `train` others train."""
    drags, trains = classroom.students[:drag], classroom.students[drag : drag + train]
    with ThreadPoolExecutor(max(1, train)) as pool:
        training = [pool.submit(train_once, student) for student in trains]
        with dragging(drags) as messages:
            felt = measure_pictures(chromium, classroom.hub, drag * 1000 + train)
        seconds = [ended.result() for ended in training]
    row = {"students": len(classroom.students), "dragging": drag, "training": train, "felt": felt}
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
        classroom, rows = ClassOnHub(hub), []
        classroom.log_in_together(1)
        memory = classroom.memory_before - free_memory()
        rows.append(measure_situation(classroom, chromium, 0, 0))
        classroom.log_in_together(9)
        rows.append(measure_situation(classroom, chromium, 5, 0))
        while len(classroom.students) < students and free_memory() > 3000:
            classroom.log_in_together(10)
        each = (classroom.memory_before - free_memory()) / len(classroom.students)
        for drags, trainings in ((0, 0), (5, 0), (10, 0), (0, 2), (5, 2), (5, 5)):
            rows.append(measure_situation(classroom, chromium, drags, trainings))
        version = chromium.version
    first_of_ten = 1 + (len(classroom.start_seconds) > 2)  # the groups before are smaller
    starts = list(itertools.chain(*classroom.start_seconds[first_of_ten:]))
    openings = list(itertools.chain(*classroom.notebook_seconds[first_of_ten:]))
    record = {
        "experiment": "a class on a hub",
        "how": __doc__.split("\n\n", 1)[1].strip(),
        "students": len(classroom.students),
        "memory_mb": {
            "of_the_machine": round(classroom.memory_before),
            "the_first_student": round(memory),
            "each_of_all": round(each),
        },
        "server_start_seconds": {
            "alone": round(classroom.start_seconds[0][0], 1),
            "ten_at_once_median": round(statistics.median(starts), 1),
            "ten_at_once_most": round(max(starts), 1),
        },
        "notebook_01_seconds": {
            "alone": round(classroom.notebook_seconds[0][0], 1),
            "ten_at_once_median": round(statistics.median(openings), 1),
        },
        "situations": rows,
        "cores": os.cpu_count(),
        "browser": f"Chromium {version}, headless, on the same machine",
        **records.provenance(torch.device("cpu")),
    }
    records.write_record(records.record_path("hub"), record)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
