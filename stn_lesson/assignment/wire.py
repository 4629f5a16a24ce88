"""Questions and answers as lines of JSON: data only, so that reading one can run nothing."""

import base64
import json
import math

import torch
from torch import Tensor

from stn_lesson.assignment.questions import Answer, Question

TYPES = {"float32": torch.float32, "float64": torch.float64, "int64": torch.int64}


class WireError(ValueError):
    """A line that is no message."""


def pack(value):
    """A value as what JSON can hold.

    >>> unpack(pack((torch.ones(2), 3, None)))
    (tensor([1., 1.]), 3, None)
    """
    if isinstance(value, Tensor):
        value = value.detach().cpu().contiguous()
        name = str(value.dtype).removeprefix("torch.")
        if name not in TYPES:
            value, name = value.float(), "float32"
        data = base64.b64encode(value.numpy().tobytes()).decode()
        return {"shape": list(value.shape), "type": name, "data": data}
    if isinstance(value, list | tuple):
        return [pack(one) for one in value]
    return value


def unpack(value):
    """What `pack` made of a value, lists as tuples.

    Raises:
        WireError: it is something else.
    """
    if isinstance(value, list):
        return tuple(unpack(one) for one in value)
    if not isinstance(value, dict):
        return value
    try:
        shape, kind = [int(side) for side in value["shape"]], TYPES[value["type"]]
        data = bytearray(base64.b64decode(value["data"], validate=True))
        if min(shape, default=1) < 0 or len(data) != math.prod(shape) * kind.itemsize:
            raise ValueError("as many bytes as elements")
        if not data:
            return torch.empty(shape, dtype=kind)
        return torch.frombuffer(data, dtype=kind).reshape(shape)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise WireError(f"no tensor: {error}") from error


def read(line: bytes | str) -> dict:
    """A line as a message.

    Raises:
        WireError: it is none.
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WireError("no JSON") from error
    if not isinstance(message, dict):
        raise WireError("no message")
    return message


def question_message(question: Question) -> dict:
    """A question as a message."""
    return {
        "kind": question.kind,
        "name": question.name,
        "arguments": pack(question.arguments),
        "weights": pack(question.weights),
    }


def message_question(message: dict) -> Question:
    """The question of a message."""
    arguments, weights = unpack(message["arguments"]), unpack(message["weights"])
    return Question(message["kind"], message["name"], arguments, weights)


def answer_message(answer: Answer) -> dict:
    """An answer as a message."""
    return {
        "value": pack(answer.value),
        "gradients": pack(answer.gradients),
        "error": answer.error,
    }


def message_answer(message: dict) -> Answer:
    """The answer of a message; whatever the sender made of it, it holds what it should hold.

    Raises:
        WireError: it does not.
    """
    value, gradients = unpack(message.get("value")), unpack(message.get("gradients"))
    error = message.get("error")
    tensors = [x for x in (value, *(gradients or ())) if x is not None]
    if not all(isinstance(x, Tensor) for x in tensors) or not isinstance(error, str | None):
        raise WireError("no answer")
    if value is None and error is None:
        raise WireError("an answer without a value")
    floats = [None if x is None else x.float() for x in (gradients or ())]
    return Answer(None if value is None else value.float(), floats, error)
