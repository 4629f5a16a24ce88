"""What the theme's pages lack for screen readers, added once they are built."""

from pathlib import Path

MENDS = {
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="The book">',
    '<aside class="toc-drawer': '<aside aria-label="This page" class="toc-drawer',
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
}


def mend(folder: Path) -> None:
    """Mend all pages of a folder."""
    for path in folder.rglob("*.html"):
        text = path.read_text("utf-8")
        for lacking, mended in MENDS.items():
            text = text.replace(lacking, mended)
        path.write_text(text, "utf-8")
