"""A hub on this machine, and students who have no browser: for the tests and for hub_load.py."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from websocket import create_connection

CONFIG = Path(__file__).parents[2] / "grading" / "hub" / "jupyterhub_config.py"
PASSWORD = "for the trial"
THERE = find_spec("jupyterhub") and shutil.which("configurable-http-proxy")
TRIAL = """
load_subconfig({config!r})
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}"
c.JupyterHub.hub_port = {ports[1]}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/secret"
c.ConfigurableHTTPProxy.pid_file = "{folder}/proxy.pid"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/{{username}}"
c.JupyterHub.services = [{{"name": "trial", "api_token": {token!r}}}]
scopes = ["admin:users", "admin:servers", "access:servers"]
c.JupyterHub.load_roles = [{{"name": "trial", "scopes": scopes, "services": ["trial"]}}]
"""


@contextmanager
def running_hub(folder: Path):
    """The hub of grading/hub on free ports, in a session of its own, with homes in `folder`."""
    probes = [socket.socket() for _ in range(3)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    token = secrets.token_hex(16)
    file = folder / "trial_config.py"
    file.write_text(TRIAL.format(config=str(CONFIG), ports=ports, folder=folder, token=token))
    with (folder / "hub.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", file],
            cwd=folder,
            env=os.environ | {"STN_HUB_TRIAL": PASSWORD},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    hub = Hub(f"127.0.0.1:{ports[0]}", token, process.pid)
    try:
        for _ in range(240):
            try:
                hub.ask("GET", "/hub/api/")
                break
            except OSError:
                time.sleep(0.25)
        yield hub
    finally:
        process.terminate()  # takes the students' servers and the proxy along
        process.wait(60)


class Hub:
    """Its address, and leave to do what students do, and its process."""

    def __init__(self, place: str, token: str, pid: int):
        self.pid = pid
        self.place, self.headers = place, {"Authorization": f"token {token}"}

    def ask(self, method: str, path: str, content: dict | None = None) -> dict:
        """Ask the hub, or a student's server, for something."""
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(
            f"http://{self.place}{path}", body, self.headers, method=method
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read() or "{}")


class Student:
    """Somebody with a server of their own and a kernel in it."""

    def __init__(self, hub: Hub, name: str):
        self.hub, self.name = hub, name
        self.server = f"/hub/api/users/{name}/server"

    def start(self) -> float:
        """Start the server; returns the seconds until it answers."""
        start = time.monotonic()
        try:
            self.hub.ask("POST", f"/hub/api/users/{self.name}")
        except urllib.error.HTTPError as known:
            if known.code != 409:
                raise
        self.hub.ask("POST", self.server)
        while not self.hub.ask("GET", f"/hub/api/users/{self.name}")["servers"].get("", {})[
            "ready"
        ]:
            if time.monotonic() > start + 180:
                raise TimeoutError(f"the server of {self.name} did not start: see hub.log")
            time.sleep(0.1)
        return time.monotonic() - start

    def stop(self) -> None:
        """Stop the server."""
        self.hub.ask("DELETE", self.server)
        while self.hub.ask("GET", f"/hub/api/users/{self.name}")["servers"]:
            time.sleep(0.1)

    def open_kernel(self) -> None:
        """Start a kernel where the notebooks are."""
        where = {"name": "python3", "path": "lesson/notebooks/x.ipynb"}
        self.kernel = self.hub.ask("POST", f"/user/{self.name}/api/kernels", where)["id"]
        self.connect()

    def connect(self) -> None:
        """Speak with the kernel: a socket that nobody reads is closed by the server in time."""
        self.socket = create_connection(
            f"ws://{self.hub.place}/user/{self.name}/api/kernels/{self.kernel}/channels",
            header=[f"{key}: {value}" for key, value in self.hub.headers.items()],
            timeout=600,
        )

    def tell(self, kind: str, content: dict) -> None:
        """Send a message to the kernel, and go on."""
        self.asked = secrets.token_hex(8)
        header = {
            "msg_id": self.asked,
            "msg_type": kind,
            "username": self.name,
            "session": self.name,
        }
        header |= {"version": "5.3", "date": "2015-06-05T00:00:00Z"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        self.socket.send(json.dumps(message | {"channel": "shell", "buffers": []}))

    def hear(self) -> list[dict]:
        """Wait until the kernel has dealt with the message; returns what it sent meanwhile."""
        heard = []
        while True:
            raw = self.socket.recv()
            if isinstance(raw, bytes):  # with buffers: their number and places, then JSON
                places = [int.from_bytes(raw[k : k + 4], "big") for k in range(4, 12, 4)]
                raw = raw[places[0] : places[1] if raw[3] > 1 else None]
            message = json.loads(raw)
            if message["parent_header"].get("msg_id") != self.asked:
                continue
            heard.append(message)
            if message["content"].get("execution_state") == "idle":
                return heard

    def begin(self, code: str) -> None:
        """Have a cell run, and go on."""
        self.tell("execute_request", {"code": code, "silent": False, "store_history": False,
                                      "allow_stdin": False, "stop_on_error": True})  # fmt: skip

    def end(self) -> tuple[str, list[str]]:
        """Wait for the cell; returns what it printed, or its error, and its widgets with a θ."""
        printed, widgets = "", []
        for message in self.hear():
            content = message["content"]
            if message["msg_type"] == "stream":
                printed += content["text"]
            elif message["msg_type"] == "error":
                printed += f"{content['ename']}: {content['evalue']}"
            elif "theta" in content.get("data", {}).get("state", {}):  # a comm has opened
                widgets.append(content["comm_id"])
        return printed, widgets

    def run(self, code: str) -> str:
        """What a cell prints, or its error."""
        self.begin(code)
        return self.end()[0]
