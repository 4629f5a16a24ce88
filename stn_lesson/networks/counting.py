"""How many parameters a network has, and networks that have equally many."""

from bisect import bisect_left
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from stn_lesson.arguments import whole_number
from stn_lesson.checks import check_network


def count_parameters(model: nn.Module) -> int:
    """How many parameters the model has, with those of frozen parts.

    Raises:
        TypeError: it is no network.
        ValueError: it has lazy layers, which have no parameters yet.
    """
    parameters = list(check_network(model).parameters())
    if any(map(is_lazy, parameters)):
        raise ValueError(
            "model has lazy layers, whose sizes its first images tell: call model(images) once, "
            "then count"
        )
    return sum(parameter.numel() for parameter in parameters)


def match_parameters(make: Callable[[int], nn.Module], parameters: int) -> nn.Module:
    """The network whose width gives it the number of parameters nearest to the one wanted.

    Networks are compared fairly when they have equally much to learn with.

    Args:
        make: makes the network of a width, a whole number from 1 on.
        parameters: how many it should have.

    >>> from stn_lesson.networks import FCN
    >>> count_parameters(match_parameters(lambda width: FCN(hidden=width), 144_656))
    144106
    """

    parameters = whole_number(parameters, "parameters", lowest=1)

    def count(width: int) -> int:
        with torch.device("meta"):  # shapes alone, no memory and no random numbers
            return count_parameters(make(width))

    width = max(bisect_left(range(1, 2000), parameters, key=count), 1)
    return make(min(width, width + 1, key=lambda w: abs(count(w) - parameters)))
