"""A hub from grading/hub: it starts, and each student gets a lesson of their own."""

import os
import runpy

import pytest
import yaml
from grading.trial_hub import HUB_INSTALLED, Student, running_hub

from stn_grading import gradebook

HUB = gradebook.COURSE_FOLDER / "hub"


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    if not HUB_INSTALLED and os.environ.get("CI") != "true":
        pytest.skip("no jupyterhub or configurable-http-proxy here")
    with running_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


def test_a_student_works_on_a_copy_that_stays_and_within_a_bound_of_memory(hub):
    student = Student(hub, "ada")
    student.start()
    student.open_kernel()
    where = student.run_cell("import stn_lesson; print(stn_lesson.__file__)").strip()
    assert where.endswith("/ada/lesson/stn_lesson/__init__.py")
    student.run_cell("from pathlib import Path; Path('mine.txt').write_text('kept')")
    assert student.run_cell("import torch; print(torch.get_num_threads())") == "1\n"
    student.run_cell("import os")
    for path in ("..", "mine.txt"):  # not for others to read
        assert student.run_cell(f"print(os.stat('{path}').st_mode & 0o077)") == "0\n"
    student.stop()
    student.start()
    student.open_kernel()
    assert student.run_cell("print(open('mine.txt').read())") == "kept\n"
    assert "alloc" in student.run_cell(
        "import torch; torch.zeros(10**9)"
    )  # 4 GB, more than the bound
    assert student.run_cell("print(torch.zeros(10**7).sum().item())") == "0.0\n"


def test_a_copy_comes_whole_and_is_never_written_over(tmp_path):
    copy_lesson = runpy.run_path(str(HUB / "student.py"))["copy_lesson"]
    (tmp_path / ".lesson-half-copied" / "notebooks").mkdir(parents=True)  # stopped last time
    copy = copy_lesson(tmp_path)
    assert (copy / "notebooks" / "00_welcome.ipynb").exists()
    assert (copy / "stn_lesson" / "widgets" / "warp.js").exists()
    assert (copy / "data" / "results").is_dir() and not (copy / "data" / "cache").exists()
    assert not (copy / "grading").exists()
    assert os.listdir(tmp_path) == ["lesson"]
    (copy / "README.md").write_text("changed")
    assert (copy_lesson(tmp_path) / "README.md").read_text() == "changed"


def test_the_values_for_kubernetes_are_yaml_with_limits():
    values = yaml.safe_load((HUB / "values.yaml").read_text("utf-8"))
    assert values["singleuser"]["memory"] == {"guarantee": "512M", "limit": "2G"}
    assert values["singleuser"]["defaultUrl"].endswith("lesson/notebooks/00_welcome.ipynb")


def test_the_containers_install_the_torch_of_the_project():
    for folder in (gradebook.COURSE_FOLDER, HUB):
        recipe = (folder / "Dockerfile").read_text("utf-8")
        copied, installed = recipe.split("pip install", 1)
        assert "constraints.txt" in next(line for line in copied.splitlines() if "COPY" in line)
        assert installed.startswith(" --no-cache-dir -c constraints.txt torch ")
        assert "torch==" not in recipe
