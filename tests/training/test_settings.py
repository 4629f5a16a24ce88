"""What a setting may be stands in one place, and is told before the first step."""

import numpy as np
import pytest
import torch
from small_run import small_data, small_model, weights
from torch import nn

import stn_lesson as stn
from stn_lesson.datasets import Dataset, Split
from stn_lesson.device import check_device
from stn_lesson.training import Settings
from stn_lesson.training.processes import ProcessGroup

WRONG_SETTINGS = [
    ("epochs", 0, "epochs must be at least 1, got 0"),
    ("epochs", -1, "epochs must be at least 1, got -1"),
    ("epochs", 1.5, "epochs must be a whole number, got 1.5"),
    ("epochs", "2", "epochs must be a whole number, got '2'"),
    ("epochs", True, "epochs must be a whole number, got True"),
    ("batch_size", 0, "batch_size must be at least 1, got 0"),
    ("batch_size", -1, "batch_size must be at least 1, got -1"),
    (
        "batch_size",
        2**63,
        "batch_size must be at most 2147483647, got 9223372036854775808",
    ),
    ("batch_size", 1.5, "batch_size must be a whole number, got 1.5"),
    ("optimiser", "adam", "optimiser must be one of adamw, sgd, got 'adam'"),
    ("optimiser", None, "optimiser must be one of adamw, sgd, got None"),
    ("learning_rate", -8e-3, "learning_rate must be above 0, got -0.008"),
    ("learning_rate", 0, "learning_rate must be above 0, got 0"),
    ("learning_rate", float("nan"), "learning_rate must be a finite number, got nan"),
    ("learning_rate", "0.1", "learning_rate must be a number, got '0.1'"),
    ("localisation_rate", -0.1, "localisation_rate must be at least 0, got -0.1"),
    ("weight_decay", -1, "weight_decay must be at least 0, got -1"),
    ("weight_decay", None, "weight_decay must be a number, got None"),
    ("max_grad_norm", -1, "max_grad_norm must be above 0, got -1"),
    ("max_grad_norm", 0, "max_grad_norm must be above 0, got 0"),
    ("max_grad_norm", None, "max_grad_norm must be a number, got None"),
    ("precision", "half", "precision must be one of float32, bfloat16, got 'half'"),
    ("precision", [], r"precision must be one of float32, bfloat16, got \[\]"),
    ("seed", None, "seed must be a whole number, got None"),
    ("seed", 1.5, "seed must be a whole number, got 1.5"),
    ("seed", -1, "seed must be from 0 to 2147483647, got -1"),
    ("seed", 2**64, "seed must be from 0 to 2147483647, got 18446744073709551616"),
]


@pytest.mark.parametrize(("name", "value", "message"), WRONG_SETTINGS)
def test_a_setting_that_cannot_be_is_named_with_what_came_and_what_is_right(name, value, message):
    model = small_model()
    before = weights(model).clone()
    for refused in (
        lambda: Settings(**{name: value}),
        lambda: stn.fit(model, small_data(), **{name: value}),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            refused()
    assert torch.equal(weights(model), before) and model.training


def test_a_setting_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(TypeError, match="there is no setting 'momentum': choose among epochs, b"):
        stn.fit(small_model(), small_data(), momentum=0.9)


def test_numpys_numbers_become_pythons():
    settings = Settings(epochs=np.int64(3), learning_rate=np.float32(0.5), seed=torch.tensor(4))
    assert [settings.epochs, settings.learning_rate, settings.seed] == [3, 0.5, 4]
    kinds = [type(value) for value in (settings.epochs, settings.learning_rate, settings.seed)]
    assert kinds == [int, float, int]


def test_the_largest_seed_trains():
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    assert len(stn.fit(model, stn.load_digits(), epochs=2, seed=2**31 - 1).accuracy) == 2


@pytest.mark.parametrize("device", ["gpu", "meta", "", "cuda:99", 3.5])
def test_a_device_that_is_not_here_is_told(device):
    with pytest.raises(ValueError, match=r"device must be one that is here, such as '.+', got"):
        stn.fit(small_model(), small_data(), device=device)
    with pytest.raises(ValueError, match="device must be one that is here"):
        check_device(device)


def linear(outputs=10, pixels=784):
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, outputs))


