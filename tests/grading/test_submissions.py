"""Folders of submissions as learning platforms export them."""

import base64
import json
import os
import zipfile

import nbformat
import pytest
from grading.make_submissions import write_submission

from stn_grading import archives, gradebook
from stn_grading.names import student_name
from stn_grading.submissions import MAX_NOTEBOOK_BYTES, collect_submissions

RELEASE_FILE = gradebook.PROJECT_FOLDER / "notebooks" / "assignment" / "spatial_transformer.ipynb"


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("Ada Lovelace_12345_assignsubmission_file_", "Ada Lovelace_12345"),
        ("lovelaceada_123_456_spatial_transformer-1", "lovelaceada_123"),
        ("Zoë Ångström", "Zoë Ångström"),
        ("..", "nameless"),
        ("=HYPERLINK('x')", "HYPERLINK 'x"),
        ("a<script>b", "a script b"),
        ("x" * 300, "x" * 80),
    ],
)
def test_names_are_safe_and_readable(entry, name):
    assert student_name(entry) == name


def test_files_folders_and_odd_names(tmp_path):
    write_submission(
        tmp_path / "Ada_1_assignsubmission_file_" / "spatial_transformer.ipynb", RELEASE_FILE
    )
    write_submission(tmp_path / "bob.ipynb", RELEASE_FILE)
    write_submission(tmp_path / "Zoë" / "deep" / "my final (2).ipynb", RELEASE_FILE)
    write_submission(tmp_path / "Mia" / "homework.txt", RELEASE_FILE)  # a notebook all the same
    (tmp_path / ".DS_Store").write_text("x")
    submissions = collect_submissions(tmp_path, RELEASE_FILE)
    assert [submission.student for submission in submissions] == ["Ada_1", "Mia", "Zoë", "bob"]
    for submission in submissions:
        assert not submission.flags and set(submission.written_answers) == {"direction", "clutter"}
        code = "\n".join(source for _, source in submission.cells)
        for start in (
            "def meshgrid",
            "def bilinear_sample",
            "def warp",
            "class SpatialTransformer",
        ):
            assert start in code
        assert "check_meshgrid" not in dict(submission.cells)


def test_what_is_no_notebook_is_flagged_and_nobody_is_lost(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    (tmp_path / "b").mkdir()
    (tmp_path / "c.ipynb").write_text("not JSON")
    (tmp_path / "d.ipynb").write_text('{"cells": 3, "nbformat": 4}')
    (tmp_path / "e.ipynb").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "f.ipynb").write_text(json.dumps([1, 2]))
    (tmp_path / "g.ipynb").symlink_to("/etc/passwd")
    with (tmp_path / "h.ipynb").open("wb") as file:
        file.truncate(MAX_NOTEBOOK_BYTES + 1)
    (tmp_path / "i.ipynb").write_text("[" * 100_000)
    submissions = collect_submissions(tmp_path, RELEASE_FILE)
    assert [submission.student for submission in submissions] == list("abcdefghi")
    assert all(submission.flags and submission.file is None for submission in submissions)
    assert submissions[0].flags == ["no notebook was handed in, but .pdf"]
    assert submissions[1].flags == ["no notebook was handed in, but nothing"]
    assert "larger than 20 MB" in submissions[7].flags[0]


def test_of_several_notebooks_the_assignment_is_taken_and_a_person_told(tmp_path):
    write_submission(tmp_path / "ada" / "work.ipynb", RELEASE_FILE)
    (tmp_path / "ada" / "another.ipynb").write_text('{"cells": []}')
    checkpoints = tmp_path / "ada" / ".ipynb_checkpoints"
    checkpoints.mkdir()
    (checkpoints / "work-checkpoint.ipynb").write_text("{}")
    (submission,) = collect_submissions(tmp_path, RELEASE_FILE)
    assert submission.file.name == "work.ipynb" and submission.flags == [
        "2 notebooks: graded was work.ipynb"
    ]


def test_the_same_name_twice_is_two_submissions_and_a_person_decides(tmp_path):
    write_submission(tmp_path / "ada_assignsubmission_file_", RELEASE_FILE)
    write_submission(tmp_path / "ada.ipynb", RELEASE_FILE)
    first, second = collect_submissions(tmp_path, RELEASE_FILE)
    assert (first.student, second.student) == ("ada", "ada (2)")
    assert second.flags == [
        "a second submission of ada, or another of that name (the first is ada.ipynb): keep the "
        "one that counts"
    ]


