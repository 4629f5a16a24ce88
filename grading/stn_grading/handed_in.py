"""A notebook as it came back: its cells, whatever program has saved it."""

import base64
import binascii
import json
from dataclasses import dataclass, field

import nbformat

MAX_PICTURE_BYTES = 4 * 2**20
MAX_PICTURES_PER_CELL = 12
PICTURE_STARTS = {"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff"}


@dataclass
class HandedInCell:
    """A cell of a student's.

    Attributes:
        kind: "code", "markdown" or "raw".
        source: what stands in it, lines ended by a line feed.
        grade_id: nbgrader's name for it, or "".
        id: the notebook's own name for it, or "".
        pictures: (type, base64): PNG and JPEG pictures among its outputs and attachments.
        name: of the released cell that it is, or "" for one that the student has added.
        answers: the question in words that it belongs to, or "".
    """

    kind: str
    source: str
    grade_id: str = ""
    id: str = ""
    pictures: list[tuple[str, str]] = field(default_factory=list)
    name: str = ""
    answers: str = ""


def read_cells(content: bytes) -> tuple[list[HandedInCell], list[str]]:
    """The cells of a notebook's file, and what a person should know.

    Raises:
        ValueError: it is no notebook; the message says why.
    """
    if not content.strip():
        raise ValueError("the file is empty")
    text, remarks = _decode(content)
    notebook = json.loads(text, strict=False)
    if not isinstance(notebook, dict):
        raise ValueError("it is no notebook")
    if "worksheets" in notebook:  # of before 2014
        notebook = nbformat.convert(nbformat.from_dict(notebook), 4)
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise ValueError("it is no notebook: it has no list of cells")
    whole = [cell for cell in cells if isinstance(cell, dict)]
    if len(whole) < len(cells):
        remarks.append(f"damaged cells were left out: {len(cells) - len(whole)}")
    return [_cell(cell) for cell in whole], remarks


def decode(content: bytes) -> str:
    """The text of a file in whichever Unicode it stands, with or without a mark in front.

    Raises:
        UnicodeDecodeError: it is no Unicode.
    """
    return content.decode(json.detect_encoding(content))


def _decode(content: bytes) -> tuple[str, list[str]]:
    try:
        return decode(content), []
    except UnicodeDecodeError:
        text = content.decode("utf-8", "replace")
        if 2 * text.count("\ufffd") > sum(not letter.isascii() for letter in text):
            text = content.decode("cp1252", "replace")  # of an old Windows
        return text, ["the notebook is not UTF-8: letters may be wrong"]


def _cell(cell: dict) -> HandedInCell:
    """A cell, whatever is missing in it."""
    metadata = cell.get("metadata")
    settings = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = settings.get("grade_id") if isinstance(settings, dict) else None
    kind = cell.get("cell_type")
    return HandedInCell(
        kind if kind in ("code", "raw") else "markdown",
        _source(cell.get("source", cell.get("input", ""))),
        grade_id if isinstance(grade_id, str) else "",
        cell["id"] if isinstance(cell.get("id"), str) else "",
        _pictures(cell),
    )


def _source(source: object) -> str:
    r"""A cell's text, from one piece or a list of lines; lines end with "\n", none is glued.

    >>> _source(["a = 1\r\n", "b = 2"]), _source(["a = 1", "b = 2"])
    ('a = 1\nb = 2', 'a = 1\nb = 2')
    """
    if isinstance(source, list):
        lines = [line for line in source if isinstance(line, str)]
        ended = [line if len(f"{line}x".splitlines()) > 1 else f"{line}\n" for line in lines]
        source = "".join([*ended[:-1], *lines[-1:]])
    text = source if isinstance(source, str) else ""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.encode("utf-8", "replace").decode()  # no halves of letters


def _pictures(cell: dict) -> list[tuple[str, str]]:
    """The pictures of a cell: of what its outputs and attachments hold nothing else is shown."""
    outputs, attachments = cell.get("outputs"), cell.get("attachments")
    bundles = [output.get("data") for output in _dicts(outputs)]
    bundles += _dicts(list(attachments.values()) if isinstance(attachments, dict) else None)
    found = []
    for bundle in _dicts(bundles):
        for kind, start in PICTURE_STARTS.items():
            text = bundle.get(kind)
            text = "".join(_strings(text)) if isinstance(text, list) else text
            if isinstance(text, str) and len(text) < MAX_PICTURE_BYTES:
                content = _base64_content(text)
                if content.startswith(start):
                    found.append((kind, base64.b64encode(content).decode()))
    return found[:MAX_PICTURES_PER_CELL]


def _dicts(things: object) -> list[dict]:
    return (
        [thing for thing in things if isinstance(thing, dict)] if isinstance(things, list) else []
    )


def _strings(things: list) -> list[str]:
    return [thing for thing in things if isinstance(thing, str)]


def _base64_content(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
