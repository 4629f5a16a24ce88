"""For The Littlest JupyterHub: linked into /opt/tljh/config/jupyterhub_config.d (see README.md)."""

c = get_config()  # noqa: F821 (JupyterHub's)
c.Spawner.cmd = ["/opt/tljh/user/bin/python", "/srv/lesson/grading/hub/student.py"]
c.Spawner.default_url = "/lab/tree/lesson/notebooks/00_welcome.ipynb"
c.Spawner.environment = {"OMP_NUM_THREADS": "1"}
