"""A lesson on spatial transformer networks (Jaderberg et al. 2015, arXiv 1506.02025).

Its parts, in the order in which the notebooks lean on them: theta, grid, sampler, transformer,
networks, datasets, training. `stn_lesson.plots` and `stn_lesson.widgets` are imported by name, so
that `import stn_lesson` loads no plotting and no widgets.
"""

import stn_lesson.matplotlib_folder  # noqa: F401 (before matplotlib is imported)
from stn_lesson.datasets import (
    DISTORTIONS,
    Dataset,
    addition,
    checkerboard,
    distort,
    distort_elastic,
    distort_projective,
    drawn_birds,
    house,
    house_numbers,
    load_birds,
    load_digits,
    load_mnist,
    load_npz,
    load_svhn,
    to_floats,
)
from stn_lesson.datasets.clutter import clutter
from stn_lesson.datasets.landscape import landscape
from stn_lesson.datasets.solids import extrude, solids
from stn_lesson.families import thin_plate_spline
from stn_lesson.grid import meshgrid, pixel_centres, projective_grid, sampling_grid, volume_grid
from stn_lesson.homography import projective_theta
from stn_lesson.networks import (
    CNN,
    FCN,
    STCNN,
    STFCN,
    PlainCNN,
    PointingSTN,
    RecipeSTN,
    count_parameters,
    frozen_stn,
)
from stn_lesson.sampler import (
    bilinear_sample,
    looks_outside,
    sample,
    to_pixels,
    trilinear_sample,
    warp,
)
from stn_lesson.spline import control_points, thin_plate_grid
from stn_lesson.theta import (
    affine_theta,
    attention_theta,
    compose,
    decompose,
    invert,
)
from stn_lesson.training import (
    History,
    Settings,
    default_device,
    evaluate,
    fit,
    fit_abreast,
    measure_aim,
)
from stn_lesson.transformer import SpatialTransformer, look
from stn_lesson.volume import tilt_between, volume_theta

__all__ = [
    "CNN",
    "DISTORTIONS",
    "FCN",
    "STCNN",
    "STFCN",
    "Dataset",
    "History",
    "PlainCNN",
    "PointingSTN",
    "RecipeSTN",
    "Settings",
    "SpatialTransformer",
    "addition",
    "affine_theta",
    "attention_theta",
    "bilinear_sample",
    "checkerboard",
    "clutter",
    "compose",
    "control_points",
    "count_parameters",
    "decompose",
    "default_device",
    "distort",
    "distort_elastic",
    "distort_projective",
    "drawn_birds",
    "evaluate",
    "extrude",
    "fit",
    "fit_abreast",
    "frozen_stn",
    "house",
    "house_numbers",
    "invert",
    "landscape",
    "load_birds",
    "load_digits",
    "load_mnist",
    "load_npz",
    "load_svhn",
    "look",
    "looks_outside",
    "measure_aim",
    "meshgrid",
    "pixel_centres",
    "projective_grid",
    "projective_theta",
    "sample",
    "sampling_grid",
    "solids",
    "thin_plate_grid",
    "thin_plate_spline",
    "tilt_between",
    "to_floats",
    "to_pixels",
    "trilinear_sample",
    "volume_grid",
    "volume_theta",
    "warp",
]
