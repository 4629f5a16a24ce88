"""Accidents with files: names, folders, zip files, encodings. Nobody is lost, nobody is merged."""

import io
import json
import os
import unicodedata
import zipfile
from pathlib import Path

import pytest
from grading.make_submissions import write_submission

from stn_grading import gradebook
from stn_grading.names import MAX_NAME_BYTES, student_name
from stn_grading.submissions import collect_submissions

RELEASE_FILE = gradebook.PROJECT_FOLDER / "notebooks" / "assignment" / "spatial_transformer.ipynb"
BLANK = RELEASE_FILE.read_bytes()
MOODLE = "{}_assignsubmission_file_/spatial_transformer.ipynb"


def zipped(files):
    """A zip file of (name, content)."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def zipped_under(name, encoding):
    """A zip file whose one name stands in some encoding, and does not say in which."""
    raw = name.encode(encoding)
    stand_in = "x" * len(raw)
    return zipped({stand_in: BLANK}).replace(stand_in.encode(), raw)


CLASS = {MOODLE.format(who): BLANK for who in ("A_1", "B_2", "C_3")}
ABC = {"A_1": [], "B_2": [], "C_3": []}
SECOND = (
    "a second submission of {}, or another of that name (the first is {}): keep the one that counts"
)
# What lies in the folder, and the students with the flags that they must get.
ACCIDENTS = {
    "litter of a Mac": (
        {
            "ada.zip": zipped({"w/a.ipynb": BLANK, "__MACOSX/w/._a.ipynb": b"\0\5\x16\7"}),
            "._ada.zip": b"\0\5\x16\7",
            "__MACOSX/._x": b"\0",
            ".DS_Store": b"\0",
            "bob/._work.ipynb": b"\0\5\x16\7",
            "bob/work.ipynb": BLANK,
        },
        {"ada": [], "bob": []},
    ),
    "litter of Windows": (
        {"Thumbs.db": b"\0", "desktop.ini": b"", "ada.ipynb": BLANK, "~$ada.docx": b"\0"},
        {"ada": []},
    ),
    "a folder around the class": ({f"export/{n}": c for n, c in CLASS.items()}, ABC),
    "two folders around the class": ({f"a/b/{n}": c for n, c in CLASS.items()}, ABC),
    "a zip file with a folder around it": (
        {"class.zip": zipped({f"export/{n}": c for n, c in CLASS.items()})},
        ABC,
    ),
    "a zip file in a zip file": ({"class.zip": zipped({"in.zip": zipped(CLASS)})}, ABC),
    "plain names in a folder in a zip file": (
        {"class.zip": zipped({"export/ada.ipynb": BLANK, "export/bob.ipynb": BLANK})},
        {"ada": [], "bob": []},
    ),
    "a class beside a list of grades": (
        {"class.zip": zipped(CLASS), "Grades.csv": b"Identifier,Grade"},
        {**ABC, "Grades.csv": ["no notebook was handed in, but .csv"]},
    ),
    "a student's zip file in a zip file": (
        {"ada.zip": zipped({"again.zip": zipped({"w/a.ipynb": BLANK})}), "bob.ipynb": BLANK},
        {"ada": [], "bob": []},
    ),
    "a zip file in a student's folder": (
        {"ada/a.zip": zipped({"a.ipynb": BLANK}), "bob.ipynb": BLANK},
        {"ada": [], "bob": []},
    ),
    "twice the same name in a zip file": (
        {"ada.zip": zipped({"a.ipynb": BLANK, "./a.ipynb": BLANK + b" "}), "bob.ipynb": BLANK},
        {"ada": ["2 notebooks: graded was a (2).ipynb"], "bob": []},
    ),
    "names composed and decomposed": (
        {"Zoë.ipynb": BLANK, unicodedata.normalize("NFD", "Zoë") + ".ipynb": BLANK},
        {"Zoë": [], "Zoë (2)": [SECOND.format("Zoë", "Zoë.ipynb")]},
    ),
    "capitals": (
        {"ADA.ipynb": BLANK, "ada.ipynb": BLANK},
        {"ADA": [], "ada (2)": [SECOND.format("ada", "ADA.ipynb")]},
    ),
    "names that become one": (
        {"a<b.ipynb": BLANK, "a>b.ipynb": BLANK},
        {"a b": [], "a b (2)": [SECOND.format("a b", "a<b.ipynb")]},
    ),
    "a Moodle name without a suffix, and initials": (
        {"J. Doe": BLANK, "J. Smith": BLANK},
        {"J. Doe": [], "J. Smith": []},
    ),
    "a name spoilt by a zip program": (
        {"Zo├½ ├àngstr├╢m_4_assignsubmission_file_/a.ipynb": BLANK, "bob.ipynb": BLANK},
        {"Zoë Ångström_4": [], "bob": []},
    ),
    "UTF-8 names in a zip file that does not say so": (
        {"class.zip": zipped_under("Zoë_4_assignsubmission_file_.ipynb", "utf-8")},
        {"Zoë_4": []},
    ),
    "names of an old Windows in a zip file": (
        {"class.zip": zipped_under("Иван_4_assignsubmission_file_.ipynb", "cp866")},
        {
            "êóá_4": [
                "the zip file does not say how names are encoded: "
                "êóá¡_4_assignsubmission_file_.ipynb may read otherwise"
            ]
        },
    ),
    "a text typed in Moodle": (
        {
            MOODLE.format("Ada_1"): BLANK,
            "Ada_1_assignsubmission_onlinetext_/onlinetext.html": b"<p>See my file.</p>",
        },
        {"Ada_1": ["a text was typed into the platform's page: it stands at the end"]},
    ),
    "only a text": (
        {"lovelaceada_12_34_text.html": b"<p>It <b>grows</b>.</p>", "bob.ipynb": BLANK},
        {
            "bob": [],
            "lovelaceada_12": [
                "a text was typed into the platform's page: it stands at the end",
                "no notebook was handed in, but a text",
            ],
        },
    ),
    "two files in Canvas, one late": (
        {
            "lovelaceada_LATE_12_34_work.ipynb": BLANK,
            "lovelaceada_LATE_12_35_photo.png": b"\x89PNG",
            "turing_13_36_work-1.ipynb": BLANK,
        },
        {"lovelaceada_12": [], "turing_13": []},
    ),
    "a group": ({MOODLE.format("Team 1-Ada_1"): BLANK}, {"Team 1-Ada_1": []}),
    "an empty file": (
        {"ada.ipynb": b""},
        {"ada": ["the notebook cannot be read: the file is empty"]},
    ),
    "a folder named like a notebook": ({"ada.ipynb/work.ipynb": BLANK}, {"ada.ipynb": []}),
    "a mark in front": ({"ada.ipynb": b"\xef\xbb\xbf" + BLANK}, {"ada": []}),
    "UTF-16": ({"ada.ipynb": BLANK.decode().encode("utf-16")}, {"ada": []}),
    "UTF-16 without a mark": ({"ada.ipynb": BLANK.decode().encode("utf-16-le")}, {"ada": []}),
    "no Unicode": (
        {"bob.ipynb": BLANK.replace(b'"Your answer here."', b'"Gr\xfc\xdfe"')},
        {"bob": ["the notebook is not UTF-8: letters may be wrong"]},
    ),
    "too long a name": (
        {"ada.zip": zipped({"x" * 300 + ".ipynb": BLANK}), "bob.ipynb": BLANK},
        {"ada": [], "bob": []},
    ),
    "one student with two notebooks": (
        {"Ada_1_assignsubmission_file_/a.ipynb": BLANK, "Ada_1_assignsubmission_file_/b.pdf": b"%"},
        {"Ada_1": []},
    ),
    "one student with a zip file of two": (
        {"lovelaceada_1_2_work.zip": zipped({"a.ipynb": BLANK, "b.ipynb": BLANK[:-9]})},
        {"lovelaceada_1": ["2 notebooks: graded was a.ipynb"]},
    ),
    "a name of nothing": ({".ipynb": BLANK, "bob.ipynb": BLANK}, {"nameless": [], "bob": []}),
}


@pytest.mark.parametrize("accident", ACCIDENTS)
def test_nobody_is_lost_by(accident, tmp_path):
    files, expected = ACCIDENTS[accident]
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    submissions = collect_submissions(tmp_path, RELEASE_FILE)
    assert {s.student: s.flags for s in submissions} == expected
    for submission in submissions:
        excused = any("no notebook" in f or "cannot be read" in f for f in submission.flags)
        assert bool(submission.file) != excused


def test_what_came_besides_is_told_and_shown(tmp_path):
    for name, content in {
        "lovelaceada_LATE_12_34_work.ipynb": BLANK,
        "lovelaceada_LATE_12_35_photo.png": b"\x89PNG",
        "lovelaceada_LATE_12_36_text.html": b"<p>Ada &amp; I<br>slept.</p>",
    }.items():
        (tmp_path / name).write_bytes(content)
    (submission,) = collect_submissions(tmp_path, RELEASE_FILE)
    assert submission.notes == [
        "handed in late",
        "also handed in: lovelaceada_LATE_12_35_photo.png",
    ]
    assert submission.texts == [("lovelaceada_LATE_12_36_text.html", "Ada & I\nslept.")]


@pytest.mark.parametrize(
    "name",
    [
        "हिन्दी",
        "मुक्ति",
        "สมชาย ใจดี",
        "مُحَمَّد",
        "王小明",
        "정민",
        "Łukasz Żak",
        "नीना\u200dक्षी",
        "🦊 Fox",
        "👩🏽‍🔬",
        "Gal·la",
        "Ñandú",
    ],
)
def test_names_of_every_script_stay(name):
    assert student_name(name) == unicodedata.normalize("NFC", name)


def test_different_names_stay_different_and_fit_on_the_disk(tmp_path):
    assert student_name("की") != student_name("का")
    assert student_name("O’Brien") == student_name("O'Brien")
    assert len(student_name("王" * 300).encode()) <= MAX_NAME_BYTES


def test_a_name_in_bytes_that_are_no_unicode(tmp_path):
    path = os.fsencode(tmp_path) + b"/M\xfcller.ipynb"
    try:
        Path(os.fsdecode(path)).write_bytes(BLANK)
    except OSError:
        pytest.skip("this file system takes no such name")
    (submission,) = collect_submissions(tmp_path, RELEASE_FILE)
    assert submission.student == "Müller" and submission.file
    json.dumps(submission.entry, ensure_ascii=False).encode()


def test_a_file_and_a_folder_that_may_not_be_opened(tmp_path, monkeypatch):
    for who in ("ada", "bob", "eve"):
        write_submission(tmp_path / who / "work.ipynb", RELEASE_FILE)
    refuse_in(monkeypatch, "read_bytes", tmp_path / "ada" / "work.ipynb")
    refuse_in(monkeypatch, "iterdir", tmp_path / "bob")
    ada, bob, eve = collect_submissions(tmp_path, RELEASE_FILE)
    assert ada.flags == ["the notebook cannot be read: Permission denied"] and not ada.file
    assert bob.flags == ["the folder bob cannot be opened: Permission denied"] and not bob.file
    assert eve.file and not eve.flags


def refuse_in(monkeypatch, method, refused):
    """Let a file or folder refuse: root, who may run this, is refused nothing."""
    original = getattr(Path, method)

    def refusing(path, *arguments):
        if path == refused:
            raise PermissionError(13, "Permission denied", str(path))
        return original(path, *arguments)

    monkeypatch.setattr(Path, method, refusing)


def test_of_two_notebooks_the_one_with_work_in_it_and_of_those_the_later_is_taken(tmp_path):
    work = write_submission(tmp_path / "made.ipynb", RELEASE_FILE).read_bytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bob.ipynb").write_bytes(BLANK)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text, year in (
            ("1.ipynb", BLANK, 2025), ("2.ipynb", work + b" ", 2024), ("3.ipynb", work, 2023)
        ):  # fmt: skip
            archive.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), text)
    (tmp_path / "in" / "ada.zip").write_bytes(content.getvalue())
    ada, _ = collect_submissions(tmp_path / "in", RELEASE_FILE)
    assert ada.flags == ["3 notebooks: graded was 2.ipynb"] and ada.file


def test_one_damaged_file_in_a_class_costs_nobody_else_theirs(tmp_path):
    content = bytearray(zipped(CLASS))
    start = content.index(b'"cells"', content.index(b"B_2"))
    content[start : start + 7] = b"damaged"
    (tmp_path / "class.zip").write_bytes(content)
    a, b, c = collect_submissions(tmp_path, RELEASE_FILE)
    assert a.file and c.file and not a.flags and not c.flags
    assert "the zip file cannot be unpacked: Bad CRC-32" in b.flags[0]


def test_the_name_of_a_students_own_file_in_no_known_encoding_is_noted_and_no_flag(tmp_path):
    (tmp_path / "ada.zip").write_bytes(zipped_under("Lösung.ipynb", "cp850"))
    (tmp_path / "bob.ipynb").write_bytes(BLANK)
    ada, _ = collect_submissions(tmp_path, RELEASE_FILE)
    assert ada.file and ada.flags == [] and "may read otherwise" in ada.notes[0]
