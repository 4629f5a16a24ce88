import json
import re

import pytest
import torch

import stn_lesson as stn
from stn_lesson import experiments
from stn_lesson.datasets import Dataset, Split
from stn_lesson.experiments import clinic

LETTERS = sorted(clinic.PATIENTS)


def at_its_start(make):
    """A network whose localisation answers 0 to everything, but for a bias it was given."""
    model = make()
    torch.nn.init.zeros_(model.transformer.localisation.linear.weight)
    return model


def picture_for(model):
    torch.manual_seed(1)
    return torch.rand(2, 1, *model.transformer.size)


@pytest.mark.parametrize("letter", LETTERS)
def test_at_the_start_a_cured_network_returns_the_image(letter):
    model = at_its_start(clinic.PATIENTS[letter].cured)
    picture = picture_for(model)
    assert torch.allclose(model.transformer(picture), picture, atol=1e-5)


def first_look(letter):
    model = at_its_start(clinic.PATIENTS[letter].sick)
    picture = picture_for(model)
    return model.transformer(picture), picture


def test_exchanged_axes_mirror_the_picture_across_its_diagonal():
    view, picture = first_look("A")
    assert torch.allclose(view, picture.mT, atol=1e-5)


def test_a_squashed_theta_begins_at_a_tanh_of_the_identity():
    with pytest.warns(match="training does not start at the identity"):
        view, picture = first_look("C")
    zoomed = stn.warp(picture, stn.affine_theta(scale=1 / torch.tensor(1.0).tanh()))
    assert torch.allclose(view, zoomed, atol=1e-5) and not torch.allclose(view, picture, atol=0.1)


def test_mixed_corners_look_a_twentieth_too_near_at_20_pixels():
    view, picture = first_look("F")
    assert torch.allclose(view, stn.warp(picture, stn.affine_theta(scale=20 / 19)), atol=1e-5)


def test_outside_a_normalised_scene_there_is_half_as_much_light_as_in_a_stroke():
    seen = {}
    model = at_its_start(clinic.PATIENTS["D"].sick)
    model.transformer.register_forward_hook(lambda _, images, view: seen.update(view=view))
    black = torch.zeros(1, 1, clinic.HEIGHT, clinic.WIDTH)
    model.transformer.localisation.linear.bias.data[2] = 1  # half of the view lies outside
    model(black)
    assert torch.allclose(seen["view"][0, 0, :, :9], torch.tensor(-1.0))
    assert torch.equal(seen["view"][0, 0, :, 11:], torch.zeros(20, 9))


@pytest.mark.parametrize(("make", "share"), [("sick", 0.5), ("cured", 1)])
def test_when_all_weights_halve_an_identity_in_the_bias_halves_with_them(make, share):
    model = at_its_start(getattr(clinic.PATIENTS["E"], make))
    identity = model.transformer.identity.view(1, 2, 3)
    picture = picture_for(model)
    assert torch.equal(model.transformer.theta(picture)[:1], identity)
    for parameter in model.transformer.parameters():
        parameter.data *= 0.5
    assert torch.equal(model.transformer.theta(picture)[:1], share * identity)


def test_the_untouched_image_alone_gives_theta_no_gradient():
    for letter in LETTERS:
        for sick in (True, False):
            model = clinic.PATIENTS[letter].sick() if sick else clinic.PATIENTS[letter].cured()
            model(torch.rand(2, 1, clinic.HEIGHT, clinic.WIDTH)).square().sum().backward()
            gradient = model.transformer.localisation.linear.weight.grad
            is_lost = gradient is None or not gradient.any()
            assert is_lost == (letter == "B" and sick), letter


def test_the_poses_of_wide_scenes_cut_out_the_digits():
    scenes, digits = clinic.wide_scenes().test, stn.load_digits().test
    cut = stn.warp(stn.to_floats(scenes.images), scenes.poses, (28, 28))
    assert scenes.images.shape[1:] == (1, 40, 80)
    assert (cut >= stn.to_floats(digits.images) - 1e-3).all()  # clutter adds light, and takes none
    assert (scenes.poses[:, :, 2].amin(0) < torch.tensor([-0.6, -0.25])).all()
    assert (scenes.poses[:, :, 2].amax(0) > torch.tensor([0.6, 0.25])).all()


def test_a_case_tells_theta_before_and_after(unbroken):
    theta = stn.affine_theta(scale=torch.tensor([1.0, 0.5]))
    model, history = unbroken
    words = str(clinic.Case(model, history, stn.affine_theta().expand(2, -1, -1), theta))
    assert words.startswith(f"reads {history.accuracy[-1]:.1%}; frames follow")
    assert "1.00 ± 0.00" in words and "1.50 ± 0.71" in words


