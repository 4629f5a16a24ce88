"""One submission, examined: its cells are run in a sandbox, its answers are judged outside."""

import time
from dataclasses import dataclass
from itertools import groupby

from stn_grading.lent import lending
from stn_grading.results import CheckResult, ExaminationResult
from stn_grading.sandbox import Worker, WorkerError
from stn_grading.submissions import Submission
from stn_grading.tasks import TASKS, Check, Task
from stn_lesson.assignment import messages
from stn_lesson.assignment.judging import Verdict, judge
from stn_lesson.assignment.questions import Answer
from stn_lesson.assignment.verdict import SOLVED

MAX_WORKER_STARTS = 8  # before the rest of a submission is given up
TRAINING_TASK = "model"  # the cell that trains, and its task
MAX_TRAININGS = 3  # of a network that fails: each with other seeds
CHECKED_TASKS = [task for task in TASKS if task.checks]


@dataclass(frozen=True)
class Limits:
    """How long a submission may take, in seconds.

    Attributes:
        cell: for a cell.
        training: for the cell that trains.
        question: for an answer.
        total: for all together.
    """

    cell: float = 30
    training: float = 240
    question: float = 20
    total: float = 480


class _WorkerLost(Exception):
    """The process is gone, and who is to blame is settled: start another for what is left."""


class Examination:
    """The examination of one submission; `run` does it."""

    def __init__(
        self, submission: Submission, setup: str, seed: int, limits: Limits, trust: bool = False
    ):
        """One that is about to begin.

        Args:
            submission: what to examine.
            setup: the code that comes before all of it: the assignment's imports.
            seed: of the hidden checks.
            limits: of time.
            trust: run it without a sandbox.
        """
        self.submission, self.limits, self.trust, self.seed = submission, limits, trust, seed
        self.cells = [("setup", setup), *submission.cells]
        self.fatal_cells: set[int] = set()  # those that have ended the process
        self.failed_cells: set[int] = set()  # those whose failure was told: each is told once
        self.verdicts: dict[tuple[str, str], Verdict] = {}
        self.flags, self.notes = list(submission.flags), list(submission.notes)

    def run(self) -> list[CheckResult]:
        """Run all cells, put all questions; start again without what ended the process."""
        self.deadline = time.monotonic() + self.limits.total
        starts = 0
        while self._open_checks() and starts < MAX_WORKER_STARTS and self._seconds_left() > 0:
            starts += 1
            try:
                with Worker(self.trust) as worker:
                    self._examine_in(worker)
            except _WorkerLost:
                continue
            except WorkerError as error:
                self._flag(str(error))
        for task, check in self._open_checks():
            late = Answer(error="not examined: the submission took too long or kept ending")
            self._judge(task, check, late)
        return [
            CheckResult(
                task.name, check.name, check.points, verdict.passed, verdict.message,
                verdict.misconception,
            )
            for task in CHECKED_TASKS
            for check in task.checks
            for verdict in [self.verdicts[task.name, check.name]]
        ]  # fmt: skip

    def _seconds_left(self) -> float:
        return self.deadline - time.monotonic()

    def _open_checks(self) -> list[tuple[Task, Check]]:
        """The checks that have no verdict yet."""
        return [
            (task, check)
            for task in CHECKED_TASKS
            for check in task.checks
            if (task.name, check.name) not in self.verdicts
        ]

    def _examine_in(self, worker: Worker) -> None:
        """Stage by stage: tasks that are lent the same are asked in one process of their own."""
        for _, stage in groupby(CHECKED_TASKS, key=lambda task: task.lent):
            tasks = list(stage)
            checks = [(task, check) for task, check in self._open_checks() if task in tasks]
            if not checks:
                continue
            lent, trains = list(tasks[0].lent), tasks[0].name == TRAINING_TASK
            if trains:
                lent = [t.name for t in CHECKED_TASKS[:-1] if not self._is_solved(t)]
            self._control(worker, lending(lent))
            self._run_functions(worker)
            if lent:
                self._control(worker, lending(lent))
            if trains:
                self._train(worker, checks, lent)
            else:
                for task, check in checks:
                    self._ask(worker, task, check)
            self._control(worker, {"end": True})

    def _control(self, worker: Worker, message: dict) -> None:
        """Begin or end a stage, or lend to it: if that fails, another process must be started."""
        try:
            self._exchange(worker, message, self.limits.cell)
        except WorkerError as error:
            raise _WorkerLost from error

    def _training_cells(self) -> list[int]:
        return [k for k, (name, source) in enumerate(self.cells) if _is_training(name, source)]

    def _run_functions(self, worker: Worker) -> None:
        """Run all cells but those that train."""
        training = self._training_cells()
        for number in range(len(self.cells)):
            if number not in training:
                # What comes after the training may well miss it: that is no news.
                before_training = number < min(training, default=len(self.cells))
                self._run_cell(worker, number, note_error=before_training)

    def _train(self, worker: Worker, checks: list[tuple[Task, Check]], lent: list[str]) -> None:
        """Run the cells that train and judge the network; if it fails, with other seeds again."""
        if lent:
            names = ", ".join(lent)
            self._note(f"trained with right versions of {names}, so that they cost nothing here")
        for training in range(MAX_TRAININGS):
            start = time.monotonic()
            for number in self._training_cells():
                self._run_cell(worker, number, training=training)
            for task, check in checks:
                self._ask(worker, task, check)
            verdicts = {(t, c): self.verdicts[t.name, c.name] for t, c in checks}
            checks = [check for check, verdict in verdicts.items() if not verdict.passed]
            was_asked = all(verdict.answer.seen for verdict in verdicts.values())
            if not checks or not was_asked or time.monotonic() - start > self._seconds_left():
                break
        if training:
            self._note(f"trained {training + 1} times, with other seeds: at first it failed")

    def _is_solved(self, task: Task) -> bool:
        return all(self.verdicts[task.name, check.name].passed for check in task.checks)

    def _run_cell(
        self, worker: Worker, number: int, note_error: bool = True, training: int = 0
    ) -> None:
        """Run a cell, unless it has ended the process before; `training` changes its seeds."""
        name, source = self.cells[number]
        if number in self.fatal_cells:
            return
        trains = _is_training(name, source)
        try:
            limit = self.limits.training if trains else self.limits.cell
            reply = self._exchange(worker, {"run": source, "training": training}, limit)
            if str(reply.get("error")).startswith("MemoryError"):
                raise WorkerError("no memory was left, and none would be for what follows")
        except WorkerError as error:
            self.fatal_cells.add(number)
            self._flag(f"{_describe_cell(name, source)} was stopped: {error}")
            raise _WorkerLost from error
        cell, error, left_out = (
            _describe_cell(name, source),
            reply.get("error"),
            reply.get("left_out"),
        )
        if note_error and isinstance(error, str) and number not in self.failed_cells:
            if not (self.failed_cells and error.startswith("NameError")):  # which follows from it
                self._note(f"{cell} failed: {error[:200]}")
            self.failed_cells.add(number)
        for line in left_out if isinstance(left_out, list) else []:
            self._note(f"{cell}: {str(line)[:60]} was left out, since there is no screen here")

    def _ask(self, worker: Worker, task: Task, check: Check) -> None:
        """Put a check's question and judge the answer."""
        message = messages.question_to_json(check.question(self.seed))
        try:
            reply = self._exchange(worker, message, self.limits.question)
            answer = messages.answer_from_json(reply)
        except (WorkerError, messages.MessageError) as error:
            self._judge(task, check, Answer(error=f"stopped: {error}"))
            self._flag(f"{task.name} was stopped: {error}")
            raise _WorkerLost from error
        self._judge(task, check, answer)

    def _exchange(self, worker: Worker, message: dict, limit: float) -> dict:
        return worker.exchange(message, min(limit, max(1.0, self._seconds_left())))

    def _judge(self, task: Task, check: Check, answer: Answer) -> None:
        earlier = (self.verdicts.get((task.name, other.name)) for other in task.checks)
        suspected = next((v.misconception for v in earlier if v and not v.passed), None)
        question, expectation = check.question(self.seed), task.expectation(check, self.seed)
        verdict = judge(question, answer, expectation, suspected)
        self.verdicts[task.name, check.name] = verdict
        if verdict.misconception == SOLVED:
            self._flag(f"{task.name} {verdict.message.split(',')[0]}")

    def _flag(self, words: str) -> None:
        if words not in self.flags:
            self.flags.append(words)

    def _note(self, words: str) -> None:
        if words not in self.notes:
            self.notes.append(words)


