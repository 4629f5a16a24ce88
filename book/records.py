"""The page of the records: our figures beside the paper's, and where each comes from."""

from stn_lesson.__main__ import OTHER_TABLES
from stn_lesson.experiments import colocalisation, contest, paper, records, tables

INTRODUCTION = """# The records

Every figure of the course is computed in a cell, or stands in a record: a small file with the
settings, seeds, device, versions and date of the run that made it. First the tables that
`python -m stn_lesson table …` prints, then every record with its provenance.
[The page about the data](data/README.md) says how to measure them anew.
"""
COLUMNS = ("record", "seeds", "test accuracy, last epoch", "date", "device", "threads", "torch")


def page() -> str:
    """The page, in Markdown."""
    return "\n\n".join([INTRODUCTION, *map(_printed, _tables().items()), _every_record()]) + "\n"


def _tables() -> dict[str, str]:
    """The tables as the command line prints them, by name."""
    printed = {name: tables.table(name) for name in paper.TABLE_ROWS}
    printed["colocalise"] = colocalisation.colocalise_table("mnist")
    printed["contest"] = contest.contest_table("digits")
    return printed | {name: make() for name, make in OTHER_TABLES.items()}


def _printed(item: tuple[str, str]) -> str:
    name, text = item
    return f"## `table {name}`\n\n```text\n{text}\n```"


def _every_record() -> str:
    """One table of all measured records, a line each."""
    rows = [COLUMNS, ["---"] * len(COLUMNS)]
    for name, path in sorted(records.record_paths().items()):
        record = records.load_record(path)
        if "date" in record:  # a published one names its source instead
            rows.append([f"`{name}`", *_seeds_and_accuracy(record), *_provenance(record)])
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"## Every record\n\n{lines}"


def _seeds_and_accuracy(record: dict) -> tuple[str, str]:
    runs = record.get("runs", [])
    seeds = str(len({run["seed"] for run in runs}) or "")  # one may have several runs
    curves = [run["accuracy"] for run in runs if isinstance(run.get("accuracy"), list)]
    last = [100 * curve[-1] for curve in curves if curve]
    if not last:
        return seeds, ""
    mean = f"{sum(last) / len(last):.1f} %"
    return seeds, mean + (f" ({min(last):.1f} to {max(last):.1f})" if len(last) > 1 else "")


def _provenance(record: dict) -> list[str]:
    return [str(record.get(name, "")) for name in ("date", "device", "threads", "torch")]
