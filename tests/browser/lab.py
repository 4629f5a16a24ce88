"""JupyterLab and Chromium for the browser tests and for the README's moving picture."""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@contextmanager
def running_lab(folder: Path):
    """A JupyterLab on copies of the notebooks; gives a function from a path to its address."""
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        (folder / path.name).write_text(shortened(path.read_text("utf-8")), "utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(8)
    quiet = folder / ".settings" / "@jupyterlab" / "apputils-extension"
    quiet.mkdir(parents=True)
    (quiet / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    options = {
        "ServerApp.port": port,
        "ServerApp.root_dir": folder,
        "ServerApp.allow_root": True,
        "ServerApp.open_browser": False,
        "IdentityProvider.token": token,
        "LabApp.expose_app_in_browser": True,
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *(f"--{k}={v}" for k, v in options.items())],
        env=os.environ
        | {
            "JUPYTER_CONFIG_DIR": str(folder / ".config"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / ".settings"),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api/status?token={token}", timeout=1)
                break
            except OSError:
                time.sleep(0.5)
        yield lambda path: f"{address}/lab/tree/{path}?reset&token={token}"
    finally:
        server.terminate()
        server.wait(20)


SHORTER = {
    "load_recipe(DATA)": 'load_recipe(DATA)\nschedule["epochs"] = 2',
    '{"epochs": 5}': '{"epochs": 1}',
    "epochs=6, batch_size=64": "epochs=1, batch_size=64",
    '"digits": (10, 64, 5)': '"digits": (2, 64, 1)',
    "load_two_digits(DATA)": 'load_two_digits(DATA)\nschedule["epochs"] = 1',
    "starts=3": "starts=1",
    "starts=2": "starts=1",
    'in ("random", "plain", "windows")': 'in ("windows",)',
}


def shortened(notebook: str) -> str:
    """A notebook with trainings of an epoch or two, which learn too little for its assertions.

    nbval has it train in full.
    """
    content = json.loads(notebook)
    for cell in content["cells"]:
        cell["source"] = re.sub(r"^assert .*\n?", "", "".join(cell["source"]), flags=re.M)
        for long, short in SHORTER.items():
            cell["source"] = cell["source"].replace(long, short)
    return json.dumps(content)


@contextmanager
def running_chromium():
    """Debian's Chromium, or another one on the path, under Playwright's hand."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


def open_notebook(page, address: str, there: str = ".jp-CodeCell .jp-RenderedImage img") -> None:
    """Open a notebook; wait for its first picture, or whatever should be there, and its kernel."""
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_selector(there, timeout=60_000)
    page.wait_for_selector("#jp-main-statusbar >> text=/Python 3.*Idle/", timeout=60_000)


def run_all(page, timeout: float) -> None:
    """Run all cells from the menu and wait until the last has ended."""
    from playwright.sync_api import TimeoutError as Late

    prompts = (
        "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(e => e.textContent)"
    )
    for _ in range(4):
        page.click('.lm-MenuBar-itemLabel:text-is("Run")')
        page.click('.lm-Menu-item[data-command="runmenu:run-all"]')
        try:
            page.wait_for_function(f"{prompts}.some(t => t.includes('*'))", timeout=3000)
            break
        except Late:
            page.keyboard.press("Escape")
    page.wait_for_function(f"!{prompts}.some(t => t.includes('*'))", timeout=1000 * timeout)
    page.wait_for_timeout(1000)


def run_first_cell(page) -> None:
    """Run up to the first code cell and wait for its live picture."""
    page.click(".jp-NotebookPanel .jp-CodeCell >> nth=0")
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".stn-live canvas", timeout=90_000)
    page.wait_for_timeout(500)
