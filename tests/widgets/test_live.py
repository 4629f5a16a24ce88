"""The life and the end of a live picture, in a shell like a notebook's."""

import gc
import types
import weakref

import pytest
from IPython.core.interactiveshell import InteractiveShell
from ipywidgets.widgets.widget import _instances

import stn_lesson as stn
from stn_lesson.widgets import WarpExplorer, live


@pytest.fixture
def notebook(monkeypatch):
    """A shell with cells: run(cell, code) runs code as the cell of that name."""
    shell = InteractiveShell()
    shell.kernel = object()
    now = {}
    shell.get_parent = lambda: {"metadata": {"cellId": now["cell"]}}
    monkeypatch.setattr(live, "get_ipython", lambda: shell)
    monkeypatch.setattr(live, "_watched_shell", None)
    monkeypatch.setattr(live, "_pictures_by_cell", {})
    shell.user_ns |= {"WarpExplorer": WarpExplorer, "house": stn.house(8, 12)}

    def run(cell, code):
        now["cell"] = cell
        shell.events.trigger("pre_run_cell", types.SimpleNamespace(cell_id=cell))
        result = shell.run_cell(code, store_history=True)
        assert result.success
        return result.result

    yield run
    shell.events.callbacks["pre_run_cell"].clear()


def test_a_still_picture_follows_the_live_one(monkeypatch):
    shown = []
    monkeypatch.setattr(live, "display", lambda item, **how: shown.append(item))
    WarpExplorer(stn.house(20, 30))._ipython_display_()
    alive, still, style = shown
    assert style == {"text/html": live.HIDE_EMPTY_WIDGET_OUTPUT, "text/plain": ""}
    assert "application/vnd.jupyter.widget-view+json" in alive
    assert alive["text/plain"] == "Run this cell to bring it to life."
    assert "standing still" in still.alt and still.png()[:4] == b"\x89PNG"


def test_a_cell_that_runs_fifty_times_leaves_one_live_picture(notebook):
    before = len(_instances)
    seen = []
    for _ in range(50):
        seen.append(weakref.ref(notebook("a", "explorer = WarpExplorer(house)\nexplorer")))
    gc.collect()
    alive = [explorer() for explorer in seen if explorer() is not None]
    now = len(_instances)
    assert now - before <= 2  # the explorer and its layout
    assert len(alive) <= 4  # the last one, and those that IPython keeps as _, __ and ___
    assert alive[-1].comm is not None and all(old.comm is None for old in alive[:-1])


def test_a_picture_lives_as_long_as_one_cell_shows_it(notebook):
    notebook("a", "explorer = WarpExplorer(house)")
    shown = notebook("b", "explorer")
    shown._ipython_display_()
    notebook("a", "1 + 1")
    assert shown.comm is not None  # cell b still shows it
    notebook("b", "2 + 2")
    assert shown.comm is None


def test_where_cells_have_no_names_nothing_ends(notebook):
    first = notebook(None, "WarpExplorer(house)")
    notebook(None, "WarpExplorer(house)")
    assert first.comm is not None


def test_messages_arrive_in_the_subshell_that_the_browser_asks_for():
    """As ipykernel 7.4 asks a comm; the buttons are tried in JupyterLab in tests/browser."""
    comm = pytest.importorskip("ipykernel.comm.comm").BaseComm()
    if not hasattr(comm, "_reply_subshell_for"):
        pytest.skip("this ipykernel delivers messages as asked anyway")
    comm._reply_subshell_id = "busy"
    assert comm._reply_subshell_for({}, "asked for") == "busy"
    live.use_requested_subshell(comm)
    assert comm._reply_subshell_for({"method": "custom"}, "asked for") == "asked for"


def test_a_comm_that_knows_no_subshells_is_left_alone():
    comm = object()
    live.use_requested_subshell(comm)  # no error, as with an older ipykernel
    assert not hasattr(comm, "_reply_subshell_for")


def test_a_live_picture_that_is_closed_leaves_nothing_alive():
    before = set(_instances)
    explorer = WarpExplorer(stn.house(8, 12))
    assert len(set(_instances) - before) == 2  # itself and its layout
    explorer.close()
    explorer.close()  # again, which changes nothing
    assert set(_instances) == before and explorer.layout.comm is None


def test_a_live_picture_that_could_not_be_made_leaves_nothing_alive():
    before = set(_instances)
    for _ in range(3):
        with pytest.raises(TypeError):
            WarpExplorer("house.png")
    gc.collect()
    assert set(_instances) == before
