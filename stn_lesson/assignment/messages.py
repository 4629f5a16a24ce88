"""Questions and answers as JSON: data only, so that reading it can run nothing."""

import base64
import json
import math

import torch
from torch import Tensor

from stn_lesson.assignment.questions import Answer, Question

DTYPES = {"float32": torch.float32, "float64": torch.float64, "int64": torch.int64}


class MessageError(ValueError):
    """What came is no message."""


def to_json(value):
    """A tensor, or a list or tuple of values, as what JSON can hold; others stay as they are.

    >>> from_json(to_json((torch.ones(2), 3, None)))
    (tensor([1., 1.]), 3, None)
    """
    if isinstance(value, Tensor):
        value = value.detach().cpu().contiguous()
        name = str(value.dtype).removeprefix("torch.")
        if name not in DTYPES:
            value, name = value.float(), "float32"
        data = base64.b64encode(value.numpy().tobytes()).decode()
        return {"shape": list(value.shape), "type": name, "data": data}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def from_json(value):
    """What `to_json` made of a value, lists as tuples.

    Raises:
        MessageError: it is something else.
    """
    if isinstance(value, list):
        return tuple(from_json(item) for item in value)
    if not isinstance(value, dict):
        return value
    try:
        shape, dtype = [int(side) for side in value["shape"]], DTYPES[value["type"]]
        data = bytearray(base64.b64decode(value["data"], validate=True))
        if min(shape, default=1) < 0 or len(data) != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"shape {shape} does not fit {len(data)} bytes of {dtype}")
        if not data:
            return torch.empty(shape, dtype=dtype)
        return torch.frombuffer(data, dtype=dtype).reshape(shape)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise MessageError(f"no tensor: {error}") from error


def read_message(line: bytes | str) -> dict:
    """A line as a message.

    Raises:
        MessageError: it is none.
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MessageError("a line of JSON was expected") from error
    if not isinstance(message, dict):
        raise MessageError(f"a JSON object was expected, got {type(message).__name__}")
    return message


def question_to_json(question: Question) -> dict:
    """A question as a message."""
    return {
        "kind": question.kind,
        "name": question.name,
        "arguments": to_json(question.arguments),
        "weights": to_json(question.weights),
    }


def question_from_json(message: dict) -> Question:
    """The question of a message."""
    arguments, weights = from_json(message["arguments"]), from_json(message["weights"])
    return Question(message["kind"], message["name"], arguments, weights)


def answer_to_json(answer: Answer) -> dict:
    """An answer as a message."""
    return {
        "value": to_json(answer.value),
        "gradients": to_json(answer.gradients),
        "seen": to_json(answer.seen),
        "error": answer.error,
    }


def answer_from_json(message: dict) -> Answer:
    """The answer of a message; whatever the sender made of it, it holds what it should hold.

    Raises:
        MessageError: it does not.
    """
    value, gradients, seen = (from_json(message.get(k)) for k in ("value", "gradients", "seen"))
    error, gradients, seen = message.get("error"), gradients or (), seen or ()
    if not isinstance(gradients, tuple) or not isinstance(seen, tuple):
        raise MessageError("gradients and what was seen come as lists, these do not")
    tensors = [x for x in (value, *gradients) if x is not None]
    tensors += seen
    if not all(isinstance(x, Tensor) for x in tensors) or not isinstance(error, str | None):
        raise MessageError("an answer holds tensors and the words of an error, this one does not")
    if value is None and error is None:
        raise MessageError("an answer has a value or an error, this one has neither")
    floats = [None if x is None else x.float() for x in gradients]
    value = None if value is None else value.float()
    return Answer(value, floats, error, tuple(x.float() for x in seen))
