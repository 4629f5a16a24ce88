"""The blank pages of notebooks 01 to 03: right answers pass, wrong ones hear what is wrong."""

import json
import math
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from assignment.blank_page_answers import ARGUMENTS, ODD, RIGHT, WRONG

import stn_lesson as stn
from stn_grading.tasks import PRACTICE
from stn_lesson.assignment import check

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
PAGES = {
    "my_theta": "01_affine_theta",
    "my_sampling_grid": "02_meshgrid",
    "my_sample": "03_bilinear_interpolation",
}

# Told at once, whatever else would have to be said.
SOLVED = [
    ("my_theta", "calls affine_theta", "return stn.affine_theta(rotation, scale, 0, translation)"),
    ("my_sampling_grid", "calls sampling_grid", "return stn.sampling_grid(theta, height, width)"),
    ("my_sampling_grid", "calls meshgrid", "return theta @ stn.meshgrid(height, width)"),
    ("my_sampling_grid", "calls affine_grid",
     "return F.affine_grid(theta, (len(theta), 1, height, width), align_corners=True)"),
    ("my_sample", "calls grid_sampler_2d",
     "return torch.ops.aten.grid_sampler_2d(image, grid, 0, 0, True)"),
    ("my_sample", "calls trilinear_sample",
     "return stn.trilinear_sample(image[:, :, None], F.pad(grid, (0, 1))[:, None])[:, :, 0]"),
    ("my_sample", "calls grid_sample", "return look(image, grid, align_corners=True)"),
    ("my_sample", "calls grid_sampler", "return torch.grid_sampler(image, grid, 0, 0, True)"),
    ("my_sample", "calls bilinear_sample", "return stn.bilinear_sample(image, grid)"),
    ("my_sample", "calls sample", "return stn.sample(image, grid)"),
]  # fmt: skip


def said_of(capsys, task, source):
    """What the check prints about an answer."""
    variables = {"torch": torch, "math": math, "np": np, "F": F, "stn": stn, "look": F.grid_sample}
    exec(source, variables)
    check(task, variables[task])
    return capsys.readouterr().out


def page(task, *lines):
    return f"def {task}({ARGUMENTS[task]}):\n    " + "\n    ".join(lines)


def changed(source, changes):
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    return source


@pytest.mark.parametrize(
    ("task", "style"), [(task, k) for task, answers in RIGHT.items() for k in range(len(answers))]
)
def test_a_right_answer_passes_in_every_style(capsys, task, style):
    said = said_of(capsys, task, RIGHT[task][style])
    assert said.count("✓") >= 4 and "✗" not in said, said


@pytest.mark.parametrize(("task", "told", "changes"), WRONG, ids=[f"{w[0]}: {w[1]}" for w in WRONG])
def test_a_wrong_answer_is_told_its_mistake_and_no_other(capsys, monkeypatch, task, told, changes):
    monkeypatch.setattr("stn_lesson.assignment.checking.display", lambda picture: None)
    said = said_of(capsys, task, changed(RIGHT[task][0], changes))
    wrong = [line for line in said.splitlines() if line.startswith("✗")]
    assert told in wrong[0], said
    also = (": the same", told, "torch has no derivative of //")
    assert all(any(part in line for part in also) for line in wrong[1:]), said


def test_every_named_mistake_of_a_page_is_tried():
    for task in PRACTICE:
        told = [part for of, part, _ in WRONG if of == task.name]
        for mistake in task.misconceptions:
            assert any(part in mistake.message for part in told), (task.name, mistake.name)


@pytest.mark.parametrize(("task", "told", "line"), SOLVED, ids=[f"{s[0]}: {s[1]}" for s in SOLVED])
def test_a_page_that_calls_what_it_should_be_is_told_so(capsys, task, told, line):
    said = said_of(capsys, task, page(task, line))
    assert said.startswith(f"{task} {told}, which does what you are to write: use smaller pieces.")
    assert said.count("\n") == 1 and "to compare or to draw, do that in another cell" in said


@pytest.mark.parametrize("task", PAGES)
@pytest.mark.parametrize(("line", "told"), ODD, ids=[line for line, _ in ODD])
def test_whatever_stands_on_a_page_gets_a_sentence(capsys, task, line, told):
    assert told in said_of(capsys, task, page(task, line))


def test_what_is_not_written_for_one_question_is_told_there_and_the_rest_is_judged(capsys):
    first = "    if theta.shape[0] == 2: raise NotImplementedError\n    x ="
    said = said_of(
        capsys, "my_sampling_grid", changed(RIGHT["my_sampling_grid"][0], [("    x =", first)])
    )
    assert said.startswith("✗ two θ, three rows of four points: not written yet\n✓ the identity")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ("theta.requires_grad_(False)", "requires_grad_(False)"),
        ("theta = torch.zeros(2, 2, 3, requires_grad=True); theta[0] = 1", "your own tensor"),
        ("theta = stn.affine_theta().expand_as(theta)", "not used at all"),
        ("return torch.eye(3).to_sparse()", ".to_dense()"),
        ("return torch.zeros(1, device='meta')", 'on the device "meta"'),
        ("return torch.zeros(1, dtype=torch.cfloat)", "take .real"),
    ],
)
def test_a_tensor_with_peculiarities_is_told_what_to_do(capsys, changes, told):
    answer = changed(RIGHT["my_sampling_grid"][0], [("    x =", f"    {changes}\n    x =")])
    assert told in said_of(capsys, "my_sampling_grid", answer)


