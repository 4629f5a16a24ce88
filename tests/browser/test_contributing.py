"""The live picture that CONTRIBUTING.md shows."""

import re
import shutil

import pytest
from bare import mount, settle
from lab import ROOT
from test_every_picture import UNNAMED

import stn_lesson as stn
from stn_lesson.widgets import live

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


@pytest.fixture
def brightness(tmp_path, monkeypatch):
    """The class of the guide, its script beside all others."""
    shutil.copytree(live.WIDGETS_FOLDER, tmp_path / "widgets")
    (script,) = re.findall(r"```js\n(.*?)```", CONTRIBUTING, re.S)
    (tmp_path / "widgets/brightness.js").write_text(script, "utf-8")
    monkeypatch.setattr(live, "WIDGETS_FOLDER", tmp_path / "widgets")
    names = {"__name__": "brightness"}
    exec(re.findall(r"```python\n(.*?)```", CONTRIBUTING, re.S)[0], names)
    return names["Brightness"]


def test_the_picture_of_the_guide_follows_its_slider_and_ends(page, brightness):
    mount(page, brightness(stn.house()))
    settle(page)
    assert page.evaluate(UNNAMED) == []
    page.locator(".stn-live input[type=range]").focus()
    before = page.evaluate("el.querySelectorAll('canvas')[1].toDataURL()")
    page.keyboard.press("Shift+ArrowLeft")
    settle(page)
    assert page.evaluate("model.get('factor')") == pytest.approx(0.9)
    assert page.evaluate("el.querySelectorAll('canvas')[1].toDataURL()") != before
    page.evaluate("end()")
    assert page.evaluate("model.listeners()") == 0


def test_what_the_guide_refuses_and_draws_in_python(brightness):
    picture = brightness(stn.house())
    picture.factor = 0.5
    assert "0.50 times as bright" in picture.still().alt
    with pytest.raises(ValueError, match="factor"):
        picture.factor = 3
