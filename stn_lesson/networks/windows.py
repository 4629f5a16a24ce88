"""Windows side by side that find the parts of things (section 4.3)."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from stn_lesson.arguments import list_of, pair, positive_number, real_number, whole_number
from stn_lesson.checks import check_network
from stn_lesson.families import FAMILIES, Family
from stn_lesson.grid import pixel_centres
from stn_lesson.networks.plain import FEATURES, FeatureCNN, convolution
from stn_lesson.networks.pointing import SpatialSoftArgmax
from stn_lesson.networks.recipe import expect_images, side_after, whole_sizes
from stn_lesson.remedies import kind_of
from stn_lesson.transformer import SpatialTransformer

# Where windows start: apart, and not left and right of each other, for birds look either way.
STARTS = {
    2: ((0.0, -0.3), (0.0, 0.3)),
    4: ((-0.3, -0.3), (0.3, -0.3), (-0.3, 0.3), (0.3, 0.3)),
}


class HeatMapLocalisation(nn.Module):
    """One localisation network for several windows: a heat map, and so a centre, for each.

    Convolutions that were trained before make features of the picture, two more make a heat map of
    them for each window. A softmax turns a map into shares of attention, and the window's centre is
    the mean place under it. At the start the maps say nothing, and every window has most of its
    attention around a place of its own; what a map says is added to that.

    Args:
        features: from images (N, C, H, W) to maps (N, channels, h, w). A copy of them is held as
            it is now; they themselves may go on learning.
        channels: of these maps.
        starts: the place (x, y) of each window's attention at the start, from −1 to 1.
        reach: the standard deviation of that attention, in half pictures.
        scale: the share of a picture's side that a window shows.
        start_scale: the same at the start of a training; by default, no other.
        narrowing: in how many training steps the windows narrow from the one to the other.

    Shape:
        images (N, C, H, W) → (N, windows, 3): by how much s, t_x and t_y of equation (2) differ
        from the window's identity (`family`).

    Raises:
        TypeError, ValueError: no network, a number or a place that cannot be; or, when it is asked,
            images of another kind.

    >>> localise = HeatMapLocalisation(FeatureCNN().features, 32, STARTS[2])
    >>> localise(torch.rand(4, 3, 96, 96)).abs().max() < 0.05
    tensor(True)
    """

    starts_at_identity = True  # by itself: it ends in no linear layer that could be set to zero

    def __init__(
        self,
        features: nn.Module,
        channels: int,
        starts: Sequence[tuple[float, float]],
        *,
        reach: float = 0.4,
        scale: float = 0.4,
        start_scale: float | None = None,
        narrowing: int = 0,
    ):
        """See the class."""
        super().__init__()
        starts = [pair(start, "a start", lowest=-1, highest=1)
                  for start in list_of(starts, "starts", "places (x, y)")]  # fmt: skip
        if not starts:
            raise ValueError("starts must be one place (x, y) for each window, got none")
        self.reach, self.scale = positive_number(reach, "reach"), _share(scale, "scale")
        self.start_scale = self.scale if start_scale is None else _share(start_scale, "start_scale")
        self.narrowing = whole_number(narrowing, "narrowing", lowest=0)
        (channels,) = whole_sizes(channels=channels)
        self.features = deepcopy(check_network(features, "features")).requires_grad_(False).eval()
        self.heat_maps = nn.Sequential(
            nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU(),
            nn.Conv2d(16, len(starts), 1, bias=False),
        )  # fmt: skip
        nn.init.zeros_(self.heat_maps[-1].weight)
        expect_images(self.heat_maps, channels, name="HeatMapLocalisation, behind its features,")
        _expect_as_first_convolution(self, self.features)
        self.points = SpatialSoftArgmax(inverse_temperature=10)
        self.places = torch.tensor(starts, device="cpu").tolist()  # numbers also on meta
        self.register_buffer("starts", torch.tensor(self.places), persistent=False)  # (windows, 2)
        self.register_buffer("steps", torch.zeros(()))  # of training, up to `narrowing`

    def extra_repr(self) -> str:
        """What decides where the windows look, apart from the weights."""
        return (
            f"starts={self.places}, reach={self.reach}, scale={self.scale}, "
            f"start_scale={self.start_scale}, narrowing={self.narrowing}"
        )

    def train(self, mode: bool = True) -> "HeatMapLocalisation":
        """As of any module, but for the features: they are held, in evaluation mode."""
        super().train(mode)
        self.features.eval()
        return self

    def family(self, which: int) -> Family:
        """The transformations of one window: attention, with its scale and start as identity."""
        attention = FAMILIES["attention"]
        which = whole_number(which, "which", 0, len(self.places) - 1)
        identity = (self.scale, *self.places[which])
        return Family("window", identity, attention.theta, attention.grid)

    def maps(self, images: Tensor) -> Tensor:
        """The heat maps (N, windows, h, w), whose softmax is where a window's attention lies."""
        maps = self.heat_maps(self.features(images))
        x, y = (pixel_centres(side, device=maps.device) for side in (maps.shape[3], maps.shape[2]))
        from_start = (x - self.starts[:, :1])[:, None, :], (y - self.starts[:, 1:])[:, :, None]
        prior = -sum(distance.square() for distance in from_start) / (2 * self.reach**2)
        return maps + prior / self.points.inverse_temperature

    def forward(self, images: Tensor) -> Tensor:
        """The three numbers of every window, (N, windows, 3)."""
        if self.training and self.narrowing:
            self.steps.add_(1).clamp_(max=self.narrowing)
        wider = self.start_scale - self.scale if self.narrowing else 0.0
        wider = wider * (1 - self.steps / max(self.narrowing, 1))
        points = self.points(self.maps(images)).unflatten(1, (2, -1)).transpose(1, 2)
        return torch.cat([wider.expand_as(points[..., :1]), points - self.starts], -1)


