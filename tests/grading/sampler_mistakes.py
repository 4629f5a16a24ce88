"""Changes of the reference `bilinear_sample` that make the known mistakes (see mistakes.py)."""

SAMPLER_MISTAKES = [
    (
        "bilinear_sample",
        "x and y swapped",
        "01234",
        [("x = (grid[..., 0]", "grid = grid.flip(-1)\n    x = (grid[..., 0]")],
    ),
    (
        "bilinear_sample",
        "W/2 for (W−1)/2",
        "01234",
        [("(width - 1) / 2", "width / 2"), ("(height - 1) / 2", "height / 2")],
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
        "no + 1",
        "01234",
        [("(grid[..., 0] + 1)", "grid[..., 0]"), ("(grid[..., 1] + 1)", "grid[..., 1]")],
    ),
    (
        "bilinear_sample",
        "nearest pixel",
        "0234",
        [
            (
                "left, top = x.floor(), y.floor()",
                "x, y = (x + 0.5).floor(), (y + 0.5).floor()\n    left, top = x, y",
            )
        ],
    ),
    (
        "bilinear_sample",
        "upper left pixel",
        "0234",
        [("left, top = x.floor(), y.floor()", "x, y = x.floor(), y.floor()\n    left, top = x, y")],
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
        "weights of x and y exchanged",
        "0234",
        [
            (
                "((left, left + 1 - x), (left + 1, x - left))",
                "((left, top + 1 - y), (left + 1, y - top))",
            ),
            (
                "((top, top + 1 - y), (top + 1, y - top))",
                "((top, left + 1 - x), (top + 1, x - left))",
            ),
        ],
    ),
    (
        "bilinear_sample",
        "cut off for rounded down",
        "2",
        [("x.floor(), y.floor()", "x.trunc(), y.trunc()")],
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
        "ceil for the next pixel",
        "1",
        [
            (
                "(left, left + 1 - x), (left + 1, x - left)",
                "(left, x.ceil() - x), (x.ceil(), x - left)",
            ),
            ("(top, top + 1 - y), (top + 1, y - top)", "(top, y.ceil() - y), (y.ceil(), y - top)"),
        ],
    ),
    (
        "bilinear_sample",
        "points outside for pixels outside",
        "2",
        [("down * inside)", "down * (grid.abs() <= 1).all(-1))")],
    ),
    (
        "bilinear_sample",
        "reshaped for permuted",
        "3",
        [(".permute(0, 3, 1, 2)", ".reshape(*image.shape[:2], *x.shape[1:])")],
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
            )
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
    ("bilinear_sample", "width for both sides", "34", [("(height - 1) / 2", "(width - 1) / 2")]),
    ("bilinear_sample", "height for both sides", "34", [("(width - 1) / 2", "(height - 1) / 2")]),
    (
        "bilinear_sample",
        "channels last",
        "01234",
        [("return result.permute(0, 3, 1, 2)", "return result")],
    ),
    (
        "bilinear_sample",
        "first image for all",
        "34",
        [("n = torch.arange(count)", "n = torch.zeros(count, dtype=torch.long)")],
    ),
    (
        "bilinear_sample",
        "first grid for all",
        "34",
        [("    count, _,", "    grid = grid[:1].expand_as(grid)\n    count, _,")],
    ),
    (
        "bilinear_sample",
        "first channel for all",
        "3",
        [("    count, _,", "    image = image[:, :1].expand_as(image)\n    count, _,")],
    ),
    (
        "bilinear_sample",
        "gradient cut",
        "4",
        [("    count, _,", "    grid = grid.detach()\n    count, _,")],
    ),
    (
        "bilinear_sample",
        "gradient cut",
        "4",
        [("    count, _,", "    image = torch.tensor(image.tolist())\n    count, _,")],
    ),
]
