"""The checks that students run: what they print, draw and raise."""

import sys

import pytest
import torch
from assignment.solutions import solution
from assignment.test_judging import names

from stn_lesson.assignment import check

SWAPPED = ("x = (grid[..., 0]", "grid = grid.flip(-1)\n    x = (grid[..., 0]")


def test_a_wrong_solution_is_told_drawn_and_raised(capsys, monkeypatch):
    shown, module = [], sys.modules["stn_lesson.assignment.check"]  # the function hides it
    monkeypatch.setattr(module, "display", shown.append)
    wrong = names(solution("bilinear_sample", SWAPPED))["bilinear_sample"]
    with pytest.raises(AssertionError, match="did you swap x and y") as raised:
        check("bilinear_sample", wrong)
    (shown_in_red,) = raised.value._render_traceback_()  # what a notebook asks an error for
    assert shown_in_red.startswith("Not yet. bilinear_sample: your picture is mirrored")
    said = capsys.readouterr().out
    assert said.count("✗") == 2 and "When it is graded: outside the image; a batch" in said
    assert "framed: the first wrong pixel, row 0, column 0" in shown[0].alt and len(shown) == 2


def test_a_task_is_checked_with_right_versions_of_those_before_it(capsys):
    found = names(solution("meshgrid"), solution("bilinear_sample", SWAPPED), solution("warp"))
    own = found["bilinear_sample"]
    check("warp", found["warp"])
    assert capsys.readouterr().out.startswith("✓ larger and moved\n")
    assert found["bilinear_sample"] is own
    found = names(solution("SpatialTransformer"))
    check("SpatialTransformer", found["SpatialTransformer"])
    assert "warp" not in found


def test_a_network_hears_how_many_digits_it_names(capsys):
    with pytest.raises(AssertionError, match="hardly better than guessing"):
        check("model", torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48 * 48, 10)))
    assert "✗ 80 % of the test digits: it names " in capsys.readouterr().out


def test_an_unknown_task_is_told():
    with pytest.raises(ValueError, match="name must be one of meshgrid, bilinear_sample, warp"):
        check("grid", None)