def test_changed_and_missing_checks_are_noted(tmp_path):
    file = write_submission(tmp_path / "ada.ipynb", RELEASE_FILE, drop=("check_warp",))
    notebook = json.loads(file.read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "check_meshgrid":
            cell["source"] = "pass"
    file.write_text(json.dumps(notebook), "utf-8")
    (submission,) = collect_submissions(tmp_path, RELEASE_FILE)
    assert "cells that are missing: check_warp" in submission.notes
    assert "checks that were changed: check_meshgrid" in submission.notes and not submission.flags


def test_cells_that_lost_their_names_are_found_by_what_they_define(tmp_path):
    file = write_submission(tmp_path / "ada.ipynb", RELEASE_FILE)
    notebook = json.loads(file.read_text("utf-8"))
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    file.write_text(json.dumps(notebook), "utf-8")
    (submission,) = collect_submissions(tmp_path, RELEASE_FILE)
    assert "def warp" in dict(submission.cells)["warp"]
    assert submission.written_answers == {"direction": "It grows.", "clutter": "It zooms."}


def test_borrowing_is_flagged(tmp_path):
    changes = {"warp": "from torch.nn.functional import grid_sample\nimport subprocess"}
    write_submission(tmp_path / "ada.ipynb", RELEASE_FILE, changes)
    (submission,) = collect_submissions(tmp_path, RELEASE_FILE)
    assert submission.flags == ["uses grid_sample", "uses subprocess"]


def test_an_empty_or_missing_folder_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="there are no submissions in"):
        collect_submissions(tmp_path, RELEASE_FILE)
    with pytest.raises(FileNotFoundError, match="there is no folder .*: name the folder, or the z"):
        collect_submissions(tmp_path / "nowhere", RELEASE_FILE)
    with pytest.raises(FileNotFoundError, match="ipynb is a file: name the folder, or the zip"):
        collect_submissions(RELEASE_FILE, RELEASE_FILE)


def test_a_pipe_in_a_folder_does_not_hang(tmp_path):
    (tmp_path / "ada").mkdir()
    os.mkfifo(tmp_path / "ada" / "work.ipynb")
    (submission,) = collect_submissions(tmp_path, RELEASE_FILE)
    assert submission.flags == ["no notebook was handed in, but nothing"]


def zip_of(path, folder):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


def test_an_export_that_is_a_zip_file(tmp_path):
    write_submission(tmp_path / "made" / "Ada_1_assignsubmission_file" / "a.ipynb", RELEASE_FILE)
    write_submission(tmp_path / "made" / "Bob_2_assignsubmission_file" / "b.ipynb", RELEASE_FILE)
    (tmp_path / "in").mkdir()
    archive = zip_of(tmp_path / "in" / "PHYS301-Assignment 3.zip", tmp_path / "made")
    for folder in (archive, archive.parent):  # the file itself, or alone in a folder
        submissions = collect_submissions(folder, RELEASE_FILE)
        assert [submission.student for submission in submissions] == ["Ada_1", "Bob_2"]
        assert all(submission.file and not submission.flags for submission in submissions)


def test_a_student_who_hands_in_a_zip_file(tmp_path):
    write_submission(tmp_path / "made" / "work" / "a.ipynb", RELEASE_FILE)
    folder = tmp_path / "in"
    write_submission(folder / "bob.ipynb", RELEASE_FILE)
    zip_of(folder / "ada.zip", tmp_path / "made")
    (folder / "eve.zip").write_bytes(b"PK\x03\x04 and no more")
    with zipfile.ZipFile(folder / "mia.zip", "w") as archive:
        archive.writestr("../../outside.ipynb", "{}")
    ada, bob, eve, mia = collect_submissions(folder, RELEASE_FILE)
    assert ada.file and ada.cells == bob.cells and not ada.flags
    assert not eve.file and "cannot be unpacked" in eve.flags[0]
    assert not mia.file and "cannot be read" in mia.flags[0]
    assert not list(tmp_path.parent.glob("outside.ipynb")) + list(tmp_path.glob("outside.ipynb"))


def test_a_zip_file_that_would_fill_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 10_000)
    write_submission(tmp_path / "bob.ipynb", RELEASE_FILE)
    with zipfile.ZipFile(tmp_path / "ada.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.ipynb", "0" * 10_001)
    ada, _ = collect_submissions(tmp_path, RELEASE_FILE)
    assert "come out of it" in ada.flags[0]


def test_pictures_that_were_handed_in_and_nothing_else(tmp_path):
    file = write_submission(tmp_path / "ada.ipynb", RELEASE_FILE)
    notebook = nbformat.read(file, as_version=4)
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    png = base64.b64encode(b"\x89PNG and so on").decode()
    cell.outputs = [
        nbformat.v4.new_output("display_data", {"image/png": png, "text/html": "<script>"}),
        nbformat.v4.new_output("display_data", {"image/png": '"><script>alert(1)</script>'}),
        nbformat.v4.new_output("display_data", {"image/png": base64.b64encode(b"GIF8").decode()}),
        nbformat.v4.new_output("display_data", {"image/svg+xml": "<svg onload='alert(1)'/>"}),
    ]
    file.write_text(json.dumps(notebook), "utf-8")
    (submission,) = collect_submissions(tmp_path, RELEASE_FILE)
    pictures = [picture for cell in submission.handed_in for picture in cell.pictures]
    assert pictures == [("image/png", png)]


def test_a_zip_file_with_damage_inside_is_flagged(tmp_path):
    write_submission(tmp_path / "bob.ipynb", RELEASE_FILE)
    damaged = tmp_path / "ada.zip"
    with zipfile.ZipFile(damaged, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(RELEASE_FILE, "a.ipynb")
    content = bytearray(damaged.read_bytes())
    content[60:200] = b"\xff" * 140  # in the compressed part
    damaged.write_bytes(content)
    ada, bob = collect_submissions(tmp_path, RELEASE_FILE)
    assert not ada.file and "cannot be unpacked" in ada.flags[0] and bob.file
