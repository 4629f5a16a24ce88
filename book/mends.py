"""Once pages are built: what the theme lacks for screen readers is added, dead weight taken off."""

import re
from pathlib import Path

MENDS = {
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="The book">',
    '<aside class="toc-drawer': '<aside aria-label="This page" class="toc-drawer',
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<div id="search-results"></div>': (
        '<h1>Search</h1>\n<form class="search-field" action="search.html"><input type="search" '
        'name="q" aria-label="Words to look for"><button>Search</button></form>\n'
        '<div id="search-results"></div>'
    ),
}
OUTSIDE_LANDMARKS = re.compile(r'<a href="#" class="back-to-top.*?</a>', re.DOTALL)
WORDLESS_HEADER = re.compile(r'<th class="head">((?:\s|</?p>)*)</th>')  # a cell, but of no column
# Names and punctuation in code have the colour of the code around them, in light and in dark.
COLOURLESS = re.compile(r'<span class="[np]">([^<]*)</span>')
# Comments of a style, but for licences; indentation.
NEEDLESS = re.compile(r"/\*(?!!).*?\*/|(?<=\n)\s+", re.S)


def mend(folder: Path) -> None:
    """Mend all pages and styles of a folder."""
    for path in folder.rglob("*.css"):
        path.write_text(NEEDLESS.sub("", path.read_text("utf-8")), "utf-8")
    for path in folder.rglob("*.html"):
        text = path.read_text("utf-8")
        for lacking, mended in MENDS.items():
            text = text.replace(lacking, mended)
        text = OUTSIDE_LANDMARKS.sub(r'<nav aria-label="Top">\g<0></nav>', text)
        text = WORDLESS_HEADER.sub(r"<td>\1</td>", text)
        path.write_text(COLOURLESS.sub(r"\1", text), "utf-8")
