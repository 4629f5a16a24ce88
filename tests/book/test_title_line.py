"""The line under a notebook's title, and the repository's name that its badges are made of."""

import re

import pytest

from book import pages, repository, states, title_line


@pytest.mark.parametrize("name", [*pages.notebook_names(), pages.ASSIGNMENT])
def test_every_notebook_says_its_minutes_and_what_it_needs(name):
    minutes, needs = title_line.facts(states.read_notebook(name), name)
    assert 10 <= int(minutes) <= 90 and needs and not needs.endswith(".")


def test_a_notebook_without_minutes_is_refused():
    notebook = {"cells": [{"source": ["# Title\n", "**You need** nothing. **It takes** long."]}]}
    with pytest.raises(ValueError, match=r"99 does not say .* write into it"):
        title_line.facts(notebook, "99")


@pytest.mark.parametrize("name", pages.notebook_names())
def test_the_minutes_of_a_notebook_are_those_of_the_readme(name):
    readme = (pages.ROOT / "README.md").read_text("utf-8")
    (said,) = re.findall(rf"\(notebooks/{name}\.ipynb\) \| .* \| (\d+) \|", readme)
    assert title_line.facts(states.read_notebook(name), name)[0] == said


def test_the_line_stands_between_the_title_and_the_first_words():
    notebook = states.read_notebook("02_meshgrid")
    title_line.add_line(notebook, "02_meshgrid", "03_bilinear_interpolation", ["<a>B</a>"])
    title, line, rest = "".join(notebook["cells"][0]["source"]).split("\n\n", 2)
    assert title.startswith("# 02") and line.startswith("```{container} title-line\n30 minutes · ")
    assert "you need notebook [01](01_affine_theta.ipynb), and what" in line
    assert "next: [03 Bilinear interpolation](03_bilinear_interpolation.ipynb)" in line
    assert rest.startswith("<a>B</a>\n```\n")


@pytest.fixture
def nameless(monkeypatch):
    """A checkout of which no place at GitHub is known."""
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.setattr(repository, "_git", lambda *words: "")


def test_without_a_repository_there_are_no_badges(nameless):
    assert repository.repository() is None and title_line.badges("02_meshgrid") == []


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("git@github.com:owner/some.name.git", "owner/some.name"),
        ("https://github.com/owner/name/", "owner/name"),
        ("https://user@github.com/owner/name.git", "owner/name"),
        ("https://example.org/github.com/owner/name", None),
        ("https://notgithub.com/owner/name", None),
        ("/srv/git/owner/name", None),
    ],
)
def test_the_name_is_that_of_an_origin_at_github(nameless, monkeypatch, origin, name):
    monkeypatch.setattr(repository, "_git", lambda *words: origin)
    assert repository.repository() == name


def test_the_name_that_a_workflow_gives_comes_first(monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "owner/forked")
    colab, binder = title_line.badges("02_meshgrid")
    assert "github/owner/forked/blob/colab/notebooks/02_meshgrid.ipynb" in colab
    assert "gh/owner/forked/HEAD?labpath=notebooks%2F02_meshgrid.ipynb" in binder


def test_a_notebook_to_download_is_the_notebook_without_outputs(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "SOURCE", tmp_path)
    (tmp_path / pages.DOWNLOADS).mkdir(parents=True)
    notebook = states.read_notebook("02_meshgrid")
    place = pages._write_download(notebook, "02_meshgrid.ipynb")
    monkeypatch.setattr(states, "NOTEBOOKS", (tmp_path / place).parent)
    fresh = states.read_notebook("02_meshgrid")
    assert [cell["source"] for cell in fresh["cells"]] == [c["source"] for c in notebook["cells"]]
    assert not any(cell.get("outputs") for cell in fresh["cells"])
    assert any(cell.get("outputs") for cell in notebook["cells"])
