import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import stn_lesson as stn
from stn_lesson.networks import FeatureCNN, HeatMapLocalisation, WindowSTN, window_stn
from stn_lesson.networks.windows import STARTS, OneWindow
from stn_lesson.transformer import freeze_transformers

IMAGES = torch.rand(3, 3, 96, 96)


class Bright(nn.Module):
    """Features that say where a picture is bright, twice: 32 maps, four times smaller."""

    def forward(self, images):
        return F.avg_pool2d(images.mean(1, keepdim=True), 4).expand(-1, 32, -1, -1)


def bright_windows(**settings):
    """Two windows whose heat maps are the picture itself."""
    localise = HeatMapLocalisation(Bright(), 32, STARTS[2], **settings)
    localise.heat_maps = nn.Conv2d(32, 2, 1, bias=False)
    nn.init.constant_(localise.heat_maps.weight, 10 / 32)
    return localise


@pytest.mark.parametrize("windows", [2, 4])
def test_windows_start_apart_near_their_places_whatever_the_pictures(windows):
    model = window_stn(FeatureCNN(), windows, scale=0.4)
    for which, start in enumerate(STARTS[windows]):
        theta = stn.look(model, IMAGES, which).theta
        assert torch.allclose(theta[:, :, :2], 0.4 * torch.eye(2).expand(3, 2, 2))
        assert torch.allclose(theta[:, :, 2], torch.tensor(start).expand(3, 2), atol=0.05)


def test_a_window_goes_where_its_heat_map_is_bright():
    images = torch.zeros(2, 3, 96, 96)
    images[0, :, 76:84, 12:20] = images[1, :, 8:16, 60:68] = 1
    numbers = bright_windows()(images)
    centres = numbers[:, :, 1:] + torch.tensor(STARTS[2])
    places = torch.tensor([[15.5, 79.5], [63.5, 11.5]]) / 95 * 2 - 1
    assert torch.allclose(centres, places[:, None].expand(2, 2, 2), atol=0.03)


def test_one_localisation_network_is_asked_once_and_each_transformer_agrees_with_it():
    model, asked = window_stn(FeatureCNN()).eval(), []
    nn.init.normal_(model.localisation.heat_maps[-1].weight)
    model.localisation.register_forward_hook(lambda *_: asked.append(1))
    model(IMAGES)
    assert len(asked) == 1
    numbers = model.localisation(IMAGES)
    for which, transformer in enumerate(model.transformer):
        theta = transformer.theta(IMAGES)
        assert torch.equal(theta, transformer.theta(IMAGES, numbers[:, which]))
        view = stn.warp(IMAGES, theta, (24, 24), padding="border")
        assert torch.allclose(stn.look(model, IMAGES, which).view, view, atol=1e-6)


def test_the_score_sees_the_codes_of_all_windows():
    model = window_stn(FeatureCNN(), classes=5).eval()
    codes = model.codes(IMAGES)
    assert torch.equal(model(IMAGES), model.scores(torch.cat(codes, 1)))
    assert model(IMAGES).shape == (3, 5)


def test_windows_narrow_over_the_steps_of_a_training_and_stay_so_when_saved():
    model = window_stn(FeatureCNN(), scale=0.3, start_scale=0.5, narrowing=4)
    scales = []
    for _ in range(6):
        scales.append(stn.look(model, IMAGES).theta[0, 0, 0].item())  # takes no step
        model.train()(IMAGES)
    assert scales == pytest.approx([0.5, 0.45, 0.4, 0.35, 0.3, 0.3])
    other = window_stn(FeatureCNN(), scale=0.3, start_scale=0.5, narrowing=4)
    other.load_state_dict(model.state_dict())
    assert stn.look(other, IMAGES).theta[0, 0, 0].item() == pytest.approx(0.3)
    assert torch.equal(pickle.loads(pickle.dumps(model)).eval()(IMAGES), model.eval()(IMAGES))


def test_the_lent_convolutions_are_held_and_all_else_learns():
    model = window_stn(FeatureCNN())
    F.cross_entropy(model(IMAGES), torch.tensor([0, 1, 2])).backward()
    for name, parameter in model.named_parameters():
        held = name.startswith("localisation.features")
        assert parameter.requires_grad != held
        if not held and parameter.ndim > 1 and "heat_maps.0" not in name:  # behind zero weights
            assert parameter.grad.abs().sum() > 0, name
    features = [module for module in model.localisation.features.modules()]
    assert not any(module.training for module in features)


def test_fit_moves_the_windows_at_their_own_rate_and_holds_the_features():
    model = window_stn(FeatureCNN())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    images = (255 * torch.rand(16, 3, 96, 96)).byte()
    split = stn.datasets.Split(images, torch.arange(16))
    data = stn.Dataset("noise", split, split)
    history = stn.fit(model, data, epochs=2, batch_size=8, progress_bar=False)
    assert len(history.theta) == 2 and history.theta[0].shape == (16, 2, 3)
    moved = {name for name, value in model.state_dict().items() if (value != before[name]).any()}
    assert not any("features" in name for name in moved)
    assert "localisation.heat_maps.2.weight" in moved and "readers.1.0.weight" in moved


