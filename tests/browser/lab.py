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
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
BROWSERS_REQUIRED = os.environ.get("CI") == "true"  # there, a missing one is a failure
# Seconds to wait for anything: so many that only what is broken takes as long, however busy the
# machine is.
MAX_WAIT = 900
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
]


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
        wait_until(lambda: _answers(f"{address}/api/status?token={token}"), time.sleep)
        yield lambda path: f"{address}/lab/tree/{path}?reset&token={token}"
    finally:
        server.terminate()
        server.wait(MAX_WAIT)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=10)
    except OSError:
        return False
    return True


def wait_until(holds, pause) -> None:
    """Wait until something holds; `pause(seconds)` is called between two looks at it."""
    end = time.monotonic() + MAX_WAIT
    while not holds():
        assert time.monotonic() < end, f"waited {MAX_WAIT} s in vain"
        pause(0.1)


SHORTENED_CODE = {
    "epochs=8, batch_size=64": "epochs=1, batch_size=64",
    "epochs=6, batch_size=64": "epochs=1, batch_size=64",
    "epochs=10, batch_size=64": "epochs=1, batch_size=64",
    '"digits": (10, 64, 5)': '"digits": (2, 64, 1)',
    "load_two_digits(DATA)": 'load_two_digits(DATA)\nschedule["epochs"] = 1',
    "starts=3": "starts=1",
    "starts=2": "starts=1",
    'in ("random", "plain", "windows")': 'in ("windows",)',
    "stn.fit(model, data, **settings)": 'stn.fit(model, data, **settings | {"epochs": 1})',
    '**BIRDS_SCHEDULES["windows"],': '**BIRDS_SCHEDULES["windows"] | {"epochs": 1},',
    "clinic.wide_scenes()": 'clinic.wide_scenes()\nclinic.SETTINGS["epochs"] = 1',
    'SOLID_SCHEDULES["solid_stn"])': 'SOLID_SCHEDULES["solid_stn"] | {"epochs": 1})',
}


def shortened(notebook: str) -> str:
    """A notebook with trainings of an epoch or two, which learn too little for its assertions.

    nbval has it train in full.
    """
    content = json.loads(notebook)
    for cell in content["cells"]:
        cell["source"] = re.sub(r"^assert .*\n?", "", "".join(cell["source"]), flags=re.M)
        for long, short in SHORTENED_CODE.items():
            cell["source"] = cell["source"].replace(long, short)
    return json.dumps(content)


@contextmanager
def running_chromium():
    """Debian's Chromium, or another one on the path, under Playwright's hand."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


def open_notebook(page, address: str, there: str = ".jp-CodeCell .jp-RenderedImage img") -> None:
    """Open a notebook; wait for its first picture, or whatever should be there, and its kernel."""
    page.set_default_timeout(1000 * MAX_WAIT)
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_selector(there)
    page.wait_for_selector("#jp-main-statusbar >> text=/Python 3.*Idle/")


def run_all(page) -> None:
    """Run all cells and wait until the last has ended."""
    page.evaluate("""() => {
        window.ran = false;
        jupyterapp.commands.execute("notebook:run-all-cells").then(() => { window.ran = true; });
    }""")
    page.wait_for_function("window.ran")


def run_first_cell(page) -> None:
    """Run up to the first code cell and wait for its end and its live picture."""
    page.click(".jp-NotebookPanel .jp-CodeCell >> nth=0")
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".stn-live canvas")
    wait_for_prompt(page, 0, r"\[\d+\]")


def wait_for_prompt(page, nth: int, pattern: str) -> None:
    """Wait until a code cell's prompt looks so: a star while it waits or runs, then a number."""
    page.wait_for_selector(f".jp-CodeCell >> nth={nth} >> .jp-InputPrompt >> text=/{pattern}/")
