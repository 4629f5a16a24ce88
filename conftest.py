"""For every test, the notebooks among them: patience, and a fair share of the processors."""

import os

PATIENCE = 3600  # seconds; it is only waited for when something is broken

# A busy machine draws progress bars for so long that a notebook's messages would no longer fit
# into the kernel's queue, the one that says "done" among them: draw them rarely.
os.environ.setdefault("TQDM_MININTERVAL", "10")
if "PYTEST_XDIST_WORKER" in os.environ:  # several processes, each with one thread
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items):
    """Let nbval wait for a cell's output as long as for the cell; its own limit is 5 seconds."""
    for item in items:
        if hasattr(item, "output_timeout"):
            item.output_timeout = PATIENCE
