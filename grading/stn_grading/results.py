"""What an examination finds, as it is stored and told."""

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class CheckResult:
    """A check's outcome, as it is stored."""

    task: str
    check: str
    points: float
    passed: bool
    message: str
    misconception: str | None


@dataclass
class ExaminationResult:
    """What a submission is worth, as far as a machine can tell.

    Attributes:
        student: who handed it in.
        entry: under which name.
        fingerprint: of what was examined, and how.
        checks: their outcomes.
        written_answers: those that a person must read, by task; unanswered ones are absent.
        flags: what a person should look at.
        notes: what a person may want to know.
        seconds: how long it took.
    """

    student: str
    entry: str
    fingerprint: str
    checks: list[CheckResult] = field(default_factory=list)
    written_answers: dict[str, str] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def points(self, task: str) -> float:
        """What the checks of a task have earned."""
        return sum(check.points for check in self.checks if check.task == task and check.passed)

    def as_dict(self) -> dict:
        """To be written as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict) -> "ExaminationResult":
        """What `as_dict` made of it."""
        checks = [CheckResult(**check) for check in stored["checks"]]
        return cls(**stored | {"checks": checks})
