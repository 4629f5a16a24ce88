"""A landscape drawn from random numbers: mountains behind a lake, grass and spruces in front.

It stands in for a photograph. Like one it is rough at every scale: fine structure that blurs when
it is read between the pixels, and aliases when it is read too coarsely.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from stn_lesson.arguments import check_pixels, whole_number
from stn_lesson.datasets.pictures import DRAWN, as_created

HEIGHT, WIDTH = 384, 576  # drawn at this size, then averaged
SHORE = 0.56  # heights are shares of the picture, from the top
# Each range of hills: its height, its roughness, how much haze lies before it, its colour.
FAR_HILLS = (0.40, 0.075, 0.55, (0.34, 0.36, 0.42))
HILLS = (0.47, 0.060, 0.32, (0.34, 0.36, 0.42))
WOODS = (0.515, 0.028, 0.09, (0.20, 0.30, 0.24))
SPRUCES = ((0.07, 0.37, 0.97), (0.20, 0.20, 0.93), (0.36, 0.42, 0.88))  # x, top, foot


def landscape(height: int = 128, width: int = 192) -> Tensor:
    """Mountains and a lake, as rough as a photograph, in colour and not square.

    The same picture on every call; the evening sun stands on the right, spruces on the left.

    Returns:
        floats (1, 3, height, width) from 0 to 1.

    Raises:
        TypeError, ValueError: a side that is no whole number from 1 on, or too many pixels.

    >>> landscape(40, 60).shape
    torch.Size([1, 3, 40, 60])
    """
    height, width = whole_number(height, "height", 1), whole_number(width, "width", 1)
    check_pixels(height, width)
    random = torch.Generator("cpu").manual_seed(11)
    y = torch.linspace(0, 1, HEIGHT, **DRAWN)[:, None]
    x = torch.linspace(0, 1.5, WIDTH, **DRAWN)[None, :]
    sky = _sky(x, y, random)
    picture = sky
    for hills in (FAR_HILLS, HILLS, WOODS):
        picture = _in_front(picture, *_hills(*hills, sky, y, random))
    picture = _in_front(picture, _lake(picture, y, random), y > SHORE)
    picture = _grass_and_spruces(picture, x, y, random).clamp(0, 1)
    return as_created(F.interpolate(picture[None], (height, width), mode="area"))


def _fractal_noise(falloff: float, random: torch.Generator, wide: int = 1, tall: int = 1) -> Tensor:
    """Noise (HEIGHT, WIDTH) of mean 0 and spread 1, its amplitude falling with the frequency.

    Args:
        falloff: the power of the frequency that it falls with; natural pictures have about 1.
        random: where the numbers come from.
        wide: how many times wider than high its grains are.
        tall: how many times higher than wide.
    """
    rows = torch.fft.fftfreq(HEIGHT, **DRAWN)[:, None]
    columns = torch.fft.rfftfreq(WIDTH, **DRAWN)[None, :]
    frequency = (rows.square() + columns.square()).sqrt()
    frequency[0, 0] = torch.inf  # no mean
    kind = {"dtype": torch.complex64, "device": "cpu"}
    waves = torch.randn(frequency.shape, **kind, generator=random)
    noise = torch.fft.irfft2(waves / frequency**falloff, (HEIGHT, WIDTH))
    part = noise[None, None, : HEIGHT // tall, : WIDTH // wide]
    stretched = F.interpolate(part, (HEIGHT, WIDTH), mode="bilinear", align_corners=True)[0, 0]
    return (stretched - stretched.mean()) / stretched.std()


def _sky(x: Tensor, y: Tensor, random: torch.Generator) -> Tensor:
    sun = torch.exp(-9 * ((x - 1.12).square() + (y - 0.30).square()))
    sky = _mix(_colour(0.36, 0.55, 0.80), _colour(0.97, 0.80, 0.62), (y / 0.52).clamp(0, 1) ** 1.3)
    sky = _mix(sky, _colour(1.0, 0.93, 0.72), 0.85 * sun)
    clouds = (0.05 + 0.55 * _fractal_noise(1.5, random, wide=3)).clamp(0, 0.75)
    return _mix(sky, _colour(0.99, 0.95, 0.92), clouds * (1 - y / 0.6).clamp(0, 1))


def _hills(
    height: float, roughness: float, haze: float, colour: tuple, sky: Tensor, y: Tensor,
    random: torch.Generator,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """What a range of hills looks like, and where it is."""
    ridge = height - roughness * _fractal_noise(1.75, random)[:1]  # a line through the noise
    rock = _fractal_noise(1.1, random)
    light = 0.8 + 0.2 * (rock.roll((2, -3), (0, 1)) - rock)  # its slopes towards the sun
    snow = ((ridge + 0.05 + 0.02 * rock - y) / 0.02).clamp(0, 1) * (ridge < 0.36)
    lit = _mix(_colour(*colour) * light, _colour(0.95, 0.95, 0.97) * light, snow)
    return _mix(lit, sky, haze), y > ridge


def _lake(picture: Tensor, y: Tensor, random: torch.Generator) -> Tensor:
    """The picture mirrored at the shore, rippled, the darker the nearer."""
    near = ((y - SHORE) / (1 - SHORE)).clamp(min=0)
    ripples = _fractal_noise(0.9, random, wide=6)
    mirrored_y = 2 * SHORE - y - 0.012 * (0.3 + near) * ripples
    rows = (mirrored_y.clamp(0, SHORE - 0.004) * (HEIGHT - 1)).long()
    mirrored = picture[:, rows, torch.arange(WIDTH, device="cpu").expand(HEIGHT, -1)]
    return _mix(mirrored, _colour(0.14, 0.25, 0.33), 0.3 + 0.35 * near) * (1 + 0.05 * ripples)


def _grass_and_spruces(picture: Tensor, x: Tensor, y: Tensor, random: torch.Generator) -> Tensor:
    grain, blades = _fractal_noise(0.55, random), _fractal_noise(0.5, random, tall=5)
    bank = 0.83 + 0.1 * (x - 0.9) - 0.03 * _fractal_noise(1.7, random)[:1]
    light = 0.9 + 0.16 * grain + (0.1 + 0.9 * (y - bank).clamp(0, 0.25)) * blades
    meadow = _colour(0.36, 0.39, 0.20) * light.clamp(min=0.25)
    picture = _in_front(picture, meadow, y > bank + 0.006 * blades)
    for middle, top, foot in SPRUCES:
        down = ((y - top) / (foot - top)).clamp(0, 1)  # 0 at the tip, 1 at the foot
        tiers = 0.75 + 0.25 * torch.frac(9 * down + 0.3 * torch.sin(40 * x))
        half_width = 0.17 * (foot - top) * down * tiers * (1 + 0.12 * blades)
        side = (x - middle) / (0.2 * (foot - top))  # brighter towards the sun
        light = (1 + 0.22 * grain + 0.25 * blades + 0.9 * side).clamp(min=0.2)
        within = (y > top) & (y < foot - 0.03 + 0.01 * blades) & ((x - middle).abs() < half_width)
        trunk = (y > foot - 0.05) & (y < foot) & ((x - middle).abs() < 0.01)
        picture = _in_front(picture, _colour(0.22, 0.15, 0.10).expand_as(picture), trunk)
        picture = _in_front(picture, _colour(0.10, 0.18, 0.13) * light, within)
    return picture


def _colour(red: float, green: float, blue: float) -> Tensor:
    return torch.tensor([red, green, blue], **DRAWN)[:, None, None]


def _mix(first: Tensor, second: Tensor, share: Tensor | float) -> Tensor:
    """`share` of the second, the rest of the first."""
    return first + (second - first) * share


def _in_front(picture: Tensor, other: Tensor, where: Tensor) -> Tensor:
    return torch.where(where, other, picture)
