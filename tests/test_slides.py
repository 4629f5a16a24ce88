"""Slides made of a notebook by book/slides/config.py."""

import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat import v4, write

ROOT = Path(__file__).parents[1]
WIDGET = "application/vnd.jupyter.widget-view+json"
PIXEL = base64.b64encode(b"no picture, but nobody decodes it").decode()
OPENING = """## 1. One point

A point lies between four pixels, see [02](02_meshgrid.ipynb).

**Predict.** Which counts most?"""
CLOSING = """**Explain.** The nearest.

## Recap

- The nearest counts most.

## Exercises

**1.** By hand?"""


def data(alt="", **bundle):
    bundle = {name.replace("_", "/", 1): value for name, value in bundle.items()}
    return v4.new_output("display_data", data=bundle, metadata={"image/png": {"alt": alt}})


@pytest.fixture(scope="module")
def sections(tmp_path_factory):
    """The columns of slides made of a notebook, each a list of its slides' HTML."""
    folder = tmp_path_factory.mktemp("slides")
    live = v4.new_output("display_data", data={WIDGET: {}, "text/plain": "Run this cell"})
    bar = v4.new_output("stream", name="stderr", text="99 %")
    still = data("Four squares & a point", image_png=PIXEL)
    cells = [
        v4.new_markdown_cell("# 03 · Reading between the pixels\n\n---\n\nBelow, an image."),
        v4.new_markdown_cell(OPENING),
        v4.new_code_cell("inspect(image)", outputs=[live, bar, still, data(text_plain="")]),
        v4.new_markdown_cell(CLOSING),
        v4.new_code_cell("an_exercise()"),
    ]
    write(v4.new_notebook(cells=cells), folder / "03.ipynb")
    command = [
        "-m",
        "nbconvert",
        "--config",
        ROOT / "book/slides/config.py",
        "--output-dir",
        folder,
    ]
    subprocess.run([sys.executable, *command, folder / "03.ipynb"], check=True, capture_output=True)
    page = (folder / "03.slides.html").read_text("utf-8")
    slides = page.partition('<div class="slides">')[2].partition("</main>")[0]
    return [
        part.split("<section>")[1:] for part in re.split("<section>\\s*(?=<section>)", slides)[1:]
    ]


def test_a_heading_begins_a_column_and_a_question_a_slide(sections):
    assert [len(column) for column in sections] == [1, 4, 1]
    opening, question, run, explanation = sections[1]
    assert "1. One point" in opening and "between four pixels, see 02." in opening
    assert "Which counts most?" in question and "The nearest." in explanation
    assert "inspect" in run and "Which" not in run


def test_exercises_and_what_needs_a_kernel_stay_in_the_notebook(sections):
    page = "".join(slide for column in sections for slide in column)
    assert "Recap" in page and "Exercises" not in page and "an_exercise" not in page
    assert "Run this cell" not in page and "99 %" not in page


def test_a_still_picture_keeps_its_words(sections):
    assert re.findall('<img[^>]* alt="([^"]*)"', sections[1][2]) == ["Four squares &amp; a point"]
