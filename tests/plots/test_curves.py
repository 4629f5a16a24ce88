import warnings

import pytest
import torch

import stn_lesson as stn
from stn_lesson import plots
from stn_lesson.transformer import Look


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def history_of(accuracy, losses=(2.0, 1.0)):
    return stn.History(step_loss=list(losses), accuracy=list(accuracy))


def test_an_error_of_0_is_drawn():
    for accuracies in ([0.5, 1.0], [1.0, 1.0]):
        history = history_of(accuracies, losses=[0.0, 0.0])
        for axes in (
            *plots.training_progress(history).axes,
            *plots.error_curves({"a": history}).axes,
        ):
            low, high = axes.get_ylim()
            assert axes.get_yscale() == "linear" and low <= 0 < high
    measured = {("cnn", "R"): [0.0], ("fcn", "R"): [4.0]}
    beside = plots.compare_with_published(measured, {("cnn", "R"): 2.0}).axes[0]
    assert beside.get_xscale() == "linear"
    assert plots.error_curves({"a": history_of([0.5, 0.9])}).axes[0].get_yscale() == "log"


@pytest.mark.parametrize("loss", [1e308, float("inf"), -1.0])
def test_a_training_of_any_losses_is_drawn(loss):
    plots.training_progress(history_of([0.5], [loss, loss, 1.0])).png()
    plots.training_progress(history_of([0.5], [loss, loss])).png()


def test_a_published_curve_may_come_out_of_a_generator_or_a_tensor():
    published = {
        "drawn": ((epoch for epoch in (1, 2)), (a for a in (0.5, 0.75))),
        "measured": (torch.tensor([1, 2]), torch.tensor([0.5, 0.75])),
    }
    for line in plots.error_curves({"a": history_of([0.5])}, published).axes[0].lines[1:]:
        assert line.get_xydata().tolist() == [[1, 50], [2, 25]]


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        ({"p": ([1], [95])}, ValueError, r"accuracies of reference\['p'\] must be from 0 to 1"),
        ({"p": ([1], ["a"])}, TypeError, r"accuracies of reference\['p'\] must be a number"),
        ({"p": ([1], [None])}, TypeError, r"accuracies of reference\['p'\] must be a number"),
        ({"run": ([1], [0.5])}, ValueError, "names of its own, got 'run', that of a run"),
    ],
)
def test_a_published_curve_that_is_none_is_refused(reference, error, message):
    with pytest.raises(error, match=message):
        plots.error_curves({"run": history_of([0.5])}, reference)


def test_names_are_drawn_as_they_are():
    named = dict.fromkeys(["_run", "a$^b$c$", r"$\foo$", "plain_name"], history_of([0.5]))
    picture = plots.error_curves(named)
    picture.png()
    legend = [text.get_text() for text in picture.axes[0].get_legend().get_texts()]
    assert legend == [r"$\_$run", r"a\$^b\$c\$", r"\$\foo\$", "plain_name"]
    assert "_run 50.0 %, a$^b$c$ 50.0 %" in picture.alt
    places = torch.zeros(3, 2)
    plots.landing_places({r"$\foo$": places}).png()
    plots.contest({(r"$\foo$", r"$\bar$"): [0.5]}).png()
    plots.seed_accuracies({r"$\foo$": ([0.5], (0.5, 0.1))}).png()
    plots.images([torch.rand(4, 4)], [r"$\foo$"]).png()


def test_a_description_counts_one_as_one():
    alt = plots.training_progress(history_of([0.5], [1.0])).alt
    assert alt == "Training loss of 1 step and test error after 1 epoch, 50.0 % in the end."
    nothing = stn.History(step_loss=[2.0, 1.0])
    assert plots.training_progress(nothing).alt == "Training loss of 2 steps; no epoch finished."
    alt = plots.error_curves({"a": nothing}).alt
    assert alt == "Test error against epochs. No epoch finished."


def test_a_look_that_is_none_or_lacks_its_images_is_refused():
    theta = stn.affine_theta()
    looked = Look(theta, stn.sampling_grid(theta, 4, 4), torch.rand(1, 1, 4, 4))
    with pytest.raises(TypeError, match="looked must be a Look, got int"):
        plots.training_progress(history_of([0.5]), torch.rand(1, 1, 4, 4), 5)
    with pytest.raises(TypeError, match="must be a list of tensors .* got None"):
        plots.training_progress(history_of([0.5]), looked=looked)
