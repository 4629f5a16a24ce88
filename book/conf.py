"""Sphinx's settings of the live book; `python -m book` builds it."""

import re
import sys
from pathlib import Path

import traitlets
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import inspect
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
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = [("Shape", "returns_style")]
add_module_names = False  # the heading above says the module

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
    app.connect("autodoc-skip-member", says_nothing)
    app.connect("autodoc-process-signature", signature_of_traits)
    traits = ModuleAnalyzer.for_module("traitlets.traitlets")
    traits.analyze()
    traits.overloads.clear()  # they would take the place of what `signature_of_traits` gives


def add_search_script(app, page: str, *_) -> None:
    """Let the page of the search alone load what it alone needs."""
    if page == "search":
        app.add_js_file("search.js")


def as_plain_words(app, what, name, thing, options, lines: list[str]) -> None:
    """Turn `name` into ``name`` and a star into a star, but not in examples; read no types.

    Napoleon would read "(N, 3): a row for each" as a type and a description. A colon put first
    makes the type an empty one; types stand in the signatures.
    """
    whole = what in ("property", "attribute", "data")
    for n, line in enumerate(lines):
        if line.lstrip().startswith((">>>", "...")):
            continue
        begins = n == 0 if whole else lines[n - 1].strip() in ("Returns:", "Yields:", "Shape:")
        lines[n] = re.sub(r"^(\s*)(?=\S)", r"\1: " if begins else r"\1", plain(line))


def says_nothing(app, what, name, thing, skip, options) -> bool | None:
    """Whether to leave out a member: the fields of a NamedTuple, which its class describes."""
    return str(getattr(thing, "__doc__", "")).startswith("Alias for field number") or None


def signature_of_traits(app, what, name, thing, options, signature, returned):
    """The signature that a live picture's `__init__` has, and its `__new__` hides; of a trait none.

    >>> from stn_lesson.widgets.live import LivePicture, Number
    >>> for each in (LivePicture, Number):
    ...     print(signature_of_traits(None, "class", "", each, {}, "(*args, **kwargs)", ""))
    ('(**traits)', '')
    ('', '')
    """
    if what != "class" or not issubclass(thing, traitlets.HasTraits | traitlets.TraitType):
        return None
    if issubclass(thing, traitlets.TraitType):
        return "", ""
    of_init = inspect.signature(thing.__init__, bound_method=True)
    return inspect.stringify_signature(of_init, unqualified_typehints=True), ""


def plain(line: str) -> str:
    r"""A line of a docstring as reStructuredText; a star that opens no emphasis is a star.

    >>> print(plain("`sample` gives (1, *size), *always*"))
    ``sample`` gives (1, \*size), *always*
    """
    pieces = re.split(r"(``.*?``|`[^`]*`)", line)
    pieces[::2] = [re.sub(r"\*(?=\w)(?![^*]*[^\s*]\*)", r"\\*", piece) for piece in pieces[::2]]
    pieces[1::2] = [f"``{piece.strip('`')}``" for piece in pieces[1::2]]
    return "".join(pieces)
