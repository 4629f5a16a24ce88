"""Grid explorer: one pixel of the target at a time, and θ times it in numbers."""

import traitlets
from torch import Tensor

from stn_lesson import plots
from stn_lesson.arguments import pair, whole_number
from stn_lesson.grid import sampling_grid
from stn_lesson.sampler import to_pixels, warp
from stn_lesson.widgets.live import (
    MAX_SIDE,
    LivePicture,
    Theta,
    check_picture,
    encode_picture,
    script,
    start_theta,
)

MAX_DOTS = 32  # points on a side of the grid, beyond which they are not drawn


class IntegerPair(traitlets.TraitType):
    """Two whole numbers, rows first, as in the shape of an image."""

    def __init__(self, words: str, lowest: int, highest: int):
        """A trait that is kept equal in Python and in the browser; `words` say what the two are."""
        super().__init__((lowest, lowest))
        self.words, self.lowest, self.highest = words, lowest, highest
        self.tag(sync=True)

    def validate(self, owner, value):
        """Refuse what is not a pair of whole numbers within the range; keep it as a tuple."""
        bounds = dict(lowest=self.lowest, highest=self.highest)
        return pair(value, f"{self.name} = {self.words}", of=whole_number, **bounds)


class GridExplorer(LivePicture):
    """Every point of a sampling grid, and one of them followed from target to source.

    Pointing at a pixel of the target shows its coordinates, θ times them written out, and what is
    found there in the source; a click, a dragged handle or arrow keys keep it. Python is told of
    `theta`, `size` and the kept `pixel`, and may set them.

    Args:
        image: the source, (1, 1 or 3, H, W) floats from 0 to 1.
        size: (rows, columns) of the target, 1 to 256 each; up to 32 every point is drawn.
        start: where the sliders stand first, as in `start={"rotation": 30}`; words of
            `affine_theta`.

    Raises:
        TypeError, ValueError: no picture, or a size or pixel that cannot be.

    >>> from stn_lesson.datasets import house
    >>> explorer = GridExplorer(house(), size=(3, 5), start={"translation": (1, 0)})
    >>> explorer.pixel = (1, 0)  # row 1, column 0
    >>> explorer.grid[0, 1, 0]  # looks one unit to the left of the source
    tensor([-2.,  0.])
    """

    _esm = script("grid_explorer")
    theta = Theta()
    source = traitlets.Dict().tag(sync=True)
    size = IntegerPair("(rows, columns)", 1, MAX_SIDE)
    pixel = IntegerPair("(row, column)", 0, MAX_SIDE - 1)
    max_dots = traitlets.Int(MAX_DOTS, read_only=True).tag(sync=True)

    def __init__(self, image: Tensor, *, size: tuple[int, int] = (6, 8), start: dict | None = None):
        """See the class."""
        self.image = check_picture(image)
        super().__init__(
            theta=start_theta(start, image),
            source=encode_picture(image),
            size=size,
            pixel=(0, 0),
        )

    @traitlets.validate("pixel")
    def _validate_pixel(self, proposal):
        (row, column), (rows, columns) = proposal.value, self.size
        if not (0 <= row < rows and 0 <= column < columns):
            raise ValueError(
                f"pixel must be (row, column), rows 0 to {rows - 1} and columns 0 to "
                f"{columns - 1}, got {proposal.value}"
            )
        return proposal.value

    @traitlets.observe("size")
    def _keep_pixel_inside(self, change):
        self.pixel = tuple(min(n, side - 1) for n, side in zip(self.pixel, self.size, strict=True))

    @property
    def grid(self) -> Tensor:
        """Where all pixels look: the sampling grid, (1, rows, columns, 2)."""
        return sampling_grid(self.theta, *self.size)

    @property
    def picture(self) -> Tensor:
        """The target as it stands now, by torch: (1, C, rows, columns)."""
        return warp(self.image, self.theta.to(self.image), self.size)

    def still(self) -> plots.Picture:
        """A still picture of the present state."""
        figure = plots.sampling(
            self.image, self.theta.to(self.image), self.size, points=max(self.size) <= MAX_DOTS
        )
        row, column = self.pixel
        place = self.grid[0, row, column]
        x, y = to_pixels(place, *self.image.shape[-2:])
        for axes, at in zip(figure.axes, [(x, y), (column, row)], strict=True):
            axes.plot(*at, "o", markersize=12, fillstyle="none", color="white", markeredgewidth=5)
            axes.plot(*at, "o", markersize=12, fillstyle="none", color=plots.PURPLE, mew=3)
        figure.alt += (
            f" The pixel in row {row}, column {column} looks at "
            f"({place[0]:.2f}, {place[1]:.2f}); both are ringed."
        )
        return figure
