"""The page of the sources."""

import tomllib

from packaging.requirements import Requirement

from book import pages

SOURCES = (pages.ROOT / "book/sources.md").read_text("utf-8")
PROJECT = tomllib.loads((pages.ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_every_library_that_package_and_book_need_is_named():
    extras = PROJECT["optional-dependencies"]
    for line in [*PROJECT["dependencies"], *extras["lab"], *extras["book"]]:
        assert f"`{Requirement(line).name}`" in SOURCES, line


def test_the_data_sets_are_those_of_the_page_about_the_data():
    readme = (pages.ROOT / "data/README.md").read_text("utf-8")
    start, end = "All of these but the cache are installed with the package.", "\n## Results\n"
    assert start in SOURCES and end.strip() in SOURCES
    data = readme.split(start)[1].split(end)[0]
    for name in ("Embedded digits", "MNIST", "SVHN", "CUB-200-2011", "House numbers"):
        assert f"**{name}" in data and name not in SOURCES
