"""What students write on the blank pages: right in several styles, and wrong in the usual ways.

A wrong one is the first right one with (old, new) changes in its source, which must all apply.
"""

THETA_BY_FORMULA = """
def my_theta(rotation, scale, translation):
    alpha = torch.tensor(rotation).deg2rad()
    a, b = alpha.cos() / scale, alpha.sin() / scale
    right, down = translation
    return torch.tensor([[[a, -b, -(a * right - b * down)], [b, a, -(b * right + a * down)]]])
"""
THETA_BY_THREE_MATRICES = """
def my_theta(rotation, scale, translation):
    c, s = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
    grow = torch.tensor([[scale, 0, 0], [0, scale, 0], [0, 0, 1.0]], dtype=torch.double)
    turn = torch.tensor([[c, s, 0], [-s, c, 0], [0, 0, 1.0]], dtype=torch.double)
    shift = torch.eye(3, dtype=torch.double)
    shift[:2, 2] = torch.tensor(translation)
    return torch.linalg.inv(shift @ turn @ grow)[None, :2]
"""
THETA_COMPOSED = """
def my_theta(rotation, scale, translation):
    alpha = np.deg2rad(rotation)
    c, s = float(np.cos(alpha)), float(np.sin(alpha))
    grow = torch.tensor([[[1 / scale, 0, 0], [0, 1 / scale, 0]]])
    turn = torch.tensor([[[c, -s, 0], [s, c, 0]]])
    shift = torch.tensor([[[1, 0, -translation[0]], [0, 1, -translation[1]]]])
    return stn.compose(stn.compose(grow, turn), shift)
"""
GRID_BY_PRODUCT = """
def my_sampling_grid(theta, height, width):
    x = torch.linspace(-1, 1, width) if width > 1 else torch.zeros(1)
    y = torch.linspace(-1, 1, height) if height > 1 else torch.zeros(1)
    y, x = torch.meshgrid(y, x, indexing="ij")
    G = torch.stack([x.flatten(), y.flatten(), torch.ones(height * width)])
    source = theta @ G
    return source.transpose(1, 2).reshape(-1, height, width, 2)
"""
GRID_BY_LOOPS = """
def my_sampling_grid(theta, height, width):
    def centre(k, count):
        return 2 * k / (count - 1) - 1 if count > 1 else 0.0
    grid = torch.zeros(len(theta), height, width, 2)
    for n in range(len(theta)):
        for i in range(height):
            for j in range(width):
                point = torch.tensor([centre(j, width), centre(i, height), 1.0])
                grid[n, i, j] = theta[n] @ point
    return grid
"""
GRID_BY_EINSUM = """
def my_sampling_grid(theta, height, width):
    x = stn.pixel_centres(width, dtype=torch.double)[None].expand(height, width)
    y = stn.pixel_centres(height, dtype=torch.double)[:, None].expand(height, width)
    points = torch.stack([x, y, torch.ones_like(x)], -1)
    return torch.einsum("nck,hwk->nhwc", theta.double(), points)
"""
SAMPLE_BY_INDEX = """
def my_sample(image, grid):
    N, C, H, W = image.shape
    x = (grid[..., 0] + 1) * (W - 1) / 2
    y = (grid[..., 1] + 1) * (H - 1) / 2
    left, top = x.floor(), y.floor()
    right, bottom = left + 1, top + 1
    n = torch.arange(N)[:, None, None]
    def pixels(column, row):
        inside = (column >= 0) & (column < W) & (row >= 0) & (row < H)
        column, row = column.clamp(0, W - 1).long(), row.clamp(0, H - 1).long()
        return image[n, :, row, column] * inside[..., None]
    result = (((right - x) * (bottom - y))[..., None] * pixels(left, top)
              + ((x - left) * (bottom - y))[..., None] * pixels(right, top)
              + ((right - x) * (y - top))[..., None] * pixels(left, bottom)
              + ((x - left) * (y - top))[..., None] * pixels(right, bottom))
    return result.permute(0, 3, 1, 2)
"""
SAMPLE_BY_LOOPS = """
def my_sample(image, grid):
    N, C, H, W = image.shape
    result = torch.zeros(N, C, *grid.shape[1:3])
    for n in range(N):
        for i in range(grid.shape[1]):
            for j in range(grid.shape[2]):
                x = (grid[n, i, j, 0] + 1) * (W - 1) / 2
                y = (grid[n, i, j, 1] + 1) * (H - 1) / 2
                for row in range(H):
                    for column in range(W):
                        near = (1 - (x - column).abs()).clamp(min=0)
                        near = near * (1 - (y - row).abs()).clamp(min=0)
                        result[n, :, i, j] += near * image[n, :, row, column]
    return result
"""
SAMPLE_BY_GATHER = """
def my_sample(image, grid):
    N, C, H, W = image.shape
    image, grid = F.pad(image.double(), (1, 1, 1, 1)), grid.double()
    x = ((grid[..., 0] + 1) * (W - 1) / 2 + 1).clamp(0, W + 1)
    y = ((grid[..., 1] + 1) * (H - 1) / 2 + 1).clamp(0, H + 1)
    left, top = x.detach().floor().clamp(max=W), y.detach().floor().clamp(max=H)
    flat, result = image.flatten(2), 0
    for dx in (0, 1):
        for dy in (0, 1):
            index = ((top + dy) * (W + 2) + left + dx).long().flatten(1)
            picked = flat.gather(2, index[:, None].expand(N, C, -1)).view(N, C, *x.shape[1:])
            weight = (1 - (x - left - dx).abs()) * (1 - (y - top - dy).abs())
            result = result + weight[:, None] * picked
    return result
"""
SAMPLE_BY_PRODUCT = """
def my_sample(image, grid):
    H, W = image.shape[-2:]
    x, y = stn.to_pixels(grid, H, W)
    across = (1 - (x[..., None] - torch.arange(W)).abs()).clamp(min=0)
    down = (1 - (y[..., None] - torch.arange(H)).abs()).clamp(min=0)
    return torch.einsum("nchw,nijh,nijw->ncij", image, down, across)
"""
RIGHT = {
    "my_theta": (THETA_BY_FORMULA, THETA_BY_THREE_MATRICES, THETA_COMPOSED),
    "my_sampling_grid": (GRID_BY_PRODUCT, GRID_BY_LOOPS, GRID_BY_EINSUM),
    "my_sample": (SAMPLE_BY_INDEX, SAMPLE_BY_LOOPS, SAMPLE_BY_GATHER, SAMPLE_BY_PRODUCT),
}
SHIFT = "-(a * right - b * down)", "-(b * right + a * down)"
FLIPPED_SHIFT = (SHIFT[0], SHIFT[0][1:]), (SHIFT[1], SHIFT[1][1:])
AXES = "if width > 1 else torch.zeros(1)", "if height > 1 else torch.zeros(1)"
ALONG = f"torch.linspace(-1, 1, width) {AXES[0]}", f"torch.linspace(-1, 1, height) {AXES[1]}"
LAST_LINE = "source.transpose(1, 2).reshape(-1, height, width, 2)"


