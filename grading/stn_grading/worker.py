"""The process in which a student's code runs: it executes cells and answers questions.

It knows no right answer. It is started in a sandbox by `sandbox` and says so when it is ready; from
then on a line of JSON comes in, a line goes out. Whatever the code prints goes to stderr, and it
finds nothing to read on stdin.
"""

import json
import os
import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F

import stn_lesson
from stn_lesson.assignment import questions, wire
from stn_lesson.assignment.questions import LONGEST, ask, given
from stn_lesson.assignment.right import RIGHT

GB = 2**30
# What the assignment asks for must not be borrowed.
BORROWED = {
    stn_lesson: (
        "SpatialTransformer bilinear_sample meshgrid sample sampling_grid thin_plate_grid warp"
    ),
    stn_lesson.grid: "meshgrid sampling_grid",
    stn_lesson.sampler: "bilinear_sample sample warp",
    stn_lesson.transformer: "SpatialTransformer",
    F: "affine_grid grid_sample",
    torch: "affine_grid_generator grid_sampler grid_sampler_2d",
}


def main() -> None:
    """Serve until stdin ends."""
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    limit_resources()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    run, names = _shell()
    lock_the_answers(names)

    def reply(message: dict) -> None:
        outbox.write(json.dumps(message).encode() + b"\n")
        outbox.flush()

    reply({"ready": True})
    for line in inbox:
        message = json.loads(line)
        if "run" in message:
            reply({"error": run(message["run"])})
        elif "lend" in message:
            names.update({name: RIGHT[name] for name in message["lend"]})
            reply({})
        else:
            lent = {name: RIGHT[name] for name in message["given"]}
            with given(names, lent):
                answer = ask(wire.message_question(message), names)
            reply(wire.answer_message(answer))


def _shell() -> tuple[Callable[[str], str | None], dict]:
    """A notebook's kernel without the kernel: something that runs cells, and their variables."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        """One that lets `%matplotlib inline` be."""

        def enable_gui(self, gui=None):
            """Do nothing: there is no window here."""

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = Shell.instance(config=config)

    def run(cell: str) -> str | None:
        result = shell.run_cell(cell)
        error = result.error_before_exec or result.error_in_exec
        return error and f"{type(error).__name__}: {error}"[:LONGEST]

    return run, shell.user_ns


def limit_resources() -> None:
    """Memory, file sizes, processor time: more than the assignment needs, less than harms."""
    import resource

    limits = {
        resource.RLIMIT_DATA: 3 * GB,
        resource.RLIMIT_FSIZE: 50 * 2**20,
        resource.RLIMIT_CPU: 900,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 4096,
    }
    for limit, value in limits.items():
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value))


def lock_the_answers(names: dict) -> None:
    """Keep what solves a task, in the package and in torch, from code with these variables."""
    for module, borrowed in BORROWED.items():
        for name in borrowed.split():
            setattr(module, name, _locked(name, getattr(module, name), names))


def _locked(name: str, function: Callable, names: dict) -> Callable:
    callers = (names, questions.__dict__)  # the notebook, and who asks for what it has borrowed

    def locked(*words, **settings):
        variables = sys._getframe(1).f_globals
        if any(variables is caller for caller in callers):
            raise RuntimeError(f"{name} is what the assignment asks you to write")
        return function(*words, **settings)

    return locked


if __name__ == "__main__":
    sys.exit(main())
