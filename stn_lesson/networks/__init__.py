"""Networks to train: the recipe's and the paper's, with spatial transformers and without."""

from functools import partial

from stn_lesson.networks.counting import count_parameters, match_parameters
from stn_lesson.networks.efficientnet import EfficientNetLite0
from stn_lesson.networks.numbers import NumberCNN, NumberSTN
from stn_lesson.networks.paper import CNN, FCN, STCNN, STFCN, ParallelTransformers
from stn_lesson.networks.plain import FeatureCNN, GlobalMaxCNN, PlainCNN
from stn_lesson.networks.pointing import PointingLocalisation, PointingSTN, SpatialSoftArgmax
from stn_lesson.networks.recipe import RecipeSTN, frozen_stn, init_like_the_recipe
from stn_lesson.networks.solids import FlatCNN, SolidCNN, SolidSTN
from stn_lesson.networks.svhn import SVHNNet
from stn_lesson.networks.windows import HeatMapLocalisation, WindowSTN, window_stn

NETWORKS = {
    "recipe_stn": RecipeSTN,
    "pointing_stn_28": partial(PointingSTN, view=28),  # MNIST's digits are 28 pixels wide
    "frozen_stn": frozen_stn,
    "plain_cnn": PlainCNN,
}

__all__ = [
    "CNN",
    "FCN",
    "NETWORKS",
    "STCNN",
    "STFCN",
    "EfficientNetLite0",
    "FeatureCNN",
    "FlatCNN",
    "GlobalMaxCNN",
    "HeatMapLocalisation",
    "NumberCNN",
    "NumberSTN",
    "ParallelTransformers",
    "PlainCNN",
    "PointingLocalisation",
    "PointingSTN",
    "RecipeSTN",
    "SVHNNet",
    "SolidCNN",
    "SolidSTN",
    "SpatialSoftArgmax",
    "WindowSTN",
    "count_parameters",
    "frozen_stn",
    "init_like_the_recipe",
    "match_parameters",
    "window_stn",
]
