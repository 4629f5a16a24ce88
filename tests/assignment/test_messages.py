import json

import pytest
import torch

from stn_grading.tasks import TASKS
from stn_lesson.assignment import messages
from stn_lesson.assignment.questions import Answer


def test_every_question_arrives_as_it_was_sent():
    for task in TASKS:
        for check in task.checks:
            question = check.question(3)
            line = json.dumps(messages.question_to_json(question))
            arrived = messages.question_from_json(messages.read_message(line))
            assert (arrived.kind, arrived.name) == (question.kind, question.name)
            pairs = zip(
                (*question.arguments, question.weights), (*arrived.arguments, arrived.weights),
                strict=True,
            )  # fmt: skip
            for sent, came in pairs:
                same = torch.equal(sent, came) if isinstance(sent, torch.Tensor) else sent == came
                assert same


def test_an_answer_arrives_as_it_was_sent():
    answer = Answer(torch.rand(2, 3), [None, torch.rand(2)], None)
    arrived = messages.answer_from_json(
        messages.read_message(json.dumps(messages.answer_to_json(answer)))
    )
    assert torch.equal(arrived.value, answer.value) and arrived.gradients[0] is None
    assert torch.equal(arrived.gradients[1], answer.gradients[1])
    assert messages.answer_from_json({"error": "no"}) == Answer(error="no")


@pytest.mark.parametrize(
    "value",
    [
        {"shape": [2], "type": "float32", "data": "AAAA"},
        {"shape": [-1], "type": "float32", "data": ""},
        {"shape": [10**12], "type": "float32", "data": ""},
        {"shape": [1], "type": "object", "data": "AAAA"},
        {"shape": "x", "type": "float32", "data": ""},
        {"shape": [0], "type": "float32", "data": 3},
        {},
        3,
        [3],
        None,
    ],
)
def test_what_is_no_answer_is_refused(value):
    with pytest.raises(messages.MessageError):
        messages.answer_from_json({"value": value})


@pytest.mark.parametrize("line", ["", "x", "[1]", "3", "[" * 100_000])
def test_what_is_no_message_is_refused(line):
    with pytest.raises(messages.MessageError):
        messages.read_message(line)