def few(labels, side=28, channels=1):
    images = torch.zeros(len(labels), channels, side, side, dtype=torch.uint8)
    return Split(images, torch.tensor(labels, dtype=torch.long))


def dataset(train, test=None):
    return Dataset("few", train, train if test is None else test)


DIGITS = few([0, 1, 2])
WRONG_PAIRS = [
    (stn.RecipeSTN, dataset(DIGITS), TypeError, r"got the class RecipeSTN: use RecipeSTN"),
    (None, dataset(DIGITS), TypeError, "model must be a network"),
    (linear().requires_grad_(False), dataset(DIGITS), ValueError, "requires_grad_.True. frees"),
    (nn.Flatten(), dataset(DIGITS), ValueError, "nothing in the model can learn"),
    (
        nn.Sequential(nn.Flatten(), nn.LazyLinear(10)),
        dataset(DIGITS),
        ValueError,
        r"no weights yet in 1.weight: show it some images first",
    ),
    (linear(), None, TypeError, "data must be a Dataset, got NoneType"),
    (linear(), DIGITS, TypeError, r"got a Split: use Dataset\('mine', train=split"),
    (linear(), dataset(few([])), ValueError, "data.train holds no images"),
    (linear(), dataset(DIGITS, few([])), ValueError, "data.test holds no images"),
    (
        linear(),
        dataset(few([0, 26])),
        ValueError,
        "up to 26, .* needs 27 outputs, .* has 10",
    ),
    (linear(3), dataset(DIGITS, few([3])), ValueError, "data.test has labels up to 3"),
    (linear(), dataset(few([1, -1])), ValueError, "counted from 0, data.train holds -1: add 1"),
    (linear(), dataset(few([1, -100])), ValueError, "data.train holds -100"),
    (linear(), dataset(few([0, 1], side=30)), ValueError, r"shape \(1, 30, 30\), as data.train"),
    (linear(), dataset(few([0, 1], channels=3)), ValueError, r"shape \(3, 28, 28\)"),
    (linear(), dataset(DIGITS, few([0], side=20)), ValueError, "as data.test holds them"),
    (nn.Conv2d(1, 10, 28), dataset(DIGITS), ValueError, r"must return class scores \(N, classes\)"),
]


@pytest.mark.parametrize(("model", "data", "error", "message"), WRONG_PAIRS)
def test_a_model_and_data_that_do_not_go_together_are_told_before_the_first_step(
    model, data, error, message
):
    with pytest.raises(error, match=message):
        stn.fit(model, data, epochs=1, on_step=lambda *_: pytest.fail("it took a step"))
    with pytest.raises((TypeError, ValueError)):
        stn.fit_abreast([model], [data], seeds=[0], epochs=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [("on_step", 5), ("on_epoch", 5), ("on_step", torch.ones(3)), ("warn", None), ("warn", "no")],
)
def test_what_is_called_meanwhile_must_be_a_function(name, value):
    with pytest.raises(TypeError, match=f"{name} must be a function"):
        stn.fit(linear(), dataset(DIGITS), epochs=1, **{name: value})


class Answering(nn.Module):
    """A network that makes something else of its scores, in training mode alone."""

    def __init__(self, make):
        super().__init__()
        self.scores, self.make = linear(), make

    def forward(self, images):
        scores = self.scores(images)
        return self.make(scores) if self.training else scores


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Answering(lambda scores: (scores, scores)), r"in training mode, too, got tuple for 3"),
        (Answering(lambda scores: scores[:1]), r"in training mode, too, got \(1, 10\) for 3"),
        (Answering(torch.Tensor.detach), r"no gradient comes from the model's scores"),
        (linear().double(), r"weights of torch.float64, .*: use model.float\(\)"),
        (linear().half(), r"weights of torch.float16, .*: use model.float\(\)"),
        (linear().bfloat16(), r"weights of torch.bfloat16, .*: use model.float\(\)"),
    ],
)
def test_a_model_that_cannot_learn_is_told_before_a_weight_is_changed(model, message):
    before = weights(model).clone()
    for train in (
        lambda: stn.fit(model, dataset(DIGITS), epochs=1, device="cpu"),
        lambda: stn.fit_abreast([model], [dataset(DIGITS)], seeds=[0], epochs=1, device="cpu"),
    ):
        with pytest.raises(ValueError, match=message):
            train()
        model.train()
    assert torch.equal(weights(model), before) and not model._forward_hooks
    assert stn.fit(linear().double().float(), dataset(DIGITS), epochs=1).accuracy  # the remedy


