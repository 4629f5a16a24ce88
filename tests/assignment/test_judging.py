"""The right solution passes, every known mistake is called by its name, and nothing else is."""

import re

import pytest
import torch
from assignment.solutions import MISTAKES, solution

import stn_lesson as stn
from stn_lesson.assignment import judging
from stn_lesson.assignment.questions import Answer, Question, ask, given
from stn_lesson.assignment.right import RIGHT
from stn_lesson.assignment.tasks import TASKS

WRITTEN = ("meshgrid", "bilinear_sample", "warp", "SpatialTransformer")
BY_NAME = {task.name: task for task in TASKS}


def names(*sources):
    found = {"torch": torch, "nn": torch.nn}
    for source in sources:
        exec(source, found)
    return found


def verdicts(task, found, seed=0):
    task = BY_NAME[task]
    judged, suspected = {}, None
    with given(found, {name: RIGHT[name] for name in task.given}):
        for check in task.checks:
            question = check.question(seed)
            verdict = judging.judge(task, check, question, ask(question, found), suspected)
            judged[check.name], suspected = verdict, suspected or verdict.misconception
    return judged


def test_the_assignment_is_worth_20_points():
    assert sum(task.points for task in TASKS) == 20


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("task", WRITTEN)
def test_the_reference_solution_is_right(task, seed):
    judged = verdicts(task, names(*map(solution, WRITTEN)), seed)
    assert all(verdict.passed for verdict in judged.values()), judged


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("task", "mistake", "fails", "changes"), MISTAKES, ids=[f"{m[0]}: {m[1]}" for m in MISTAKES]
)
def test_a_mistake_is_called_by_its_name(task, mistake, fails, changes, seed):
    judged = verdicts(task, names(solution(task, *changes)), seed)
    failed = {name: verdict for name, verdict in judged.items() if not verdict.passed}
    assert list(failed) == [BY_NAME[task].checks[int(k)].name for k in fails]
    values = {n: v for n, v in failed.items() if "gradient" not in n} or failed
    assert mistake in {verdict.misconception for verdict in values.values()}
    others = {verdict.misconception for verdict in values.values()} - {mistake}
    assert not others, others


def test_every_named_mistake_is_tried():
    tried = {(task, mistake) for task, mistake, *_ in MISTAKES}
    for task in TASKS:
        for mistake in task.mistakes:
            if task.name in WRITTEN:
                assert (task.name, mistake.name) in tried, mistake.name


def test_a_mistake_in_one_task_costs_nothing_in_the_next():
    wrong = solution("meshgrid", ("[x.flatten(), y.flatten()", "[y.flatten(), x.flatten()"))
    found = names(wrong, solution("bilinear_sample"), solution("warp"))
    assert all(verdict.passed for verdict in verdicts("warp", found).values())
    assert not verdicts("meshgrid", found)[
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
    judged = verdicts("meshgrid", names(blank))
    assert {(v.points, v.says) for v in judged.values()} == {(0, "not written yet")}
    judged = verdicts("warp", names())
    assert {v.says for v in judged.values()} == {"not written yet: there is no warp"}


@pytest.mark.parametrize(
    ("source", "says"),
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
def test_what_is_told_of_other_mistakes(source, says):
    (first, *_) = verdicts("meshgrid", names(source)).values()
    assert not first.passed and re.search(says, first.says), first.says


@pytest.mark.parametrize(
    ("right", "points", "mistake"), [(510, 2, None), (450, 1, "accuracy"), (51, 0, "guessing")]
)
def test_a_network_is_judged_by_what_it_names(right, points, mistake):
    labels = stn.load_digits().test.labels
    said = torch.where(torch.arange(len(labels)) < right, labels, (labels + 1) % 10)
    scores = torch.nn.functional.one_hot(said, 10).float()

    class Says(torch.nn.Module):
        def forward(self, images):
            self.seen = getattr(self, "seen", 0)
            part = scores[self.seen % len(scores) :][: len(images)]
            self.seen += len(images)
            return part

    judged = verdicts("model", {"model": Says()})
    assert sum(verdict.points for verdict in judged.values()) == points
    assert {v.misconception for v in judged.values() if not v.passed} == ({mistake} - {None})


def test_a_network_that_is_none_or_answers_in_another_form_is_told():
    (first, _) = verdicts("model", {"model": 3}).values()
    assert first.says == "model must be a network, got int"
    (first, _) = verdicts("model", {"model": torch.nn.Flatten()}).values()
    assert "class scores must have shape (N, 10), got (510, 2304)" in first.says


def test_a_question_leaves_its_arguments_as_they_were():
    image = torch.ones(1, 1, 2, 2)
    ask(Question("call", "spoil", (image,)), {"spoil": lambda x: x.zero_()})
    assert image.eq(1).all()


def test_lent_functions_go_back():
    found = {"meshgrid": 1}
    with given(found, {"meshgrid": 2, "warp": 3}):
        assert found == {"meshgrid": 2, "warp": 3}
    assert found == {"meshgrid": 1}


def test_an_answer_of_another_shape_gets_no_gradient():
    task = BY_NAME["warp"]
    check = task.checks[-1]
    verdict = judging.judge(task, check, check.question(), Answer(torch.zeros(1), [None, None]))
    assert verdict.misconception == "shape" and "the shape should be" in verdict.says
