"""Sphinx's settings of the live book; `python -m book` builds it."""

import re
import sys
from pathlib import Path

from sphinxcontrib import katex

sys.path.insert(0, str(Path(__file__).parents[1]))

project = "Spatial transformers"
author = "the authors of stn_lesson"
copyright = "its authors, MIT licence"
language = "en"
smartquotes_action = "D"  # dashes alone: "zeros" is what one types
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinxcontrib.katex",
    "sphinx_copybutton",
]

exclude_patterns = ["_static"]  # what is copied, notebooks to download among it

# The book executes nothing: it shows what the notebooks have stored.
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
suppress_warnings = ["mystnb.unknown_mime_type"]

katex_prerender = True  # at build time, by node; the pages only need its styles and fonts
katex_css_path = "katex/katex.min.css"
# On a busy computer it would call node before node listens; by a port, it tries until it is heard.
katex.KaTeXServer.start_server_process = katex.KaTeXServer.start_network_socket
katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_default_options = {"exclude-members": "set"}  # matplotlib's, which describes itself anew
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "furo"
html_title = project  # short: it stands in the sidebar, on a telephone in one line
html_static_path = ["static", "_build/source/_static"]  # ours, and what `pages.py` has written
html_favicon = "static/favicon.svg"
html_css_files = ["live/widgets.css", "book.css"]
html_js_files = ["host.js", "keyboard.js"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": False}  # arrow keys move the pictures' sliders
copybutton_exclude = ".linenos, .gp, .go"


def setup(app) -> None:
    """Read docstrings as they are written: names in single backquotes, stars that are stars."""
    app.connect("autodoc-process-docstring", as_plain_words, priority=0)  # before napoleon
    app.connect("html-page-context", add_search_script)


def add_search_script(app, page: str, *_) -> None:
    """Let the page of the search alone load what it alone needs."""
    if page == "search":
        app.add_js_file("search.js")


def as_plain_words(app, what, name, thing, options, lines: list[str]) -> None:
    """Turn `name` into ``name`` and a star into a star, outside of examples."""
    lines[:] = [line if line.lstrip().startswith((">>>", "...")) else plain(line) for line in lines]


def plain(line: str) -> str:
    r"""A line of a docstring as reStructuredText; a star that opens no emphasis is a star.

    >>> print(plain("`sample` gives (1, *size), *always*"))
    ``sample`` gives (1, \*size), *always*
    """
    pieces = re.split(r"(``.*?``|`[^`]*`)", line)
    pieces[::2] = [re.sub(r"\*(?=\w)(?![^*]*[^\s*]\*)", r"\\*", piece) for piece in pieces[::2]]
    pieces[1::2] = [f"``{piece.strip('`')}``" for piece in pieces[1::2]]
    return "".join(pieces)
