"""The reference solution, cell by cell, and changes of it that make the known mistakes."""

import re
from pathlib import Path

import nbformat

SOURCE = Path(__file__).parents[2] / "grading" / "source" / "assignment"
REFERENCE = nbformat.read(SOURCE / "spatial_transformer.ipynb", as_version=4)
CELLS = {cell.metadata.get("nbgrader", {}).get("grade_id", ""): cell for cell in REFERENCE.cells}


def solution(task, *changes):
    """Source of a solution, with (old, new) changes that must all apply."""
    text = re.sub(r" *### (BEGIN|END) SOLUTION\n?", "", CELLS[task].source)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


# (task, the mistake's name, which of the task's checks fail, what is changed in the reference)
MISTAKES = [
    (
        "meshgrid",
        "y before x",
        "012",
        [
            ("[x.flatten(), y.flatten()", "[y.flatten(), x.flatten()"),
        ],
    ),
    (
        "meshgrid",
        "column by column",
        "01",
        [
            (
                'y, x = torch.meshgrid(y, x, indexing="ij")',
                'x, y = torch.meshgrid(x, y, indexing="ij")',
            ),
        ],
    ),
    (
        "meshgrid",
        "height and width swapped",
        "012",
        [
            ("(height, width):", "(width, height):"),
        ],
    ),
    (
        "meshgrid",
        "edges for centres",
        "012",
        [
            ("torch.linspace(-1, 1, width)", "torch.linspace(1 / width - 1, 1 - 1 / width, width)"),
            (
                "torch.linspace(-1, 1, height)",
                "torch.linspace(1 / height - 1, 1 - 1 / height, height)",
            ),
        ],
    ),
    (
        "meshgrid",
        "pixels for coordinates",
        "012",
        [
            ("torch.linspace(-1, 1, width)", "torch.arange(float(width))"),
            ("torch.linspace(-1, 1, height)", "torch.arange(float(height))"),
        ],
    ),
    (
        "meshgrid",
        "no row of ones",
        "012",
        [
            (", torch.ones(height * width)]", "]"),
        ],
    ),
    (
        "meshgrid",
        "one pixel at the edge",
        "2",
        [
            (" if width > 1 else torch.zeros(1)", ""),
            (" if height > 1 else torch.zeros(1)", ""),
        ],
    ),
    (
        "bilinear_sample",
        "x and y swapped",
        "01234",
        [
            ("x = (grid[..., 0]", "grid = grid.flip(-1)\n    x = (grid[..., 0]"),
        ],
    ),
    (
        "bilinear_sample",
        "W/2 for (W−1)/2",
        "01234",
        [
            ("(width - 1) / 2", "width / 2"),
            ("(height - 1) / 2", "height / 2"),
        ],
    ),
    (
        "bilinear_sample",
        "edges for centres",
        "01234",
        [
            ("(grid[..., 0] + 1) * (width - 1) / 2", "((grid[..., 0] + 1) * width - 1) / 2"),
            ("(grid[..., 1] + 1) * (height - 1) / 2", "((grid[..., 1] + 1) * height - 1) / 2"),
        ],
    ),
    (
        "bilinear_sample",
        "pixels for coordinates",
        "01234",
        [
            ("(grid[..., 0] + 1) * (width - 1) / 2", "grid[..., 0]"),
            ("(grid[..., 1] + 1) * (height - 1) / 2", "grid[..., 1]"),
        ],
    ),
    (
        "bilinear_sample",
        "nearest pixel",
        "0234",
        [
            (
                "left, top = x.floor(), y.floor()",
                "x, y = (x + 0.5).floor(), (y + 0.5).floor()\n    left, top = x, y",
            ),
        ],
    ),
    (
        "bilinear_sample",
        "upper left pixel",
        "0234",
        [
            (
                "left, top = x.floor(), y.floor()",
                "x, y = x.floor(), y.floor()\n    left, top = x, y",
            ),
        ],
    ),
    (
        "bilinear_sample",
        "weights of the opposite corners",
        "01234",
        [
            (
                "((left, left + 1 - x), (left + 1, x - left))",
                "((left, x - left), (left + 1, left + 1 - x))",
            ),
            (
                "((top, top + 1 - y), (top + 1, y - top))",
                "((top, y - top), (top + 1, top + 1 - y))",
            ),
        ],
    ),
    (
        "bilinear_sample",
        "last row and column lost",
        "12",
        [
            (
                "    result = 0\n",
                "    right = (left + 1).clamp(0, width - 1)\n"
                "    bottom = (top + 1).clamp(0, height - 1)\n"
                "    left, top = left.clamp(0, width - 1), top.clamp(0, height - 1)\n"
                "    result = 0\n"
                "",
            ),
            (
                "((left, left + 1 - x), (left + 1, x - left))",
                "((left, right - x), (right, x - left))",
            ),
            ("((top, top + 1 - y), (top + 1, y - top))", "((top, bottom - y), (bottom, y - top))"),
            ("(across * down * inside)", "(across * down)"),
        ],
    ),
    (
        "bilinear_sample",
        "border for zeros",
        "2",
        [
            (
                "    left, top = x.floor(), y.floor()",
                "    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)\n"
                "    left, top = x.floor(), y.floor()",
            ),
        ],
    ),
    (
        "bilinear_sample",
        "wrapped around",
        "2",
        [
            (
                "row.clamp(0, height - 1), column.clamp(0, width - 1)",
                "row.clamp(max=height - 1), column.clamp(max=width - 1)",
            ),
            ("(across * down * inside)", "(across * down)"),
        ],
    ),
    (
        "bilinear_sample",
        "height and width swapped",
        "34",
        [
            ("(width - 1) / 2", "(WIDTH - 1) / 2"),
            ("(height - 1) / 2", "(width - 1) / 2"),
            ("(WIDTH - 1) / 2", "(height - 1) / 2"),
        ],
    ),
    (
        "bilinear_sample",
        "width for both sides",
        "34",
        [
            ("(height - 1) / 2", "(width - 1) / 2"),
        ],
    ),
    (
        "bilinear_sample",
        "height for both sides",
        "34",
        [
            ("(width - 1) / 2", "(height - 1) / 2"),
        ],
    ),
    (
        "bilinear_sample",
        "first image for all",
        "34",
        [
            ("n = torch.arange(count)", "n = torch.zeros(count, dtype=torch.long)"),
        ],
    ),
    (
        "bilinear_sample",
        "first grid for all",
        "34",
        [
            ("    count, _,", "    grid = grid[:1].expand_as(grid)\n    count, _,"),
        ],
    ),
    (
        "bilinear_sample",
        "first channel for all",
        "3",
        [
            ("    count, _,", "    image = image[:, :1].expand_as(image)\n    count, _,"),
        ],
    ),
    (
        "bilinear_sample",
        "gradient cut",
        "4",
        [
            ("    count, _,", "    grid = grid.detach()\n    count, _,"),
        ],
    ),
    (
        "bilinear_sample",
        "gradient cut",
        "4",
        [
            ("    count, _,", "    image = torch.tensor(image.tolist())\n    count, _,"),
        ],
    ),
    (
        "warp",
        "θ backwards",
        "0123",
        [
            (
                "points = theta",
                "last = torch.tensor([[[0, 0, 1.0]]]).expand(len(theta), 1, 3)\n"
                "    square = torch.cat([theta, last], 1)\n"
                "    theta = torch.linalg.inv(square)[:, :2]\n"
                "    points = theta",
            ),
        ],
    ),
    (
        "warp",
        "x and y swapped",
        "0123",
        [
            ("grid = points.transpose(1, 2)", "grid = points.flip(1).transpose(1, 2)"),
        ],
    ),
    (
        "warp",
        "θ applied to (y, x, 1)",
        "0123",
        [
            ("meshgrid(height, width)", "meshgrid(height, width)[[1, 0, 2]]"),
        ],
    ),
    (
        "warp",
        "points in the wrong order",
        "0123",
        [
            ("points.transpose(1, 2).reshape", "points.reshape"),
        ],
    ),
    (
        "warp",
        "height and width swapped",
        "123",
        [
            ("theta, height, width):", "theta, width, height):"),
        ],
    ),
    (
        "warp",
        "size of the image kept",
        "1",
        [
            ("    points = theta", "    height, width = image.shape[-2:]\n    points = theta"),
        ],
    ),
    (
        "warp",
        "first θ for all",
        "23",
        [
            ("points = theta", "theta = theta[:1].expand_as(theta)\n    points = theta"),
        ],
    ),
    (
        "warp",
        "untouched image",
        "0123",
        [
            ("    return bilinear_sample(image, grid)", "    return image"),
        ],
    ),
    (
        "warp",
        "gradient cut",
        "3",
        [
            ("points = theta @", "points = theta.detach() @"),
        ],
    ),
    (
        "SpatialTransformer",
        "no identity at the start",
        "012",
        [
            ("torch.tensor([1.0, 0, 0, 0, 1, 0])", "torch.zeros(6)"),
        ],
    ),
    (
        "SpatialTransformer",
        "θ read column by column",
        "12",
        [
            ("torch.tensor([1.0, 0, 0, 0, 1, 0])", "torch.tensor([1.0, 0, 0, 1, 0, 0])"),
            ("view(-1, 2, 3)", "view(-1, 3, 2).transpose(1, 2)"),
        ],
    ),
    (
        "SpatialTransformer",
        "θ backwards",
        "12",
        [
            (
                "return warp(",
                "last = torch.tensor([[[0, 0, 1.0]]]).expand(len(theta), 1, 3)\n"
                "        theta = torch.linalg.inv(torch.cat([theta, last], 1))[:, :2]\n"
                "        return warp(",
            ),
        ],
    ),
    (
        "SpatialTransformer",
        "untouched image",
        "12",
        [
            ("return warp(images, theta, *self.size)", "return images"),
        ],
    ),
    (
        "SpatialTransformer",
        "height and width swapped",
        "12",
        [
            ("*self.size)", "*self.size[::-1])"),
        ],
    ),
    (
        "SpatialTransformer",
        "first θ for all",
        "12",
        [
            ("return warp(images, theta,", "return warp(images, theta[:1].expand_as(theta),"),
        ],
    ),
    (
        "SpatialTransformer",
        "gradient cut",
        "2",
        [
            ("return warp(images, theta,", "return warp(images, theta.detach(),"),
        ],
    ),
]
