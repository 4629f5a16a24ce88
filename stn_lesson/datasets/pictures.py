"""Pictures drawn by this package, to warp: made to show at a glance which way is up."""

import torch
from torch import Tensor

from stn_lesson.arguments import check_pixels, whole_number

DRAWN = {"dtype": torch.float32, "device": "cpu"}  # alike whatever torch's defaults are


def as_created(picture: Tensor) -> Tensor:
    """A picture in torch's default type, on its default device, as a θ made beside it would be."""
    return picture.to(torch.get_default_device(), torch.get_default_dtype())


def house(height: int = 128, width: int = 192) -> Tensor:
    """A house beside a tree under the sun, in colour and not square.

    Door to the left of its middle, sun on the right: no rotation or mirror image looks the same.

    Returns:
        floats (1, 3, height, width) from 0 to 1.

    Raises:
        TypeError, ValueError: a side that is no whole number from 1 on, or too many pixels.

    >>> house(40, 60).shape
    torch.Size([1, 3, 40, 60])
    """
    height, width = whole_number(height, "height", 1), whole_number(width, "width", 1)
    fine = 3  # drawn three times as large and averaged, for smooth edges
    check_pixels(height * fine, width * fine)
    y = torch.linspace(0, 1, height * fine, **DRAWN)[:, None]
    x = torch.linspace(0, 1.5, width * fine, **DRAWN)[None, :]
    sky = torch.stack([0.55 + 0.3 * y, 0.75 + 0.15 * y, 0.95 - 0 * y]).expand(3, -1, width * fine)
    picture = sky.clone()

    def paint(where: Tensor, colour: tuple[float, float, float]) -> None:
        picture[:] = torch.where(where, torch.tensor(colour, **DRAWN)[:, None, None], picture)

    paint((x - 1.28) ** 2 + (y - 0.2) ** 2 < 0.1**2, (0.98, 0.80, 0.18))  # sun
    paint(y > 0.78 + 0.03 * torch.cos(5 * x), (0.45, 0.62, 0.30))  # meadow
    paint(((x - 1.1).abs() < 0.025) & (y > 0.55) & (y < 0.85), (0.42, 0.28, 0.18))  # trunk
    paint((x - 1.1) ** 2 + 1.2 * (y - 0.47) ** 2 < 0.15**2, (0.16, 0.42, 0.30))  # crown
    paint((x > 0.25) & (x < 0.8) & (y > 0.45) & (y < 0.86), (0.93, 0.87, 0.76))  # wall
    paint((y > 0.18) & (y < 0.46) & ((x - 0.525).abs() < 1.15 * (y - 0.18)), (0.70, 0.25, 0.17))
    paint((x > 0.32) & (x < 0.44) & (y > 0.62) & (y < 0.86), (0.16, 0.28, 0.45))  # door
    window = ((x - 0.64).abs() < 0.075) & ((y - 0.62).abs() < 0.075)
    paint(window, (0.30, 0.55, 0.75))
    paint(window & (((x - 0.64).abs() < 0.01) | ((y - 0.62).abs() < 0.01)), (0.93, 0.87, 0.76))
    small = picture.view(3, height, fine, width, fine).mean((2, 4))
    return as_created(small[None])


def checkerboard(height: int = 128, width: int = 128, squares: int = 8) -> Tensor:
    """A checkerboard, `squares` fields along its shorter side; floats (1, 1, height, width).

    Raises:
        TypeError, ValueError: a number that is no whole number from 1 on, or too many pixels.

    >>> checkerboard(2, 4, squares=2)
    tensor([[[[0., 1., 0., 1.],
              [1., 0., 1., 0.]]]])
    """
    height, width = whole_number(height, "height", 1), whole_number(width, "width", 1)
    squares = whole_number(squares, "squares", lowest=1)
    check_pixels(height, width)
    field = max(min(height, width) // squares, 1)
    rows, columns = torch.arange(height)[:, None] // field, torch.arange(width)[None, :] // field
    return as_created((rows + columns) % 2)[None, None]
