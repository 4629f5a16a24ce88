"""The notebooks as a student meets them: JupyterLab in Chromium, moved by key and by mouse."""

import json

import pytest
from bare import pixels, settle
from lab import ROOT, open_notebook, run_all, run_first_cell, wait_until

import stn_lesson as stn

NOTEBOOKS = sorted(
    path.name
    for path in (ROOT / "notebooks").glob("*.ipynb")
    if "stn_lesson.widgets" in path.read_text("utf-8")  # nbval runs the others
)


def canvases(live):
    """What the canvases of a live picture show, as one text that changes when any of them does."""
    return live.evaluate("el => [...el.querySelectorAll('canvas')].map(c => c.toDataURL()).join()")


def pause(page):
    """What `wait_until` does between two looks at a page."""
    return lambda seconds: page.wait_for_timeout(1000 * seconds)


def scroll_on(page):
    """As `pause`, a screen further down each time: JupyterLab may put off what is out of sight."""

    def scroll_and_pause(seconds):
        page.evaluate("""() => {
            const panel = document.querySelector(".jp-NotebookPanel .jp-WindowedPanel-outer");
            const next = panel.scrollTop + panel.clientHeight;
            panel.scrollTop = next < panel.scrollHeight ? next : 0;
        }""")
        page.wait_for_timeout(1000 * seconds)

    return scroll_and_pause


def errors_in_cells(page) -> list:
    """What cells of the open notebook have raised, also of those that are not in sight."""
    return page.evaluate(
        """() => [...window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells]
            .flatMap(cell => cell.toJSON().outputs ?? [])
            .filter(output => output.output_type === "error")
            .map(output => `${output.ename}: ${output.evalue}`)"""
    )


def changes(page, live, act) -> bool:
    """Whether a live picture shows something new after an act."""
    before = canvases(live)
    act()
    try:
        wait_until(lambda: canvases(live) != before, pause(page))
    except AssertionError:
        return False
    return True


def drag(page, element):
    """Drag something by 65 pixels towards the middle of what it stands in."""
    element.scroll_into_view_if_needed()
    box = element.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    target = x - 65 if right_of_the_middle(element) else x + 65
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(target, y + 5, steps=3)
    page.mouse.up()


def right_of_the_middle(moved) -> bool:
    """Whether a slider or a handle stands in the right half of where it can go."""
    return moved.evaluate(
        """e => e.matches("input") ? Number(e.value) > (Number(e.min) + Number(e.max)) / 2
            : parseFloat(e.style.left) > 50"""
    )


def move_everything(page, live):
    """Move every slider and handle by key and by mouse; name those that change nothing."""
    silent = []
    for moved in live.query_selector_all("input[type=range], .stn-handle"):
        if not moved.is_visible():
            continue
        name = moved.get_attribute("aria-label")
        assert name, "every control needs a name for screen readers"
        moved.scroll_into_view_if_needed()
        before = moved.evaluate("e => e.value")
        moved.focus()
        key = "ArrowLeft" if right_of_the_middle(moved) else "ArrowRight"
        if not changes(page, live, lambda key=key: page.keyboard.press(f"Shift+{key}")):
            silent.append(f"{name} by key")
        if not changes(page, live, lambda moved=moved: drag(page, moved)):
            silent.append(f"{name} by mouse")
        if before:  # back, or all that follows might happen out of sight
            moved.evaluate(
                "(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", before
            )
            settle(page)
    return silent


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_runs_and_its_live_pictures_follow_key_and_mouse(lab, page, notebook):
    trouble = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    open_notebook(page, lab(notebook))
    run_all(page)
    assert errors_in_cells(page) == []
    saved = json.loads((ROOT / "notebooks" / notebook).read_text("utf-8"))
    views = "application/vnd.jupyter.widget-view+json"
    expected = sum(
        views in output.get("data", {})
        for cell in saved["cells"]
        for output in cell.get("outputs", [])
    )
    wait_until(lambda: page.locator(".stn-live").count() == expected, scroll_on(page))
    for live in page.query_selector_all(".stn-live"):
        assert move_everything(page, live) == []
    assert trouble == []


def test_a_notebook_opens_with_its_picture_and_comes_to_life(lab, page):
    open_notebook(page, lab("00_welcome.ipynb"))
    cell = page.locator(".jp-CodeCell").first
    assert cell.locator(".jp-RenderedImage img").is_visible()  # before anything has run
    run_first_cell(page)
    assert cell.locator("canvas").first.is_visible()
    assert not cell.locator(".jp-RenderedImage img").first.is_visible()  # the live one replaces it


