"""One JupyterLab and one Chromium for all browser tests."""

import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from aligning import IMAGE, START, WANTED
from bare import mount
from filelock import FileLock
from lab import BROWSERS_REQUIRED, CHROMIUM, MAX_WAIT, ROOT, running_chromium, running_lab
from playwright.sync_api import Error

from book import pages
from stn_lesson.widgets import Alignment


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A function from a notebook's name to its address."""
    with running_lab(tmp_path_factory.mktemp("lab")) as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    """Chromium; the tests are left out where there is none."""
    if not CHROMIUM and not BROWSERS_REQUIRED:
        pytest.skip("no Chromium here: the browser tests are left out")
    with ExitStack() as stack:
        try:
            chromium = stack.enter_context(running_chromium())
        except Error as error:
            if BROWSERS_REQUIRED:
                raise
            pytest.skip(f"this Chromium cannot be driven: {error}")
        yield chromium


@pytest.fixture(scope="session")
def folder(tmp_path_factory, testrun_uid):
    """The folder of the live book's pages, built once for all tests of them, in all processes."""
    if not shutil.which("node"):
        pytest.skip("no Node.js here, which sets the formulae: the book is left out")
    built = tmp_path_factory.getbasetemp().parent / f"book-{testrun_uid}"
    with FileLock(f"{built}.lock"):
        if not built.exists():
            build = [sys.executable, "-m", "book"]
            done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
            assert done.returncode == 0, done.stdout + done.stderr
            built.touch()
    return pages.BUILD / "html"


@pytest.fixture
def page(browser, request):
    """A fresh page; if the test fails, its screenshot is kept in tests/browser/failures."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(1000 * MAX_WAIT)
    failed = request.session.testsfailed
    yield page
    if request.session.testsfailed > failed:
        folder = Path(__file__).parent / "failures"
        folder.mkdir(exist_ok=True)
        page.screenshot(path=folder / f"{request.node.name}.png")
    page.close()


@pytest.fixture
def alignment(page):
    """A page with the alignment of two smooth pictures that are not square."""
    mount(page, Alignment(IMAGE, WANTED, start=START))
    return page
