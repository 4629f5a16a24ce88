"""The line under a notebook's title: its minutes, what comes before and after, where to run it."""

import re

from book import repository, states


def add_line(notebook: dict, name: str, following: str | None, links: list[str]) -> None:
    """Put the line under the title of a notebook, in its first cell.

    Args:
        notebook: the JSON of its file, whose first cell is changed.
        name: as in `00_welcome`.
        following: the name of the next notebook, if there is one.
        links: to places where it can be opened, in HTML.

    Raises:
        ValueError: the notebook does not say how long it takes, or what it needs.
    """
    title, _, rest = "".join(notebook["cells"][0]["source"]).partition("\n")
    minutes, needs = facts(notebook, name)
    words = [f"{minutes} minutes", f"you need {needs}"]
    if following:
        words.append(f"next: [{short_title(following)}]({following}.ipynb)")
    line = f"```{{container}} title-line\n{' · '.join(words)}\n\n{' '.join(links)}\n```"
    notebook["cells"][0]["source"] = [f"{title}\n\n{line}\n{rest}"]


def facts(notebook: dict, name: str) -> tuple[str, str]:
    """The minutes of a notebook, and what it says that one needs.

    >>> facts(states.read_notebook("02_meshgrid"), "02_meshgrid")
    ('30', 'notebook [01](01_affine_theta.ipynb), and what the shape of a tensor is')
    """
    words = "\n".join("".join(cell["source"]) for cell in notebook["cells"])
    minutes = re.search(r"\*\*It takes\*\* about (\d+) minutes", words)
    needs = re.search(r"\*\*You need\*\* ((?:[^.]|\.ipynb)+)\.", words)
    if not (minutes and needs):
        raise ValueError(
            f"{name} does not say what it asks of a reader: write into it, after its first "
            "picture, **You need** …. **It takes** about … minutes."
        )
    return minutes[1], needs[1]


def short_title(name: str) -> str:
    """A notebook's number and the title before its colon.

    >>> short_title("02_meshgrid")
    '02 The meshgrid'
    """
    title = "".join(states.read_notebook(name)["cells"][0]["source"]).splitlines()[0]
    return title.removeprefix("# ").partition(":")[0].replace(" · ", " ")


def badges(name: str) -> list[str]:
    """Links that open a notebook in Colab and in Binder; none if its repository is not known."""
    owner = repository.repository()
    if not owner:
        return []
    return [
        badge("Open in Colab", repository.colab_address(owner, name)),
        badge("Open in Binder", repository.binder_address(owner, name)),
    ]


def badge(words: str, address: str, attributes: str = "") -> str:
    """A link that looks like a badge, in HTML."""
    return f'<a class="badge" href="{address}"{attributes}>{words}</a>'
