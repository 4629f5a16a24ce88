"""The clinic: six networks that went wrong, each with one disease, and what cures it (notebook 14).

Each is the network `Healthy` but for the few lines that bear the name of its disease. Whoever wants
to make the diagnoses should read no further.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stn_lesson.arguments import function, one_of, seed_number, whole_number
from stn_lesson.checks import check_sides
from stn_lesson.datasets import Dataset, Split, to_floats
from stn_lesson.datasets.clutter import place_digits
from stn_lesson.datasets.dataset import derive_dataset
from stn_lesson.experiments.clinic_case import Case
from stn_lesson.experiments.runs import DEFAULT_PRECISION, default_settings, load_dataset, run_seeds
from stn_lesson.grid import sampling_grid
from stn_lesson.networks import PointingLocalisation
from stn_lesson.networks.recipe import init_like_the_recipe
from stn_lesson.remedies import kind_of
from stn_lesson.sampler import sample
from stn_lesson.training import fit
from stn_lesson.training.checks import check_data
from stn_lesson.transformer import SpatialTransformer, look

HEIGHT, WIDTH = 40, 80  # of a scene, in pixels: not square, for squares hide half of the mistakes
VIEW = (20, 20)
REPEATS = 5  # scenes of each digit in an epoch
SETTINGS = dict(epochs=6, batch_size=64, precision=DEFAULT_PRECISION)
STRONG_DECAY = 3.0  # of the weights, per unit of the learning rate; usual are 0.01 to 0.1


def wide_scenes(seed: int = 0) -> Dataset:
    """The embedded digits anywhere in scenes of 40×80 pixels, among pieces of other digits.

    >>> wide_scenes()
    wide scenes of embedded digits: 6435 training images, 510 test images, 40×80 pixels
    """
    digits = load_dataset("digits")
    name = f"wide scenes of {digits.name}"
    return derive_dataset(
        digits, _make_scenes, name=name, seed=seed, seed_stream=12, repeats=REPEATS
    )


def _make_scenes(split: Split, seed: int) -> tuple[Tensor, Tensor]:
    """Scenes, bytes (N, 1, 40, 80), cut out of square ones; and the digits' poses (N, 2, 3)."""
    square, corners = place_digits(
        split.images, split.images, WIDTH, pieces=8, piece_size=8, seed=seed
    )
    column, row = corners.unbind(-1)
    side = split.images.shape[-1]
    highest = row.clamp(max=WIDTH - HEIGHT)  # the cut may begin at any row that keeps the digit
    lowest = (row + side - HEIGHT).clamp(min=0)
    chance = torch.rand(len(row), generator=torch.Generator().manual_seed(seed))
    top = lowest + (chance * (highest - lowest + 1)).long()
    rows = top[:, None] + torch.arange(HEIGHT)  # (N, 40)
    images = square[torch.arange(len(row))[:, None], 0, rows][:, None]

    places = torch.stack([column, row - top], -1)  # of the digit's first pixel
    steps = torch.tensor([WIDTH - 1, HEIGHT - 1])  # from pixel to pixel, across the scene
    extent = ((side - 1) / steps).diag().expand(len(row), 2, 2)
    centres = (2 * places + side - 1) / steps - 1
    return images, torch.cat([extent, centres[..., None]], -1)


class Healthy(nn.Module):
    """A network that aims: it points at a digit, cuts it out, and reads it by dense layers.

    Args:
        layer: the transformer, `SpatialTransformer` or a class made from it.
        view: (height, width) of what the reader is given.
        options: of the layer.

    Shape:
        images (N, 1, H, W) → class scores (N, 10); H and W may be any from 8 on.

    >>> Healthy()(torch.rand(2, 1, HEIGHT, WIDTH)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        layer: Callable[..., SpatialTransformer] = SpatialTransformer,
        view: tuple[int, int] = VIEW,
        **options,
    ):
        """See the class."""
        super().__init__()
        function(layer, "layer")
        view = check_sides(view, 2, "view")
        localisation = PointingLocalisation()
        self.reader = nn.Sequential(
            nn.Flatten(), nn.Linear(view[0] * view[1], 128), nn.ReLU(),
            nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10),
        )  # fmt: skip
        for module in (localisation, self.reader):
            module.apply(init_like_the_recipe)
        self.transformer = layer(localisation, size=view, **options)
        localisation.start_at_mean_point()

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, 10)."""
        return self.reader(self.transformer(images))


class ExchangedAxes(SpatialTransformer):
    """Its grid holds y, x instead of x, y."""

    def forward(self, images: Tensor) -> Tensor:
        """The images, each warped by its own θ."""
        x, y = sampling_grid(self.theta(images), *self.size).unbind(-1)
        return sample(images, torch.stack([y, x], -1))


class UntouchedImage(Healthy):
    """Its reader is given the picture; what the transformer returns is dropped."""

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, 10)."""
        self.transformer(images)
        return self.reader(images)


class SquashedTheta(SpatialTransformer):
    """It has a tanh over θ itself."""

    def theta(self, images: Tensor, residual: Tensor | None = None) -> Tensor:
        """θ (N, 2, 3)."""
        return torch.tanh(super().theta(images, residual))


class NormalisedScene(Healthy):
    """It warps pictures from −1 to 1: their background is −1, and outside there is 0."""

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, 10)."""
        return self.reader(self.transformer((images - 0.5) / 0.5))


