"""What an error's message says to write instead, for tests that do so."""

import re


def remedy_in(message: str) -> str:
    """The Python that follows "use" in a message, without the words that follow it."""
    words = re.search(r"use (.*)", message, re.DOTALL)[1].split(" ")
    for count in range(len(words), 0, -1):
        code = " ".join(words[:count]).rstrip(",;:.")
        try:
            compile(code, "remedy", "eval")
        except SyntaxError:
            continue
        return code
    raise AssertionError(f"nothing to use in: {message}")