def _describe_cell(name: str, source: str) -> str:
    """A cell in words: by its name, or by how it begins."""
    return f"the cell {name}" if name else f"the cell that begins {source.split(chr(10))[0][:60]!r}"


def _is_training(name: str, source: str) -> bool:
    return name == TRAINING_TASK or "fit(" in source


def examine(
    submission: Submission,
    setup: str,
    released_cells: dict[str, str],
    seed: int = 0,
    limits: Limits = Limits(),
    trust: bool = False,
) -> ExaminationResult:
    """Examine a submission; whatever it does, this returns.

    Args:
        submission: what to examine.
        setup: as in `Examination`.
        released_cells: sources of the cells as they were handed out, by name: an answer in words
            that equals its cell was not written.
        seed: of the hidden checks.
        limits: of time.
        trust: run it without a sandbox.
    """
    start = time.monotonic()
    result = ExaminationResult(submission.student, submission.entry, submission.fingerprint)
    if submission.file is not None:
        examination = Examination(submission, setup, seed, limits, trust)
        result.checks = examination.run()
        result.flags, result.notes = examination.flags, examination.notes
    else:
        result.flags, result.notes = submission.flags, submission.notes
    result.written_answers = {
        name: words
        for name, words in submission.written_answers.items()
        if words.strip() and words.strip() != released_cells.get(name, "").strip()
    }
    result.seconds = round(time.monotonic() - start, 1)
    return result
