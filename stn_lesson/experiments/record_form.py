"""The form of a record: how its file is set out, and what it must hold for a table."""

import re

from stn_lesson.arguments import list_of, real_number, text, whole_number

# What reading a record raises that lacks something, or holds something else in its place.
WRONG_FORM = (LookupError, TypeError, ValueError, AttributeError)


def check_trained(record: dict) -> None:
    """Read in a record of trainings what every table reads in it.

    Raises:
        WRONG_FORM: it is not there, or is no such thing: no run, an accuracy of 97.5.
    """
    whole_number(record["settings"]["epochs"], "epochs", lowest=1)
    whole_number(record["parameters"], "parameters", lowest=0)
    for name, value in (
        ("precision", record["settings"]["precision"]),
        ("device", record["device"]),
        ("data", record["data"]),
    ):
        text(value, name)
    list_of(record["runs"], "runs", "runs")[-1]
    for run in record["runs"]:
        list_of(run["accuracy"], "accuracy", "numbers")[-1]
        for accuracy in run["accuracy"]:
            real_number(accuracy, "accuracy", 0, 1)


def numbers_in_rows(text: str) -> str:
    """JSON with every list of numbers in one row.

    >>> import json
    >>> print(numbers_in_rows(json.dumps([[1.0, 0.5], [0.0, 1.0]], indent=1)))
    [
     [1.0, 0.5],
     [0.0, 1.0]
    ]
    """
    list_of_numbers = re.compile(r"\[([-+.\deE,\s]+)\]")
    return list_of_numbers.sub(lambda match: f"[{' '.join(match[1].split())}]", text)
