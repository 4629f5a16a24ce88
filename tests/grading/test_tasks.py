"""The right solution passes, every known mistake is called by its name, and nothing else is."""

import re
from dataclasses import is_dataclass

import pytest
import torch
from grading.mistakes import MISTAKES
from grading.reference_notebook import run_cells, solution

import stn_lesson as stn
from stn_grading.lent import LENT, lending
from stn_grading.tasks import PRACTICE, TASKS
from stn_grading.tasks.task import VISIBLE_SEED
from stn_lesson.assignment import visible_checks
from stn_lesson.assignment.digit_scenes import judged_scenes
from stn_lesson.assignment.judging import judge
from stn_lesson.assignment.judging_network import judge_network
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


def test_the_assignment_is_worth_20_points_and_a_blank_page_none():
    assert sum(task.points for task in TASKS) == 20
    assert not any(task.points for task in PRACTICE) and not any(task.practice for task in TASKS)


@pytest.mark.parametrize("seed", [VISIBLE_SEED, 0, 1, 2, 3])
@pytest.mark.parametrize("task", CODED_TASKS)
def test_the_reference_solution_is_right(task, seed):
    verdicts = judge_checks(task, run_cells(*map(solution, CODED_TASKS)), seed)
    assert all(verdict.passed for verdict in verdicts.values()), verdicts


@pytest.mark.parametrize("seed", [VISIBLE_SEED, 0, 1, 2])
@pytest.mark.parametrize(
    ("task", "mistake", "fails", "changes"), MISTAKES, ids=[f"{m[0]}: {m[1]}" for m in MISTAKES]
)
def test_a_mistake_fails_the_same_checks_with_every_seed_and_is_called_by_its_name(
    task, mistake, fails, changes, seed
):
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
        "two rows of points"
    ].passed  # its own stays its own


def test_the_numbers_of_a_question_change_with_the_seed():
    for task in TASKS:
        for check in task.checks:
            drawn = [check.question(seed).arguments for seed in (VISIBLE_SEED, *range(6))]
            assert len({repr(arguments) for arguments in drawn}) > 1, check.name


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
            "the shape should be \\(3, \\d+\\), yours is",
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


SCENES = judged_scenes(0)
RIGHT_SCORES = torch.nn.functional.one_hot(SCENES.labels, 10).float()
IDENTITY = stn.affine_theta()


def looking(follows=1.0, right=1.0, gradient=1.0, views=None, **seen):
    """What a network answers whose frame follows so much of the digit's way, and reads so many."""
    places = SCENES.poses[:, :, 2:]
    theta = torch.cat([0.6 * torch.eye(2).expand(len(places), 2, 2), follows * places], -1)
    shown = stn.warp(stn.to_floats(SCENES.images), theta, size=(20, 20))
    wrong = torch.arange(len(SCENES)) >= right * len(SCENES)
    scores = torch.where(wrong[:, None], RIGHT_SCORES.roll(1, 1), RIGHT_SCORES)
    numbers = (theta - IDENTITY).flatten(1)
    return Answer(
        seen.get("scores", scores),
        [torch.full((50, 6), gradient)],
        seen=(seen.get("numbers", numbers), shown if views is None else views),
    )


@pytest.mark.parametrize(
    ("answer", "earned", "mistake", "told"),
    [
        (looking(), 2, None, "its frame follows 1.00 of the digit's way in x, 1.00 in y"),
        (looking(right=0.8), 1, "accuracy", "it names 80.0 % of the digits, not 92 %"),
        (looking(right=0.1), 0, "guessing", "hardly better than guessing"),
        (looking(follows=0.3), 0, "does not follow", "0.30 of the digit's way"),
        (looking(follows=0.0, gradient=0.0), 0, "gradient cut", "no gradient comes through"),
        (looking(views=torch.ones(1020, 1, 20, 20)), 0, "other view", "what its θ shows"),
        (looking(views=torch.ones(1020, 20, 20)), 0, "shape", "must return views (N, 1, H, W)"),
        (looking(scores=torch.ones(1020, 9)), 0, "shape", "must have shape (N, 10)"),
        (looking(numbers=torch.ones(1020, 3)), 0, "shape", "must return (N, 6)"),
        (looking(numbers=torch.full((1020, 6), torch.nan)), 0, "not finite", "NaN"),
        (Answer(RIGHT_SCORES), 0, "shape", "must return (N, 6)"),
    ],
)
def test_a_network_is_judged_by_where_it_looks_and_what_it_reads(answer, earned, mistake, told):
    verdicts = [judge_network(answer, 0, least) for least in (None, 0.92)]
    assert sum(verdict.passed for verdict in verdicts) == earned
    assert {v.misconception for v in verdicts if not v.passed} == {mistake} - {None}
    assert told in " ".join(verdict.message for verdict in verdicts), verdicts


def test_a_network_that_is_none_or_has_no_transformer_is_told():
    (first, _) = judge_checks("model", {"model": 3}).values()
    assert first.message == "model must be a network, got int"
    (first, _) = judge_checks("model", {"model": torch.nn.Flatten()}).values()
    assert first.message.startswith("there is no transformer in model: put your SpatialTransformer")


def test_an_answer_of_another_shape_gets_no_gradient():
    task = TASK_BY_NAME["warp"]
    check = task.checks[-1]
    answer = Answer(torch.zeros(1), [None, None])
    verdict = judge(check.question(), answer, task.expectation(check))
    assert verdict.misconception == "shape" and "the shape should be" in verdict.message


@pytest.mark.parametrize("task", CODED_TASKS)
def test_what_is_lent_is_right(task):
    sent = {}
    exec(lending(list(LENT))["source"], sent)
    for lent in (dict(LENT_FUNCTIONS), sent):
        verdicts = judge_checks(task, lent, seed=5)
        assert all(verdict.passed for verdict in verdicts.values()), verdicts


def test_the_visible_checks_in_git_are_those_of_the_tasks():
    checked = [task for task in (*TASKS, *PRACTICE) if task.checks]
    assert visible_checks.task_names() == [task.name for task in checked], RELEASE
    for task in checked:
        stored = visible_checks.load_task(task.name)
        assert (stored.lent, stored.practice) == (task.lent, task.practice), RELEASE
        for check, stored_check in zip(task.checks, stored.checks, strict=True):
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
