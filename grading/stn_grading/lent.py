"""What a submission is lent in place of earlier tasks: right versions, sent into its process.

They come as source, and only to a process in which they are not asked for. Each rests on one of
torch's own operators, which every process refuses where nothing is lent that needs it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lent:
    """A right version of a task.

    Attributes:
        source: its code; it may call those before it.
        operators: of torch, that it rests on.
    """

    source: str
    operators: tuple[str, ...] = ()


# In the order of the tasks. float(): a training in bfloat16 mixes types.
LENT = {
    "meshgrid": Lent(
        """
def meshgrid(height, width):
    corners = torch.tensor([[[-1.0, 1], [-1, 1]], [[-1, -1], [1, 1]]])
    corners = corners * torch.tensor([width > 1, height > 1])[:, None, None]
    between = torch.nn.functional.interpolate(
        corners[None, :, None], (1, height, width), mode="trilinear", align_corners=True
    )
    return torch.cat([between[0].flatten(1), torch.ones(1, height * width)])
""",
        ("upsample_trilinear3d",),
    ),
    "bilinear_sample": Lent(
        """
def bilinear_sample(image, grid):
    return torch._grid_sampler_2d_cpu_fallback(image.float(), grid.float(), 0, 0, True)
""",
        ("_grid_sampler_2d_cpu_fallback",),
    ),
    "warp": Lent("""
def warp(image, theta, height, width):
    points = theta.float() @ meshgrid(height, width)
    return bilinear_sample(image, points.mT.reshape(-1, height, width, 2))
"""),
    "SpatialTransformer": Lent("""
class SpatialTransformer(torch.nn.Module):
    def __init__(self, localisation, size):
        super().__init__()
        self.localisation, self.size = localisation, size

    def forward(self, images):
        numbers = self.localisation(images).float() + torch.tensor([1.0, 0, 0, 0, 1, 0])
        return warp(images, numbers.view(-1, 2, 3), *self.size)
"""),
}


def lending(names: list[str]) -> dict:
    """The message that begins a stage in which these are lent: their code, torch's operators."""
    last = max((list(LENT).index(name) + 1 for name in names), default=0)
    needed = list(LENT.values())[:last]
    return {
        "lend": names,
        "source": "import torch\n" + "".join(lent.source for lent in needed),
        "allowed": [operator for lent in needed for operator in lent.operators],
    }
