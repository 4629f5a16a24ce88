"""Printed digits: a mask of each in the fonts that matplotlib carries."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

GLYPH_HEIGHT = 32  # pixels, of the digits of every font
FONTS = (
    *(f"DejaVuSans{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSansMono{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic", "-BoldItalic")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "Italic", "BolIta")),
    *("cmb10", "cmr10", "cmss10"),
)
_DRAWN_AT = 96  # points: far larger than what is kept, for smooth edges


@cache
def digit_atlas() -> tuple[Tensor, Tensor]:
    """The ten digits in every font, as high as each other, and how wide they are.

    Returns:
        masks, floats from 0 to 1 of shape (fonts, 10, GLYPH_HEIGHT, W), each digit at the left
        edge; and widths in pixels, whole numbers (fonts, 10).

    >>> masks, widths = digit_atlas()
    >>> masks.shape[:3], bool(widths.max() == masks.shape[3])
    (torch.Size([19, 10, 32]), True)
    """
    import matplotlib  # for its fonts; no figure is drawn
    from PIL import ImageFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    drawn = [_draw_digits(ImageFont.truetype(folder / f"{font}.ttf", _DRAWN_AT)) for font in FONTS]
    widths = torch.tensor([[digit.shape[1] for digit in digits] for digits in drawn])
    masks = torch.zeros(len(FONTS), 10, GLYPH_HEIGHT, int(widths.max()))
    for font, digits in enumerate(drawn):
        for value, digit in enumerate(digits):
            masks[font, value, :, : digit.shape[1]] = torch.from_numpy(digit)
    return masks, widths


def _draw_digits(font) -> list[np.ndarray]:
    """A font's digits 0 to 9 on one line, floats (GLYPH_HEIGHT, w), no wider than their ink."""
    from PIL import Image, ImageDraw

    boxes = [font.getbbox(str(value)) for value in range(10)]  # left, top, right, bottom
    top, bottom = min(box[1] for box in boxes), max(box[3] for box in boxes)
    digits = []
    for value, (left, _, right, _) in enumerate(boxes):
        page = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(page).text((-left, -top), str(value), fill=255, font=font)
        width = round(page.width * GLYPH_HEIGHT / page.height)
        page = page.resize((width, GLYPH_HEIGHT), Image.Resampling.BOX)
        digits.append(np.asarray(page, np.float32) / 255)
    return digits
