"""Tables as spreadsheets save them: with commas or semicolons, in this encoding or that."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from stn_lesson.files import FileError, read_whole

csv.field_size_limit(2**30)  # of answers that someone has pasted a picture into
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass
class Table:
    """What stands in a CSV file.

    Attributes:
        header: names of the columns.
        rows: a cell for each column, by name; all text.
    """

    header: list[str]
    rows: list[dict[str, str]]


def read_table(file: Path) -> Table:
    """Read a CSV file, whichever program and language it was saved in.

    Raises:
        FileNotFoundError, FileError: there is none, or it cannot be read, or it is no table.
    """
    content = read_whole(file)
    is_text = b"\0" not in content or content[:2] in UTF16_MARKS
    try:
        if is_text:
            return parse_table(_decode(content))
    except csv.Error:
        pass  # as of a picture, or of a file that was cut off
    raise FileError(f"{file} is no table of text: save or export it as CSV")


def parse_table(text: str) -> Table:
    r"""Take the text of a CSV file apart.

    >>> parse_table("sep=;\nname;points\nAda;1,5\n").rows
    [{'name': 'Ada', 'points': '1,5'}]
    """
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep="):  # Excel's
        text, first = rest, rest.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]
    lines = [[cell.replace("\r\n", "\n") for cell in line] for line in lines if any(line)]
    if not lines:
        return Table([], [])
    header = [name.strip() for name in lines[0]]
    filled = [line + [""] * (len(header) - len(line)) for line in lines[1:]]
    return Table(header, [dict(zip(header, line, strict=False)) for line in filled])


def table_text(header: list[str], rows: list[dict[str, str]]) -> str:
    """The text of a CSV file with commas; cells of other columns are left out."""
    text = io.StringIO()
    writer = csv.DictWriter(text, header, extrasaction="ignore", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def escape_formula(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _decode(content: bytes) -> str:
    if content[:2] in UTF16_MARKS:
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")  # of a Western Excel
