"""What the tests of the training monitor share: a data set of noise, and reports played by hand."""

import torch
from bare import settle

from stn_lesson.datasets import Dataset, Split

generator = torch.Generator().manual_seed(0)
IMAGES = torch.randint(0, 256, (4, 1, 24, 36), dtype=torch.uint8, generator=generator)
SPLIT = Split(IMAGES, torch.tensor([1, 2, 3, 4]))
DATA = Dataset("noise", SPLIT, SPLIT)
SIZE = (10, 14)
LOSS, ACCURACY, AIM = range(3)  # canvases
LEFT, RIGHT, TOP, BOTTOM = 76, 792 - 34, 16, 320 - 62  # pixels: where a diagram's axes end


def report(page, losses=(), **traits):
    """What Python would say."""
    if "step" in traits:
        traits["progress"] = {
            "epochs": 10, "step": traits.pop("step"), "steps": 1000,
            "images_per_second": 1234.5, "seconds": 83.2,
        }  # fmt: skip
    page.evaluate(
        """([losses, traits]) => {
            if (losses.length) traits.losses = new DataView(new Float32Array(losses).buffer);
            model.set(traits);
        }""",
        [list(losses), traits],
    )
    settle(page)


def at(value, low, high, first, last):
    """Where a value stands on an axis of `first` to `last` pixels."""
    return round(first + (last - first) * (value - low) / (high - low))
