"""`python -m book` builds the pages; `python -m book states NAME …` makes the pictures' states.

`python -m book colab FOLDER` writes copies of the notebooks for Google Colab.
"""

import shutil
import sys
from pathlib import Path

from book import checks, colab, mends, pages, states


def main(words: list[str]) -> int:
    """Do what was asked for; return the exit status."""
    if words[:1] == ["states"]:
        for name in words[1:] or [n for n in pages.notebook_names() if states.read_states(n)]:
            print(f"{states.make_states(name)} is made", flush=True)
        return 0
    if words[:1] == ["colab"] and len(words) == 2:
        return write_copies(Path(words[1]))
    if words:
        print(__doc__)
        return 2
    return build()


def write_copies(folder: Path) -> int:
    """Write the copies for Colab into a folder, and say so."""
    try:
        colab.write_copies(folder, pages.notebook_names())
    except ValueError as error:
        print(error)
        return 1
    print(f"The copies for Colab are in {folder}.")
    return 0


def build() -> int:
    """Build the pages into book/_build/html, look through them, and say where they are."""
    from sphinx.cmd.build import build_main

    if not shutil.which("node"):
        print("The formulae are set by Node.js: install it (https://nodejs.org), then try again.")
        return 1
    html = pages.BUILD / "html"
    try:
        source = pages.write_source()
    except ValueError as error:
        print(error)
        return 1
    shutil.rmtree(html, ignore_errors=True)  # nothing of an earlier build is left among the pages
    options = [
        "-q",
        "-W",
        "--keep-going",
        "-c",
        str(pages.ROOT / "book"),
        "-d",
        str(pages.BUILD / "trees"),
    ]
    if status := build_main(["-b", "html", *options, str(source), str(html)]):
        return status
    mends.mend(html)
    if faults := checks.faults(html):
        print("\n".join(faults))
        return 1
    print(f"The book is in {html}: open {html / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
