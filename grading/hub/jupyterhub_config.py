"""A JupyterHub for one class on one machine (see README.md beside this file).

jupyterhub -f grading/hub/jupyterhub_config.py
"""

import os
import sys
from pathlib import Path

LESSON = Path(__file__).resolve().parents[2]
TRIAL = os.environ.get("STN_HUB_TRIAL")  # any name, one password, no accounts: on loopback only

c = get_config()  # noqa: F821 (JupyterHub's)
c.JupyterHub.bind_url = "http://127.0.0.1:8000"  # put a web server with HTTPS before it
c.Spawner.cmd = [str(Path(sys.executable).with_name("jupyterhub-singleuser"))]
c.Spawner.default_url = "/lab/tree/notebooks/00_welcome.ipynb"
# A kernel that computes takes one core, not all: the sliders of the others stay quick.
c.Spawner.environment = {"OMP_NUM_THREADS": "1"}
c.Spawner.start_timeout = 120
c.JupyterHub.concurrent_spawn_limit = 10
# A kernel that nobody has used for an hour gives its memory back; notebooks are saved.
c.Spawner.args = [
    "--MappingKernelManager.cull_idle_timeout=3600",
    "--MappingKernelManager.cull_interval=300",
]
if TRIAL:
    from jupyterhub.auth import DummyAuthenticator
    from jupyterhub.spawner import SimpleLocalProcessSpawner

    c.JupyterHub.authenticator_class = DummyAuthenticator
    c.DummyAuthenticator.password = TRIAL
    c.Authenticator.allow_all = True
    c.JupyterHub.spawner_class = SimpleLocalProcessSpawner
