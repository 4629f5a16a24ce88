"""Writes what the checks in the students' notebook compare with, computed by the solutions here."""

import json
from pathlib import Path

from stn_grading.tasks import PRACTICE, TASKS, Check, Task
from stn_lesson.assignment.messages import question_to_json
from stn_lesson.assignment.visible_checks import FILE, expectation_to_json
from stn_lesson.files import write_atomically


def visible_checks() -> dict:
    """Every checked task with its checks, their numbers drawn for students, as JSON holds it."""
    return {
        task.name: {
            "practice": task.practice,
            "lent": list(task.lent),
            "checks": [_describe_check(task, check) for check in task.checks],
        }
        for task in (*TASKS, *PRACTICE)
        if task.checks
    }


def _describe_check(task: Task, check: Check) -> dict:
    question = check.question()
    stored = {"network_seed": check.generator_seed()}  # its images are large, and no secret
    if question.kind != "look":
        stored = question_to_json(question)
    expectation = expectation_to_json(task.expectation(check))
    return {"name": check.name, "question": stored, "expectation": expectation}


def write_visible_checks(file: Path = FILE) -> Path:
    """Write them where the lesson reads them; returns the file."""
    tasks = [
        f"{json.dumps(name)}: {json.dumps(task, ensure_ascii=False)}"
        for name, task in visible_checks().items()
    ]
    text = "{\n" + ",\n".join(tasks) + "\n}\n"  # a line for each task
    write_atomically(file, text.encode())
    return file
