import pytest
import torch

import stn_lesson as stn
from stn_lesson.datasets import Split
from stn_lesson.widgets import FoolTheNetwork
from stn_lesson.widgets.fool_the_network import rotation_angles


def small_game():
    torch.manual_seed(0)
    return FoolTheNetwork(stn.RecipeSTN(), stn.load_digits().test)


def test_the_scene_holds_the_digit_at_its_own_size():
    game = small_game()
    digit = stn.to_floats(stn.load_digits().test.images[4:5])
    assert torch.allclose(game.scene[..., 16:44, 16:44], digit, atol=1e-4)
    assert game.scene.sum() == pytest.approx(digit.sum().item(), rel=1e-4)
    game.index = -1
    assert game.scene.sum() == 0


def test_a_question_is_answered_with_theta_shares_and_angle():
    game, sent = small_game(), []
    game.send = sent.append
    game.rotation = 40.0
    scene = (game.scene * 255).round().byte()
    game._on_message(game, {"question": "one"}, [memoryview(scene.numpy().tobytes())])
    (answer,) = sent
    theta, shares = game.look(stn.to_floats(scene))
    assert answer["question"] == "one" and answer["rotation"] == pytest.approx([0], abs=1e-4)
    assert answer["theta"] == theta.flatten(1).tolist() and answer["shares"] == shares.tolist()
    assert sum(answer["shares"][0]) == pytest.approx(1, abs=1e-5)


def test_many_scenes_are_answered_at_once():
    game, sent = small_game(), []
    game.send = sent.append
    game._on_message(game, {"question": "sweep"}, [bytes(3 * 60 * 60)])
    assert len(sent[0]["theta"]) == len(sent[0]["rotation"]) == 3


def test_turns_says_how_theta_turns_the_picture():
    theta = torch.cat([stn.affine_theta(rotation=-30, scale=2), torch.zeros(1, 2, 3)])
    assert rotation_angles(theta) == [pytest.approx(-30, abs=1e-4), None]


def test_a_network_without_a_transformer_is_refused():
    with pytest.raises(ValueError, match="PlainCNN has no SpatialTransformer"):
        FoolTheNetwork(stn.PlainCNN(), stn.load_digits().test)
    with pytest.raises(TypeError, match=r"model must be a network .*: use RecipeSTN\(\)"):
        FoolTheNetwork(stn.RecipeSTN, stn.load_digits().test)
    with pytest.raises(ValueError, match="the game shows affine transformers, got 'projective'"):
        FoolTheNetwork(stn.STFCN(family="projective"), stn.load_digits().test, side=28)


def test_the_still_picture_shows_seven_angles():
    assert "7 images" in small_game().still().alt


@pytest.mark.parametrize(
    ("digits", "how", "error", "message"),
    [
        (stn.load_digits(), {}, TypeError, "must be a Split, .* got Dataset"),
        (Split(torch.zeros(2, 1, 12, 12).byte(), torch.arange(2)), {}, ValueError, "at least 16"),
        (Split(torch.zeros(2, 3, 28, 28).byte(), torch.arange(2)), {}, ValueError, "N, 1, H, W"),
        (stn.load_digits().test, {"side": 40}, ValueError, r"RecipeSTN reads floats .*60, 60\)"),
        (stn.load_digits().test, {"side": 60.0}, TypeError, "side must be a whole number"),
        (stn.load_digits().test, {"side": 8}, ValueError, "side must be from 16 to 256"),
        (stn.load_digits().test, {"index": 600}, ValueError, "index must be from -1 to 509"),
    ],
)
def test_what_cannot_be_played_with_is_refused(digits, how, error, message):
    with pytest.raises(error, match=message):
        FoolTheNetwork(stn.RecipeSTN(), digits, **how)


@pytest.mark.parametrize(("name", "value"), [("index", 510), ("clutter", 17), ("scale", 0.0)])
def test_what_the_scene_cannot_show_is_refused_and_changes_nothing(name, value):
    game = small_game()
    before = getattr(game, name)
    with pytest.raises(ValueError, match=f"{name} must be from"):
        setattr(game, name, value)
    assert getattr(game, name) == before


def test_an_error_of_the_network_is_sent_as_an_answer():
    game, sent = small_game(), []
    game.send = sent.append
    game._on_message(game, {"question": "one", "me": 3}, [bytes(100)])
    assert sent[0]["me"] == 3 and "shape" in sent[0]["error"]


def test_a_network_in_training_answers_without_dropout_and_goes_on_training():
    model = stn.RecipeSTN()
    model.classifier.insert(7, torch.nn.Dropout(0.9))
    game = FoolTheNetwork(model.train(), stn.load_digits().test)
    first, second = game.look(game.scene)[1], game.look(game.scene)[1]
    assert torch.equal(first, second) and model.training
