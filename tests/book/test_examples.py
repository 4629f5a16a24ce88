"""The examples in the docstrings of the book's modules."""

import doctest

import pytest

from book import api, conf, records, repository, title_line


@pytest.mark.parametrize("module", [api, conf, records, repository, title_line])
def test_every_example_gives_what_it_says(module):
    done = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert done.attempted and not done.failed
