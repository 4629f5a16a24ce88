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
    assert printed.count("✗") == 5 and printed.count("did you swap x and y") == 1
    assert printed.endswith("When it is graded: the same, with other numbers.\n")
    assert "framed: the first wrong pixel, row 0, column 0" in shown[0].alt and len(shown) == 1


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


def test_a_network_is_told_where_it_looks(capsys):
    variables = run_cells(solution("meshgrid"), solution("bilinear_sample"), solution("warp"),
                          solution("SpatialTransformer"))  # fmt: skip
    localisation = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48 * 48, 6))
    torch.nn.init.zeros_(localisation[1].weight)
    torch.nn.init.zeros_(localisation[1].bias)
    transformer = variables["SpatialTransformer"](localisation, (20, 20))
    reader = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(400, 10))
    with pytest.raises(AssertionError, match="hardly better than guessing"):
        check("model", torch.nn.Sequential(transformer, reader))
    assert "✗ it looks where the digit is: it names " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("task", "source", "called"),
    [
        ("meshgrid", "from stn_lesson import meshgrid", "meshgrid"),
        ("bilinear_sample", "def bilinear_sample(image, grid):\n"
         "    return nn.functional.grid_sample(image, grid, align_corners=True)", "grid_sample"),
        ("bilinear_sample", "from stn_lesson.transformer import sample as bilinear_sample",
         "sample"),
        ("warp", "import stn_lesson\ndef warp(image, theta, height, width):\n"
         "    return stn_lesson.warp(image, theta, (height, width))", "warp"),
        ("warp", "def warp(image, theta, height, width):\n    size = len(theta), 1, height, width\n"
         "    return bilinear_sample(image, nn.functional.affine_grid(theta, size, "
         "align_corners=True))", "affine_grid"),
        ("SpatialTransformer", "import stn_lesson\ndef SpatialTransformer(localisation, size):\n"
         "    return stn_lesson.SpatialTransformer(localisation, size=size)", "SpatialTransformer"),
    ],
)  # fmt: skip
def test_what_solves_a_task_in_one_call_is_told_and_is_not_right(capsys, task, source, called):
    with pytest.raises(AssertionError, match=f"calls {called}, which does what you are to write"):
        check(task, run_cells(source)[task])
    assert "✓" not in capsys.readouterr().out


def test_an_unknown_task_is_told():
    with pytest.raises(ValueError, match="name must be one of meshgrid, bilinear_sample, warp"):
        check("grid", None)
