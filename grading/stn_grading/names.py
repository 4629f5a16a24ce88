"""What the names of files tell: who handed in, through which platform; and what is no submission.

Names come from every system and script: composed or decomposed (NFC, NFD), in bytes that are no
UTF-8, spoilt by a program that took one encoding for another.
"""

import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

MAX_NAME_CHARACTERS = 80
MAX_NAME_BYTES = 160  # of the 255 that a file's name may have; locks and suffixes come to it
SUFFIXES = (".ipynb", ".zip", ".json", ".txt", ".html", ".htm", ".pdf", ".py", ".md", ".docx")
# What systems leave beside files.
LITTER = {"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", ".ipynb_checkpoints"}
_JOINERS = "\u200c\u200d"  # they stand inside Persian and Indic words, and inside emoji
_MOODLE = re.compile(r"(?P<who>.*?)(?:_(?P<id>\d+))?_assignsubmission_?(?P<part>[a-z]*)_?.*", re.S)
_CANVAS = re.compile(r"(?P<who>.*?)(?P<late>_LATE)?_(?P<id>\d+)_\d+_(?P<part>.*)", re.S)


@dataclass(frozen=True)
class PlatformName:
    """What a learning platform has written into the name of a file or a folder.

    Attributes:
        platform: "Moodle", "Canvas", or "" where the name has neither form.
        who: the student, or a group.
        number: the platform's own for them, or "".
        late: whether the name says so (Canvas).
        is_text: whether it is what was typed into the platform's own page.
    """

    platform: str
    who: str
    number: str = ""
    late: bool = False
    is_text: bool = False


def parse_platform_name(entry: str) -> PlatformName:
    """Take the name of a file or a folder apart.

    >>> parse_platform_name("Ada Lovelace_12345_assignsubmission_file_").number
    '12345'
    >>> parse_platform_name("lovelaceada_LATE_90210_5551212_work-1.ipynb")
    PlatformName(platform='Canvas', who='lovelaceada', number='90210', late=True, is_text=False)
    """
    if found := _MOODLE.fullmatch(entry):
        is_text = found["part"] == "onlinetext"
        return PlatformName("Moodle", found["who"], found["id"] or "", is_text=is_text)
    if found := _CANVAS.fullmatch(entry):
        is_text = found["part"].lower() in ("text.html", "text")
        return PlatformName("Canvas", found["who"], found["id"], bool(found["late"]), is_text)
    return PlatformName("", entry)


def readable_name(name: str) -> str:
    """A file's name as its writer saw it: composed, and of the right letters.

    >>> readable_name("Zoe\u0308") == "Zoë", readable_name("Zo├½"), readable_name("ZoÃ«")
    (True, 'Zoë', 'Zoë')
    """
    with_bytes = os.fsencode(name) if any("\udc80" <= c <= "\udcff" for c in name) else None
    if with_bytes is not None:  # on the disk it stands in bytes that are no UTF-8
        name = with_bytes.decode("cp1252", errors="replace")
    for encoding in ("cp437", "cp1252"):  # UTF-8 that was read in one of these
        try:
            repaired = name.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
        name = repaired
    return unicodedata.normalize("NFC", name)


def student_name(entry: str) -> str:
    """A name that is safe in paths, tables and pages; letters of every script stay.

    >>> student_name("Ada Lovelace_12345_assignsubmission_file_")
    'Ada Lovelace_12345'
    >>> student_name("lovelaceada_LATE_90210_5551212_my_notebook-1")
    'lovelaceada_90210'
    >>> student_name("../=cmd|x")
    'cmd x'
    """
    parts = parse_platform_name(readable_name(entry))
    name = "".join(c if _is_safe(c) else " " for c in parts.who.replace("’", "'"))
    name = _shorten(" ".join(name.split()).strip(" .=-@_'")).strip(" .") or "nameless"
    return f"{name}_{parts.number}" if parts.number else name


def name_key(student: str) -> str:
    """The same for names that some file system, or some reader, takes for one.

    >>> name_key("ADA") == name_key("ada")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", student).casefold())


def without_suffix(path: Path) -> str:
    """An entry's name without what says which kind of file it is: "J. Doe" stays "J. Doe"."""
    name = path.name
    while path.is_file() and name.lower().endswith(SUFFIXES):
        name = name[: name.rindex(".")]
    return name


def is_litter(path: Path) -> bool:
    """Whether a system, not a person, has put a file or folder there.

    >>> is_litter(Path("._work.ipynb")), is_litter(Path("__MACOSX")), is_litter(Path("work.ipynb"))
    (True, True, False)
    """
    name = path.name.lower()
    is_hidden = name.startswith(".") and not name.endswith((".ipynb", ".zip"))
    return is_hidden or name.startswith(("._", "~$")) or name in LITTER


def _is_safe(character: str) -> bool:
    """Letters, marks, numbers of every script; emoji; little else."""
    is_word = unicodedata.category(character)[0] in "LMN"
    is_emoji = unicodedata.category(character) == "So" or "🏻" <= character <= "🏿"
    return is_word or is_emoji or character in " .,'@-_·" + _JOINERS


def _shorten(name: str) -> str:
    """As many characters as a file's name has room for; no letter is parted from its marks."""
    name = name[:MAX_NAME_CHARACTERS]
    while len(name.encode()) > MAX_NAME_BYTES:
        name = name[:-1]
    return name