class NormalisedView(Healthy):
    """It warps pictures from 0 to 1, and normalises what it has warped."""

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, 10)."""
        return self.reader((self.transformer(images) - 0.5) / 0.5)


class DecayedIdentity(SpatialTransformer):
    """Its identity is the bias of the last layer, which decays like any other weight."""

    def __init__(self, localisation: PointingLocalisation, **options):
        """As `SpatialTransformer`."""
        super().__init__(localisation, **options)
        localisation.linear.bias.data = self.identity.clone()

    def theta(self, images: Tensor, residual: Tensor | None = None) -> Tensor:
        """θ (N, 2, 3)."""
        return self.localisation(images).view(-1, 2, 3)


class MixedCorners(SpatialTransformer):
    """Its grid is made with one meaning of −1 and 1, and read with the other."""

    def forward(self, images: Tensor) -> Tensor:
        """The images, each warped by its own θ."""
        shape = (len(images), 1, *self.size)
        grid = F.affine_grid(self.theta(images), shape, align_corners=False)
        return F.grid_sample(images, grid, align_corners=True)


class Patient(NamedTuple):
    """How to make a sick network, and the same one cured; both train with the same settings.

    Attributes:
        sick: makes the sick one.
        cured: makes the cured one.
        settings: of the training, where they differ from the others'.
    """

    sick: Callable[[], nn.Module]
    cured: Callable[[], nn.Module]
    settings: Mapping = MappingProxyType({})


PATIENTS = {
    "A": Patient(partial(Healthy, ExchangedAxes), Healthy),
    "B": Patient(partial(UntouchedImage, view=(HEIGHT, WIDTH)),
                 partial(Healthy, view=(HEIGHT, WIDTH))),
    "C": Patient(partial(Healthy, SquashedTheta), partial(Healthy, limit=1)),
    "D": Patient(NormalisedScene, NormalisedView),
    "E": Patient(partial(Healthy, DecayedIdentity), Healthy, {"weight_decay": STRONG_DECAY}),
    "F": Patient(partial(Healthy, MixedCorners), Healthy),
}  # fmt: skip


def examine(make: Callable[[], nn.Module], data: Dataset, seed: int = 0, **settings) -> Case:
    """Train one of the clinic's networks, and return what there is to look at.

    Args:
        make: `Healthy`, or a patient's `sick` or `cured`.
        data: scenes, as `wide_scenes` makes them; the aim is measured where poses are known.
        seed: decides the first weights and the order of the images.
        settings: of the training, beside `SETTINGS`, and whatever else `fit` takes.

    Raises:
        TypeError, ValueError: nothing that makes a network, no data, or settings that cannot be.

    >>> scenes = wide_scenes()
    >>> few = Split(scenes.train.images[:64], scenes.train.labels[:64])
    >>> case = examine(PATIENTS["B"].sick, Dataset("few scenes", few, scenes.test), epochs=1)
    >>> torch.equal(case.first_theta, case.theta)  # it never learns where to look
    True
    """
    if not callable(make) or isinstance(make, nn.Module):
        such = "such as Healthy or PATIENTS['A'].sick"
        raise TypeError(
            f"make must be a function that makes a network, {such}, got {kind_of(make)}"
        )
    check_data(data)
    settings = {"seed": seed_number(seed), "progress_bar": False} | SETTINGS | settings
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model, scenes = make(), to_floats(data.test.images)
        first_theta = look(model, scenes).theta
        history = fit(model, data, **settings)
    return Case(model, history, first_theta, look(model, scenes).theta)


CLINIC_NETWORKS = {"healthy": (Healthy, {})} | {
    f"{letter}-{state}": (getattr(each, state), each.settings)
    for letter, each in PATIENTS.items()
    for state in ("sick", "cured")
    if state == "sick" or each.cured is not Healthy or each.settings
}
CLINIC_NETWORKS["D-border"] = (partial(NormalisedScene, padding="border"), {})


def run_clinic(network: str | None = None, seeds: int = 1) -> Iterator[Path]:
    """Train the clinic's networks with several seeds; yield each record's file.

    Args:
        network: a name from `CLINIC_NETWORKS`; None for all.
        seeds: how many runs; each decides first weights and the order of the images.

    Yields:
        data/results/clinic-<network>.json.

    Raises:
        TypeError, ValueError: an unknown name, or no number of seeds.
        FileExistsError: as `run_seeds`.
    """
    if network is not None:
        one_of(network, "network", CLINIC_NETWORKS)
    whole_number(seeds, "seeds", lowest=1)
    data = wide_scenes()
    for name in [network] if network else CLINIC_NETWORKS:
        make, own = CLINIC_NETWORKS[name]
        settings = default_settings() | SETTINGS | own

        def prepare(seed: int, make=make) -> tuple[nn.Module, Dataset]:
            torch.manual_seed(seed)
            return make(), data

        description = {
            "experiment": "clinic",
            "data": repr(data),
            "network": name,
            "settings": settings | {"repeats": REPEATS},
        }
        yield run_seeds(f"clinic-{name}", description, seeds, prepare, settings)
