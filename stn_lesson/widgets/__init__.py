"""Live pictures: sliders that warp an image in the browser, 50 pictures a second."""

from stn_lesson.widgets.warp_explorer import WarpExplorer

__all__ = ["WarpExplorer"]
