"""Wrong calls to data, networks, pictures and widgets: doing what the message says is right."""

import numpy as np
import pytest
import torch
from PIL import Image
from remedy_in import remedy_in
from torch import nn

import stn_lesson as stn
from stn_lesson import colocalisation, plots
from stn_lesson.colocalisation.scenes import iou
from stn_lesson.datasets import Split
from stn_lesson.datasets.checks import check_bytes
from stn_lesson.networks import FCN, GlobalMaxCNN
from stn_lesson.plots.picture import check_drawable
from stn_lesson.widgets import (
    Alignment,
    FlightRecorder,
    FoolTheNetwork,
    GridExplorer,
    PixelInspector,
    WarpExplorer,
)
from stn_lesson.widgets.live import check_picture

DIGITS = stn.load_digits().test
BYTES = DIGITS.images[:4]  # (4, 1, 28, 28)
FLOATS = stn.to_floats(BYTES)
COLOURS = (np.asarray(stn.house(28, 28)[0].permute(1, 2, 0)) * 255).astype(np.uint8)  # (28, 28, 3)
BOARD = stn.checkerboard(28, 28)
MODEL = stn.RecipeSTN()
SCENES = stn.clutter(BYTES)
THETA = stn.affine_theta().expand(4, 2, 3)


def play(digits):
    return FoolTheNetwork(MODEL, digits)


def called_once(model):
    model(FLOATS)
    return model


# What a message may name besides the argument itself.
WORDS = {
    **vars(stn),
    "torch": torch,
    "numpy": np,
    "boxes": torch.ones(3, 4),
    "others": torch.ones(3, 4),
    "Split": Split,
}

