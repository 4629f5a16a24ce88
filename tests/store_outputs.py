"""Run notebooks and store their outputs: `python tests/store_outputs.py notebooks/02*.ipynb`.

What differs from run to run is left out: times, and the states and names of live pictures.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

WIDGET = "application/vnd.jupyter.widget-view+json"


def store_outputs(path: Path) -> None:
    """Run a notebook in its own folder and write it back with its outputs.

    Raises:
        CellExecutionError: a cell raises one; the notebook is left as it was.
    """
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": path.parent}}
    settings = dict(timeout=None, store_widget_state=False, record_timing=False)
    NotebookClient(notebook, resources=where, kernel_name="python3", **settings).execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if WIDGET in output.get("data", {}):
                output.data[WIDGET]["model_id"] = ""
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        store_outputs(Path(name))
