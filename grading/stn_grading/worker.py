"""The process in which a student's code runs: it executes cells and answers questions.

Nothing of the teachers' package is within its reach. `sandbox` starts it; it says so when it is
ready; from then on a line of JSON comes in, a line goes out. Whatever the code prints goes to
stderr, and it finds nothing to read on stdin.
"""

import json
import os
import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F

import stn_lesson
from stn_lesson.assignment import messages, questions
from stn_lesson.assignment.lent import LENT_FUNCTIONS
from stn_lesson.assignment.questions import MAX_ERROR_LENGTH, ask, lend_functions

GB = 2**30
# What solves a task: the code of a notebook must not call it.
LOCKED_FUNCTIONS = {
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
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    empty_input = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty_input, 0)
    os.dup2(2, 1)
    limit_resources()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    run_cell, names = _make_shell()
    lock_functions(names)

    def reply(message: dict) -> None:
        replies.write(json.dumps(message).encode() + b"\n")
        replies.flush()

    reply({"ready": True})
    for line in requests:
        message = json.loads(line)
        if "run" in message:
            reply({"error": run_cell(message["run"])})
        elif "lend" in message:
            names.update({name: LENT_FUNCTIONS[name] for name in message["lend"]})
            reply({})
        else:
            lent = {name: LENT_FUNCTIONS[name] for name in message["lent"]}
            with lend_functions(names, lent):
                answer = ask(messages.question_from_json(message), names)
            reply(messages.answer_to_json(answer))


def _make_shell() -> tuple[Callable[[str], str | None], dict]:
    """A function that runs a cell as a notebook does and returns its error; and the variables."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        """One that accepts `%matplotlib inline`."""

        def enable_gui(self, gui=None):
            """Do nothing: there is no window here."""

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = Shell.instance(config=config)

    def run_cell(cell: str) -> str | None:
        result = shell.run_cell(cell)
        error = result.error_before_exec or result.error_in_exec
        return error and f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH]

    return run_cell, shell.user_ns


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


def lock_functions(names: dict) -> None:
    """Refuse calls of what solves a task by code whose global variables are these."""
    for module, functions in LOCKED_FUNCTIONS.items():
        for name in functions.split():
            setattr(module, name, _lock(name, getattr(module, name), names))


def _lock(name: str, function: Callable, names: dict) -> Callable:
    callers = (names, questions.__dict__)  # the notebook, and what calls its functions

    def locked(*arguments, **options):
        variables = sys._getframe(1).f_globals
        if any(variables is caller for caller in callers):
            raise RuntimeError(f"{name} is what the assignment asks you to write")
        return function(*arguments, **options)

    return locked


if __name__ == "__main__":
    sys.exit(main())
