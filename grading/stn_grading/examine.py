"""One submission, examined: its cells are run in a sandbox, its answers are judged outside."""

import time
from dataclasses import asdict, dataclass, field

from stn_grading.sandbox import Worker, WorkerError
from stn_grading.submissions import Submission
from stn_lesson.assignment import wire
from stn_lesson.assignment.judging import Verdict, judge
from stn_lesson.assignment.questions import Answer
from stn_lesson.assignment.tasks import TASKS, Check, Task

STARTS = 8  # of the process, before the rest of a submission is given up
TRAINING = "model"  # the cell that trains, and its task
CHECKED = [task for task in TASKS if task.checks]


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


@dataclass(frozen=True)
class Checked:
    """A check's outcome, as it is kept."""

    task: str
    check: str
    points: float
    passed: bool
    says: str
    misconception: str | None


@dataclass
class Examined:
    """What a submission is worth, as far as a machine can tell.

    Attributes:
        student: who handed it in.
        entry: under which name.
        fingerprint: of what was examined, and how.
        checks: their outcomes.
        written: the answers in words that a person must read, by task; unanswered ones are absent.
        flags: what a person should look at.
        notes: what a person may want to know.
        seconds: how long it took.
    """

    student: str
    entry: str
    fingerprint: str
    checks: list[Checked] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def points(self, task: str) -> float:
        """What the checks of a task have earned."""
        return sum(one.points for one in self.checks if one.task == task and one.passed)

    def as_dict(self) -> dict:
        """To be written as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, kept: dict) -> "Examined":
        """What `as_dict` made of it."""
        checks = [Checked(**one) for one in kept["checks"]]
        return cls(**kept | {"checks": checks})


class _Dead(Exception):
    """The process is gone; what was being done then is settled."""


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
        self.dead: set[int] = set()  # cells that have ended the process
        self.verdicts: dict[tuple[str, str], Verdict] = {}
        self.flags, self.notes = list(submission.flags), list(submission.notes)

    def run(self) -> list[Checked]:
        """Run all cells, put all questions; start again without what ended the process."""
        self.end = time.monotonic() + self.limits.total
        starts = 0
        while self._left() and starts < STARTS and time.monotonic() < self.end:
            starts += 1
            try:
                with Worker(self.trust) as worker:
                    self._serve(worker)
            except _Dead:
                continue
            except WorkerError as error:
                self._flag(str(error))
        for task, check in self._left():
            late = Answer(error="not examined: the submission took too long or kept ending")
            self._judge(task, check, late)
        return [
            Checked(
                task.name, check.name, check.points, verdict.passed, verdict.says,
                verdict.misconception,
            )
            for task in TASKS
            for check in task.checks
            for verdict in [self.verdicts[task.name, check.name]]
        ]  # fmt: skip

    def _left(self) -> list[tuple[Task, Check]]:
        return [
            (task, check)
            for task in CHECKED
            for check in task.checks
            if (task.name, check.name) not in self.verdicts
        ]

    def _serve(self, worker: Worker) -> None:
        """Functions first, then the training: with right versions of what was not solved."""
        training = [k for k, (name, source) in enumerate(self.cells) if _trains(name, source)]
        for number in range(len(self.cells)):
            if number not in training:
                # What comes after the training may well miss it: that is no news.
                self._run(worker, number, told=number < min(training, default=len(self.cells)))
        for task, check in self._left():
            if task.name != TRAINING:
                self._ask(worker, task, check, lent=task.given)
        unsolved = [task.name for task in CHECKED[:-1] if self._failed(task)]
        if unsolved:
            try:
                self._exchange(worker, {"lend": unsolved}, self.limits.cell)
            except WorkerError as error:
                raise _Dead from error
            names = ", ".join(unsolved)
            self._note(f"trained with right versions of {names}, so that they cost nothing here")
        for number in training:
            self._run(worker, number)
        for task, check in self._left():
            self._ask(worker, task, check)

    def _failed(self, task: Task) -> bool:
        return not all(self.verdicts[task.name, check.name].passed for check in task.checks)

    def _run(self, worker: Worker, number: int, told: bool = True) -> None:
        """Run a cell, unless it has ended the process before."""
        name, source = self.cells[number]
        if number in self.dead:
            return
        longest = self.limits.training if _trains(name, source) else self.limits.cell
        try:
            reply = self._exchange(worker, {"run": source}, longest)
            if str(reply.get("error")).startswith("MemoryError"):
                raise WorkerError("no memory was left, and none would be for what follows")
        except WorkerError as error:
            self.dead.add(number)
            self._flag(f"{_called(name, source)} was stopped: {error}")
            raise _Dead from error
        if told and isinstance(reply.get("error"), str):
            self._note(f"{_called(name, source)} failed: {reply['error'][:200]}")

    def _ask(self, worker: Worker, task: Task, check: Check, lent: tuple[str, ...] = ()) -> None:
        """Put a check's question and judge the answer."""
        message = wire.question_message(check.question(self.seed)) | {"given": lent}
        try:
            answer = wire.message_answer(self._exchange(worker, message, self.limits.question))
        except (WorkerError, wire.WireError) as error:
            self._judge(task, check, Answer(error=f"stopped: {error}"))
            self._flag(f"{task.name} was stopped: {error}")
            raise _Dead from error
        self._judge(task, check, answer)

    def _exchange(self, worker: Worker, message: dict, seconds: float) -> dict:
        return worker.exchange(message, min(seconds, max(1.0, self.end - time.monotonic())))

    def _judge(self, task: Task, check: Check, answer: Answer) -> None:
        before = (self.verdicts.get((task.name, one.name)) for one in task.checks)
        suspected = next((v.misconception for v in before if v and not v.passed), None)
        verdict = judge(task, check, check.question(self.seed), answer, suspected)
        self.verdicts[task.name, check.name] = verdict

    def _flag(self, words: str) -> None:
        if words not in self.flags:
            self.flags.append(words)

    def _note(self, words: str) -> None:
        if words not in self.notes:
            self.notes.append(words)


def _called(name: str, source: str) -> str:
    """A cell in words: by its name, or by how it begins."""
    return f"the cell {name}" if name else f"the cell that begins {source.split(chr(10))[0][:60]!r}"


def _trains(name: str, source: str) -> bool:
    return name == TRAINING or "fit(" in source


def examine(
    submission: Submission,
    setup: str,
    untouched: dict[str, str],
    seed: int = 0,
    limits: Limits = Limits(),
    trust: bool = False,
) -> Examined:
    """Examine a submission; whatever it does, this returns.

    Args:
        submission: what to examine.
        setup: as in `Examination`.
        untouched: the cells for answers in words as they were handed out, by task.
        seed: of the hidden checks.
        limits: of time.
        trust: run it without a sandbox.
    """
    start = time.monotonic()
    done = Examined(submission.student, submission.entry, submission.fingerprint)
    if submission.file is not None:
        examination = Examination(submission, setup, seed, limits, trust)
        done.checks = examination.run()
        done.flags, done.notes = examination.flags, examination.notes
    else:
        done.flags, done.notes = submission.flags, submission.notes
    done.written = {
        name: words
        for name, words in submission.written.items()
        if words.strip() and words.strip() != untouched.get(name, "").strip()
    }
    done.seconds = round(time.monotonic() - start, 1)
    return done
