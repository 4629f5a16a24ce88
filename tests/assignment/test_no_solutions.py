"""What students have holds no solution of the assignment."""

import ast
import subprocess
import sys
from pathlib import Path

from stn_lesson import assignment

FOLDER = Path(assignment.__file__).parent
TASKS = {"meshgrid", "bilinear_sample", "warp", "SpatialTransformer"}


def test_no_module_of_the_assignment_defines_what_it_asks_for():
    for path in FOLDER.glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        defined = {getattr(node, "name", None) for node in tree.body}
        assert not defined & TASKS, path.name
        words = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert not words & {"REFERENCE_SOLUTIONS", "MISCONCEPTIONS", "floor", "linspace"}, path.name


def test_its_only_data_are_those_of_the_visible_checks():
    (data,) = (path for path in FOLDER.iterdir() if path.suffix not in ("", ".py"))
    assert data.name == "visible_checks.json" and data.stat().st_size < 190_000


def test_importing_all_of_the_lesson_imports_nothing_of_the_teachers():
    code = (
        "import sys, pkgutil, importlib, stn_lesson\n"
        "for module in pkgutil.walk_packages(stn_lesson.__path__, 'stn_lesson.'):\n"
        "    if module.name not in ('stn_lesson.__main__', 'stn_lesson.fused_kernels'):\n"
        "        importlib.import_module(module.name)\n"
        "print([name for name in sys.modules if name.startswith('stn_grading')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
    for path in FOLDER.parent.rglob("*.py"):
        assert "stn_grading" not in path.read_text("utf-8").replace("-m stn_grading", ""), path
