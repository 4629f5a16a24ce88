"""What is asked of a student's work, and its answers: values and gradients, as plain data.

Whoever judges an answer need not be in the process that gives it. That is what makes grading safe:
code that is being graded never meets what it is compared with.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

MAX_ERROR_LENGTH = 300  # characters of an error's message that are kept
NOT_WRITTEN = "not written yet"
SOLVED_IN_ONE_CALL = "calls {name}, which does what you are to write: use smaller pieces"
GRADIENT_IMAGES = 50  # by which it is judged whether a network's θ gets a gradient
NO_LOCALISATION = (
    "there is no transformer in model: put your SpatialTransformer into it, and keep its "
    "localisation network under the name self.localisation"
)
# What is told instead of some words of torch, or after them.
ERROR_ADVICE = (
    (
        "Can't call numpy()",
        "numpy keeps no gradients: use torch's functions, most of which have the same names",
    ),
    (
        "being used in an in-place operation",
        "you change what you were given, or your own tensor with requires_grad=True: make a new "
        "tensor, x = x + 1 instead of x += 1, and leave requires_grad out",
    ),
    (
        "must be Tensor, not float",
        "torch's functions take tensors: make one of the number first, torch.tensor(…)",
    ),
    (
        "derivative for aten::floor_divide",
        "torch has no derivative of //: floor() gives the same whole number, and has one",
    ),
)
OUTSIDE_ADVICE = (
    "; a neighbour of a point at the edge or outside it is no pixel of the image: hold its index "
    "inside (clamp), and let it count as 0"
)
NO_TENSOR_ADVICE = {
    type(None): ": does it end with return?",
    list: ": torch.stack makes one of a list of tensors, and keeps their gradients",
    tuple: ": torch.stack makes one of several, and keeps their gradients",
    np.ndarray: ": numpy keeps no gradients, use torch's functions, most of which have the same "
    "names",
}

ODD_TENSOR_ADVICE = (
    (lambda x: x.is_complex(), "yours is complex, take .real of it"),
    (
        lambda x: x.device.type == "meta",
        'yours is on the device "meta", which holds no numbers: torch.set_default_device("cpu")',
    ),
    (lambda x: x.layout != torch.strided, "yours is sparse, .to_dense() makes one of it"),
)


@dataclass(frozen=True)
class Question:
    """A call of something that the student has written.

    Attributes:
        kind: "call" a function; "transform": make a `SpatialTransformer` around a linear
            localisation network (weight, bias), warp images to a size; "look": ask a trained
            network for the class scores of images, and for what its transformer does to them.
        name: of the function, the class or the variable.
        arguments: tensors and numbers.
        weights: of the result's elements, like the result, if the gradient of their weighted sum
            is asked for, with respect to every argument of floats.
    """

    kind: str
    name: str
    arguments: tuple = ()
    weights: Tensor | None = None


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        value: of the call, detached, or None; of a network the class scores (N, 10).
        gradients: for each tensor of floats among the arguments, its gradient, or None where no
            gradient arrives; of a network, of what its localisation network returned.
        seen: of a network, what its localisation network returned, and the views.
        error: what went wrong instead, in words.
    """

    value: Tensor | None = None
    gradients: list[Tensor | None] = field(default_factory=list)
    error: str | None = None
    seen: tuple[Tensor, ...] = ()


def ask(question: Question, names: Mapping) -> Answer:
    """Put a question to what a notebook has defined.

    Args:
        question: what to ask.
        names: the notebook's variables by name.

    >>> ask(Question("call", "double", (torch.ones(2),)), {"double": lambda x: 2 * x}).value
    tensor([2., 2.])
    """
    if question.name not in names:
        return Answer(error=f"{NOT_WRITTEN}: there is no {question.name}")
    try:
        return ANSWER_FUNCTIONS[question.kind](question, names[question.name])
    except Exception as error:
        return Answer(error=_describe_error(error, question))


def _describe_error(error: Exception, question: Question) -> str:
    try:
        words = str(error)
    except Exception:
        words = "an error that has no words"
    # torch raises NotImplementedError, too, with words of its own.
    if isinstance(error, NotImplementedError) and words in ("", NOT_WRITTEN):
        return NOT_WRITTEN
    if solves_in_one_call(words):  # TorchScript has an error of its own, with this one in it
        (*_, line) = filter(solves_in_one_call, words.splitlines())
        return line.split("Error: ")[-1]
    for known, advice in ERROR_ADVICE:
        if known in words:
            return advice
    reads_an_image = any(isinstance(x, Tensor) and x.ndim == 4 for x in question.arguments)
    advice = OUTSIDE_ADVICE if reads_an_image and "is out of bounds" in words else ""
    return f"{type(error).__name__}: {words}"[: MAX_ERROR_LENGTH - len(advice)] + advice


