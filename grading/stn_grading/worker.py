"""The process in which a student's code runs: it executes cells and answers questions.

Nothing of the teachers' package is within its reach, and of the lesson a copy without the answers
(`lesson_copy`). `sandbox` starts it with the folder of that copy; it says so when it is ready; from
then on a line of JSON comes in, a line goes out. Whatever the code prints goes to stderr, and it
finds nothing to read on stdin.

Each stage of an examination has a process of its own, a copy of this one. There what solves a task
in one call is taken away for good before the first cell runs: operators of torch lose their
kernels, and no other program can be started that has them still.
"""

import ctypes
import errno
import json
import os
import platform
import struct
import sys
import warnings
from collections.abc import Callable

if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])  # where the lesson's copy stands

import torch
import torch._decomp.decompositions
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import stn_lesson.plots  # noqa: F401 (once for all stages)
from stn_lesson.assignment import messages
from stn_lesson.assignment.questions import (
    MAX_ERROR_LENGTH,
    SOLVED_IN_ONE_CALL,
    Answer,
    ask,
)

GB = 2**30
STAGE_ENDED = 77  # the exit status of a stage that went to its end
# What solves a task: torch's operators whose names begin so, and what to call them.
REFUSED_OPERATORS = {
    "grid_sampler": "grid_sample",
    "_grid_sampler": "grid_sample",
    "cudnn_grid_sampler": "grid_sample",
    "affine_grid_generator": "affine_grid",
    "cudnn_affine_grid_generator": "affine_grid",
    "upsample_trilinear3d": "interpolate",
}
KEYS = ("CPU", "AutogradCPU", "CompositeExplicitAutograd", "Meta")
# What Python asks its audit hooks about; another program would have all operators.
REFUSED_EVENTS = {
    "subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn",
    "ctypes.dlopen", "ctypes.dlsym", "ctypes.cdata", "ctypes.call_function",
}  # fmt: skip
EXEC_CALLS = {  # the processor's number in Linux, those of execve and execveat
    "x86_64": (0xC000003E, 59, 322),
    "aarch64": (0xC00000B7, 221, 281),
}
REFUSED = "stn_lesson.refused"  # the event of a call of what solves a task
NO_PROGRAMS = "no other program can be started, and no library opened, while this is graded"
SEED_STEP = 1_000_003  # between the seeds of one training and the next


def main() -> None:
    """Serve stages until stdin ends, each in a process of its own."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    empty_input = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty_input, 0)
    os.dup2(2, 1)
    limit_resources()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))

    def reply(message: dict) -> None:
        replies.write(json.dumps(message).encode() + b"\n")
        replies.flush()

    reply({"ready": True})
    for line in requests:
        child = os.fork()
        if not child:
            try:
                serve_stage(json.loads(line), requests, reply)
                os._exit(STAGE_ENDED)
            finally:
                os._exit(1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != STAGE_ENDED:  # the student's code has ended it
            os._exit(status if status >= 0 else 128 - status)


def serve_stage(stage: dict, requests, reply: Callable[[dict], None]) -> None:
    """Run the cells and answer the questions of a stage, until it is said to end.

    Args:
        stage: its first message: what is lent in it, see `lent.lending`.
        requests: where the others come from.
        reply: sends an answer.
    """
    refused = []

    def watch(event: str, details: tuple) -> None:
        if event == REFUSED:
            refused.append(details[0])
        elif event in REFUSED_EVENTS:
            raise PermissionError(NO_PROGRAMS)

    refuse_operators(tuple(stage["allowed"]))
    shell = make_shell()
    refuse_programs()
    sys.addaudithook(watch)  # it stays as long as the process
    reply({})
    for line in requests:
        message = json.loads(line)
        if "end" in message:
            reply({})
            return
        if "run" in message:
            reply(shell.run(message["run"], message.get("training", 0)))
        elif "lend" in message:
            lent = {}
            exec(message["source"], lent)
            shell.user_ns.update({name: lent[name] for name in message["lend"]})
            reply({})
        else:
            refused.clear()
            answer = ask(messages.question_from_json(message), shell.user_ns)
            if refused:  # whatever was made of the error
                answer = Answer(error=SOLVED_IN_ONE_CALL.format(name=refused[0]))
            reply(messages.answer_to_json(answer))


class NotebookShell(InteractiveShell):
    """Runs cells as a notebook does; what needs a screen or a program is left out, and told."""

    def run(self, cell: str, training: int = 0) -> dict:
        """Run a cell; returns its error, if there was one, and what was left out of it.

        Args:
            cell: its source.
            training: how often it was run before: every seed that it sets is another then.
        """
        self.left_out, manual_seed = [], torch.manual_seed
        if training:
            torch.manual_seed = lambda seed: manual_seed(int(seed) + training * SEED_STEP)
        try:
            result = self.run_cell(cell)
        finally:
            torch.manual_seed = manual_seed
        error = result.error_before_exec or result.error_in_exec
        words = error and f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH]
        return {"error": words, "left_out": self.left_out[:10]}

    def enable_gui(self, gui=None):
        """Do nothing: there is no window here."""

    def run_line_magic(self, magic_name, line, _stack_depth=1):
        """Run a magic, or leave it out and go on: no task needs one."""
        try:
            return super().run_line_magic(magic_name, line, _stack_depth + 1)
        except Exception:
            self.left_out.append(f"%{magic_name} {line}".strip()[:60])

    def system(self, command):
        """Leave out what a notebook would hand to the system."""
        self.left_out.append(f"!{command}"[:60])

    getoutput = system


def make_shell() -> NotebookShell:
    """A shell with no history and no colours."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    return NotebookShell.instance(config=config)


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


