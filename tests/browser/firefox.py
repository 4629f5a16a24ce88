"""Firefox under the hand of the book's tests, by WebDriver BiDi; Playwright drives only its own."""

import itertools
import json
import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import websocket
from lab import MAX_WAIT, wait_until

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
KEYS = {"ArrowLeft": "\ue012", "ArrowRight": "\ue014", "Enter": "\ue007"}


@contextmanager
def running_firefox(folder: Path):
    """A Firefox without a window, its profile in this folder; gives its page."""
    options = ["--headless", "--no-remote", "--profile", folder, "--remote-debugging-port", "0"]
    log = folder / "log.txt"
    with log.open("w") as output:
        browser = subprocess.Popen([FIREFOX, *options], stdout=output, stderr=output)
    try:
        wait_until(lambda: LISTENING.search(log.read_text("utf-8", "replace")), time.sleep)
        address = LISTENING.search(log.read_text("utf-8", "replace"))[1]
        yield Page(
            websocket.create_connection(f"{address}/session", MAX_WAIT, suppress_origin=True)
        )
    finally:
        browser.terminate()
        browser.wait(MAX_WAIT)


class Page:
    """A page of Firefox, with as much of Playwright's `Page` as the book's tests need."""

    def __init__(self, socket: websocket.WebSocket):
        """Open a session; what the page asks for, and its errors, are kept in two lists."""
        self._socket, self._numbers = socket, itertools.count()
        self.requests, self.errors = [], []
        self.keyboard = Keyboard(self)
        self.command("session.new", capabilities={})
        # In a window of its own: the first has no focus, and its buttons would not hear a key.
        self.context = self.command("browsingContext.create", type="window")["context"]
        self.command("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])

    def goto(self, url: str) -> None:
        """Open an address and wait until it has loaded."""
        self.command("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def evaluate(self, function: str, argument=None):
        """What a JavaScript function gives for an argument, once it is there."""
        called = f"async given => JSON.stringify(await ({function})(JSON.parse(given)))"
        done = self.command(
            "script.callFunction",
            functionDeclaration=called,
            arguments=[{"type": "string", "value": json.dumps(argument)}],
            awaitPromise=True,
            target={"context": self.context},
        )
        if done["type"] == "exception":
            raise RuntimeError(done["exceptionDetails"]["text"])
        return json.loads(done["result"].get("value", "null"))

    def command(self, method: str, **parameters) -> dict:
        """The answer to a command of WebDriver BiDi; events that come before it are kept."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (message := json.loads(self._socket.recv())).get("id") != number:
            self._note(message)
        if message["type"] == "error":
            raise RuntimeError(f"{method}: {message['error']}: {message['message']}")
        return message["result"]

    def _note(self, event: dict) -> None:
        content = event.get("params", {})
        if event.get("method") == "log.entryAdded" and content["level"] == "error":
            self.errors.append(content["text"])
        if event.get("method") == "network.beforeRequestSent":
            self.requests.append(content["request"]["url"])


class Keyboard:
    """The keys of a page."""

    def __init__(self, page: Page):
        """See the class."""
        self._page = page

    def press(self, key: str) -> None:
        """Press a key, and release it."""
        strokes = [{"type": kind, "value": KEYS[key]} for kind in ("keyDown", "keyUp")]
        actions = [{"type": "key", "id": "keyboard", "actions": strokes}]
        self._page.command("input.performActions", context=self._page.context, actions=actions)
