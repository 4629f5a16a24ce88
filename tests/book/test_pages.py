"""How a notebook becomes a page, and what a look through the built pages finds."""

import base64
import re

import pytest

from book import checks, conf, mends, pages

ONE_PIXEL = base64.b64encode(
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\7\0\0\0\5\x08\0\0\0\0" + b"\0" * 4
).decode()


def picture(words):
    return {
        "output_type": "display_data",
        "data": {"image/png": ONE_PIXEL, "text/plain": "words"},
        "metadata": {"image/png": {"alt": words}},
    }


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "SOURCE", tmp_path)
    (tmp_path / pages.STILLS).mkdir(parents=True)
    return tmp_path


def test_a_picture_becomes_a_file_with_its_words_and_its_size(source):
    output = picture('θ, "turned" & moved')
    text = pages._image({"id": "00-05", "outputs": [output]}, output, "../")
    assert 'alt="θ, &quot;turned&quot; &amp; moved"' in text
    assert 'width="7" height="5"' in text
    (path,) = re.findall('src="../(.*?)"', text)
    assert (source / path).read_bytes() == base64.b64decode(ONE_PIXEL)


def test_a_picture_that_is_shown_twice_is_one_file(source):
    for cell in ("00-05", "00-07"):
        pages._image({"id": cell, "outputs": []}, picture("the same"), "../")
    assert len(list((source / pages.STILLS).iterdir())) == 1


def test_a_picture_without_words_is_refused(source):
    output = picture("")
    with pytest.raises(ValueError, match="a picture of cell 00-05 has no words"):
        pages._image({"id": "00-05", "outputs": [output]}, output, "../")


def test_the_front_page_shows_the_live_picture_and_leads_to_every_notebook(source):
    page = pages._front_page()
    assert 'data-cell="00-01" data-widget="WarpExplorer"' in page and "warp.gif)" not in page
    for name in pages.notebook_names():
        assert f"notebooks/{name}\n" in page


FAULTS = {
    '<img src="there.png">': "has no words",
    '<img src="gone.png" alt="words">': "gone.png leads nowhere",
    '<a href="other.html#gone">': "other.html#gone leads nowhere",
    '<a href="gone.html">': "gone.html leads nowhere",
    '<script src="https://cdn.example/x.js"></script>': "is loaded from elsewhere",
    '<span class="katex-error" title="ParseError: {">': "cannot be set: ParseError: {",
    '<link rel="stylesheet" href="//cdn.example/x.css">': "is loaded from elsewhere",
}
SOUND = [
    '<img src="there.png" alt="words">',
    '<a href="other.html#here">',
    '<a href="https://example.org">',
    '<a href="#top" id="top">',
]


def look_through(folder, body):
    (folder / "page.html").write_text(f"<title>p</title>{body}", "utf-8")
    (folder / "other.html").write_text('<p id="here">', "utf-8")
    (folder / "there.png").touch()
    return checks.faults(folder)


@pytest.mark.parametrize("body", FAULTS)
def test_a_fault_of_a_page_is_named(tmp_path, body):
    (fault,) = look_through(tmp_path, body)
    assert fault.startswith("page.html: ") and FAULTS[body] in fault


def test_a_sound_page_has_no_faults(tmp_path):
    assert look_through(tmp_path, "".join(SOUND)) == []


def test_a_style_that_loads_from_elsewhere_is_named(tmp_path):
    (tmp_path / "a.css").write_text("b { background: url('https://cdn.example/x.png') }")
    assert "a.css: https://cdn.example/x.png is not among the files" in checks.faults(tmp_path)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("`sample` of ``grid``", "``sample`` of ``grid``"),
        ("(1, C, *size) and *always*", r"(1, C, \*size) and *always*"),
        ("* a **bold** item", "* a **bold** item"),
    ],
)
def test_a_docstring_is_read_as_it_is_meant(written, read):
    assert conf.plain(written) == read


def test_the_landmarks_of_a_page_have_names_and_its_headings_levels(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("".join(mends.MENDS), "utf-8")
    mends.mend(tmp_path)
    assert page.read_text("utf-8") == "".join(mends.MENDS.values())


def test_code_is_coloured_where_its_colour_differs(tmp_path):
    page = tmp_path / "page.html"
    code = '<span class="kn">import</span> <span class="n">a</span><span class="p">,</span>'
    page.write_text(code + '<span class="nf">n</span>', "utf-8")
    mends.mend(tmp_path)
    assert page.read_text("utf-8") == ('<span class="kn">import</span> a,<span class="nf">n</span>')


def test_a_style_keeps_its_rules_and_licences_alone(tmp_path):
    style = tmp_path / "a.css"
    style.write_text("/*! MIT */\na {\n  b: c; /**/ /* why\n * at length */\n}\n", "utf-8")
    mends.mend(tmp_path)
    assert style.read_text("utf-8").split() == ["/*!", "MIT", "*/", "a", "{", "b:", "c;", "}"]


@pytest.mark.parametrize(
    ("lacking", "mended"),
    [
        ('<a href="#" class="back-to-top">\n</a>', '<nav aria-label="Top">{}</nav>'),
        ('<th class="head"><p></p></th><th class="head">\n</th>', "<td><p></p></td><td>\n</td>"),
        ('<th class="head"><p>a</p></th>', "{}"),
    ],
)
def test_what_stands_outside_of_landmarks_gets_one_and_empty_headers_are_cells(
    tmp_path, lacking, mended
):
    page = tmp_path / "page.html"
    page.write_text(lacking, "utf-8")
    mends.mend(tmp_path)
    assert page.read_text("utf-8") == mended.format(lacking)
