"""`python -m book` builds the pages; `python -m book states NAME …` makes the pictures' states.

`python -m book colab FOLDER` writes copies of the notebooks for Google Colab.
"""

import shutil
import sys
from pathlib import Path

from book import checks, colab, mends, pages, states


def main(words: list[str]) -> int:
    """Do what was asked for; return the exit status."""
    try:
        if words[:1] == ["states"]:
            for name in words[1:] or [n for n in pages.notebook_names() if states.read_states(n)]:
                print(f"{states.make_states(name)} is made", flush=True)
            return 0
        if words[:1] == ["colab"] and len(words) == 2:
            colab.write_copies(Path(words[1]), pages.notebook_names())
            print(f"The copies for Colab are in {words[1]}.")
            return 0
        if words:
            print(__doc__)
            return 2
        return build()
    except (ValueError, OSError) as error:
        print(error)
        return 1


def build() -> int:
    """Build the pages, look through them, put them into book/_build/html, and say so."""
    from sphinx.cmd.build import build_main

    if not shutil.which("node"):
        print("The formulae are set by Node.js: install it (https://nodejs.org), then try again.")
        return 1
    html, unfinished = pages.BUILD / "html", pages.BUILD / "unfinished"
    source = pages.write_source()
    shutil.rmtree(unfinished, ignore_errors=True)  # of a build that was interrupted
    folders = ["-c", str(pages.ROOT / "book"), "-d", str(pages.BUILD / "trees")]
    options = ["-b", "html", "-q", "-W", "--keep-going", *folders]
    if status := build_main([*options, str(source), str(unfinished)]):
        print("The book was not built: mend what is said above, then try again.")
        return status
    mends.mend(unfinished)
    if faults := checks.faults(unfinished):
        print("\n".join([*faults, "The book was not built: mend these, then try again."]))
        return 1
    shutil.rmtree(html, ignore_errors=True)
    unfinished.rename(html)
    print(f"The book is in {html}: open {html / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
