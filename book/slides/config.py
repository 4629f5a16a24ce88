"""Slides: `python -m nbconvert --config book/slides/config.py notebooks/02_meshgrid.ipynb`.

A section is a column of slides: its opening, each question, what runs, each explanation. The
exercises stay in the notebook, and so does what needs a kernel: still pictures stand in its place.
"""

import re
from pathlib import Path

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

SLIDES = Path(__file__).resolve().parent
PAGES = SLIDES / "build"
WIDGET = "application/vnd.jupyter.widget-view+json"
MAX_CHARACTERS = 700  # of prose on a slide
OPENS_A_SLIDE = re.compile(r"#+ |\*\*(Predict|Run|Explain)\.\*\*|\*\*After this notebook")
# What stays whole: fenced code, displayed equations, folded answers, or else a paragraph.
BLOCK = re.compile(r"```.*?\n```|\$\$.*?\$\$|<details>.*?</details>|[^\n]+(?:\n[^\n]+)*", re.S)


class SectionSlides(Preprocessor):
    """Cuts a notebook into slides, by its headings and by predict, run, explain."""

    def preprocess(self, notebook: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """The notebook with one cell a slide, and nbconvert's resources as they came."""
        cells = []
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                prose, exercises, _ = cell.source.partition("## Exercises")
                cells += [new_markdown_cell(text) for text in slides_of(prose)]
                if exercises:
                    break
            else:
                cell.outputs = [output for output in cell.outputs if is_shown(output)]
                cells.append(cell)
        for cell in cells:
            opens_section = cell.cell_type == "markdown" and re.match("##? ", cell.source)
            cell.metadata["slideshow"] = {"slide_type": "slide" if opens_section else "subslide"}
        notebook.cells = cells
        return notebook, resources


def slides_of(prose: str) -> list[str]:
    """Prose cut where a slide begins: at a heading, a question, an explanation, or when it is full.

    A heading takes along what follows it, unless that is a question.
    """
    slides = []
    prose = re.sub(r"\[([^]]*)\]\([^)]*\.ipynb[^)]*\)", r"\1", prose)  # no other slides to go to
    for block in BLOCK.findall(prose):
        if block.strip() == "---":
            continue
        full = slides and len(slides[-1]) + len(block) > MAX_CHARACTERS
        if not slides or OPENS_A_SLIDE.match(block) or (full and not slides[-1].startswith("#")):
            slides.append(block)
        else:
            slides[-1] += "\n\n" + block
    return slides


def is_shown(output: NotebookNode) -> bool:
    """Whether an output says something on a slide: no live picture, no progress bar."""
    data = output.get("data", {})
    return WIDGET not in data and output.get("name") != "stderr" and data.get("text/plain") != ""


c = get_config()  # noqa: F821 (nbconvert provides it)
c.NbConvertApp.export_format = "slides"
c.FilesWriter.build_directory = str(PAGES)
c.SlidesExporter.preprocessors = [SectionSlides]
c.SlidesExporter.template_name = "slides"
c.SlidesExporter.extra_template_basedirs = [str(SLIDES.parent)]
c.SlidesExporter.exclude_input_prompt = c.SlidesExporter.exclude_output_prompt = True
c.SlidesExporter.embed_images = True
c.SlidesExporter.reveal_theme = "white"
c.SlidesExporter.reveal_transition = "none"
c.SlidesExporter.reveal_number = "c/t"
c.SlidesExporter.reveal_width, c.SlidesExporter.reveal_height = "1280", "720"
if (PAGES / "node_modules").exists():  # nothing is loaded from elsewhere then
    c.SlidesExporter.reveal_url_prefix = "node_modules/reveal.js"
    c.SlidesExporter.mathjax_url = "node_modules/mathjax/MathJax.js?config=TeX-AMS_HTML-full"
    c.SlidesExporter.require_js_url = "node_modules/requirejs/require.js"
    c.SlidesExporter.jquery_url = "node_modules/jquery/dist/jquery.min.js"
