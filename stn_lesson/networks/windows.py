"""Windows side by side that find the parts of things (section 4.3)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from stn_lesson.arguments import list_of, pair, positive_number, real_number, whole_number
from stn_lesson.families import FAMILIES, Family
from stn_lesson.grid import pixel_centres
from stn_lesson.networks.pointing import SpatialSoftArgmax
from stn_lesson.networks.recipe import expect_images, side_after, whole_sizes
from stn_lesson.transformer import SpatialTransformer

FEATURES = 32  # maps that the convolutions of a `FeatureCNN` make
# Where windows start: apart, and not left and right of each other, for birds look either way.
STARTS = {
    2: ((0.0, -0.3), (0.0, 0.3)),
    4: ((-0.3, -0.3), (0.3, -0.3), (-0.3, 0.3), (0.3, 0.3)),
}


class FeatureCNN(nn.Module):
    """A CNN whose first convolutions, `features`, can be lent to a localisation network.

    Args:
        size: side of the (square) input images in pixels.
        channels: of the input images.
        classes: number of classes.
        hidden: units of its dense layer.

    Shape:
        images (N, channels, size, size) → class scores (N, classes).

    Raises:
        TypeError, ValueError: a number that cannot be, a side too small for the convolutions; or,
            when it is asked, images of another kind or size.

    >>> FeatureCNN().features(torch.rand(2, 3, 96, 96)).shape
    torch.Size([2, 32, 24, 24])
    """

    def __init__(self, size: int = 96, channels: int = 3, classes: int = 16, hidden: int = 64):
        """See the class."""
        super().__init__()
        size, channels, classes, hidden = whole_sizes(
            size=size, channels=channels, classes=classes, hidden=hidden
        )
        expect_images(self, channels, size)
        side = side_after(lambda side: side // 16, size, "size")
        self.features = nn.Sequential(
            nn.AvgPool2d(2),
            *_convolution(channels, 16, 5, pool=True),
            *_convolution(16, FEATURES), *_convolution(FEATURES, FEATURES),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.MaxPool2d(2), *_convolution(FEATURES, 64, pool=True),
            nn.Flatten(), nn.Linear(64 * side * side, hidden), nn.ReLU(),
            nn.Linear(hidden, classes),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        return self.classifier(self.features(images))


class HeatMapLocalisation(nn.Module):
    """One localisation network for several windows: a heat map, and so a centre, for each.

    Convolutions that were trained before make features of the picture, two more make a heat map of
    them for each window. A softmax turns a map into shares of attention, and the window's centre is
    the mean place under it. At the start the maps say nothing, and every window has most of its
    attention around a place of its own; what a map says is added to that.

    Args:
        features: from images (N, C, H, W) to maps (N, channels, h, w). They are held as they are.
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
        TypeError, ValueError: a number or a place that cannot be.

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
        self.reach, self.scale = positive_number(reach, "reach"), _share(scale, "scale")
        self.start_scale = self.scale if start_scale is None else _share(start_scale, "start_scale")
        self.narrowing = whole_number(narrowing, "narrowing", lowest=0)
        self.features = features.requires_grad_(False).eval()
        self.heat_maps = nn.Sequential(
            nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU(),
            nn.Conv2d(16, len(starts), 1, bias=False),
        )  # fmt: skip
        nn.init.zeros_(self.heat_maps[-1].weight)
        self.points = SpatialSoftArgmax(inverse_temperature=10)
        self.register_buffer("starts", torch.tensor(starts), persistent=False)  # (windows, 2)
        self.register_buffer("steps", torch.zeros(()))  # of training, up to `narrowing`

    def extra_repr(self) -> str:
        """What decides where the windows look, apart from the weights."""
        return (
            f"starts={self.starts.tolist()}, reach={self.reach}, scale={self.scale}, "
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
        identity = (self.scale, *self.starts[which].tolist())
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
        self.shared, self.which = shared, which

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
        readers, windows = list_of(readers, "readers", "networks"), len(localisation.starts)
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
        cnn: trained before, on the same pictures; its `features` are held.
        windows: how many, 2 or 4.
        view: as in `WindowSTN`.
        classes: number of classes.
        localisation: scale and all that follows it, as in `HeatMapLocalisation`.

    >>> from stn_lesson.networks import count_parameters
    >>> count_parameters(window_stn(FeatureCNN()))
    141312
    """
    windows, (view,) = whole_number(windows, "windows"), whole_sizes(view=view)
    if windows not in STARTS:
        raise ValueError(f"windows must be one of {', '.join(map(str, STARTS))}, got {windows}")
    side = side_after(lambda side: side // 8, view, "view")
    channels = cnn.features[1].in_channels
    readers = [
        nn.Sequential(
            *_convolution(channels, 24, pool=True), *_convolution(24, 48, pool=True),
            *_convolution(48, 48, pool=True),
            nn.Flatten(), nn.Linear(48 * side * side, 64), nn.ReLU(),
        )
        for _ in range(windows)
    ]  # fmt: skip
    localise = HeatMapLocalisation(cnn.features, FEATURES, STARTS[windows], **localisation)
    model = WindowSTN(localise, readers, code=64, view=view, classes=classes)
    expect_images(model, channels)
    return model


def _convolution(inputs: int, outputs: int, kernel: int = 3, pool: bool = False) -> list[nn.Module]:
    """A convolution that keeps the size, or halves it, with batch normalisation and ReLU."""
    pooling = [nn.MaxPool2d(2)] if pool else []
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return [convolution, *pooling, nn.BatchNorm2d(outputs), nn.ReLU()]


def _share(value: float, name: str) -> float:
    """A share of a picture's side, from 0.01 to 1."""
    return real_number(value, name, 0.01, 1)
