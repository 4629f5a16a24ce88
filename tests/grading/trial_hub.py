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

HUB_CONFIG = Path(__file__).parents[2] / "grading" / "hub" / "jupyterhub_config.py"
PASSWORD = "for the trial"
PATIENCE = 600  # seconds: only something broken takes so long, however busy the machine
HUB_INSTALLED = find_spec("jupyterhub") and shutil.which("configurable-http-proxy")
TRIAL_CONFIG = """
load_subconfig({config!r})
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}"
c.JupyterHub.hub_port = {ports[1]}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/secret"
c.ConfigurableHTTPProxy.pid_file = "{folder}/proxy.pid"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/{{username}}"
c.JupyterHub.services = [{{"name": "trial", "api_token": {token!r}}}]
c.Spawner.start_timeout = c.Spawner.http_timeout = {patience}
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
    settings = {"config": str(HUB_CONFIG), "ports": ports, "folder": folder, "token": token}
    file.write_text(TRIAL_CONFIG.format(**settings, patience=PATIENCE))
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
        wait_until(hub.answers, f"the hub did not start: see {folder}/hub.log")
        yield hub
    finally:
        process.terminate()  # takes the students' servers and the proxy along
        process.wait(PATIENCE)


def wait_until(condition, message: str) -> None:
    """Wait until a condition holds; TimeoutError with a message if it never does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(message)
        time.sleep(0.1)


class Hub:
    """Its address, and leave to do what students do, and its process."""

    def __init__(self, address: str, token: str, pid: int):
        self.pid = pid
        self.address, self.headers = address, {"Authorization": f"token {token}"}

    def request(self, method: str, path: str, content: dict | None = None) -> dict:
        """Ask the hub, or a student's server, for something."""
        body = None if content is None else json.dumps(content).encode()
        http_request = urllib.request.Request(
            f"http://{self.address}{path}", body, self.headers, method=method
        )
        with urllib.request.urlopen(http_request, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or "{}")

    def answers(self) -> bool:
        """Whether it has started."""
        try:
            self.request("GET", "/hub/api/")
        except OSError:
            return False
        return True


class Student:
    """Somebody with a server of their own and a kernel in it."""

    def __init__(self, hub: Hub, name: str):
        self.hub, self.name = hub, name
        self.server = f"/hub/api/users/{name}/server"

    def start(self) -> float:
        """Start the server; returns the seconds until it answers."""
        start = time.monotonic()
        try:
            self.hub.request("POST", f"/hub/api/users/{self.name}")
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise
        self.hub.request("POST", self.server)
        failure = f"the server of {self.name} did not start: see hub.log"
        wait_until(lambda: self._servers().get("", {}).get("ready"), failure)
        return time.monotonic() - start

    def stop(self) -> None:
        """Stop the server."""
        self.hub.request("DELETE", self.server)
        wait_until(lambda: not self._servers(), f"the server of {self.name} did not stop")

    def _servers(self) -> dict:
        return self.hub.request("GET", f"/hub/api/users/{self.name}")["servers"]

    def open_kernel(self) -> None:
        """Start a kernel in the folder of the notebooks."""
        body = {"name": "python3", "path": "lesson/notebooks/x.ipynb"}
        self.kernel = self.hub.request("POST", f"/user/{self.name}/api/kernels", body)["id"]
        self.connect()

    def connect(self) -> None:
        """Speak with the kernel: a socket that nobody reads is closed by the server in time."""
        self.socket = create_connection(
            f"ws://{self.hub.address}/user/{self.name}/api/kernels/{self.kernel}/channels",
            header=[f"{key}: {value}" for key, value in self.hub.headers.items()],
            timeout=PATIENCE,
        )

    def send_message(self, kind: str, content: dict) -> None:
        """Send a message to the kernel, and go on."""
        self.message_id = secrets.token_hex(8)
        header = {
            "msg_id": self.message_id,
            "msg_type": kind,
            "username": self.name,
            "session": self.name,
        }
        header |= {"version": "5.3", "date": "2015-06-05T00:00:00Z"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        self.socket.send(json.dumps(message | {"channel": "shell", "buffers": []}))

    def receive_replies(self) -> list[dict]:
        """Wait until the kernel has dealt with the message; returns what it sent meanwhile."""
        replies = []
        while True:
            raw = self.socket.recv()
            if isinstance(raw, bytes):  # with buffers: their number and offsets, then JSON
                offsets = [int.from_bytes(raw[k : k + 4], "big") for k in range(4, 12, 4)]
                raw = raw[offsets[0] : offsets[1] if raw[3] > 1 else None]
            message = json.loads(raw)
            if message["parent_header"].get("msg_id") != self.message_id:
                continue
            replies.append(message)
            if message["content"].get("execution_state") == "idle":
                return replies

    def start_cell(self, code: str) -> None:
        """Have a cell run, and go on."""
        self.send_message("execute_request", {"code": code, "silent": False, "store_history": False,
                                      "allow_stdin": False, "stop_on_error": True})  # fmt: skip

    def wait_for_cell(self) -> tuple[str, list[str]]:
        """Wait for the cell; returns what it printed, or its error, and its widgets with a θ."""
        printed, widgets = "", []
        for message in self.receive_replies():
            content = message["content"]
            if message["msg_type"] == "stream":
                printed += content["text"]
            elif message["msg_type"] == "error":
                printed += f"{content['ename']}: {content['evalue']}"
            elif "theta" in content.get("data", {}).get("state", {}):  # a comm has opened
                widgets.append(content["comm_id"])
        return printed, widgets

    def run_cell(self, code: str) -> str:
        """What a cell prints, or its error."""
        self.start_cell(code)
        return self.wait_for_cell()[0]