# A call, the name of its argument, what is wrong: the message ends with what to write instead.
TO_WRITE = {
    "clutter a list": (stn.clutter, "digits", list(BYTES)),
    "clutter numpy": (stn.clutter, "digits", BYTES.numpy()),
    "clutter floats": (stn.clutter, "digits", FLOATS),
    "clutter floats to 255": (stn.clutter, "digits", BYTES.float()),
    "clutter whole numbers": (stn.clutter, "digits", BYTES.long()),
    "clutter one digit": (stn.clutter, "digits", BYTES[0, 0]),
    "clutter colours": (stn.clutter, "digits", BYTES.repeat(1, 3, 1, 1)),
    "clutter a split": (stn.clutter, "digits", DIGITS),
    "distort three axes": (stn.distort, "digits", BYTES[:, 0]),
    "distort five axes": (stn.distort, "digits", BYTES[None]),
    "distort a mask": (stn.distort, "digits", BYTES > 99),
    "floats of numpy": (stn.to_floats, "images", BYTES.numpy()),
    "pictures of whole numbers": (plots.images, "pictures", FLOATS.long()),
    "labels of a list": (lambda labels: Split(BYTES, labels), "labels", [1, 2, 3, 4]),
    "labels of numpy": (lambda labels: Split(BYTES, labels), "labels", np.arange(4, dtype="i4")),
    "labels in a column": (lambda labels: Split(BYTES, labels), "labels", torch.ones(4, 1)),
    "labels one-hot": (lambda labels: Split(BYTES, labels), "labels", np.eye(4)),
    "a network of bytes": (MODEL, "images", SCENES),
    "a network of numpy": (MODEL, "images", SCENES[:, 0].numpy()),
    "a network of doubles": (MODEL, "images", SCENES.double() / 255),
    "a network of colours": (MODEL, "images", torch.rand(2, 3, 60, 60)),
    "a network of one image": (GlobalMaxCNN(), "images", torch.rand(28, 28)),
    "a network of grey": (FCN(28, 3), "images", FLOATS),
    "a network of grey in five axes": (FCN(28, 3), "images", FLOATS[:, None]),
    "boxes for one other": (lambda boxes: iou(boxes, torch.ones(3, 4)), "boxes", torch.ones(1, 4)),
    "one box for all": (lambda others: iou(torch.ones(3, 4), others), "others", torch.ones(1, 4)),
    "an encoder of bytes": (colocalisation.Encoder(), "images", BYTES),
    "a gallery of floats": (lambda images: plots.gallery(MODEL, images), "images", SCENES / 255),
    "a gallery of a list": (lambda images: plots.gallery(MODEL, images), "images", list(SCENES)),
    "pictures of numpy": (plots.images, "pictures", [COLOURS, COLOURS]),
    "one picture": (plots.images, "pictures", FLOATS[0, 0]),
    "a batch of pictures": (plots.images, "pictures", [FLOATS, FLOATS]),
    "one title": (lambda titles: plots.images(FLOATS, titles), "titles", "digits"),
    "a point": (
        lambda image: plots.point_between_pixels(image, (1, 1), torch.ones(2, 2) / 4),
        "image",
        FLOATS[0],
    ),
    "overlaid bytes": (lambda warped: plots.overlay(warped, FLOATS[0]), "warped", BYTES[0]),
    "overlaid colours": (
        lambda warped: plots.overlay(warped, FLOATS[0]),
        "warped",
        stn.house(28, 28)[0],
    ),
    "two images to sample": (lambda image: plots.sampling(image, THETA[:1]), "image", FLOATS),
    "two θ to sample": (lambda theta: plots.sampling(BOARD, theta), "theta", THETA),
    "two axes to explore": (WarpExplorer, "image", FLOATS[0, 0]),
    "three axes to explore": (GridExplorer, "image", stn.house(28, 28)[0]),
    "a photograph": (WarpExplorer, "image", Image.fromarray(COLOURS)),
    "transparency": (WarpExplorer, "image", np.dstack([COLOURS, COLOURS[..., :1]])),
    "many channels": (WarpExplorer, "image", torch.rand(1, 16, 8, 8)),
    "values to 16": (WarpExplorer, "image", 16 * torch.rand(1, 1, 8, 8)),
    "values below 0": (WarpExplorer, "image", torch.randn(1, 1, 8, 8)),
    "colours to align": (lambda image: Alignment(image, BOARD), "image", stn.house(28, 28)),
    "another size to align": (lambda image: Alignment(image, BOARD), "image", stn.checkerboard()),
    "bytes to inspect": (PixelInspector, "image", BYTES[0, 0, :9, :9]),
    "one θ to record": (lambda theta: FlightRecorder(BYTES, theta), "theta", THETA),
    "one slider": (lambda sliders: WarpExplorer(BOARD, sliders=sliders), "sliders", "scale"),
    "a data set to play with": (play, "digits", stn.load_digits()),
    "a class for a network": (lambda model: FoolTheNetwork(model, DIGITS), "model", stn.RecipeSTN),
}  # fmt: skip


@pytest.mark.parametrize("case", TO_WRITE)
def test_what_the_message_says_to_write_is_right(case):
    call, name, wrong = TO_WRITE[case]
    with pytest.raises((TypeError, ValueError)) as told:
        call(wrong)
    call(eval(remedy_in(str(told.value)), WORDS | {name: wrong, "wanted": BOARD}))


