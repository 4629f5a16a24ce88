"""A look through the built pages: dead links, wordless pictures, unset formulae, foreign loads."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"img": "src", "script": "src", "link": "href", "source": "src", "iframe": "src"}


class Page(HTMLParser):
    """What a page links to, loads and shows."""

    def __init__(self, path: Path):
        """Read the page."""
        super().__init__()
        self.links, self.loaded, self.anchors, self.wordless, self.unset = [], [], {""}, [], []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attributes: list) -> None:
        """Note what an element needs, and by which names it can be reached."""
        values = dict(attributes)
        self.anchors |= {values.get("id"), values.get("name")} - {None}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "img" and not values.get("alt"):
            self.wordless.append(values.get("src"))
        if "katex-error" in (values.get("class") or ""):
            self.unset.append(values.get("title"))
        if tag in LOADED and values.get("rel") not in ("canonical", "prev", "next", "search"):
            self.loaded.append(values.get(LOADED[tag]))


def faults(folder: Path) -> list[str]:
    """A sentence for everything in the built pages that is not as it should be."""
    pages = {path: Page(path) for path in sorted(folder.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(folder)
        found += [f"{name}: the picture {src} has no words (alt)" for src in page.wordless]
        found += [f"{name}: a formula cannot be set: {reason}" for reason in page.unset]
        for address in filter(None, page.loaded):
            if urlsplit(address).netloc:
                found.append(f"{name}: {address} is loaded from elsewhere")
        for address in [*page.links, *filter(None, page.loaded)]:
            if _is_dead(address, path, pages):
                found.append(f"{name}: {address} leads nowhere")
    for path in folder.rglob("*.css"):
        for address in re.findall(r"url\(['\"]?(?!data:)([^)'\"]+)", path.read_text("utf-8")):
            if urlsplit(address).netloc or _is_dead(address, path, pages):
                found.append(f"{path.relative_to(folder)}: {address} is not among the files")
    return found


def _is_dead(address: str, path: Path, pages: dict[Path, Page]) -> bool:
    """Whether an address within the book leads nowhere; those of other places are not asked."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return False
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target not in pages:
        return not target.exists()
    return unquote(parts.fragment) not in pages[target].anchors