def test_frozen_windows_are_held_where_they_start():
    model = freeze_transformers(window_stn(FeatureCNN()))
    assert not any(parameter.requires_grad for parameter in model.localisation.parameters())
    assert model.readers[0][0].weight.requires_grad
    theta = stn.look(model, IMAGES, 1).theta
    assert torch.allclose(theta[0], theta[1])


def test_the_cnn_lends_what_it_reads_with():
    cnn = FeatureCNN(size=64, channels=1, classes=3)
    images = torch.rand(2, 1, 64, 64)
    assert torch.equal(cnn(images), cnn.classifier(cnn.features(images)))
    assert window_stn(cnn, classes=3)(images).shape == (2, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FeatureCNN(size=15), "15×15 pixels are too small.*size of at least 16"),
        (lambda: window_stn(FeatureCNN(), 3), "windows must be one of 2, 4, got 3"),
        (lambda: window_stn(FeatureCNN(), view=7), "view of at least 8"),
        (lambda: window_stn(FeatureCNN(), scale=1.5), "scale must be from 0.01 to 1, got 1.5"),
        (lambda: window_stn(FeatureCNN(), narrowing=-1), "narrowing must be at least 0"),
        (lambda: bright_windows(reach=0), "reach must be above 0"),
        (lambda: HeatMapLocalisation(Bright(), 32, [(0, 2)]), "a start must be from -1 to 1"),
        (lambda: WindowSTN(bright_windows(), [nn.Flatten()], code=1, view=2, classes=2),
         "readers must be one for each of 2 windows, got 1"),
        (lambda: window_stn(FeatureCNN())(IMAGES[:, :1]), r"WindowSTN reads floats \(N, 3, H, W\)"),
        (lambda: HeatMapLocalisation(Bright(), 0, STARTS[2]), "channels must be from 1 to 4096"),
        (lambda: HeatMapLocalisation(Bright(), 10**9, STARTS[2]), "channels must be from 1 to 409"),
        (lambda: HeatMapLocalisation(Bright(), 32, []), "starts must be one place .*, got none"),
        (lambda: HeatMapLocalisation(Bright(), 31, STARTS[2])(IMAGES),
         r"behind its features, reads floats \(N, 31, H, W\), got \(3, 32, 24, 24\)"),
        (lambda: HeatMapLocalisation(FeatureCNN().features, 32, STARTS[2])(IMAGES[:, :1]),
         r"HeatMapLocalisation reads floats \(N, 3, H, W\), got \(3, 1, 96, 96\): use images.exp"),
        (lambda: bright_windows().family(2), "which must be from 0 to 1, got 2"),
        (lambda: OneWindow(bright_windows(), -1), "which must be from 0 to 1, got -1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: window_stn("cnn"), r"cnn must be a FeatureCNN, got str: use FeatureCNN\(\)"),
        (lambda: window_stn(stn.RecipeSTN()), "cnn must be a FeatureCNN, got RecipeSTN"),
        (lambda: window_stn(FeatureCNN), "cnn must be a FeatureCNN, got type"),
        (lambda: window_stn(FeatureCNN(), scale="wide"), "scale must be a number, got 'wide'"),
        (lambda: HeatMapLocalisation(None, 32, STARTS[2]), "features must be a network .*NoneType"),
        (lambda: HeatMapLocalisation(Bright(), "32", STARTS[2]), "channels must be a whole number"),
        (lambda: OneWindow(Bright(), 0), "shared must be a HeatMapLocalisation, got Bright"),
        (lambda: WindowSTN(Bright(), [], code=1, view=2, classes=2),
         "localisation must be a HeatMapLocalisation, got Bright"),
        (lambda: WindowSTN(bright_windows(), ["a", "b"], code=1, view=2, classes=2),
         "a reader must be a network"),
        (lambda: window_stn(FeatureCNN()).localisation(IMAGES.byte()), r"use to_floats\(images\)"),
    ],
)  # fmt: skip
def test_what_is_of_another_kind_is_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_the_cnn_that_lends_its_convolutions_is_left_as_it_is_and_may_go_on_learning():
    cnn = FeatureCNN().train()
    model = window_stn(cnn)
    assert all(parameter.requires_grad for parameter in cnn.parameters())
    assert all(module.training for module in cnn.modules())
    before = model.localisation.features[1].weight.clone()
    with torch.no_grad():
        cnn.features[1].weight.add_(1)
    assert torch.equal(model.localisation.features[1].weight, before)


def test_windows_can_be_made_and_shown_where_there_are_no_numbers():
    here = repr(window_stn(FeatureCNN()))
    with torch.device("meta"):
        assert repr(window_stn(FeatureCNN())) == here
    assert repr(window_stn(FeatureCNN()).to("meta")) == here
    assert "starts=[[0.0, -0.3" in here


def test_the_lent_convolutions_stay_held_when_the_whole_is_put_in_training_mode():
    model = window_stn(FeatureCNN()).eval().train()
    assert model.training and not model.localisation.features.training
