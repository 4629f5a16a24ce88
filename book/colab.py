"""Copies of the notebooks for Google Colab: the package comes first, Colab's PyTorch stays.

Colab has a PyTorch and an IPython of its own, and pip would replace what the package asks for in
another version. So the package is installed alone, and of what it needs only what Colab lacks.
"""

import json
import re
from pathlib import Path

from book import repository, states

LACKING = "anywidget pooch"  # of what the package needs, Colab has all but these
FIRST_CELL = """\
# Colab lacks the package of this course. Elsewhere this cell does nothing.
import sys

if "google.colab" in sys.modules:
    %pip install -q --no-deps https://github.com/{name}/archive/{commit}.zip
    %pip install -q {lacking}
    from google.colab import output
    output.enable_custom_widget_manager()"""
README = """\
# The notebooks, for Google Colab

Written by `python -m book colab` from the notebooks of
[{name}](https://github.com/{name}/tree/{commit}): each has one cell more, which installs the
package. What is changed here is overwritten.
"""


def write_copies(folder: Path, names: list[str]) -> None:
    """Write the copies of these notebooks into notebooks/ of a folder, and a README beside it.

    Raises:
        ValueError: it is not known where the repository is, or at which commit; or the folder
            holds something.
    """
    name = repository.repository()
    if not name:
        raise ValueError(
            "the copies install the package from GitHub: set GITHUB_REPOSITORY to OWNER/NAME, or "
            "give this checkout an origin at github.com"
        )
    if folder.exists() and (folder.is_file() or any(folder.iterdir())):
        raise ValueError(f"the copies want a folder of their own, but {folder} is not empty")
    source = {"name": name, "commit": repository.commit()}
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    for notebook in names:
        copied = copy_for_colab(states.read_notebook(notebook), **source)
        path = folder / "notebooks" / f"{notebook}.ipynb"
        path.write_text(json.dumps(copied, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (folder / "README.md").write_text(README.format(**source), "utf-8")


def copy_for_colab(notebook: dict, name: str, commit: str) -> dict:
    """A notebook with the cell that installs the package, and links that lead to other copies."""
    code = FIRST_CELL.format(name=name, commit=commit, lacking=LACKING)
    first = {
        "cell_type": "code",
        "id": "colab",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": code.splitlines(keepends=True),
    }
    return notebook | {"cells": [first, *(_copied(cell, name) for cell in notebook["cells"])]}


def _copied(cell: dict, name: str) -> dict:
    """A cell as it is, but for links in words, and for live pictures, which only a kernel shows."""
    if cell["cell_type"] == "markdown":
        text = re.sub(
            r"\]\((\w+)\.ipynb\)",
            lambda link: f"]({repository.colab_address(name, link[1])})",
            "".join(cell["source"]),
        )
        return cell | {"source": text.splitlines(keepends=True)}
    outputs = [
        output | {"data": {k: v for k, v in output["data"].items() if k != states.VIEW}}
        if "data" in output
        else output
        for output in cell["outputs"]
    ]
    return cell | {"outputs": outputs}
