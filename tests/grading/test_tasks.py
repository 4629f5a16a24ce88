"""The right solution passes, every known mistake is called by its name, and nothing else is."""

import re
from dataclasses import is_dataclass

import pytest
import torch
from grading.mistakes import MISTAKES
from grading.reference_notebook import run_cells, solution

import stn_lesson as stn
from stn_grading.tasks import PRACTICE, TASKS
from stn_lesson.assignment import visible_checks
from stn_lesson.assignment.judging import judge
from stn_lesson.assignment.lent import LENT_FUNCTIONS
from stn_lesson.assignment.questions import Answer, ask, lend_functions

CODED_TASKS = ("meshgrid", "bilinear_sample", "warp", "SpatialTransformer")
RELEASE = "type: python3 run.py release"
TASK_BY_NAME = {task.name: task for task in TASKS}


def judge_checks(task, variables, seed=0):
    """Put all checks of a task to a notebook's variables; returns the verdict of each."""
    task = TASK_BY_NAME[task]
    verdicts, suspected = {}, None
    with lend_functions(variables, {name: LENT_FUNCTIONS[name] for name in task.lent}):
        for check in task.checks:
            question = check.question(seed)
            expectation = task.expectation(check, seed)
            verdict = judge(question, ask(question, variables), expectation, suspected)
            verdicts[check.name], suspected = verdict, suspected or verdict.misconception
    return verdicts


def points(task, verdicts):
    """What the checks that were passed are worth."""
    checks = TASK_BY_NAME[task].checks
    return sum(check.points for check in checks if verdicts[check.name].passed)


def test_the_assignment_is_worth_20_points_and_a_blank_page_none():
    assert sum(task.points for task in TASKS) == 20
    assert not any(task.points for task in PRACTICE) and not any(task.practice for task in TASKS)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("task", CODED_TASKS)
def test_the_reference_solution_is_right(task, seed):
    verdicts = judge_checks(task, run_cells(*map(solution, CODED_TASKS)), seed)
    assert all(verdict.passed for verdict in verdicts.values()), verdicts


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("task", "mistake", "fails", "changes"), MISTAKES, ids=[f"{m[0]}: {m[1]}" for m in MISTAKES]
)
def test_a_mistake_is_called_by_its_name(task, mistake, fails, changes, seed):
    verdicts = judge_checks(task, run_cells(solution(task, *changes)), seed)
    failed = {name: verdict for name, verdict in verdicts.items() if not verdict.passed}
    assert list(failed) == [TASK_BY_NAME[task].checks[int(k)].name for k in fails]
    values = {n: v for n, v in failed.items() if "gradient" not in n} or failed
    assert mistake in {verdict.misconception for verdict in values.values()}
    others = {verdict.misconception for verdict in values.values()} - {mistake}
    assert not others, others


def test_every_named_mistake_is_tried():
    tried = {(task, mistake) for task, mistake, *_ in MISTAKES}
    for task in TASKS:
        for mistake in task.misconceptions:
            if task.name in CODED_TASKS:
                assert (task.name, mistake.name) in tried, mistake.name


def test_a_mistake_in_one_task_costs_nothing_in_the_next():
    wrong = solution("meshgrid", ("[x.flatten(), y.flatten()", "[y.flatten(), x.flatten()"))
    variables = run_cells(wrong, solution("bilinear_sample"), solution("warp"))
    assert all(verdict.passed for verdict in judge_checks("warp", variables).values())
    assert not judge_checks("meshgrid", variables)[
        "two rows of three points"
    ].passed  # its own stays its own


def test_hidden_questions_change_with_the_seed_and_visible_ones_do_not():
    for task in TASKS:
        for check in task.checks:
            if task.name == "model":
                continue
            first, second = check.question(1), check.question(2)
            same = all(
                torch.equal(a, b) if isinstance(a, torch.Tensor) and a.shape == b.shape else a is b
                or (not isinstance(a, torch.Tensor) and a == b)
                for a, b in zip(first.arguments, second.arguments, strict=True)
            )  # fmt: skip
            if check.visible:
                assert same
            elif check.name != "a side of one pixel":
                assert not same, check.name