def refuse_operators(allowed: tuple[str, ...]) -> None:
    """Take operators of torch away, in every thread and for good; those allowed stay."""
    library = torch._C._dispatch_library("IMPL", "aten", "", __file__, 0)
    # Nobody may find it, for with it the kernels would come back: it lives, and nothing holds it.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))
    for name in torch._C._dispatch_get_all_op_names():
        operator = name.removeprefix("aten::")
        known = next((begin for begin in REFUSED_OPERATORS if operator.startswith(begin)), None)
        if known is None or operator.startswith(allowed):
            continue
        for key in KEYS:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    library.impl(operator, key, _refusal(REFUSED_OPERATORS[known]), False)
            except RuntimeError:
                pass  # there is no such kernel, nor can there be
    for name, function in vars(torch._decomp.decompositions).items():
        if name.lstrip("_").startswith(tuple(REFUSED_OPERATORS)) and callable(function):
            while hasattr(function, "__wrapped__"):
                function = function.__wrapped__
            function.__code__ = _refuse_decomposition.__code__


def _refusal(name: str) -> Callable:
    def refuse(*_, **__):
        sys.audit(REFUSED, name)
        raise RuntimeError(SOLVED_IN_ONE_CALL.format(name=name))

    return refuse


def _refuse_decomposition(*_, **__):
    import sys

    sys.audit("stn_lesson.refused", "a decomposition")
    raise RuntimeError("it is refused")


def refuse_programs() -> None:
    """Let the system refuse to start another program, where it can (Linux, two processors)."""
    if platform.machine() not in EXEC_CALLS or sys.platform != "linux":
        return
    architecture, execve, execveat = EXEC_CALLS[platform.machine()]
    load, equals, at_least, give = 0x20, 0x15, 0x35, 0x06  # of the Berkeley packet filter
    allow, refuse = 0x7FFF0000, 0x00050000 | errno.EPERM
    program = [
        (load, 0, 0, 4), (equals, 0, 5, architecture),
        (load, 0, 0, 0), (at_least, 3, 0, 0x40000000), (equals, 2, 0, execve),
        (equals, 1, 0, execveat), (give, 0, 0, allow), (give, 0, 0, refuse),
    ]  # fmt: skip
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    code = ctypes.create_string_buffer(code, len(code))
    whole = struct.pack("HP", len(program), ctypes.addressof(code))
    prctl = ctypes.CDLL(None).prctl
    prctl(38, 1, 0, 0, 0)  # no new privileges
    prctl(22, 2, ctypes.c_char_p(whole), 0, 0)  # a filter of system calls


if __name__ == "__main__":
    sys.exit(main())
