"""The checks that a student runs in the notebook, with messages that teach."""

import warnings
from collections.abc import Iterator

from IPython.display import display

from stn_lesson.assignment.judging import Verdict, first_wrong, is_grid, judge
from stn_lesson.assignment.lent import LENT_FUNCTIONS
from stn_lesson.assignment.questions import (
    NOT_WRITTEN,
    SOLVED_IN_ONE_CALL,
    ask,
    lend_functions,
)
from stn_lesson.assignment.recording import (
    ASSIGNMENT_FUNCTIONS,
    SOLVING_FUNCTIONS,
    record_calls,
)
from stn_lesson.assignment.verdict import SOLVED
from stn_lesson.assignment.visible_checks import CheckedTask, VisibleCheck, load_task, task_names
from stn_lesson.plots import BLUE, ORANGE, Picture

# What is said of a blank page instead of a list of what is wrong.
NOTHING_TO_JUDGE = {
    NOT_WRITTEN: "Nothing to check yet: write {name} in the cell above, run it, then run this cell "
    "again.",
    SOLVED: "{name} {why}. If it only looks at it, to compare or to draw, do that in another cell.",
}


class NotYet(AssertionError):
    """A solution is not right yet. A notebook shows the message alone, not the way to it."""

    def _render_traceback_(self) -> list[str]:
        return [f"Not yet. {self}"]


def check(name: str, solution) -> None:
    """Put the checks of a task to a solution and say what is right and what is not.

    As when it is graded, a task finds right versions of those before it. A blank page of a
    notebook, "my_sample", is not graded: what is not right there is told, and nothing is raised.

    Args:
        name: of the task, "meshgrid".
        solution: the function, class or network that was written for it.

    Raises:
        NotYet: something is not right yet, in a task that is graded.
        ValueError: there is no such task.

    >>> def my_theta(rotation, scale, translation):
    ...     raise NotImplementedError("not written yet")
    >>> check("my_theta", my_theta)
    Nothing to check yet: write my_theta in the cell above, run it, then run this cell again.
    >>> from stn_lesson.sampler import bilinear_sample
    >>> check("my_sample", bilinear_sample)
    my_sample calls bilinear_sample, which does what you are to write: use smaller pieces. If it \
only looks at it, to compare or to draw, do that in another cell.
    """
    if name not in task_names():
        raise ValueError(f"name must be one of {', '.join(task_names())}, got {name!r}")
    task = load_task(name)
    failed = []
    with warnings.catch_warnings():  # what a solution sets there ends with the check
        verdicts = list(_verdicts(name, task, solution))
    kinds = {verdict.misconception: verdict.message for _, verdict in verdicts}
    if task.practice and (SOLVED in kinds or set(kinds) == {NOT_WRITTEN}):
        known = SOLVED if SOLVED in kinds else NOT_WRITTEN
        print(NOTHING_TO_JUDGE[known].format(name=name, why=kinds[known]))
        return
    for visible, verdict in verdicts:
        reason = "" if verdict.message == "right" else f": {_reason(verdict, visible, failed)}"
        print(f"{'✓' if verdict.passed else '✗'} {visible.name}{reason}")
        if not verdict.passed:
            failed.append(verdict)
    if not task.practice:
        print("When it is graded: the same, with other numbers.")
    for verdict in failed[:1]:
        picture = comparison_picture(verdict)
        if picture is not None:
            display(picture)
    if failed and not task.practice:
        raise NotYet(f"{name}: {failed[0].message}")


def _verdicts(name: str, task: CheckedTask, solution) -> Iterator[tuple[VisibleCheck, Verdict]]:
    """Run the checks one by one."""
    suspected = None  # what the last wrong answer was known by
    refused = SOLVING_FUNCTIONS.get(name, ()) if task.practice else ASSIGNMENT_FUNCTIONS
    for visible in task.checks:
        trained = visible.question.kind == "look"  # with what the notebook has
        lent = {} if trained else {earlier: LENT_FUNCTIONS[earlier] for earlier in task.lent}
        with (
            lend_functions(_global_variables(solution), lent),
            record_calls(refused) as called,
        ):
            answer = ask(visible.question, {name: solution})
        if called:
            reason = SOLVED_IN_ONE_CALL.format(name=called[0])
            verdict = Verdict(False, reason, SOLVED, answer)
        else:
            verdict = judge(visible.question, answer, visible.expectation, suspected)
        suspected = verdict.misconception or suspected
        yield visible, verdict


def _reason(verdict: Verdict, visible: VisibleCheck, failed: list[Verdict]) -> str:
    """Its message, unless that was said before; a wrong value has a wrong gradient, too."""
    known = any(verdict.message == before.message for before in failed)
    if failed and visible.expectation.gradients:
        known = known or verdict.misconception == failed[0].misconception
    return "the same" if known else verdict.message


def _global_variables(solution) -> dict:
    """The variables that a function or a class finds by name."""
    function = getattr(solution, "forward", solution)
    return getattr(function, "__globals__", {})


def comparison_picture(verdict: Verdict) -> Picture | None:
    """The expected picture beside the one that came, the first wrong pixel framed; None if there
    are no two pictures of the same size."""
    value, expected = verdict.answer.value, verdict.expected
    if value is None or expected is None or expected.ndim != 4 or is_grid(expected):
        return None
    if value.shape != expected.shape:
        return None
    image, channel, row, column = first_wrong(value, expected)
    alt = (
        f"Expected beside yours, image {image}, channel {channel}; framed: the first wrong pixel, "
        f"row {row}, column {column}."
    )
    figure = Picture(6, 3, alt)
    panels = (("expected", expected, BLUE), ("yours", value, ORANGE))
    for k, (title, pictures, colour) in enumerate(panels, 1):
        axes = figure.add_subplot(1, 2, k)
        axes.imshow(pictures[image, channel], cmap="gray", vmin=0, vmax=1)
        axes.set(title=title, xticks=[], yticks=[])
        axes.add_patch(_pixel_frame(column, row, colour))
    return figure


def _pixel_frame(column: int, row: int, colour: str):
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, lw=3, edgecolor=colour)
