"""The Lasagne recipe's network, and a CNN to compare it with."""

from torch import Tensor, nn

from stn_lesson.transformer import SpatialTransformer, freeze_transformers


class RecipeSTN(nn.Module):
    """The spatial transformer network of the Lasagne recipe, layer by layer.

    A localisation network looks at the whole image, the transformer cuts out a view a third as
    large on each side, and a small CNN reads the digit in it.

    Args:
        size: side of the (square) input images in pixels.
        downsample: how many times smaller the transformer's view is.
        classes: number of classes.

    Shape:
        images (N, 1, size, size) → class scores (N, classes).

    >>> from stn_lesson.networks import count_parameters
    >>> count_parameters(RecipeSTN())
    178018
    """

    def __init__(self, size: int = 60, downsample: int = 3, classes: int = 10):
        """See the class."""
        super().__init__()
        side = ((size // 2 - 4) // 2) - 4  # two poolings and two 5×5 convolutions without padding
        check_image_size(side, size, downsample)
        features = nn.Linear(20 * side * side, 50)
        localisation = nn.Sequential(
            nn.MaxPool2d(2), nn.Conv2d(1, 20, 5), nn.ReLU(),
            nn.MaxPool2d(2), nn.Conv2d(20, 20, 5), nn.ReLU(),
            nn.Flatten(), features, nn.ReLU(),
            nn.Linear(50, 6),
        )  # fmt: skip
        view = size // downsample
        side = ((view - 2) // 2 - 2) // 2
        check_image_size(side, size, downsample)
        self.classifier = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * side * side, 256), nn.ReLU(), nn.Linear(256, classes),
        )  # fmt: skip
        for module in (localisation, self.classifier):
            module.apply(init_like_the_recipe)
        nn.init.kaiming_uniform_(features.weight)  # the one layer started with gain √2
        # The transformer comes last: it sets the localisation's last layer to zero. The recipe's
        # sampler holds coordinates inside the image, which is border padding.
        self.transformer = SpatialTransformer(localisation, size=(view, view), padding="border")

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        return self.classifier(self.transformer(images))


class PlainCNN(nn.Module):
    """A CNN without a transformer, with about as many parameters as `RecipeSTN`.

    Shape:
        images (N, 1, size, size) → class scores (N, classes).

    >>> from stn_lesson.networks import count_parameters
    >>> count_parameters(PlainCNN())
    172054
    """

    def __init__(self, size: int = 60, classes: int = 10):
        """See the class."""
        super().__init__()
        side = (((size - 4) // 2 - 4) // 2 - 2) // 2
        check_image_size(side, size)
        self.classifier = nn.Sequential(
            nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(20, 20, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(20, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * side * side, 192), nn.ReLU(), nn.Linear(192, classes),
        )  # fmt: skip
        self.classifier.apply(init_like_the_recipe)

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, classes)."""
        return self.classifier(images)


def frozen_stn() -> RecipeSTN:
    """The recipe with its transformer held at the identity: a small view of the whole image.

    What a `RecipeSTN` does better than this one, its transformer has contributed.

    >>> frozen_stn().transformer.localisation[-1].weight.requires_grad
    False
    """
    return freeze_transformers(RecipeSTN())


def init_like_the_recipe(layer: nn.Module) -> None:
    """He-uniform weights with gain 1 and zero biases, as the recipe starts its layers.

    The small gain matters: with √2 everywhere, about one start in ten runs away (notebook 05).
    """
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear")
        nn.init.zeros_(layer.bias)


def check_image_size(side: int, size: int, downsample: int = 1) -> None:
    """Refuse images of which the convolutions would leave nothing."""
    if side < 1:
        smaller = f", seen {downsample} times smaller," if downsample > 1 else ""
        remedy = " or a smaller downsample" if downsample > 1 else ""
        raise ValueError(
            f"images of {size}×{size}{smaller} are too small for the convolutions of this network: "
            f"use larger images{remedy}"
        )
