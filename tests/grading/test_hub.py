"""The files for a server have the form that their readers expect."""

import ast

import yaml

from stn_lesson.grading import gradebook

HUB = gradebook.COURSE / "hub"


def test_the_values_for_kubernetes_are_yaml_with_limits():
    values = yaml.safe_load((HUB / "values.yaml").read_text("utf-8"))
    assert values["singleuser"]["memory"] == {"guarantee": "512M", "limit": "2G"}
    assert values["singleuser"]["defaultUrl"].endswith("00_welcome.ipynb")


def test_the_hubs_settings_are_python():
    ast.parse((HUB / "jupyterhub_config.py").read_text("utf-8"))


def test_the_containers_install_the_torch_of_the_project():
    for folder in (gradebook.COURSE, HUB):
        assert "torch==2.13.0" in (folder / "Dockerfile").read_text("utf-8")