@pytest.mark.parametrize("task", PAGES)
def test_what_a_notebook_has_set_refuses_no_right_answer(capsys, task):
    torch.set_default_dtype(torch.double)
    try:
        with torch.no_grad():
            said = said_of(capsys, task, RIGHT[task][0])
        assert torch.get_default_dtype() == torch.double
    finally:
        torch.set_default_dtype(torch.float)
    assert "✗" not in said, said


def test_what_an_answer_sets_ends_with_the_check(capsys):
    lines = ("torch.set_default_dtype(torch.half)", "torch.set_grad_enabled(False)",
             "import warnings; warnings.simplefilter('error')", "return 1")  # fmt: skip
    before = list(warnings.filters)
    said_of(capsys, "my_theta", page("my_theta", *lines))
    assert torch.get_default_dtype() == torch.float and torch.is_grad_enabled()
    assert warnings.filters == before


def test_an_error_that_cannot_say_what_it_is_gets_a_sentence(capsys):
    class Wordless(Exception):
        def __str__(self):
            raise ValueError

    def my_theta(*moves):
        raise Wordless

    check("my_theta", my_theta)
    assert "Wordless: an error that has no words" in capsys.readouterr().out


@pytest.mark.parametrize("task", PAGES)
def test_what_is_no_function_gets_a_sentence(capsys, task):
    assert "'int' object is not callable" in said_of(capsys, task, f"{task} = 3")


def test_ctrl_c_ends_an_answer_that_loops_for_ever_and_nothing_goes_on_watching():
    def my_sample(image, grid):
        raise KeyboardInterrupt

    before = sys.getprofile()
    with pytest.raises(KeyboardInterrupt):
        check("my_sample", my_sample)
    assert sys.getprofile() is before


def test_two_mistakes_at_once_are_told_one_by_one(capsys):
    both = [("/ scale", "* scale"), (", alpha.sin()", ", -alpha.sin()")]
    said = said_of(capsys, "my_theta", changed(RIGHT["my_theta"][0], both)).splitlines()
    assert "first difference is at θ 0, row" in said[0]
    assert "1/scale" in said[1] and "clockwise" in said[2]
    assert said[3:] == ["✗ turned by −150°: the same", "✓ moved"]


@pytest.mark.parametrize("side", "HW")
def test_a_black_answer_to_one_question_is_called_no_mistake(capsys, monkeypatch, side):
    monkeypatch.setattr("stn_lesson.assignment.checking.display", lambda picture: None)
    black = [("    left,", f"    if {side} == 1: return image.new_zeros(1, 1, 2, 3)\n    left,")]
    said = said_of(capsys, "my_sample", changed(RIGHT["my_sample"][0], black))
    (wrong,) = (line for line in said.splitlines() if "✗" in line)
    assert "the first difference" in wrong


def test_an_image_that_is_read_at_every_grids_points_is_told_how_to_index_a_batch(capsys):
    changes = [("image[n, :, row, column] * inside[..., None]", "image[:, :, row, column]"),
               ("[..., None] *", "[:, None] *"), (".permute(0, 3, 1, 2)", "")]  # fmt: skip
    said = said_of(capsys, "my_sample", changed(RIGHT["my_sample"][0], changes)).splitlines()
    assert "RuntimeError: The size of tensor" in said[0] and "torch.arange(N)" in said[1]


def test_a_grid_is_described_by_its_axes_and_not_drawn_as_a_picture(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr("stn_lesson.assignment.checking.display", shown.append)
    zeros = page("my_sampling_grid", "return torch.zeros(len(theta), height, width, 2)")
    said = said_of(capsys, "my_sampling_grid", zeros)
    assert "at θ 0, row 0, column 0, coordinate x: " in said and not shown
    said_of(capsys, "my_sample", changed(RIGHT["my_sample"][0], [("W - 1) / 2", "W + 1) / 2")]))
    (picture,) = shown
    assert "framed: the first wrong pixel" in picture.alt


def cells(task):
    return json.loads((NOTEBOOKS / f"{PAGES[task]}.ipynb").read_text("utf-8"))["cells"]


@pytest.mark.parametrize("task", PAGES)
def test_the_page_in_the_notebook_is_blank_and_its_check_says_what_to_do(capsys, task):
    (blank,) = (c for c in cells(task) if "raise NotImplementedError" in "".join(c["source"]))
    said = said_of(capsys, task, "".join(blank["source"]))
    assert said.startswith(f"Nothing to check yet: write {task} in the cell above")
    (checked,) = (c for c in cells(task) if f'check("{task}"' in "".join(c["source"]))
    assert said == "".join(checked["outputs"][0]["text"])


@pytest.mark.parametrize("task", PAGES)
def test_the_folded_answer_in_the_notebook_is_right(capsys, task):
    folded = "\n".join("".join(c["source"]) for c in cells(task) if c["cell_type"] == "markdown")
    (answer,) = (
        code for code in re.findall(r"```python\n(.*?)```", folded, re.S) if f"def {task}(" in code
    )
    said = said_of(capsys, task, answer)
    assert said.count("✓") >= 4 and "✗" not in said, said
