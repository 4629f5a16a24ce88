"""The checks that a student runs in the notebook, with messages that teach."""

from IPython.display import display

from stn_lesson.assignment.judging import Verdict, first_wrong, judge
from stn_lesson.assignment.questions import ask, given
from stn_lesson.assignment.right import RIGHT
from stn_lesson.assignment.tasks import TASKS
from stn_lesson.plots import BLUE, ORANGE, Picture


class NotYet(AssertionError):
    """A solution is not right yet. A notebook shows the message alone, not the way to it."""

    def _render_traceback_(self) -> list[str]:
        return [f"Not yet. {self}"]


def check(name: str, solution) -> None:
    """Put the visible checks of a task to a solution and say what is right and what is not.

    As when it is graded, a task finds right versions of those before it.

    Args:
        name: of the task, "meshgrid".
        solution: the function, class or network that was written for it.

    Raises:
        NotYet: something is not right yet.

    >>> from stn_lesson.grid import meshgrid
    >>> check("meshgrid", meshgrid)
    ✓ two rows of three points
    When it is graded: a larger grid; a side of one pixel.
    """
    tasks = {task.name: task for task in TASKS if task.checks}
    if name not in tasks:
        raise ValueError(f"name must be one of {', '.join(tasks)}, got {name!r}")
    task, failed = tasks[name], []
    for one in task.checks:
        if one.visible:
            question = one.question()
            suspected = failed[0].misconception if failed else None
            lent = {other: RIGHT[other] for other in task.given if question.kind != "predict"}
            with given(_variables(solution), lent):
                answer = ask(question, {name: solution})
            verdict = judge(task, one, question, answer, suspected)
            print(f"{'✓' if verdict.passed else '✗'} {one.name}" + _because(verdict))
            if not verdict.passed:
                failed.append(verdict)
    later = "; ".join(one.name for one in task.checks if not one.visible)
    print(f"When it is graded: {later}.")
    for verdict in failed:
        picture = compared(verdict)
        if picture is not None:
            display(picture)
    if failed:
        raise NotYet(f"{name}: {failed[0].says}")


def _variables(solution) -> dict:
    """The variables that a function or a class finds by name."""
    function = getattr(solution, "forward", solution)
    return getattr(function, "__globals__", {})


def _because(verdict: Verdict) -> str:
    return "" if verdict.says == "right" else f": {verdict.says}"


def compared(verdict: Verdict) -> Picture | None:
    """A picture that was expected beside the one that came, its first wrong pixel framed."""
    value, expected = verdict.answer.value, verdict.expected
    if value is None or expected is None or expected.ndim != 4 or value.shape != expected.shape:
        return None
    image, channel, row, column = first_wrong(value, expected)
    alt = (
        f"Expected beside yours, image {image}, channel {channel}; framed: the first wrong pixel, "
        f"row {row}, column {column}."
    )
    figure = Picture(6, 3, alt)
    shown = (("expected", expected, BLUE), ("yours", value, ORANGE))
    for k, (title, pictures, colour) in enumerate(shown, 1):
        axes = figure.add_subplot(1, 2, k)
        axes.imshow(pictures[image, channel], cmap="gray", vmin=0, vmax=1)
        axes.set(title=title, xticks=[], yticks=[])
        axes.add_patch(_frame(column, row, colour))
    return figure


def _frame(column: int, row: int, colour: str):
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, lw=3, edgecolor=colour)
