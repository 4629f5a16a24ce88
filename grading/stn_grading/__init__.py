"""Grading a class: collect, examine in a sandbox, enter, report."""
