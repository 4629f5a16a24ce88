"""What hostile or broken code does to its own grade, and to nothing else."""

import os
import time

import pytest
from grading.make_submissions import TRAINED_MODEL, make_submission
from grading.reference_notebook import solution

from stn_grading import sandbox
from stn_grading.examine import Limits, examine
from stn_grading.tasks import TASKS

pytestmark = pytest.mark.skipif(
    not sandbox.find_bubblewrap() and not os.environ.get("CI"), reason="no bubblewrap here"
)
SETUP = (
    "import torch\nfrom torch import nn\nimport stn_lesson as stn\n"
    "from stn_lesson.assignment import check, scenes"
)
FULL_POINTS = {"meshgrid": 3, "bilinear_sample": 5, "warp": 4, "SpatialTransformer": 3, "model": 2}
# Only what has no end may meet a limit, however busy the machine; see `short_limit_where`.
LIMITS = Limits(cell=600, training=600, question=600, total=3600)


@pytest.fixture
def short_limit_where(monkeypatch):
    """A function that gives 5 seconds to the messages for which a condition holds."""
    exchange = sandbox.Worker.exchange

    def shorten(condition):
        def exchange_in_time(worker, message, seconds):
            return exchange(worker, message, 5 if condition(message) else seconds)

        monkeypatch.setattr(sandbox.Worker, "exchange", exchange_in_time)

    return shorten


def runs_a_loop(message):
    return "while True" in message.get("run", "")


def asks_one_column(message):
    return message.get("name") == "meshgrid" and message["arguments"][1] == 1


def examined(changes=None, **settings):
    result = examine(make_submission(changes), SETUP, {}, limits=LIMITS, **settings)
    return result, {task.name: result.points(task.name) for task in TASKS if task.checks}


def extended(task, code):
    return {task: solution(task) + "\n" + code}


def test_the_reference_gets_full_marks():
    result, points = examined()
    assert points == FULL_POINTS and not result.flags, (result.flags, result.notes)


def test_a_slow_start_costs_nothing(monkeypatch):
    slow = ["sh", "-c", 'sleep 6; exec "$@"', "sh", *sandbox.worker_command()]
    monkeypatch.setattr(sandbox, "worker_command", lambda trust: slow)
    start = time.monotonic()
    with sandbox.Worker():
        assert time.monotonic() - start >= 6  # no cell is run, and no limit counts, before
    result, points = examined()
    assert points == FULL_POINTS and not result.flags, (result.flags, result.notes)


def test_a_process_that_does_not_start_is_told(monkeypatch):
    monkeypatch.setattr(sandbox, "worker_command", lambda trust: ["sh", "-c", "exit 3"])
    result, points = examined()
    assert not any(points.values())
    assert result.flags == ["the process did not start: the process ended (exit status 3)"]


def test_a_loop_without_end_costs_its_cell_and_nothing_else(short_limit_where):
    short_limit_where(runs_a_loop)
    result, points = examined({"warp": "while True:\n    pass"})
    assert points == FULL_POINTS | {"warp": 0}
    assert any("warp was stopped: it took longer than 5 seconds" in flag for flag in result.flags)


def test_a_loop_without_end_in_an_answer_costs_its_check(short_limit_where):
    short_limit_where(asks_one_column)
    result, points = examined(
        {"meshgrid": extended("meshgrid", "right = meshgrid\ndef meshgrid(height, width):\n"
         "    while width == 1: pass\n    return right(height, width)")["meshgrid"]}
    )  # fmt: skip
    assert points == FULL_POINTS | {"meshgrid": 2} and result.flags


def test_a_loop_that_catches_interrupts_ends_too(short_limit_where):
    short_limit_where(runs_a_loop)
    forever = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    start = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    _, points = examined({"bilinear_sample": start + forever})
    assert points == FULL_POINTS | {"bilinear_sample": 0}


def test_ending_the_process_ends_only_that():
    result, points = examined({"meshgrid": "import os\nos._exit(0)"})
    assert points == FULL_POINTS | {"meshgrid": 0}
    assert any("meshgrid was stopped: the process ended" in flag for flag in result.flags)


def test_a_memory_bomb_meets_its_limit():
    result, points = examined({"warp": "hoard = []\nwhile True: hoard.append(bytearray(10**8))"})
    assert points == FULL_POINTS | {"warp": 0}
    assert any("warp was stopped: " in flag for flag in result.flags)


def test_a_flood_of_output_is_cut():
    result, points = examined(extended("warp", "print('x' * 100_000_000)"))
    assert points == FULL_POINTS | {"warp": 0}
    assert any("warp was stopped: it printed more than 10 MB" in flag for flag in result.flags)


TRICKS = """
torch.allclose = lambda *a, **k: True
torch.isclose = lambda a, b, **k: a == a
torch.Tensor.__eq__ = lambda self, other: True
import stn_lesson.assignment.judging as judging
judging.is_close = lambda a, b: True
judging.judge = lambda *arguments: judging.Verdict(True)
def check(*words): pass
"""


def test_changed_comparisons_change_nothing():
    wrong = "def meshgrid(height, width): return torch.zeros(3, height * width)"
    _, points = examined({"meshgrid": wrong + TRICKS})
    assert points["meshgrid"] == 0


def test_the_right_answers_cannot_be_borrowed():
    borrowed = {
        "meshgrid": "meshgrid = stn.meshgrid",
        "bilinear_sample": "def bilinear_sample(image, grid):\n"
        "    return nn.functional.grid_sample(image, grid, align_corners=True)",
        "warp": "def warp(image, theta, h, w):\n    return stn.warp(image, theta, (h, w))",
        "SpatialTransformer": "SpatialTransformer = stn.SpatialTransformer",
    }
    result, points = examined(borrowed)
    assert points == {"model": 2} | dict.fromkeys(list(FULL_POINTS)[:4], 0)
    assert "calls meshgrid, which does what you are to write" in result.checks[0].message


