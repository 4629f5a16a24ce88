"""Which functions somebody's code calls while it runs, under whatever name it has imported them."""

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch.nn import functional

from stn_lesson.grid import meshgrid, sampling_grid, volume_grid
from stn_lesson.sampler import bilinear_sample, sample, trilinear_sample, warp
from stn_lesson.theta import affine_theta, attention_theta

SAMPLERS = (
    functional.grid_sample, torch.grid_sampler, torch.grid_sampler_2d, torch.grid_sampler_3d,
    *(getattr(torch.ops.aten, name)._op for name in (  # what torch.ops.aten.grid_sampler(…) calls
        "grid_sampler", "grid_sampler_2d", "grid_sampler_3d"
    )),
)  # fmt: skip
# What does the whole of a task in one call.
SOLVING_FUNCTIONS = {
    "my_theta": (affine_theta, attention_theta),
    "my_sampling_grid": (
        sampling_grid, meshgrid, volume_grid, functional.affine_grid, torch.affine_grid_generator,
        torch.ops.aten.affine_grid_generator._op,
    ),
    "my_sample": (bilinear_sample, sample, trilinear_sample, warp, *SAMPLERS),
}  # fmt: skip


@contextmanager
def record_calls(functions: Iterable[Callable]) -> Iterator[list[str]]:
    """Note each call of some functions in this thread, also those that other functions make.

    It sees calls, not words: a function that was imported under another name is noted, one that is
    only mentioned is not.

    Args:
        functions: written in Python or built in; of a class, it is the making of an object.

    Yields:
        The names of those that were called, in order; it grows meanwhile.

    >>> from stn_lesson.sampler import warp as see
    >>> with record_calls([see, functional.grid_sample]) as called:
    ...     picture = see(torch.ones(1, 1, 2, 2), affine_theta())
    >>> called
    ['warp', 'grid_sample']
    """
    names, built_in = {}, {}
    for function in functions:
        made = function.__init__ if isinstance(function, type) else inspect.unwrap(function)
        if hasattr(made, "__code__"):
            names[made.__code__] = function.__name__
        else:
            built_in[made] = function.__name__
    called = []

    def note(frame, event: str, argument) -> None:
        if event == "call" and frame.f_code in names:
            called.append(names[frame.f_code])
        elif event == "c_call" and argument in built_in:
            called.append(built_in[argument])

    earlier = sys.getprofile()
    sys.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(earlier)