def test_a_network_of_the_clinic_is_trained_and_recorded(few_digits, monkeypatch):
    monkeypatch.setitem(clinic.SETTINGS, "epochs", 1)
    (path,) = clinic.run_clinic("E-sick", seeds=2)
    record = json.loads(path.read_text("utf-8"))
    assert path.stem == "clinic-E-sick" and record["settings"]["weight_decay"] == 3
    first, second = record["runs"]
    assert first["loss"] != second["loss"] and len(first["aim"]["area"]) == 1


@pytest.fixture(scope="module")
def few_scenes():
    scenes = clinic.wide_scenes()
    train, test = scenes.train, scenes.test
    return Dataset(
        "few scenes",
        Split(train.images[:128], train.labels[:128], train.poses[:128]),
        Split(test.images[:4], test.labels[:4], test.poses[:4]),
    )


@pytest.mark.parametrize(
    ("last_step", "said"),
    [(1, "stopped: no epoch finished\n"), (3, "reads .*; area .*; stopped after 1 epoch\n")],
)
def test_a_case_that_was_stopped_says_when(few_scenes, last_step, said):
    steps = []

    def stop(*_):
        steps.append(1)
        if len(steps) == last_step:
            raise KeyboardInterrupt

    case = clinic.examine(clinic.Healthy, few_scenes, epochs=2, on_step=stop)
    assert re.match(said, str(case))


def test_a_case_of_scenes_without_poses_leaves_out_the_aim(few_scenes):
    test = Split(few_scenes.test.images[:1], few_scenes.test.labels[:1])
    data = Dataset("one scene", few_scenes.train, test)
    first, *others = str(clinic.examine(clinic.Healthy, data, epochs=1)).splitlines()
    assert re.fullmatch(r"reads [.\d]+%", first)
    assert "nan" not in "".join(others) and others[1].count("± 0.00") == 6


def test_to_examine_a_network_leaves_the_random_numbers_alone(few_scenes):
    state = torch.get_rng_state()
    clinic.examine(clinic.Healthy, few_scenes, epochs=1)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("make", [clinic.Healthy(), clinic.PATIENTS["A"], "A", None])
def test_only_what_makes_a_network_is_examined(few_scenes, make):
    with pytest.raises(TypeError, match=r"make must be .* such as .*PATIENTS\['A'\].sick, got"):
        clinic.examine(make, few_scenes)


def test_without_data_nothing_is_examined(few_scenes):
    with pytest.raises(TypeError, match="data must be a Dataset, got NoneType"):
        clinic.examine(clinic.Healthy, None)
    with pytest.raises(ValueError, match="epochs must be at least 1"):
        clinic.examine(clinic.Healthy, few_scenes, progress_bar=True, epochs=0)


def test_patients_without_settings_share_none_that_could_be_changed():
    with pytest.raises(TypeError):
        clinic.PATIENTS["A"].settings["weight_decay"] = 1


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: next(clinic.run_clinic("G")), ValueError, "one of healthy, A-sick, .* got 'G'"),
        (lambda: next(clinic.run_clinic(["A-sick"])), ValueError, r"got \['A-sick'\]"),
        (lambda: next(clinic.run_clinic("")), ValueError, "network must be one of"),
        (lambda: next(clinic.run_clinic(seeds=0)), ValueError, "seeds must be at least 1, got 0"),
        (lambda: clinic.Healthy(view=20), TypeError, r"view \(height, width\) must be a pair"),
        (lambda: clinic.Healthy(5), TypeError, "layer must be a function, got 5"),
    ],
)
def test_what_the_clinic_cannot_take_is_refused_before_there_are_scenes(
    monkeypatch, make, error, message
):
    monkeypatch.setattr(clinic, "wide_scenes", lambda: pytest.fail("scenes were made"))
    with pytest.raises(error, match=message):
        make()


def recorded(name, figure=None):
    """Of each seed: the accuracy in the end, or a figure of the aim."""
    runs = experiments.read_record(f"clinic-{name}")["runs"]
    assert len(runs) == 3
    return [(run["aim"][figure] if figure else run["accuracy"])[-1] for run in runs]


def test_the_records_hold_what_notebook_14_tells():
    healthy = recorded("healthy")
    assert min(healthy) > 0.88 and max(healthy) < 0.9
    assert max(recorded("A-sick", "slope_x")) < 0.1 and min(recorded("A-sick")) > 0.84
    assert max(recorded("B-sick")) < 0.47 and min(recorded("B-cured")) > 0.91
    assert all(c > h for c, h in zip(recorded("C-sick"), healthy, strict=True))
    assert sorted(accuracy < 0.45 for accuracy in recorded("D-sick")) == [False, True, True]
    assert min(recorded("D-cured")) > 0.89 and min(recorded("D-border")) < 0.11
    both = recorded("E-sick"), recorded("E-cured")
    assert all(sick > cured for sick, cured in zip(*both, strict=True))
    assert max(recorded("E-sick", "area")) < 0.1 and min(recorded("E-cured", "area")) > 0.2
    assert min(recorded("F-sick")) > 0.88 and min(recorded("F-sick", "slope_x")) > 0.98