def _along(*both):
    """Changes of the coordinates along x, and those along y."""
    return tuple(zip(ALONG, both, strict=True))


# (task, what is told, changes)
WRONG = [
    ("my_theta", "says where each pixel of the image goes", [
        ("a, b = alpha.cos() / scale, alpha.sin() / scale",
         "a, b = alpha.cos() * scale, -alpha.sin() * scale"), (SHIFT[0], "right"),
        (SHIFT[1], "down")]),
    ("my_theta", "θ holds 1/scale", [("cos() / scale", "cos() * scale"),
                                     ("sin() / scale", "sin() * scale")]),
    ("my_theta", "θ holds 1/scale", [
        ("[[[a, -b,", "[[[a * scale**2, -b * scale**2,"), ("[b, a,", "[b * scale**2, a * scale**2,")
    ]),
    ("my_theta", "the translation stands in θ with a minus", FLIPPED_SHIFT),
    ("my_theta", "turns clockwise", [(", alpha.sin()", ", -alpha.sin()")]),
    ("my_theta", "degrees to a sine that takes radians", [(".deg2rad()", "")]),
    ("my_theta", "a root, √(1 − cos²), has none", [
        ("alpha.sin() /", "(1 - alpha.cos()**2).sqrt() /")]),
    ("my_theta", "a root, √(1 − cos²), has none", [
        ("alpha.cos() /", "(1 - alpha.sin()**2).sqrt() /")]),
    ("my_theta", "moves up where it should move down", [
        ("right, down = translation", "right, down = translation[0], -translation[1]")]),
    ("my_theta", "you move first", [(SHIFT[0], "-right"), (SHIFT[1], "-down")]),
    ("my_theta", "is not divided by the scale", [
        (SHIFT[0], f"{SHIFT[0]} * scale"), (SHIFT[1], f"{SHIFT[1]} * scale")]),
    ("my_theta", "does not go through the turn", [
        (SHIFT[0], "-right / scale"), (SHIFT[1], "-down / scale")]),
    ("my_theta", "goes down where it should go right", [("right, down =", "down, right =")]),
    ("my_theta", "the first axis counts the θ, (1, 2, 3)", [
        ("torch.tensor([[[", "torch.tensor([["), ("]]])", "]])")]),
    ("my_theta", "still has its row 0 0 1", [("]]])", "], [0, 0, 1]]])")]),
    ("my_theta", "make one of the number first", [
        ("torch.tensor(rotation).deg2rad()", "torch.deg2rad(rotation)")]),
    ("my_sampling_grid", "last axis is (y, x)", [(LAST_LINE, f"{LAST_LINE}.flip(-1)")]),
    ("my_sampling_grid", "you divide by W, not W − 1", _along(
        "2 * torch.arange(width) / width - 1", "2 * torch.arange(height) / height - 1")),
    ("my_sampling_grid", "your coordinates run from 0 to 1", _along(
        "torch.linspace(0, 1, width)", "torch.linspace(0, 1, height)")),
    ("my_sampling_grid", "they are the centres of its corner pixels", _along(
        "torch.linspace(1 / width - 1, 1 - 1 / width, width)",
        "torch.linspace(1 / height - 1, 1 - 1 / height, height)")),
    ("my_sampling_grid", "your coordinates count pixels", _along(
        "torch.arange(width).float()", "torch.arange(height).float()")),
    ("my_sampling_grid", "your points run down the columns", [
        ('y, x = torch.meshgrid(y, x, indexing="ij")',
         'x, y = torch.meshgrid(x, y, indexing="ij")')]),
    ("my_sampling_grid", "has its only point at 0", [(AXES[0], ""), (AXES[1], "")]),
    ("my_sampling_grid", "has its only point at 0", [(AXES[0], "")]),
    ("my_sampling_grid", "its axes must be exchanged before they are reshaped", [
        (LAST_LINE, "source.view(-1, height, width, 2)")]),
    ("my_sampling_grid", "θ meets y before x", [
        ("[x.flatten(), y.flatten()", "[y.flatten(), x.flatten()")]),
    ("my_sampling_grid", "a row of ones lets it move the points", [
        ("torch.ones(", "torch.zeros(")]),
    ("my_sampling_grid", "says where each pixel of the image goes", [
        ("source = theta", "source = stn.invert(theta)")]),
    ("my_sampling_grid", "that of the first θ", [
        ("source = theta", "source = theta[:1].expand_as(theta)")]),
    ("my_sampling_grid", "rows come first in a shape", [
        (LAST_LINE, f"{LAST_LINE}.transpose(1, 2)")]),
    ("my_sampling_grid", "did you swap height and width", [
        ("(theta, height, width)", "(theta, width, height)")]),
    ("my_sampling_grid", "the two coordinates in the last axis", [
        (LAST_LINE, "source.reshape(-1, 2, height, width)")]),
    ("my_sampling_grid", "still has its pixels one after the other", [
        (LAST_LINE, "source.transpose(1, 2)")]),
    ("my_sampling_grid", "fits a square picture alone", [
        ("    x =", "    width = height\n    x =")]),
    ("my_sampling_grid", "fits a square picture alone", [
        ("    x =", "    height = width\n    x =")]),
    ("my_sampling_grid", "the first axis counts the θ", [
        ("theta @", "theta[0] @"), ("source.transpose(1, 2)", "source.T"), ("(-1, h", "(h")]),
    ("my_sampling_grid", "no gradient comes through", [("theta @", "theta.detach() @")]),
    ("my_sampling_grid", "numpy keeps no gradients", [
        ("theta @ G", "torch.from_numpy(theta.numpy() @ G.numpy())")]),
    ("my_sample", "1 is the centre of the last pixel, W−1", [
        ("(W - 1) / 2", "W / 2"), ("(H - 1) / 2", "H / 2")]),
    ("my_sample", "as the edges of the image (align_corners=False)", [
        ("(grid[..., 0] + 1) * (W - 1) / 2", "((grid[..., 0] + 1) * W - 1) / 2"),
        ("(grid[..., 1] + 1) * (H - 1) / 2", "((grid[..., 1] + 1) * H - 1) / 2")]),
    ("my_sample", "did you swap x and y", [("grid[..., 0]", "grid[..., 2 - 1]"),
                                           ("grid[..., 1]", "grid[..., 0]")]),
    ("my_sample", "x is scaled by the height and y by the width", [
        ("(W - 1) / 2", "(h - 1) / 2"), ("(H - 1) / 2", "(W - 1) / 2"), ("(h - 1)", "(H - 1)")]),
    ("my_sample", "x and y are both scaled by the width", [("(H - 1) / 2", "(W - 1) / 2")]),
    ("my_sample", "x and y are both scaled by the height", [("(W - 1) / 2", "(H - 1) / 2")]),
    ("my_sample", "as if it counted pixels", [
        ("(grid[..., 0] + 1) * (W - 1) / 2", "grid[..., 0]"),
        ("(grid[..., 1] + 1) * (H - 1) / 2", "grid[..., 1]")]),
    ("my_sample", "add 1 before you scale", [
        ("(grid[..., 0] + 1)", "grid[..., 0]"), ("(grid[..., 1] + 1)", "grid[..., 1]")]),
    ("my_sample", "your weights along x are those along y", [
        ("((x - left) * (bottom - y))[", "((right - x) * (y - top))#["),
        ("((right - x) * (y - top))[", "((x - left) * (bottom - y))["), ("#", "")]),
    ("my_sample", "cuts the fraction off", [("x.floor(), y.floor()", "x.long(), y.long()")]),
    ("my_sample", "you take the nearest pixel", [
        ("    left, top", "    x, y = (x + 0.5).floor(), (y + 0.5).floor()\n    left, top")]),
    ("my_sample", "the upper left neighbour only", [
        ("    left, top", "    x, y = x // 1, y // 1\n    left, top")]),
    ("my_sample", "the weight of the one diagonally opposite", [
        ("(((right - x) * (bottom - y))", "(((x - left) * (y - top))"),
        ("+ ((x - left) * (y - top))", "+ ((right - x) * (bottom - y))"),
        ("+ ((x - left) * (bottom - y))", "+ ((right - x) * (y - top))#"),
        ("+ ((right - x) * (y - top))[", "+ ((x - left) * (bottom - y))["),
        ("(y - top))#", "(y - top))")]),
    ("my_sample", "outside the image you repeat its edge", [(" * inside[..., None]", "")]),
    ("my_sample", "outside the image you repeat its edge", [
        ("    left, top", "    x, y = x.clamp(0, W - 1), y.clamp(0, H - 1)\n    left, top")]),
    ("my_sample", "negative indices count from the end", [
        ("clamp(0, W", "clamp(-W, W"), ("clamp(0, H", "clamp(-H, H"),
        (" * inside[..., None]", "")]),
    ("my_sample", "hold its index inside (clamp), and let it count as 0", [
        (".clamp(0, W - 1)", ""), (".clamp(0, H - 1)", "")]),
    ("my_sample", "before their weights were computed", [
        ("    n = torch", "    left, right = left.clamp(0, W - 1), right.clamp(0, W - 1)\n"
         "    top, bottom = top.clamp(0, H - 1), bottom.clamp(0, H - 1)\n    n = torch")]),
    ("my_sample", "only where all four neighbours are inside", [
        ("    n = torch", "    whole = (left >= 0) & (right < W) & (top >= 0) & (bottom < H)\n"
         "    n = torch"), (" * inside[", " * whole[")]),
    ("my_sample", "test each of the four pixels, not the point", [
        (" * inside[", " * ((grid.abs() <= 1).all(-1))[")]),
    ("my_sample", "test each of the four pixels, not the point", [
        (" * inside[", " * ((grid.abs() < 1).all(-1))[")]),
    ("my_sample", "the right neighbour is left + 1", [("left + 1, top + 1", "x.ceil(), y.ceil()")]),
    ("my_sample", "moves the axis of the channels", [
        (".permute(0, 3, 1, 2)", ".reshape(N, C, *x.shape[1:])")]),
    ("my_sample", "shows the first image of the batch", [
        ("torch.arange(N)", "(0 * torch.arange(N))")]),
    ("my_sample", "at the points of the first grid", [
        ("    x =", "    grid = grid[:1].expand_as(grid)\n    x =")]),
    ("my_sample", "every channel of your result shows the first", [
        ("    x =", "    image = image[:, :1].expand_as(image)\n    x =")]),
    ("my_sample", "the channels come before rows and columns", [(".permute(0, 3, 1, 2)", "")]),
    ("my_sample", "no gradient comes through", [
        ("    x =", "    grid = grid.detach()\n    x =")]),
    ("my_sample", "no gradient comes through", [
        ("    x =", "    image = image.data\n    x =")]),
    ("my_sample", "numpy keeps no gradients", [
        ("    x =", "    grid = torch.tensor(grid.numpy())\n    x =")]),
    ("my_sample", "make a new tensor", [("    x =", "    grid += 0\n    x =")]),
]  # fmt: skip
ARGUMENTS = {
    "my_theta": "rotation, scale, translation",
    "my_sampling_grid": "theta, height, width",
    "my_sample": "image, grid",
}
# What else may stand on a page: what is told of it.
ODD = [
    ("pass", "a tensor was expected, got NoneType: does it end with return?"),
    ("return [1.0]", "got list: torch.stack makes one"),
    ("return 1.0, 2.0", "got tuple: torch.stack makes one"),
    ("return np.zeros((1, 2))", "got ndarray: numpy keeps no gradients"),
    ("return 1 / 0", "ZeroDivisionError: division by zero"),
    ("return undefined", "NameError: name 'undefined' is not defined"),
    ("return torch.zeros(5, 5)", "the shape should be"),
    ("return torch.tensor([True]).floor()", "not implemented for 'Bool'"),
]
