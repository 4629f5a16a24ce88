import json

import pytest
import torch

from stn_lesson.assignment import wire
from stn_lesson.assignment.questions import Answer
from stn_lesson.assignment.tasks import TASKS


def test_every_question_arrives_as_it_was_sent():
    for task in TASKS:
        for check in task.checks:
            question = check.question(3)
            line = json.dumps(wire.question_message(question))
            arrived = wire.message_question(wire.read(line))
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
    arrived = wire.message_answer(wire.read(json.dumps(wire.answer_message(answer))))
    assert torch.equal(arrived.value, answer.value) and arrived.gradients[0] is None
    assert torch.equal(arrived.gradients[1], answer.gradients[1])
    assert wire.message_answer({"error": "no"}) == Answer(error="no")


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
    with pytest.raises(wire.WireError):
        wire.message_answer({"value": value})


@pytest.mark.parametrize("line", ["", "x", "[1]", "3", "[" * 100_000])
def test_what_is_no_message_is_refused(line):
    with pytest.raises(wire.WireError):
        wire.read(line)
