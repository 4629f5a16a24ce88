"""What every data set of this lesson is: pictures as bytes, with labels, split in two or three."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from stn_lesson.arguments import SEEDS, function, seed_number, true_or_false, whole_number
from stn_lesson.checks import check_finite, check_floats
from stn_lesson.datasets.checks import check_byte_type, check_bytes, check_labels
from stn_lesson.remedies import kind_of


@dataclass(frozen=True)
class Split:
    """Pictures and their labels.

    Attributes:
        images: bytes (N, C, H, W), 0 to 255; one channel in all but `addition`. Or volumes,
            (N, C, D, H, W).
        labels: whole numbers (N,); or (N, K) where each picture has K of them, as the digits of a
            house number.
        poses: the θ (N, 2, 3) that would cut each digit out as it was before it was moved, turned
            or scaled, (N, 3, 4) of volumes: where it is, how it stands and how large it is, to
            judge by and never to learn from; floats, kept in 32 bits. None where nobody knows.
        parts: the places (N, P, 2) of the P parts of what is shown, x then y, −1 and 1 at the
            centres of the corner pixels; NaN where one cannot be seen. To judge by, as the poses.
    """

    images: Tensor
    labels: Tensor
    poses: Tensor | None = None
    parts: Tensor | None = None

    def __post_init__(self):
        """Refuse what are no pictures or no labels, or do not belong together."""
        check_bytes(self.images, volumes=True)
        check_labels(self.labels)
        if len(self.images) != len(self.labels):
            raise ValueError(
                f"every image needs a label, got {len(self.images)} images "
                f"and {len(self.labels)} labels"
            )
        theta = (2, 3) if self.images.ndim == 4 else (3, 4)
        poses = self._floats("poses", "one θ for each image", (len(self.labels), *theta))
        if poses is not None:
            check_finite(poses, "row", "column", name="poses")
        parts = self.parts.shape[1] if getattr(self.parts, "ndim", 0) == 3 else "P"
        self._floats("parts", "P places for each image", (len(self.labels), parts, 2))

    def _floats(self, name: str, what: str, shape: tuple) -> Tensor | None:
        """What is known of the images, in 32 bits from here on; refused in another shape."""
        known = getattr(self, name)
        if known is None:
            return None
        if not isinstance(known, Tensor) or known.shape != shape:
            got = tuple(known.shape) if isinstance(known, Tensor) else kind_of(known)
            wanted = ", ".join(map(str, shape))
            raise ValueError(
                f"{name} must be {what}, ({wanted}), got {got}: use {name}=None where they are "
                "not known"
            )
        known = check_floats(known, name).float()
        object.__setattr__(self, name, known)
        return known

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.labels)

    def repeat(self, times: int) -> "Split":
        """All pictures, several times over."""
        times = whole_number(times, "times", lowest=1)
        every = (self.images, self.labels, *self._known())
        return Split(*(None if e is None else e.repeat(times, *(1,) * (e.ndim - 1)) for e in every))

    def to(self, device: str | torch.device) -> "Split":
        """The same pictures and labels on another device."""
        known = (each if each is None else each.to(device) for each in self._known())
        return Split(self.images.to(device), self.labels.to(device), *known)

    def _known(self) -> tuple[Tensor | None, Tensor | None]:
        """What is known of the images beside their labels, in the order of the attributes."""
        return self.poses, self.parts


@dataclass(frozen=True)
class Dataset:
    """A named data set, split for training, testing and, where there is enough, validation.

    Attributes:
        name: what to call it.
        train: pictures to learn from, as the first epoch shows them.
        test: pictures to judge by, once.
        valid: pictures to choose settings by.
        redraw: makes the training pictures of an epoch (1, 2, …) anew, as many and as large bytes
            as `train` has; None means the same in each. A function with a name, or a `partial` of
            one, can be sent to another process with them.
    """

    name: str
    train: Split
    test: Split
    valid: Split | None = None
    redraw: Callable[[int], Tensor] | None = None

    def __post_init__(self):
        """Refuse pictures that come without their labels."""
        for name in ("train", "test", "valid"):
            split = getattr(self, name)
            if not isinstance(split, Split) and not (name == "valid" and split is None):
                raise TypeError(
                    f"{name} must be a Split, got {kind_of(split)}: use Split(images, labels)"
                )
        function(self.redraw, "redraw", or_none=True)

    def training_images(self, epoch: int) -> Tensor:
        """The training pictures to use in one epoch (0, 1, 2, …).

        Raises:
            TypeError, ValueError: `redraw` returns others than bytes of the same shape.
        """
        epoch, wanted = whole_number(epoch, "epoch", lowest=0), self.train.images
        if self.redraw is None or epoch == 0:
            return wanted
        images = check_bytes(self.redraw(epoch), f"redraw({epoch})", volumes=True)
        if images.shape != wanted.shape:
            raise ValueError(
                f"redraw({epoch}) must be as many images as train holds, of the same size, "
                f"{tuple(wanted.shape)}, got {tuple(images.shape)}"
            )
        return images

    def to(self, device: str | torch.device) -> "Dataset":
        """The same pictures on another device; what is made from them is then made there, too."""
        redraw = self.redraw and partial(_redraw_on, device, self.redraw)
        splits = [split and split.to(device) for split in (self.train, self.test, self.valid)]
        return Dataset(self.name, *splits, redraw)

    def __repr__(self) -> str:
        """One line to print in a notebook."""
        channels, *sides = self.train.images.shape[1:]
        layers = f"{channels} channels of " if channels > 1 else ""
        valid = f", {len(self.valid)} for validation" if self.valid else ""
        return (
            f"{self.name}: {len(self.train)} training images{valid}, {len(self.test)} test images, "
            f"{layers}{'×'.join(map(str, sides))} {'pixels' if len(sides) == 2 else 'voxels'}"
        )


def to_floats(images: Tensor) -> Tensor:
    """Bytes 0 to 255 as floats 0 to 1; the background stays 0, as the sampler's padding is.

    Raises:
        TypeError: anything but bytes. Floats are pictures already: divided again, they are black.

    >>> to_floats(torch.tensor([0, 51, 255], dtype=torch.uint8))
    tensor([0.0000, 0.2000, 1.0000])
    """
    check_byte_type(images)
    return images.float() / 255


def derive_dataset(
    plain: Dataset,
    make: Callable[[Split, int], tuple[Tensor, Tensor | None]],
    *,
    name: str,
    seed: int,
    seed_stream: int,
    redraw: bool = True,
    repeats: int = 1,
    relabel: Callable[[Tensor], Tensor] | None = None,
) -> Dataset:
    """A data set made from another: cluttered, distorted, added.

    Args:
        plain: what it is made from.
        make: given a split of the plain pictures and a seed, makes the images of the new one, as
            in `Split`, and the digits' poses in them, or None.
        name: what to call the result.
        seed: where the random numbers start from. Each split and each epoch has seeds of its own.
        seed_stream: a small number that keeps the seeds of data sets made from one another apart.
        redraw: make the training images anew in every epoch. The others are always fixed.
        repeats: how many images an epoch shows of each training picture.
        relabel: turns the labels (N,) of a split into those of its new images; None keeps them.

    >>> split = Split(torch.zeros(2, 1, 1, 1, dtype=torch.uint8), torch.tensor([3, 4]))
    >>> grey = derive_dataset(
    ...     Dataset("black", split, split),
    ...     lambda split, seed: (split.images + seed, None),
    ...     name="grey",
    ...     seed=0,
    ...     seed_stream=0,
    ... )
    >>> [grey.training_images(epoch)[0].item() for epoch in range(3)], grey.test.images[0].item()
    ([2, 3, 4], 0)
    """
    redraw = true_or_false(redraw, "redraw")
    seed, repeats = seed_number(seed), whole_number(repeats, "repeats", lowest=1)
    first = seed * 1_000_003 + seed_stream * 100_000

    def derive(split: Split, seed: int) -> Split:
        images, poses = make(split, seed % SEEDS)  # odd multiples: no two seeds meet there
        return Split(images, relabel(split.labels) if relabel else split.labels, poses)

    return Dataset(
        name=name,
        train=derive(plain.train.repeat(repeats), first + 2),
        test=derive(plain.test, first),
        valid=plain.valid and derive(plain.valid, first + 1),
        redraw=partial(_redraw_derived, plain, make, first + 2, repeats) if redraw else None,
    )


# By name, for a function made inside another could not be sent to a process with its data set.
def _redraw_on(device, redraw: Callable[[int], Tensor], epoch: int) -> Tensor:
    return redraw(epoch).to(device)


def _redraw_derived(plain: Dataset, make: Callable, seed: int, repeats: int, epoch: int) -> Tensor:
    split = Split(plain.training_images(epoch), plain.train.labels).repeat(repeats)
    return make(split, (seed + epoch) % SEEDS)[0]
