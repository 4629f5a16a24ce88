"""Changes of the reference solution that make the known mistakes.

(task, the mistake's name, which of the task's checks fail, (old, new) in the source)
"""

from grading.sampler_mistakes import SAMPLER_MISTAKES

MESHGRID_MISTAKES = [
    ("meshgrid", "y before x", "012", [("[x.flatten(), y.flatten()", "[y.flatten(), x.flatten()")]),
    (
        "meshgrid",
        "column by column",
        "01",
        [
            (
                'y, x = torch.meshgrid(y, x, indexing="ij")',
                'x, y = torch.meshgrid(x, y, indexing="ij")',
            )
        ],
    ),
    ("meshgrid", "height and width swapped", "012", [("(height, width):", "(width, height):")]),
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
    ("meshgrid", "no row of ones", "012", [(", torch.ones(height * width)]", "]")]),
    (
        "meshgrid",
        "one pixel at the edge",
        "2",
        [(" if width > 1 else torch.zeros(1)", ""), (" if height > 1 else torch.zeros(1)", "")],
    ),
]
WARP_AND_TRANSFORMER_MISTAKES = [
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
            )
        ],
    ),
    (
        "warp",
        "x and y swapped",
        "0123",
        [("grid = points.transpose(1, 2)", "grid = points.flip(1).transpose(1, 2)")],
    ),
    (
        "warp",
        "θ applied to (y, x, 1)",
        "0123",
        [("meshgrid(height, width)", "meshgrid(height, width)[[1, 0, 2]]")],
    ),
    (
        "warp",
        "points in the wrong order",
        "0123",
        [("points.transpose(1, 2).reshape", "points.reshape")],
    ),
    (
        "warp",
        "height and width swapped",
        "123",
        [("theta, height, width):", "theta, width, height):")],
    ),
    (
        "warp",
        "size of the image kept",
        "1",
        [("    points = theta", "    height, width = image.shape[-2:]\n    points = theta")],
    ),
    (
        "warp",
        "first θ for all",
        "23",
        [("points = theta", "theta = theta[:1].expand_as(theta)\n    points = theta")],
    ),
    (
        "warp",
        "untouched image",
        "0123",
        [("    return bilinear_sample(image, grid)", "    return image")],
    ),
    ("warp", "gradient cut", "3", [("points = theta @", "points = theta.detach() @")]),
    (
        "SpatialTransformer",
        "no identity at the start",
        "012",
        [("torch.tensor([1.0, 0, 0, 0, 1, 0])", "torch.zeros(6)")],
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
            )
        ],
    ),
    (
        "SpatialTransformer",
        "untouched image",
        "12",
        [("return warp(images, theta, *self.size)", "return images")],
    ),
    (
        "SpatialTransformer",
        "height and width swapped",
        "12",
        [("*self.size)", "*self.size[::-1])")],
    ),
    (
        "SpatialTransformer",
        "first θ for all",
        "12",
        [("return warp(images, theta,", "return warp(images, theta[:1].expand_as(theta),")],
    ),
    (
        "SpatialTransformer",
        "gradient cut",
        "2",
        [("return warp(images, theta,", "return warp(images, theta.detach(),")],
    ),
]
MISTAKES = MESHGRID_MISTAKES + SAMPLER_MISTAKES + WARP_AND_TRANSFORMER_MISTAKES
