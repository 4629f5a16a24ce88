"""The source of the pages: notebooks, README and the rest, as Sphinx is to read them.

They go to book/_build/source, in the same folders as in the repository, so that every link between
them holds. Pictures become files with their words; a live one becomes a place that `host.js` fills,
with its still picture in it.
"""

import base64
import hashlib
import html
import itertools
import json
import re
import shutil
import struct
import textwrap
from pathlib import Path

from book import api, live, records, states, title_line

ROOT = Path(__file__).parents[1]
BUILD = Path(__file__).parent / "_build"
SOURCE = BUILD / "source"
STILLS = "_static/pictures"
DOWNLOADS = "_static/notebooks"
ASSIGNMENT = "assignment/spatial_transformer"
ROW = 2.2, 570  # of pictures side by side: width over height, and pixels of width, at the least
LINE = 92  # characters of a printed line that fit beside the navigation
FRONT_PICTURE = "00-01"  # the live picture that stands on the front page
MOVING_PICTURE = re.compile(r"!\[[^]]*\]\(notebooks/warp\.gif\)")
COPIED = [
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "CITATION.cff",
    "data/README.md",
    "grading/README.md",
    "grading/hub/README.md",
    "grading/hub/student.py",
    "grading/hub/jupyterhub_config.py",
]
CONTENTS = """
```{{toctree}}
:hidden:
:caption: The notebooks

{notebooks}
```

```{{toctree}}
:hidden:
:caption: Beside them

records
data/README
sources
api/index
grading/README
CONTRIBUTING
CHANGELOG
```
"""


def notebook_names() -> list[str]:
    """The notebooks in reading order, as in `00_welcome`."""
    return sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


def write_source() -> Path:
    """Write all that Sphinx reads, anew; returns the folder.

    Raises:
        ValueError: a live picture has no state, or an old one; each is named.
    """
    faults = [fault for name in notebook_names() for fault in states.missing_states(name)]
    if faults:
        raise ValueError("\n".join(faults))
    shutil.rmtree(SOURCE, ignore_errors=True)
    for folder in (STILLS, DOWNLOADS):
        (SOURCE / folder).mkdir(parents=True)
    names = notebook_names()
    for name, following in itertools.zip_longest(names, names[1:]):
        _write_notebook(name, following, title_line.badges(name))
    # It is worked on for longer than Binder keeps it.
    _write_notebook(ASSIGNMENT, None, ["This page is for reading; to work on it, download it:"])
    for name in COPIED:
        (SOURCE / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, SOURCE / name)
    (SOURCE / "grading" / "README.md").write_text(_with_hub(), "utf-8")
    (SOURCE / "index.md").write_text(_front_page(), "utf-8")
    (SOURCE / "records.md").write_text(records.page(), "utf-8")
    shutil.copy(Path(__file__).parent / "sources.md", SOURCE)
    for name, text in api.pages().items():
        (SOURCE / "api").mkdir(exist_ok=True)
        (SOURCE / "api" / f"{name}.md").write_text(text, "utf-8")
    live.write_scripts(SOURCE / "_static" / "live", notebook_names())
    return SOURCE


def _with_hub() -> str:
    """The teachers' page, which leads on to the one about JupyterHub."""
    page = (ROOT / "grading" / "README.md").read_text("utf-8")
    return f"{page}\n```{{toctree}}\n:hidden:\n\nhub/README\n```\n"


def _front_page() -> str:
    """The README, its moving picture under the reader's finger."""
    readme = (ROOT / "README.md").read_text("utf-8")
    notebook = states.read_notebook("00_welcome")
    cell = next(cell for cell in notebook["cells"] if cell["id"] == FRONT_PICTURE)
    picture = _live_picture(cell, "")
    page, count = MOVING_PICTURE.subn(lambda _: picture, readme)
    if count != 1:
        raise ValueError(
            "README.md must show notebooks/warp.gif once: the live picture takes its place"
        )
    names = "\n".join(f"notebooks/{name}" for name in [*notebook_names(), ASSIGNMENT])
    return page + CONTENTS.format(notebooks=names)