@pytest.mark.parametrize("without", [torch.no_grad, torch.inference_mode])
def test_where_no_gradients_are_kept_nothing_is_begun(without):
    model = linear()
    with without(), pytest.raises(ValueError, match=r"nothing can be learnt under torch.no_grad"):
        stn.fit(model, dataset(DIGITS), epochs=1)
    assert stn.fit(model, dataset(DIGITS), epochs=1).accuracy


def test_images_drawn_anew_are_tried_before_the_first_step():
    data = Dataset("few", DIGITS, DIGITS, redraw=lambda epoch: DIGITS.images[:1])
    with pytest.raises(ValueError, match=r"redraw\(1\) must be as many images as train holds"):
        stn.fit(linear(), data, epochs=2, on_step=lambda *_: pytest.fail("it took a step"))


def with_batch_norm(norm=None):
    first = nn.Conv2d(1, 4, 28)
    return nn.Sequential(first, nn.Flatten(), norm or nn.BatchNorm1d(4), nn.Linear(4, 3))


def test_a_batch_of_one_image_is_told_where_batch_normalisation_cannot_take_it():
    data, settings = dataset(few(3 * [0, 1, 2])), dict(epochs=1, device="cpu")
    with pytest.raises(ValueError, match=r"batch_size 4 leaves one of 9 .* such as 5") as told:
        stn.fit(with_batch_norm(), data, batch_size=4, **settings)
    assert "BatchNorm1d" in str(told.value)
    assert stn.fit(with_batch_norm(), data, batch_size=5, **settings).accuracy  # the remedy works
    with pytest.raises(ValueError, match="batch_size 1 leaves"):
        stn.fit(with_batch_norm(), data, batch_size=1, **settings)
    with pytest.raises(ValueError, match="another batch_size, and more images"):
        stn.fit(with_batch_norm(), dataset(few([0])), **settings)
    for model in (with_batch_norm(nn.BatchNorm1d(4).eval()), with_batch_norm(nn.Identity())):
        assert stn.fit(model, data, batch_size=4, **settings).accuracy  # nothing to normalise
    maps = nn.Sequential(nn.Conv2d(1, 3, 27), nn.BatchNorm2d(3), nn.AvgPool2d(2), nn.Flatten())
    assert stn.fit(maps, data, batch_size=4, **settings).accuracy  # four numbers of each channel


def test_more_processes_than_images_in_a_batch_are_told(monkeypatch):
    monkeypatch.setattr(ProcessGroup, "current", classmethod(lambda cls: cls(0, 4)))
    with pytest.raises(ValueError, match="4 processes, batch_size 3 and 9 training images"):
        stn.fit(linear(), dataset(few(3 * [0, 1, 2])), batch_size=3)
    with pytest.raises(ValueError, match="4 processes, batch_size 256 and 3 training images"):
        stn.fit(linear(), dataset(DIGITS))


def test_models_abreast_must_be_lists_and_each_model_another():
    data, model = dataset(DIGITS), linear()
    for arguments, message in [
        (([model, model], 2 * [data], [0, 1]), "models 0 and 1 share weights"),
        (([linear(), model, nn.Sequential(*model)], 3 * [data], [0, 1, 2]), "models 1 and 2 share"),
        (([model], [data, None], [0]), "got 1 models, 2 data sets and 1 seeds"),
        (([model], [None], [0]), "data must be a Dataset, got NoneType"),
        ((model, [data], [0]), "models must be a list, got Sequential"),
        (([model], data, [0]), "data must be a list, got Dataset"),
        (([model], [data], 0), "seeds must be a list, got int"),
        (([], [], []), "each model needs its data and its seed"),
        (([model], [data], [1.5]), "seed must be a whole number, got 1.5"),
    ]:
        models, sets, seeds = arguments
        with pytest.raises((TypeError, ValueError), match=message):
            stn.fit_abreast(models, sets, seeds=seeds, epochs=1)
    with pytest.raises(TypeError, match=r"a seed of its own: use seeds=\["):
        stn.fit_abreast([model], [data], seeds=[0], seed=3)
