"""The lesson as a submission finds it: a copy without the answers, and without the test digits.

A student's process can read all that is in its sandbox and all that is in its memory. So what the
assignment asks for is in neither: in this copy the sampler, the grid and the transformer have no
bodies, and the digits that a network is judged by have given way to some that it learned.
"""

import ast
import shutil
import tempfile
from functools import cache
from pathlib import Path

import torch

import stn_lesson
from stn_lesson.assignment.questions import SOLVED_IN_ONE_CALL
from stn_lesson.datasets import load_digits

PACKAGE = Path(stn_lesson.__file__).parent
# What does what the assignment asks for: a whole module, or a class of it. No body is left in it.
ANSWERS = {"grid.py": None, "sampler.py": None, "transformer.py": "SpatialTransformer"}
# What no task needs and what knows the answers, too: whatever is called in it does nothing.
LEFT_OUT = (
    "colocalisation", "experiments", "widgets",
    "families.py", "fused.py", "fused_kernels.py", "spline.py", "volume.py",
    "assignment/checking.py", "assignment/judging.py", "assignment/lent.py",
    "assignment/recording.py", "assignment/visible_checks.py",
)  # fmt: skip
EMPTY_ROOM = """
def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {"__init__": lambda *words, **options: None, "__doc__": "Left out."})
"""
REFUSAL = """
import sys
sys.audit("stn_lesson.refused", {name!r})
raise RuntimeError({words!r})
"""
DIGITS = 'return tuple(torch.load(lesson_folder() / "digits.pt"))'


@cache
def lesson_copy() -> Path:
    """The folder with the copy in it, made once for this process and removed with it."""
    holder = tempfile.TemporaryDirectory(prefix="stn-lesson-")
    _HOLDERS.append(holder)
    folder = Path(holder.name)
    copy = folder / "stn_lesson"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "*.js*", "data"))
    for name, answer in ANSWERS.items():
        _rewrite(copy / name, _without_bodies, answer)
    for name in LEFT_OUT:
        _leave_out(copy / name)
    _rewrite(copy / "datasets" / "digits.py", _with_body, "_embedded_digits", DIGITS)
    (copy / "data").mkdir()
    torch.save(_digits_without_test(), copy / "data" / "digits.pt")
    return folder


_HOLDERS: list[tempfile.TemporaryDirectory] = []  # of the copies, until this process ends


def _digits_without_test() -> list[torch.Tensor]:
    """All images and labels, those of the test replaced by as many of the training."""
    digits = load_digits()
    count = len(digits.test)
    return [
        torch.cat([digits.train.images, digits.train.images[:count]]),
        torch.cat([digits.train.labels, digits.train.labels[:count]]),
    ]


def _leave_out(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
        path.mkdir()
        path = path / "__init__.py"
    path.write_text(EMPTY_ROOM)


def _rewrite(file: Path, change, *words) -> None:
    """Change a module's tree; no comment and no docstring of a changed function remains."""
    tree = ast.parse(file.read_text("utf-8"))
    change(tree, *words)
    file.write_text(ast.unparse(tree), "utf-8")


def _without_bodies(tree: ast.Module, of_class: str | None = None) -> None:
    """Let functions refuse to be called: all of a module, or the methods of one class."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    inside = tree if of_class is None else next(c for c in classes if c.name == of_class)
    for node in ast.walk(inside):
        if isinstance(node, ast.FunctionDef):
            name = of_class or node.name
            words = SOLVED_IN_ONE_CALL.format(name=name)
            node.body = ast.parse(REFUSAL.format(name=name, words=words)).body


def _with_body(tree: ast.Module, function: str, body: str) -> None:
    (node,) = (n for n in tree.body if getattr(n, "name", None) == function)
    node.body = ast.parse(body).body