def _write_notebook(name: str, following: str | None, badges: list[str]) -> None:
    """A notebook whose pictures are files with words, and whose live ones have their place."""
    notebook = states.read_notebook(name)
    path = SOURCE / "notebooks" / f"{name}.ipynb"
    up = "../" * (1 + name.count("/"))
    download = _write_download(notebook, path.name)
    badges = [*badges, title_line.badge("Download", f"{up}{download}", " download")]
    title_line.add_line(notebook, name, following, badges)
    live_ids = {cell["id"] for cell in states.live_cells(notebook)}
    for cell in notebook["cells"]:
        if cell["id"] in live_ids:
            cell["outputs"] = [_html_output(_live_picture(cell, up)), *_printed(cell, up)]
        elif cell["cell_type"] == "code":
            cell["outputs"] = [_as_shown(cell, output, up) for output in cell["outputs"]]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), "utf-8")


def _write_download(notebook: dict, file: str) -> str:
    """Write a notebook without its outputs, to be run by the reader; returns the file's place."""
    unrun = {"outputs": [], "execution_count": None}
    cells = [cell | unrun if cell["cell_type"] == "code" else cell for cell in notebook["cells"]]
    text = json.dumps(notebook | {"cells": cells}, indent=1, ensure_ascii=False)
    (SOURCE / DOWNLOADS / file).write_text(text + "\n", "utf-8")
    return f"{DOWNLOADS}/{file}"


def _html_output(text: str) -> dict:
    return {"output_type": "display_data", "metadata": {}, "data": {"text/html": text}}


def _printed(cell: dict, up: str) -> list[dict]:
    return [_as_shown(cell, o, up) for o in cell["outputs"] if o["output_type"] == "stream"]


def in_short_lines(printed: str) -> str:
    """What was printed, its sentences broken to fit; columns and code stay.

    >>> print(in_short_lines("word " * 20 + "\\n    code"))
    word word word word word word word word word word word word word word word word word word
        word word
        code
    """
    lines = printed.splitlines()
    broken = [
        line if "  " in line else textwrap.fill(line, LINE, subsequent_indent="    ")
        for line in lines
    ]
    return "\n".join(broken) + "\n" * printed.endswith("\n")


def _as_shown(cell: dict, output: dict, up: str) -> dict:
    """An output as a page shows it: a picture by its file, sentences in short lines."""
    if "image/png" in output.get("data", {}):
        return _html_output(_image(cell, output, up))
    if output["output_type"] == "stream":
        return output | {"text": in_short_lines("".join(output["text"]))}
    return output


def _image(cell: dict, output: dict, up: str) -> str:
    """An `img` of a stored picture, which is written to a file."""
    data = base64.b64decode(output["data"]["image/png"])
    width, height = struct.unpack(">II", data[16:24])  # of the PNG's header
    words = output["metadata"].get("image/png", {}).get("alt")
    if not words:
        raise ValueError(
            f"a picture of cell {cell['id']} has no words (alt) for those who cannot see it"
        )
    kind = "picture row" if width > ROW[0] * height and width > ROW[1] else "picture"
    # Named after its content: two pictures that are the same are one file.
    path = Path(STILLS) / f"{hashlib.sha256(data).hexdigest()[:12]}.png"
    (SOURCE / path).write_bytes(data)
    return (
        f'<img class="{kind}" src="{up}{path.as_posix()}" alt="{html.escape(words)}" '
        f'width="{width}" height="{height}" loading="lazy">'
    )


def _live_picture(cell: dict, up: str) -> str:
    """The place of a live picture, its still picture in it."""
    still = next(o for o in cell["outputs"] if "image/png" in o.get("data", {}))
    widget = live.widget_of(cell["id"])
    image = _image(cell, still, up)
    return (
        f'<div class="live-picture" data-cell="{cell["id"]}" data-widget="{widget}">{image}</div>'
    )
