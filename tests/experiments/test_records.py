import pytest

from stn_lesson import experiments
from stn_lesson.experiments import records


def test_the_live_pictures_were_as_quick_as_the_readme_says():
    record = experiments.read_record("live-pictures")
    readme = (records.DATA.parent / "README.md").read_text("utf-8")
    for name, figures in record["figures"].items():
        row = next(line for line in readme.splitlines() if line.startswith(f"| {spelt(name)} |"))
        expected = [
            figures["key_to_picture_median_ms"],
            figures["key_to_picture_p95_ms"],
            figures["pictures_a_second"],
            figures["moving_after_release_ms"],
        ]
        told = [int(cell.split()[0]) for cell in row.split("|")[2:6]]
        assert told == pytest.approx(expected, abs=0.51)
        network = "view" in name
        assert figures["key_to_picture_p95_ms"] <= (120 if network else 50)
        assert figures["pictures_a_second"] >= (10 if network else 30)
        assert figures["moving_after_release_ms"] <= 150


def spelt(name):
    """A picture's name in the record as the README has it."""
    return name.replace("flight recorder", "θ flight recorder").replace("network: ", "network, ")


def test_an_unknown_record_is_told_with_those_there_are():
    with pytest.raises(FileNotFoundError, match="there is no record 'x'; there are"):
        experiments.read_record("x")