class OneWindow(nn.Module):
    """What a shared localisation network says of one of its windows: (N, 3)."""

    starts_at_identity = True

    def __init__(self, shared: HeatMapLocalisation, which: int):
        """See the class."""
        super().__init__()
        self.shared = _check_localisation(shared, "shared")
        self.which = whole_number(which, "which", 0, len(shared.places) - 1)

    def forward(self, images: Tensor) -> Tensor:
        """The window's three numbers (N, 3)."""
        return self.shared(images)[:, self.which]


class WindowSTN(nn.Module):
    """A classifier that looks through several windows, each with a reader of its own.

    The network of section 4.3: N transformers side by side whose scale is fixed, with one
    localisation network for all (2N numbers), and N readers whose codes a linear layer puts
    together.

    Args:
        localisation: of all windows.
        readers: a network for each window, from its view (N, C, view, view) to a code (N, D).
        code: D, how many numbers a code has.
        view: side of what a reader sees, in pixels.
        classes: number of classes.

    Shape:
        images (N, C, H, W) → class scores (N, classes).

    Raises:
        TypeError, ValueError: a number that cannot be, or not one reader for each window.

    >>> model = window_stn(FeatureCNN())
    >>> [code.shape for code in model.codes(torch.rand(2, 3, 96, 96))]
    [torch.Size([2, 64]), torch.Size([2, 64])]
    """

    def __init__(
        self,
        localisation: HeatMapLocalisation,
        readers: Sequence[nn.Module],
        *,
        code: int,
        view: int,
        classes: int,
    ):
        """See the class."""
        super().__init__()
        code, view, classes = whole_sizes(code=code, view=view, classes=classes)
        windows = len(_check_localisation(localisation, "localisation").places)
        readers = [check_network(reader, "a reader")
                   for reader in list_of(readers, "readers", "networks")]  # fmt: skip
        if len(readers) != windows:
            raise ValueError(
                f"readers must be one for each of {windows} windows, got {len(readers)}"
            )
        self.localisation = localisation
        self.transformer = nn.ModuleList(
            SpatialTransformer(
                OneWindow(localisation, k), localisation.family(k), (view, view), padding="border"
            )
            for k in range(windows)
        )
        self.readers = nn.ModuleList(readers)
        self.scores = nn.Linear(windows * code, classes)

    def codes(self, images: Tensor) -> list[Tensor]:
        """What each reader makes of its window's view: (N, code) for each window."""
        numbers = self.localisation(images).unbind(1)
        windows = zip(self.transformer, self.readers, numbers, strict=True)
        return [read(look(images, residual=where)) for look, read, where in windows]

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        return self.scores(torch.cat(self.codes(images), 1))


def window_stn(
    cnn: FeatureCNN, windows: int = 2, *, view: int = 24, classes: int = 16, **localisation
) -> WindowSTN:
    """A `WindowSTN` of small readers, whose localisation network stands on a CNN's convolutions.

    Args:
        cnn: trained before, on the same pictures; a copy of its `features` is held as it is now.
        windows: how many, 2 or 4.
        view: as in `WindowSTN`.
        classes: number of classes.
        localisation: scale and all that follows it, as in `HeatMapLocalisation`.

    Raises:
        TypeError, ValueError: no `FeatureCNN`, or a number that cannot be.

    >>> from stn_lesson.networks import count_parameters
    >>> count_parameters(window_stn(FeatureCNN()))
    141312
    """
    if not isinstance(cnn, FeatureCNN):
        raise TypeError(f"cnn must be a FeatureCNN, got {kind_of(cnn)}: use FeatureCNN()")
    windows, (view,) = whole_number(windows, "windows"), whole_sizes(view=view)
    if windows not in STARTS:
        raise ValueError(f"windows must be one of {', '.join(map(str, STARTS))}, got {windows}")
    side = side_after(lambda side: side // 8, view, "view")
    channels = cnn.features[1].in_channels
    readers = [
        nn.Sequential(
            *convolution(channels, 24, pool=True), *convolution(24, 48, pool=True),
            *convolution(48, 48, pool=True),
            nn.Flatten(), nn.Linear(48 * side * side, 64), nn.ReLU(),
        )
        for _ in range(windows)
    ]  # fmt: skip
    localise = HeatMapLocalisation(cnn.features, FEATURES, STARTS[windows], **localisation)
    model = WindowSTN(localise, readers, code=64, view=view, classes=classes)
    expect_images(model, channels)
    return model


def _expect_as_first_convolution(network: nn.Module, features: nn.Module) -> None:
    """Let a network refuse images with other channels than its first convolution reads."""
    first = next((m for m in features.modules() if isinstance(m, nn.Conv2d)), None)
    if first is not None:
        expect_images(network, first.in_channels)


def _check_localisation(localisation: HeatMapLocalisation, name: str) -> HeatMapLocalisation:
    """The localisation network of several windows itself; a TypeError for anything else."""
    if not isinstance(localisation, HeatMapLocalisation):
        raise TypeError(f"{name} must be a HeatMapLocalisation, got {kind_of(localisation)}")
    return localisation


def _share(value: float, name: str) -> float:
    """A share of a picture's side, from 0.01 to 1."""
    return real_number(value, name, 0.01, 1)
