"""The experiment that CONTRIBUTING.md shows."""

import json
import re
from pathlib import Path

CONTRIBUTING = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text("utf-8")


def test_the_experiment_of_the_guide_trains_and_writes_its_record(few_digits):
    _, code = re.findall(r"```python\n(.*?)```", CONTRIBUTING, re.S)
    names = {}
    exec(code, names)
    (path,) = names["run_crowd"](epochs=1)
    assert path.parent == few_digits and path.stem in code
    record = json.loads(path.read_text("utf-8"))
    assert record["experiment"] == "crowd" and len(record["runs"]) == 1
