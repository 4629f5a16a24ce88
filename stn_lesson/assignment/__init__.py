"""The assignment, and the blank pages of notebooks 01 to 03: what is asked, how an answer is
judged, and which mistakes have a name.
"""

from stn_lesson.assignment.checking import check
from stn_lesson.assignment.digit_scenes import scenes

__all__ = ["check", "scenes"]
