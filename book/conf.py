"""Sphinx's settings of the live book; `python -m book` builds it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

project = "Spatial transformers"
author = "the authors of stn_lesson"
copyright = "its authors, MIT licence"
language = "en"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinxcontrib.katex",
    "sphinx_copybutton",
]

# The book executes nothing: it shows what the notebooks have stored.
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
suppress_warnings = ["mystnb.unknown_mime_type"]

katex_prerender = True  # at build time, by node; the pages only need its styles and fonts
katex_css_path = "katex/katex.min.css"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = "Spatial transformers, from six numbers to a trained network"
html_static_path = ["static", "_build/source/_static"]  # ours, and what `pages.py` has written
html_css_files = ["live/widgets.css", "book.css"]
html_js_files = ["host.js"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": False}  # arrow keys move the pictures' sliders
copybutton_exclude = ".linenos, .gp, .go"