def solves_in_one_call(words: str) -> bool:
    """Whether an error says that something was called that solves a task.

    >>> solves_in_one_call(SOLVED_IN_ONE_CALL.format(name="grid_sample"))
    True
    """
    return SOLVED_IN_ONE_CALL.partition("{name}")[2] in words


@contextmanager
def _usual_settings() -> Iterator[None]:
    """Gradients and float32, whatever the notebook has set; what is set meanwhile ends with it."""
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(dtype)


@_usual_settings()
def _call_function(question: Question, function) -> Answer:
    inputs = [
        _copy_argument(argument, question.weights is not None) for argument in question.arguments
    ]
    return _make_answer(function(*inputs), inputs, question.weights)


@_usual_settings()
def _call_transformer(question: Question, transformer) -> Answer:
    images, weight, bias, size = question.arguments
    linear = nn.Linear(weight.shape[1], weight.shape[0])
    module = transformer(nn.Sequential(nn.Flatten(), linear), size)
    if not isinstance(module, nn.Module):
        return Answer(error=f"{question.name} must be an nn.Module, got {type(module).__name__}")
    linear.load_state_dict({"weight": weight, "bias": bias})
    images = _copy_argument(images, True)
    return _make_answer(module(images), [images, linear.weight, linear.bias], question.weights)


def _look_through(question: Question, model) -> Answer:
    if not isinstance(model, nn.Module):
        return Answer(error=f"{question.name} must be a network, got {type(model).__name__}")
    transformer = next(
        (m for m in model.modules() if isinstance(getattr(m, "localisation", None), nn.Module)),
        None,
    )
    if transformer is None:
        return Answer(error=NO_LOCALISATION)
    model.eval()
    images, seen = question.arguments[0], {}
    hooks = [
        transformer.localisation.register_forward_hook(lambda *call: seen.update(numbers=call[2])),
        transformer.register_forward_hook(lambda *call: seen.update(views=call[2])),
    ]
    try:
        scores = model(images[:GRADIENT_IMAGES].clone())
        gradient = None
        if seen["numbers"].requires_grad and scores.requires_grad:
            total = scores.square().sum()
            (gradient,) = torch.autograd.grad(total, [seen["numbers"]], allow_unused=True)
        parts = []
        with torch.no_grad():
            for batch in images.split(100):
                scores = model(batch.clone())
                parts.append((scores, seen["numbers"].flatten(1), seen["views"]))
    finally:
        for hook in hooks:
            hook.remove()
    scores, numbers, views = (torch.cat(part).detach().float() for part in zip(*parts, strict=True))
    return Answer(scores, [gradient], seen=(numbers, views))


ANSWER_FUNCTIONS = {
    "call": _call_function,
    "transform": _call_transformer,
    "look": _look_through,
}


def _copy_argument(argument, wants_gradient: bool):
    """An argument for one call: what the function does to it stays there."""
    if not isinstance(argument, Tensor):
        return argument
    return argument.clone().requires_grad_(wants_gradient and argument.is_floating_point())


def _make_answer(value, inputs: list, weights: Tensor | None) -> Answer:
    if not isinstance(value, Tensor):
        advice = NO_TENSOR_ADVICE.get(type(value), "")
        return Answer(error=f"a tensor was expected, got {type(value).__name__}{advice}")
    for is_odd, advice in ODD_TENSOR_ADVICE:
        if is_odd(value):
            return Answer(error=f"an ordinary tensor of real numbers was expected: {advice}")
    tensors = [x for x in inputs if isinstance(x, Tensor) and x.is_floating_point()]
    gradients = []
    if weights is not None:
        gradients = [None] * len(tensors)
        asked = [x for x in tensors if x.requires_grad]  # unless it was told not to
        if value.shape == weights.shape and value.requires_grad and asked:
            total = (value * weights).sum()
            found = iter(torch.autograd.grad(total, asked, allow_unused=True))
            gradients = [next(found) if x.requires_grad else None for x in tensors]
    return Answer(value.detach().float().cpu(), gradients)


@contextmanager
def lend_functions(names: dict, functions: Mapping) -> Iterator[None]:
    """Replace a notebook's earlier tasks for a while, so that a mistake costs points once.

    Args:
        names: the notebook's variables by name.
        functions: what to put in their place, by name.
    """
    own = {name: names[name] for name in functions if name in names}
    names.update(functions)
    try:
        yield
    finally:
        for name in functions:
            names.pop(name, None)
        names.update(own)