def test_what_is_not_written_costs_its_points_and_says_so():
    blank = 'def meshgrid(height, width):\n    raise NotImplementedError("not written yet")'
    verdicts = judge_checks("meshgrid", run_cells(blank))
    assert {(v.passed, v.message) for v in verdicts.values()} == {(False, "not written yet")}
    verdicts = judge_checks("warp", run_cells())
    assert {v.message for v in verdicts.values()} == {"not written yet: there is no warp"}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def meshgrid(height, width): return 3", "a tensor was expected, got int"),
        ("def meshgrid(height, width): return 1 / 0", "ZeroDivisionError: division by zero"),
        ("def meshgrid(): pass", "TypeError: meshgrid\\(\\) takes 0 positional arguments"),
        (
            "def meshgrid(h, w): return torch.zeros(2, 2)",
            "the shape should be \\(3, 6\\), yours is",
        ),
        (
            "def meshgrid(h, w): return torch.zeros(3, h * w)",
            "first difference is at row 0, column 0",
        ),
        ("def meshgrid(h, w): return torch.full((3, h * w), float('nan'))", "yours is nan"),
    ],
)
def test_what_is_told_of_other_mistakes(source, message):
    (first, *_) = judge_checks("meshgrid", run_cells(source)).values()
    assert not first.passed and re.search(message, first.message), first.message


@pytest.mark.parametrize(
    ("right", "earned", "mistake"), [(510, 2, None), (450, 1, "accuracy"), (51, 0, "guessing")]
)
def test_a_network_is_judged_by_what_it_run_cells(right, earned, mistake):
    labels = stn.load_digits().test.labels
    answers = torch.where(torch.arange(len(labels)) < right, labels, (labels + 1) % 10)
    scores = torch.nn.functional.one_hot(answers, 10).float()

    class NamesSomeRightly(torch.nn.Module):
        def forward(self, images):
            self.start = getattr(self, "start", 0)
            part = scores[self.start % len(scores) :][: len(images)]
            self.start += len(images)
            return part

    verdicts = judge_checks("model", {"model": NamesSomeRightly()})
    assert points("model", verdicts) == earned
    assert {v.misconception for v in verdicts.values() if not v.passed} == ({mistake} - {None})


def test_a_network_that_is_none_or_answers_in_another_form_is_told():
    (first, _) = judge_checks("model", {"model": 3}).values()
    assert first.message == "model must be a network, got int"
    (first, _) = judge_checks("model", {"model": torch.nn.Flatten()}).values()
    assert "class scores must have shape (N, 10), got (510, 2304)" in first.message


def test_an_answer_of_another_shape_gets_no_gradient():
    task = TASK_BY_NAME["warp"]
    check = task.checks[-1]
    answer = Answer(torch.zeros(1), [None, None])
    verdict = judge(check.question(), answer, task.expectation(check))
    assert verdict.misconception == "shape" and "the shape should be" in verdict.message


@pytest.mark.parametrize("task", CODED_TASKS)
def test_what_is_lent_is_right(task):
    verdicts = judge_checks(task, dict(LENT_FUNCTIONS), seed=5)
    assert all(verdict.passed for verdict in verdicts.values()), verdicts


def test_the_visible_checks_in_git_are_those_of_the_tasks():
    checked = [task for task in (*TASKS, *PRACTICE) if task.checks]
    assert visible_checks.task_names() == [task.name for task in checked], RELEASE
    for task in checked:
        stored = visible_checks.load_task(task.name)
        assert (stored.lent, stored.practice) == (task.lent, task.practice), RELEASE
        assert stored.hidden == tuple(c.name for c in task.checks if not c.visible), RELEASE
        visible = [check for check in task.checks if check.visible]
        for check, stored_check in zip(visible, stored.visible, strict=True):
            assert stored_check.name == check.name, RELEASE
            assert_same(stored_check.question, check.question())
            assert_same(stored_check.expectation, task.expectation(check))


def assert_same(stored, computed):
    """Dataclasses, tuples and tensors that agree, numbers up to rounding."""
    if isinstance(computed, torch.Tensor):
        assert torch.allclose(stored, computed.float(), atol=1e-6), RELEASE
    elif isinstance(computed, tuple | list):
        assert len(stored) == len(computed), RELEASE
        for a, b in zip(stored, computed, strict=True):
            assert_same(a, b)
    elif is_dataclass(computed):
        assert_same(list(vars(stored).values()), list(vars(computed).values()))
    else:
        assert stored == computed, RELEASE
