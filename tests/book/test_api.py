"""The pages of the package: what stands in a docstring is read as words, not torn into types."""

import pytest
from sphinx.ext.napoleon import Config, GoogleDocstring

from book import api, conf
from stn_lesson.transformer import Look
from stn_lesson.widgets import Alignment
from stn_lesson.widgets.live import WholeNumber


def read(what, *lines):
    """The lines of a docstring as napoleon gives them to Sphinx, with the book's settings."""
    lines = list(lines)
    conf.as_plain_words(None, what, "name", None, None, lines)
    settings = {n: value for n, value in vars(conf).items() if n.startswith("napoleon_")}
    return GoogleDocstring(lines, Config(**settings), what=what, name="name").lines()


def test_a_property_keeps_its_sentence():
    assert read("property", "Where it looks: (1, 2, 3).", "") == ["Where it looks: (1, 2, 3)."]


@pytest.mark.parametrize("section", ["Returns", "Yields", "Shape"])
def test_a_section_keeps_its_sentence(section):
    lines = read("function", "One.", "", f"{section}:", "    (3, N): a row", "    for each.")
    assert next(line for line in lines if "a row" in line).endswith(" (3, N): a row")
    assert f":{section.lower()}:" in "\n".join(lines).lower()


def test_examples_are_left_as_they_are():
    assert read("function", ">>> f(*a)  # `a`: b")[0] == ">>> f(*a)  # `a`: b"


def test_numpys_style_is_not_read_for_it_would_take_the_colon_away():
    assert conf.napoleon_numpy_docstring is False


def test_the_fields_of_a_named_tuple_are_left_out_and_all_else_stays():
    def left_out(thing):
        return conf.says_nothing(None, "class", "name", thing, False, None)

    assert left_out(Look.theta) and left_out(Look.outside) is None


def test_a_live_picture_has_the_signature_of_its_init_and_a_trait_has_none():
    def signature(what, thing):
        return conf.signature_of_traits(None, what, "name", thing, None, "(*args)", "")

    shown, _ = signature("class", Alignment)
    assert shown.startswith("(image: ~torch.Tensor, wanted: ~torch.Tensor, *, sliders: ")
    assert signature("class", WholeNumber) == ("", "")
    assert signature("class", Look) is None and signature("method", Alignment.still) is None


def test_every_part_has_a_page_and_a_sentence_in_the_index():
    pages = api.pages()
    for name, (title, _) in api.PARTS.items():
        (line,) = [line for line in pages["index"].splitlines() if f"]({name}.md)" in line]
        words = line.removeprefix(f"- [{title}]({name}.md): ")
        assert words != line and len(words) > 20 and words.endswith(".")
        assert pages[name].startswith(f"# {title}\n")