def test_keys_and_mouse_warp_the_house_as_torch_does(lab, page):
    open_notebook(page, lab("00_welcome.ipynb"))
    run_first_cell(page)
    page.locator("[aria-label=rotation]").focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    wait_for_rotation(page, "40°")  # it begins at 20°, somewhat enlarged
    theta = stn.affine_theta(rotation=40, scale=1.3, size=(128, 192))
    expected = stn.warp(stn.house().mul(255).round() / 255, theta)
    assert (pixels(page, 1) - expected).abs().max() <= 1.01 / 255


def wait_for_rotation(page, words):
    """Wait until the first slider says so, and its picture has been drawn."""
    page.wait_for_function(
        "words => document.querySelector('output').innerText === words", arg=words
    )
    settle(page)


def run_code(page, code) -> str:
    """Run code in a new cell at the end of the open notebook; returns what it prints."""
    return page.evaluate(
        """async code => {
            const session = window.jupyterapp.shell.currentWidget.sessionContext.session;
            const future = session.kernel.requestExecute({code, store_history: false});
            let said = "";
            future.onIOPub = ({content}) => { said += content.text ?? content.evalue ?? ""; };
            await future.done;
            return said;
        }""",
        code,
    ).strip()


def test_theta_goes_both_ways_between_python_and_the_sliders(lab, page):
    open_notebook(page, lab("01_affine_theta.ipynb"))
    run_first_cell(page)
    run_code(page, "explorer.theta = stn.affine_theta(rotation=35, scale=2, size=(128, 192))")
    wait_for_rotation(page, "35°")
    page.locator("[aria-label=rotation]").first.focus()
    page.keyboard.press("Shift+ArrowRight")
    ask = "print(*stn.decompose(explorer.theta, size=(128, 192))['rotation'].tolist())"
    arrived = pytest.approx(45, abs=1e-3)
    wait_until(lambda: float(run_code(page, ask)) == arrived, pause(page))
    said = run_code(page, "explorer.theta = torch.eye(3)")
    assert "theta must have shape (N, 2, 3), got (3, 3)" in said
    assert page.locator("output").first.inner_text() == "45°"  # nothing was lost


def test_a_cell_that_runs_fifty_times_leaves_one_live_picture(lab, page):
    open_notebook(page, lab("00_welcome.ipynb"))
    run_first_cell(page)
    count = "from ipywidgets.widgets.widget import _instances; print(len(_instances))"
    before = run_code(page, count)
    page.click(".jp-NotebookPanel .jp-CodeCell .jp-InputArea-editor >> nth=0")
    first = page.locator(".jp-CodeCell .jp-InputPrompt").first
    for _ in range(50):
        number = first.inner_text()
        page.keyboard.press("Control+Enter")
        page.wait_for_function(
            "was => { const now = document.querySelector('.jp-CodeCell .jp-InputPrompt').innerText;"
            " return now !== was && !now.includes('*'); }",
            arg=number,
        )
    wait_until(lambda: page.locator(".stn-live").count() == 1, pause(page))
    wait_until(lambda: run_code(page, count) == before, pause(page))
    page.locator("[aria-label=rotation]").focus()
    page.keyboard.press("ArrowRight")
    wait_for_rotation(page, "21°")  # moved once, not fifty times


def test_a_saved_notebook_without_its_kernel_shows_the_still_picture_and_comes_back(lab, page):
    open_notebook(page, lab("00_welcome.ipynb"))
    run_all(page)
    page.wait_for_selector(".stn-live [aria-label=rotation]")
    page.locator("[aria-label=rotation]").first.focus()
    page.keyboard.press("Control+s")  # saves from inside a live picture too
    page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    open_notebook(page, lab("00_welcome.ipynb"))
    page.wait_for_selector("text=Error displaying widget", state="attached")
    first = page.locator(".jp-CodeCell").first
    assert first.locator(".jp-RenderedImage img").is_visible()
    assert page.locator("text=Error displaying widget >> visible=true").count() == 0
    run_first_cell(page)
    assert first.locator("canvas").first.is_visible()
    assert not first.locator(".jp-RenderedImage img").first.is_visible()