# A wrong call, what its message asks for, and the call that does so.
TO_DO = {
    "another canvas": (
        lambda: stn.clutter(BYTES, size=20),
        "use a size of at least 28",
        lambda: stn.clutter(BYTES, size=28),
    ),
    "smaller pieces": (
        lambda: stn.clutter(BYTES, piece_size=30),
        "use a piece_size of at most 28",
        lambda: stn.clutter(BYTES, piece_size=28),
    ),
    "a whole number": (
        lambda: stn.clutter(BYTES, size=(60, 60)),
        "size must be a whole number",
        lambda: stn.clutter(BYTES, size=60),
    ),
    "a pair": (
        lambda: stn.distort(BYTES, scale=1),
        "scale = (smallest, largest) must be a pair of numbers",
        lambda: stn.distort(BYTES, scale=(1, 1)),
    ),
    "images at a time": (
        lambda: stn.distort(BYTES, chunk=0),
        "chunk must be at least 1",
        lambda: stn.distort(BYTES, chunk=1),
    ),
    "a larger view": (
        lambda: stn.RecipeSTN(view=5),
        "use a view of at least 10",
        lambda: stn.RecipeSTN(view=10),
    ),
    "a network for it": (
        lambda: MODEL(FLOATS),
        "or a network made for this size",
        lambda: stn.RecipeSTN(28)(FLOATS),
    ),
    "a known family": (
        lambda: stn.STFCN(family="rotation"),
        "family must be one of affine, attention, projective, tps",
        lambda: stn.STFCN(family="attention"),
    ),
    "an affine transformer": (
        lambda: FoolTheNetwork(stn.STFCN(family="tps"), DIGITS, side=28),
        'use a network with family="affine" or "attention"',
        lambda: FoolTheNetwork(stn.STFCN(family="attention"), DIGITS, side=28),
    ),
    "a network for two channels": (
        lambda: FCN(28, 2)(FLOATS),
        "use a network made with channels=1",
        lambda: FCN(28, channels=1)(FLOATS),
    ),
    "as many boxes": (
        lambda: iou(torch.ones(2, 4), torch.ones(3, 4)),
        "must be equally many, got 2 and 3",
        lambda: iou(torch.ones(3, 4), torch.ones(3, 4)),
    ),
    "sizes before counting": (
        lambda: stn.networks.count_parameters(nn.LazyLinear(3)),
        "call model(images) once, then count",
        lambda: stn.networks.count_parameters(called_once(nn.LazyLinear(3))),
    ),
    "fewer scenes": (
        lambda: colocalisation.scenes_of_class(DIGITS, 4, count=400),
        "ask for fewer scenes",
        lambda: colocalisation.scenes_of_class(DIGITS, 4, count=40),
    ),
    "a known start": (
        lambda: WarpExplorer(BOARD, start={"angle": 30}),
        "start may hold rotation, scale, shear, translation",
        lambda: WarpExplorer(BOARD, start={"rotation": 30}),
    ),
    "a smaller target": (
        lambda: GridExplorer(BOARD, size=(300, 4)),
        "size = (rows, columns) must be from 1 to 256",
        lambda: GridExplorer(BOARD, size=(256, 4)),
    ),
}


@pytest.mark.parametrize("case", TO_DO)
def test_what_the_message_asks_for_is_right(case):
    wrong, message, right = TO_DO[case]
    with pytest.raises((TypeError, ValueError)) as told:
        wrong()
    assert message in str(told.value)
    right()


KINDS = (torch.uint8, torch.bool, torch.int16, torch.int64, torch.float16, torch.double)
SHAPES = (
    (5, 6),
    (3, 5, 6),
    (7, 5, 6),
    (5, 6, 3),
    (2, 1, 5, 6),
    (2, 4, 5, 6),
    (2, 5, 6, 3),
    (2, 3, 1, 5, 6),
)


@pytest.mark.parametrize("white", [1, 16, 255, 300])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_picture_of_any_kind_and_shape_can_be_mended_as_its_error_says(shape, kind, white):
    values = torch.arange(np.prod(shape)).remainder(17).view(shape) * (white / 16)
    if kind == torch.uint8 and white != 255:
        values = values.clamp(0, 255)
    for came in (values.to(kind), values.to(kind).numpy()):
        for check, name in (
            (check_bytes, "images"),
            (check_picture, "image"),
            (check_drawable, "picture"),
        ):
            try:
                check(came)
            except (TypeError, ValueError) as error:
                mended = eval(remedy_in(str(error)), WORDS | {name: came})
                check(mended)
                as_bright = stn.to_floats(mended) if mended.dtype == torch.uint8 else mended
                assert kind == torch.uint8 or as_bright.max() > 0.1  # white has not become black


@pytest.mark.parametrize("came", [None, 3, "house.png", [], {}, [1, 2], torch.ones(4), [None]])
def test_where_there_is_no_picture_no_remedy_is_named(came):
    for check in (check_bytes, check_picture, check_drawable):
        with pytest.raises((TypeError, ValueError)) as told:
            check(came)
        assert "use " not in str(told.value)
