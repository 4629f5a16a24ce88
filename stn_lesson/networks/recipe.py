"""The Lasagne recipe's network, and what all networks of that size share."""

from torch import Tensor, nn

from stn_lesson.transformer import SpatialTransformer, freeze_transformers


class RecipeSTN(nn.Module):
    """The spatial transformer network of the Lasagne recipe, layer by layer.

    A localisation network looks at the whole image, the transformer cuts out a small view, and a
    small CNN reads the digit in it.

    Args:
        size: side of the (square) input images in pixels.
        view: side of the transformer's view, of what the classifier sees. The recipe's is a third
            of the image's.
        classes: number of classes.

    Shape:
        images (N, 1, size, size) → class scores (N, classes).

    >>> from stn_lesson.networks import count_parameters
    >>> count_parameters(RecipeSTN())
    178018
    """

    def __init__(self, size: int = 60, view: int = 20, classes: int = 10):
        """See the class."""
        super().__init__()
        side = ((size // 2 - 4) // 2) - 4  # two poolings and two 5×5 convolutions without padding
        check_image_size(side, size)
        features = nn.Linear(20 * side * side, 50)
        localisation = nn.Sequential(
            nn.MaxPool2d(2), nn.Conv2d(1, 20, 5), nn.ReLU(),
            nn.MaxPool2d(2), nn.Conv2d(20, 20, 5), nn.ReLU(),
            nn.Flatten(), features, nn.ReLU(),
            nn.Linear(50, 6),
        )  # fmt: skip
        side = ((view - 2) // 2 - 2) // 2
        check_image_size(side, view)
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


def check_image_size(side: int, size: int) -> None:
    """Refuse images, or views, of which the convolutions would leave nothing.

    Args:
        side: of what they leave.
        size: side of what they are given.
    """
    if side < 1:
        raise ValueError(
            f"{size}×{size} pixels are too small for the convolutions of this network: "
            "use a larger size, or a larger view"
        )