def test_the_solutions_cannot_be_imported():
    result, points = examined({"warp": "from stn_grading.tasks.reference import warp"})
    assert points == FULL_POINTS | {"warp": 0}
    assert (
        "the cell warp failed: ModuleNotFoundError: No module named 'stn_grading'" in result.notes
    )


LOOK_AROUND = """
import os, socket
from pathlib import Path
seen = []
for place in ({house!r}, {house!r} + "/grading", {house!r} + "/tests", {house!r} + "/.git",
              {secret!r}, "/root", "/home", "/etc/passwd", "/srv"):
    try:
        seen += [place + "/" + name for name in os.listdir(place)]
    except NotADirectoryError:
        seen.append(place)
    except OSError:
        pass
for place in ("/tmp/x", "/dev/shm/x", {house!r} + "/x", {package!r} + "/x", "/x", "/dev/x"):
    try:
        Path(place).write_text("x")
        seen.append("wrote " + place)
    except OSError:
        pass
try:
    socket.create_connection(("127.0.0.1", {port}), 1)
    seen.append("network")
except OSError:
    pass
raise RuntimeError(" ".join(seen))
"""


def test_code_sees_no_files_but_pythons_and_no_network(tmp_path):
    import socket
    from pathlib import Path

    import stn_lesson

    (tmp_path / "gradebook.db").write_text("secret")
    package = Path(stn_lesson.__file__).parent
    with socket.create_server(("127.0.0.1", 0)) as server:
        look = LOOK_AROUND.format(
            house=str(package.parent), secret=str(tmp_path), package=str(package),
            port=server.getsockname()[1],
        )  # fmt: skip
        result, points = examined({"warp": look})
    (report,) = [note for note in result.notes if "warp failed: RuntimeError" in note]
    seen = set(report.split("RuntimeError: ")[1].split())
    house = str(package.parent)
    allowed = {f"{house}/.venv"}
    allowed |= {"wrote", "/tmp/x", "/dev/shm/x"}
    if house.startswith("/tmp/"):  # what is written there is written to the sandbox's own /tmp
        allowed.add(f"{house}/x")
    assert not any(Path(place).exists() for place in (f"{house}/x", package / "x", "/x"))
    assert "wrote" in seen and all(
        word in allowed or word.startswith("/root/.") or house.startswith(word) for word in seen
    ), seen
    assert not (tmp_path / "x").exists() and points["warp"] == 0


def test_noise_on_the_wire_is_no_answer():
    noise = (
        "import os\nfor wire in range(3, 20):\n    try:\n"
        "        os.write(wire, b'[1, 2]\\n{\"value\": 3}\\n')\n    except OSError: pass"
    )
    result, points = examined(extended("SpatialTransformer", noise))
    assert sum(points.values()) <= sum(FULL_POINTS.values())
    assert result.flags  # shown to a person


def test_a_submission_that_keeps_ending_is_given_up():
    dies = (
        "import os\nclass SpatialTransformer(nn.Module):\n"
        "    def __init__(self, *words): os._exit(1)"
    )
    result, points = examined({"SpatialTransformer": dies})
    assert points == FULL_POINTS | {"SpatialTransformer": 0} and result.flags


def test_a_network_is_trained_with_right_versions_of_what_was_not_solved():
    needs = "warp(torch.zeros(1, 1, 4, 4), torch.eye(2, 3)[None], 2, 2)\n"
    needs += "SpatialTransformer(nn.Flatten(), size=(2, 2))\n"
    wrong = {"warp": "warp = None", "SpatialTransformer": "1 / 0", "model": needs + TRAINED_MODEL}
    result, points = examined(wrong)
    assert points == FULL_POINTS | {"warp": 0, "SpatialTransformer": 0}
    lent = "trained with right versions of warp, SpatialTransformer, so that they cost nothing here"
    assert lent in result.notes


def test_what_needs_a_screen_or_a_program_is_left_out_and_the_other_lines_run():
    needs = "%matplotlib widget\n!pip install torch\n%no_such_magic\n" + solution("warp")
    result, points = examined({"warp": needs})
    assert points == FULL_POINTS and not result.flags
    told = [f"the cell warp: {line} was left out, since there is no screen here" for line in
            ("%matplotlib widget", "!pip install torch", "%no_such_magic")]  # fmt: skip
    assert set(told) <= set(result.notes), result.notes


def test_a_cell_that_fails_is_told_once_and_what_misses_it_is_not():
    wrong = {"meshgrid": "1 / 0", "warp": solution("warp") + "\nmeshgrid(2, 3)"}
    result, points = examined(wrong)
    assert points == FULL_POINTS | {"meshgrid": 0}
    told = [note for note in result.notes if " failed: " in note]
    assert told == ["the cell meshgrid failed: ZeroDivisionError: division by zero"]


def test_a_network_that_fails_is_trained_again_with_other_seeds():
    unlucky = TRAINED_MODEL + (
        "torch.manual_seed(0)\nif torch.initial_seed() < 2_000_000:  # fit(\n"
        "    nn.init.zeros_(localisation[-1].weight)"
    )
    result, points = examined({"model": unlucky})
    assert points == FULL_POINTS
    assert "trained 3 times, with other seeds: at first it failed" in result.notes


def test_without_a_sandbox_nothing_is_graded_unless_it_is_trusted(monkeypatch):
    monkeypatch.setattr(sandbox, "find_bubblewrap", lambda: None)
    with pytest.raises(sandbox.NoSandboxError, match="apt install bubblewrap"):
        sandbox.require_sandbox()
    _, points = examined(trust=True)
    assert points == FULL_POINTS
