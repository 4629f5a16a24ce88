"""The checks that students run: what they print, draw and raise."""

import pytest
import torch
from grading.reference_notebook import run_cells, solution

from stn_lesson.assignment import check

SWAPPED = ("x = (grid[..., 0]", "grid = grid.flip(-1)\n    x = (grid[..., 0]")


def test_a_wrong_solution_is_told_drawn_and_raised(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr("stn_lesson.assignment.checking.display", shown.append)
    wrong = run_cells(solution("bilinear_sample", SWAPPED))["bilinear_sample"]
    with pytest.raises(AssertionError, match="did you swap x and y") as raised:
        check("bilinear_sample", wrong)
    (shown_in_red,) = raised.value._render_traceback_()  # what a notebook asks an error for
    assert shown_in_red.startswith("Not yet. bilinear_sample: your picture is mirrored")
    printed = capsys.readouterr().out
    assert printed.count("✗") == 2 and "When it is graded: outside the image; a batch" in printed
    assert "framed: the first wrong pixel, row 0, column 0" in shown[0].alt and len(shown) == 2


def test_a_task_is_checked_with_right_versions_of_those_before_it(capsys):
    variables = run_cells(
        solution("meshgrid"), solution("bilinear_sample", SWAPPED), solution("warp")
    )
    own = variables["bilinear_sample"]
    check("warp", variables["warp"])
    assert capsys.readouterr().out.startswith("✓ larger and moved\n")
    assert variables["bilinear_sample"] is own
    variables = run_cells(solution("SpatialTransformer"))
    check("SpatialTransformer", variables["SpatialTransformer"])
    assert "warp" not in variables


def test_a_network_is_told_how_many_digits_it_run_cells(capsys):
    with pytest.raises(AssertionError, match="hardly better than guessing"):
        check("model", torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48 * 48, 10)))
    assert "✗ 80 % of the test digits: it names " in capsys.readouterr().out


def test_an_unknown_task_is_told():
    with pytest.raises(ValueError, match="name must be one of meshgrid, bilinear_sample, warp"):
        check("grid", None)
