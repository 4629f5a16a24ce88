"""Processes for code that nobody has read: no network, no files but Python's, bounded in time.

On Linux, bubblewrap makes the sandbox. Where it is missing nothing is graded unless the teacher
says that the submissions are trusted; grading/README.md tells how to run all of it in a container.
"""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from stn_grading.lesson_copy import PACKAGE, lesson_copy
from stn_lesson.assignment import messages

WORKER_FILE = Path(__file__).with_name("worker.py")
MAX_REPLY_BYTES = 64 * 2**20
MAX_OUTPUT_BYTES = 10 * 2**20  # that a submission may print
KILLED = "killed, as when memory runs out"
START_TIMEOUT = 120  # seconds: Python and torch from a cold disk, on a busy machine


class WorkerError(RuntimeError):
    """The student's process did not answer; the message says why."""


class NoSandboxError(RuntimeError):
    """There is nothing here to make a sandbox with."""


@cache
def find_bubblewrap() -> str | None:
    """Path of a bubblewrap that works here, or None."""
    found = shutil.which("bwrap")
    if not found:
        return None
    trial = [found, "--ro-bind", "/", "/", "--unshare-all", "--die-with-parent", "true"]
    return found if subprocess.run(trial, capture_output=True).returncode == 0 else None


def require_sandbox() -> None:
    """Raise `NoSandboxError` where no sandbox can be made."""
    if find_bubblewrap():
        return
    why = "bwrap does not work here" if shutil.which("bwrap") else "bwrap is not installed"
    raise NoSandboxError(
        f"there is no sandbox to grade in: {why}. On Debian and Ubuntu: apt install bubblewrap. "
        "Elsewhere grade in a container (grading/README.md). If you have read every submission "
        "and trust it, --trust grades without one."
    )


def worker_command(trust: bool = False) -> list[str]:
    """The command line of a worker, in a sandbox unless its code is trusted."""
    python = [sys.executable, "-I"]
    if trust:
        return [*python, str(WORKER_FILE), str(lesson_copy())]
    readable = ["/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache"]
    readable += ["/etc/alternatives", "/etc/localtime", sys.base_prefix, sys.prefix]
    options = ["--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    options += ["--proc", "/proc", "--dev", "/dev"]
    for path in ("/dev/shm", "/tmp"):
        options += ["--size", str(256 * 2**20), "--tmpfs", path]
    for path in readable:  # after /tmp, where the lesson may stand itself
        options += ["--ro-bind-try", path, path]
    for path in _hidden_folders():
        options += ["--tmpfs", str(path), "--remount-ro", str(path)]
    # Of the lesson a copy without the answers, of the teachers' package this file alone.
    options += ["--ro-bind", str(lesson_copy()), "/lesson"]
    options += ["--ro-bind", str(WORKER_FILE), "/worker.py"]
    options += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    for name, value in worker_environment().items():
        options += ["--setenv", name, value]
    return [find_bubblewrap(), *options, *python, "/worker.py", "/lesson"]


def _hidden_folders() -> list[Path]:
    """What stands among Python's files and is no submission's business.

    The lesson where it is installed there, and what has a sampler of its own.
    """
    packages = Path(sysconfig.get_path("purelib"))
    folders = [PACKAGE, *(packages / name for name in ("scipy", "skimage", "cv2", "kornia"))]
    readable = Path(sys.base_prefix), Path(sys.prefix), Path("/usr")
    return [f for f in folders if f.is_dir() and any(f.is_relative_to(r) for r in readable)]


def worker_environment() -> dict[str, str]:
    """The variables that a worker sees."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": "1",
    }


class Worker:
    """A student's process: messages go in, replies come out, in time or never."""

    def __init__(self, trust: bool = False):
        """Start it."""
        self.process = subprocess.Popen(
            worker_command(trust),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=worker_environment() | ({"PATH": os.environ["PATH"]} if trust else {}),
            start_new_session=True,
        )
        self.replies, self.output_bytes = queue.Queue(), 0
        for reader in (self._read_replies, self._drain_output):
            threading.Thread(target=reader, daemon=True).start()

    def __enter__(self) -> "Worker":
        """Itself, as soon as it is ready: what its start takes is no cell's fault.

        Raises:
            WorkerError: it did not start.
        """
        try:
            self._receive(START_TIMEOUT)
        except WorkerError as error:
            self.__exit__()
            raise WorkerError(f"the process did not start: {error}") from error
        return self

    def __exit__(self, *error) -> None:
        """End it, and with it everything that it has started."""
        with suppress(OSError):  # it may be gone
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with suppress(OSError):
                pipe.close()

    def exchange(self, message: dict, seconds: float) -> dict:
        """Send a message and wait for the reply.

        Raises:
            WorkerError: none came in time, the process ended, or it printed too much.
        """
        threading.Thread(target=self._send, args=(message,), daemon=True).start()
        return self._receive(seconds)

    def _receive(self, seconds: float) -> dict:
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self.replies.get(timeout=max(0.01, min(0.2, deadline - time.monotonic())))
                break
            except queue.Empty:
                self._check_output_limit()
                if time.monotonic() > deadline:
                    raise WorkerError(f"it took longer than {seconds:g} seconds") from None
        if not line:
            raise WorkerError(f"the process ended ({self._describe_end()})")
        self._check_output_limit()  # before somebody else is blamed for it
        try:
            return messages.read_message(line)
        except messages.MessageError as error:
            raise WorkerError("its answer could not be read") from error

    def _check_output_limit(self) -> None:
        if self.output_bytes > MAX_OUTPUT_BYTES:
            raise WorkerError(f"it printed more than {MAX_OUTPUT_BYTES >> 20} MB")

    def _describe_end(self) -> str:
        try:
            status = self.process.wait(5)
        except subprocess.TimeoutExpired:
            return "its output was closed"
        return KILLED if status in (-9, 137) else f"exit status {status}"

    def _send(self, message: dict) -> None:
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()
        except (OSError, ValueError):
            pass  # it has ended: whoever waits for the reply is told

    def _read_replies(self) -> None:
        try:
            while line := self.process.stdout.readline(MAX_REPLY_BYTES):
                self.replies.put(line)
        except (OSError, ValueError):
            pass
        self.replies.put(b"")

    def _drain_output(self) -> None:
        try:
            while chunk := self.process.stderr.read1(65536):
                self.output_bytes += len(chunk)
        except (OSError, ValueError):
            pass
