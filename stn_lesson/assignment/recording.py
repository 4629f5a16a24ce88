"""Which functions somebody's code calls while it runs, under whatever name it has imported them."""

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch.nn import functional

from stn_lesson import grid, sampler
from stn_lesson.assignment import lent
from stn_lesson.grid import meshgrid, sampling_grid, volume_grid
from stn_lesson.sampler import bilinear_sample, sample, trilinear_sample, warp
from stn_lesson.theta import affine_theta, attention_theta
from stn_lesson.transformer import SpatialTransformer

SAMPLERS = (
    functional.grid_sample, torch.grid_sampler, torch.grid_sampler_2d, torch.grid_sampler_3d,
    torch._grid_sampler_2d_cpu_fallback,
    *(getattr(torch.ops.aten, name)._op for name in (  # what torch.ops.aten.grid_sampler(…) calls
        "grid_sampler", "grid_sampler_2d", "grid_sampler_3d"
    )),
)  # fmt: skip
GRIDS = (
    functional.affine_grid, torch.affine_grid_generator,
    torch.ops.aten.affine_grid_generator._op,
)  # fmt: skip
# What does the whole of a blank page in one call.
SOLVING_FUNCTIONS = {
    "my_theta": (affine_theta, attention_theta),
    "my_sampling_grid": (sampling_grid, meshgrid, volume_grid, *GRIDS),
    "my_sample": (bilinear_sample, sample, trilinear_sample, warp, *SAMPLERS),
}
# What the assignment asks for: in none of its tasks may it be called, unless it is lent.
OWN_FUNCTIONS = tuple(
    function
    for module in (grid, sampler)
    for function in vars(module).values()
    if inspect.isfunction(function) and function.__module__ == module.__name__
)
ASSIGNMENT_FUNCTIONS = (*OWN_FUNCTIONS, SpatialTransformer, *SAMPLERS, *GRIDS)


@contextmanager
def record_calls(functions: Iterable[Callable]) -> Iterator[list[str]]:
    """Note each call of some functions in this thread, also those that other functions make.

    It sees calls, not words: a function that was imported under another name is noted, one that is
    only mentioned is not. Nor is what a lent function calls.

    Args:
        functions: written in Python or built in; of a module's class, the making of an object and
            its forward.

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
        is_class = isinstance(function, type)
        for made in (function.__init__, function.forward) if is_class else (function,):
            made = inspect.unwrap(made)
            if hasattr(made, "__code__"):
                names[made.__code__] = function.__name__
            else:
                built_in[made] = function.__name__
    called = []

    def note(frame, event: str, argument) -> None:
        name = None
        if event == "call":
            name = names.get(frame.f_code)
        elif event == "c_call" and inspect.isbuiltin(argument):
            name = built_in.get(argument)
        if name and not _is_lent(frame):
            called.append(name)

    earlier = sys.getprofile()
    sys.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(earlier)


def _is_lent(frame) -> bool:
    """Whether it runs for a function that was lent."""
    while frame is not None:
        if frame.f_code.co_filename == lent.__file__:
            return True
        frame = frame.f_back
    return False
