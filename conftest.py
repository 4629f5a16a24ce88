"""For every test, the notebooks among them: patience, and a fair share of the processors."""

import os
import tempfile
from pathlib import Path

PATIENCE = 3600  # seconds; it is only waited for when something is broken

# A busy machine draws progress bars for so long that a notebook's messages would no longer fit
# into the kernel's queue, the one that says "done" among them: draw them rarely.
os.environ.setdefault("TQDM_MININTERVAL", "10")
# Where the home folder cannot be written (a container with --user, a build farm), libraries say so
# on stderr, in the first cell of each notebook: until the tests end, they get folders elsewhere.
if not os.access(os.path.expanduser("~"), os.W_OK):
    elsewhere = tempfile.TemporaryDirectory(prefix="home-")
    for name in ("MPLCONFIGDIR", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        folder = Path(os.environ.setdefault(name, f"{elsewhere.name}/{name.lower()}"))
        folder.mkdir(parents=True, exist_ok=True)
if "PYTEST_XDIST_WORKER" in os.environ:  # several processes, each with one thread
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items):
    """Let nbval wait for a cell's output as long as for the cell; its own limit is 5 seconds.

    Matplotlib looks for fonts the first time that it is imported, and says so on stderr if that
    takes long: here, and not in a notebook.
    """
    cells = [item for item in items if hasattr(item, "output_timeout")]
    for cell in cells:
        cell.output_timeout = PATIENCE
    if cells:
        import matplotlib.font_manager  # noqa: F401
