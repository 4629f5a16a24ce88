"""The repository at GitHub that the course is published in, and what its name makes possible."""

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).parents[1]
COLAB_BRANCH = "colab"  # where the workflow publishes the copies that `colab.py` writes


def repository() -> str | None:
    """OWNER/NAME: `$GITHUB_REPOSITORY`, else the origin of this checkout if it is at github.com.

    Raises:
        ValueError: `$GITHUB_REPOSITORY` is no such name.
    """
    given = os.environ.get("GITHUB_REPOSITORY")
    if given and not re.fullmatch(r"[\w.-]+/[\w.-]+", given):
        raise ValueError(
            f"GITHUB_REPOSITORY must be OWNER/NAME, got {given!r}: correct or unset it"
        )
    return given or _name_in(_git("remote", "get-url", "origin"))


def commit() -> str:
    """The commit of this checkout, 40 hexadecimal digits.

    Raises:
        ValueError: this is no checkout.
    """
    found = _git("rev-parse", "HEAD")
    if not found:
        raise ValueError(f"{ROOT} is no checkout of git: clone the repository, then try again")
    return found


def colab_address(repository: str, notebook: str) -> str:
    """Where Colab opens a notebook's copy.

    >>> colab_address("owner/name", "00_welcome")
    'https://colab.research.google.com/github/owner/name/blob/colab/notebooks/00_welcome.ipynb'
    """
    place = f"{repository}/blob/{COLAB_BRANCH}/notebooks/{notebook}.ipynb"
    return f"https://colab.research.google.com/github/{place}"


def binder_address(repository: str, notebook: str) -> str:
    """Where Binder opens a notebook in JupyterLab.

    >>> binder_address("owner/name", "00_welcome")
    'https://mybinder.org/v2/gh/owner/name/HEAD?labpath=notebooks%2F00_welcome.ipynb'
    """
    path = quote(f"notebooks/{notebook}.ipynb", safe="")
    return f"https://mybinder.org/v2/gh/{repository}/HEAD?labpath={path}"


def _name_in(address: str) -> str | None:
    """OWNER/NAME of an address of github.com.

    >>> _name_in("git@github.com:owner/name.git"), _name_in("https://github.com/owner/name")
    ('owner/name', 'owner/name')
    """
    found = re.search(r"(?:@|//)github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$", address)
    return found and found[1]


def _git(*words: str) -> str:
    """What git says of this checkout; nothing, if there is no git or it has nothing to say."""
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
