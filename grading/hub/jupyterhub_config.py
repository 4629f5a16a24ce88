"""A JupyterHub for one class on one machine (see README.md beside this file).

jupyterhub -f grading/hub/jupyterhub_config.py
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LESSON = HERE.parents[1]
STATE_FOLDER = HERE / "state"  # who is logged in and where: the hub's alone, ignored by git
STATE_FOLDER.mkdir(mode=0o700, exist_ok=True)
DATA_CACHE = LESSON / "data" / "cache"  # MNIST, if the teacher has downloaded it: once for all
# Any name, this one password, no accounts: for a trial on loopback only.
TRIAL_PASSWORD = os.environ.get("STN_HUB_TRIAL")

c = get_config()  # noqa: F821 (JupyterHub's)
c.JupyterHub.bind_url = "http://127.0.0.1:8000"  # put a web server with HTTPS before it
c.Authenticator.allow_all = True  # whoever has an account here
c.Authenticator.blocked_users = {"root"}
c.JupyterHub.db_url = f"sqlite:///{STATE_FOLDER}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = str(STATE_FOLDER / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(STATE_FOLDER / "proxy.pid")
c.Spawner.cmd = [sys.executable, str(HERE / "student.py")]
c.Spawner.default_url = "/lab/tree/lesson/notebooks/00_welcome.ipynb"
c.Spawner.mem_limit = "3G"  # of one process; student.py sees to it
# A kernel that computes takes one core, not all: the sliders of the others stay quick.
c.Spawner.environment = {"OMP_NUM_THREADS": "1"}
if DATA_CACHE.is_dir():
    c.Spawner.environment["STN_LESSON_DATA"] = str(DATA_CACHE)
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
c.JupyterHub.concurrent_spawn_limit = 10
# A kernel that nobody has used for an hour gives its memory back; notebooks are saved.
c.Spawner.args = [
    "--MappingKernelManager.cull_idle_timeout=3600",
    "--MappingKernelManager.cull_interval=300",
]
if TRIAL_PASSWORD:
    c.JupyterHub.authenticator_class = "shared-password"
    c.SharedPasswordAuthenticator.user_password = TRIAL_PASSWORD
    c.JupyterHub.spawner_class = "simple"
    c.SimpleLocalProcessSpawner.home_dir_template = f"{STATE_FOLDER}/homes/{{username}}"
    if os.geteuid() == 0:  # in a container, say
        c.Spawner.args.append("--allow-root")
