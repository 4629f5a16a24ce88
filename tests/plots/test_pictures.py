import base64
import struct

import numpy as np
import pytest
import torch

import stn_lesson as stn
from stn_lesson import plots
from stn_lesson.families import FAMILIES
from stn_lesson.training import Aim
from stn_lesson.transformer import Look

BOARD = stn.checkerboard(8, 8)
SCENES = torch.zeros(2, 1, 60, 60, dtype=torch.uint8)


def png_size(picture):
    bundle, metadata = picture._repr_mimebundle_()
    raw = base64.b64decode(bundle["image/png"])
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    assert bundle["text/plain"] == metadata["image/png"]["alt"] == picture.alt != ""
    return struct.unpack(">II", raw[16:24])


@pytest.fixture
def history():
    return stn.History(accuracy=[0.5, 0.8, 0.9], loss=[2, 1, 0.5])


def test_sampling_draws_the_quadrilateral_in_pixels():
    image = torch.rand(1, 1, 11, 21)
    theta = stn.affine_theta(scale=2).requires_grad_()  # as one that is being learnt
    picture = plots.sampling(image, theta, size=(4, 6), points=True)
    source = picture.axes[0]
    edge = source.patches[0].get_xy()[:-1].tolist()
    corners = [edge[k] for k in (0, 5, 10, 15)]  # a 4×6 grid, once around
    assert corners == [[5, 2.5], [15, 2.5], [15, 7.5], [5, 7.5]]
    assert len(source.collections[0].get_offsets()) == 24
    assert "(-0.50, -0.50)" in picture.alt and "4 by 6" in picture.alt
    assert min(png_size(picture)) > 100


@pytest.mark.parametrize("family", ["affine", "attention", "projective", "tps"])
def test_sampling_draws_the_lines_of_any_family_where_its_grid_has_them(family):
    image, member = torch.rand(1, 3, 11, 21), FAMILIES[family]
    numbers = torch.tensor([member.identity])
    theta = member.theta(numbers + 0.1 * torch.sin(torch.arange(numbers.numel())))
    picture = plots.sampling(image, theta, size=(5, 5), family=family, lines=4)
    source, target = picture.axes
    x, y = stn.to_pixels(member.grid(theta, 5, 5)[0], 11, 21)
    places = torch.stack([x, y], -1)
    lines = [line.get_xydata() for line in source.lines if len(line.get_xydata()) == 99]
    assert len(lines) == 10
    for n in range(5):  # its ends lie on the border of the grid
        assert lines[n][0] == pytest.approx(places[n, 0].tolist(), abs=1e-4)
        assert lines[5 + n][-1] == pytest.approx(places[-1, n].tolist(), abs=1e-4)
        assert lines[5 + n][49] == pytest.approx(places[2, n].tolist(), abs=1e-4)  # halfway
    shown = torch.as_tensor(target.images[0].get_array().filled()).permute(2, 0, 1)
    seen = stn.sampler.sample(image, member.grid(theta, 5, 5))[0]
    assert torch.allclose(shown, seen, atol=1e-6)
    assert source.get_xlim()[0] <= x.min() and source.get_xlim()[1] >= x.max()
    assert f"({x[0, 0] / 10 - 1:.2f}, {y[0, 0] / 5 - 1:.2f})" in picture.alt


def test_sampling_shows_no_more_than_the_surroundings_of_a_plane_with_a_horizon():
    theta = torch.tensor([[[1.0, 0, 0], [0, 1, 0], [0, 2, 1]]])
    picture = plots.sampling(torch.rand(1, 1, 11, 21), theta, family="projective", lines=8)
    assert picture.axes[0].get_xlim() == (-30.5, 50.5)  # four half widths from the centre
    assert min(png_size(picture)) > 100


def test_a_gallery_shows_sources_views_and_answers():
    data = stn.clutter(stn.load_digits())
    model = stn.RecipeSTN()
    picture = plots.gallery(model, data.test.images[:4], data.test.labels[:4])
    assert len(picture.axes) == 8 and "of them right" in picture.alt
    seen = picture.axes[4].images[0].get_array()
    assert torch.allclose(
        torch.as_tensor(seen.filled()), model.transformer(stn.to_floats(data.test.images[:1]))[0, 0]
    )
    assert min(png_size(picture)) > 100


def test_error_curves_are_in_percent_and_say_their_last_values(history):
    picture = plots.error_curves({"ours": history}, {"published": ([1, 3], [0.6, 0.75])})
    ours, published = picture.axes[0].lines
    assert ours.get_ydata() == pytest.approx([50, 20, 10]) and list(ours.get_xdata()) == [1, 2, 3]
    assert list(published.get_xdata()) == [1, 3]
    assert "ours 10.0 %" in picture.alt and "published 25.0 %" in picture.alt


def test_whole_numbers_are_counted_in_whole_numbers(history):
    ticks = plots.lines({"a": (range(4), [1, 2, 3, 4])}, "epoch", "").axes[0].get_xticks()
    assert (ticks == ticks.round()).all()


def test_a_training_shows_its_curves_and_where_it_looked():
    history = stn.History(step_loss=[2.0, 1.5, 1.0, 0.5], accuracy=[0.5, 0.75])
    images = torch.zeros(3, 1, 8, 8, dtype=torch.uint8)
    theta = stn.affine_theta(scale=torch.ones(3))
    looked = Look(theta, stn.sampling_grid(theta, 4, 4), torch.rand(3, 1, 4, 4))
    answers, labels = torch.tensor([1, 2, 3]), torch.tensor([1, 2, 4])
    picture = plots.training_progress(history, images, looked, answers, labels)
    loss, error = picture.axes[0].lines[0], picture.axes[1].lines[0]
    assert list(loss.get_ydata()) == [2, 1.5, 1, 0.5] and list(error.get_ydata()) == [50, 25]
    assert list(error.get_xdata()) == [1, 2]
    assert len(picture.axes) == 2 + 6 and picture.axes[7].get_title() == "→ 3"
    assert "4 steps" in picture.alt and "25.0 % in the end" in picture.alt
    assert "2 of them right" in picture.alt
    assert min(png_size(picture)) > 100
    assert len(plots.training_progress(stn.History()).axes) == 2  # nothing yet, and no transformer


def test_the_axis_of_the_loss_is_made_for_its_running_mean_and_not_for_a_lucky_batch():
    losses = [2.0] * 100 + [1.0] * 100
    losses[150] = 1e-6
    axes = plots.training_progress(stn.History(step_loss=losses)).axes[0]
    raw, mean = axes.lines
    assert list(raw.get_ydata()) == losses
    assert mean.get_ydata()[0] == 2 and mean.get_ydata()[100] == pytest.approx(16 / 11)
    low, high = axes.get_ylim()
    assert 0.3 < low < 1 and 2 < high < 4


def test_a_training_shows_its_aim_where_it_was_measured():
    aims = [Aim((0.25, -0.1), (0, 0), 0.5, 1, 0), Aim((1.2, 0.75), (0, 0), 0.875, 0.3, 0)]
    picture = plots.training_progress(stn.History(accuracy=[0.5, 0.75], aim=aims))
    aim = picture.axes[2]
    names = [text.get_text() for text in aim.get_legend().get_texts()]
    assert names == ["digits found", "frame follows in x", "frame follows in y"]
    drawn = [list(line.get_ydata()) for line in aim.lines]
    assert drawn == [[50, 87.5], [25, 120], pytest.approx([-10, 75])]
    assert len({line.get_linestyle() for line in aim.lines}) == 3
    assert all(list(line.get_xdata()) == [1, 2] for line in aim.lines)
    low, high = aim.get_ylim()
    assert low < -10 and high > 120  # all is seen
    assert picture.alt.endswith(f"The aim in the end: {aims[-1]}.")
    assert min(png_size(picture)) > 100


@pytest.mark.parametrize(
    ("errors", "labels"),
    [([60, 50, 40], ["40", "50", "60"]), ([60, 5, 0.4], ["0.5", "1", "2", "5", "10", "20", "50"])],
)
def test_the_numbers_beside_a_logarithmic_axis_have_room(errors, labels):
    history = stn.History(accuracy=[1 - error / 100 for error in errors])
    picture = plots.error_curves({"run": history})
    picture.png()  # which names the ticks
    axes = picture.axes[0]
    low, high = axes.get_ylim()
    ticks = [*axes.yaxis.get_major_ticks(), *axes.yaxis.get_minor_ticks()]
    shown = {t.label1.get_text() for t in ticks if low <= t.get_loc() <= high} - {""}
    assert sorted(shown, key=float) == labels


def test_the_gallery_of_an_earlier_look_needs_no_model():
    images = torch.zeros(2, 1, 9, 17, dtype=torch.uint8)
    theta = stn.affine_theta(scale=torch.full((2,), 2.0))
    looked = Look(theta, stn.sampling_grid(theta, 4, 4), torch.rand(2, 1, 4, 4))
    picture = plots.look_gallery(images, looked, labels=torch.tensor([7, 8]))
    assert picture.axes[0].patches[0].get_xy()[[0, 3]].tolist() == [[4, 2], [12, 2]]
    assert [axes.get_title() for axes in picture.axes] == ["a 7", "a 8", "", ""]
    assert "answers" not in picture.alt


def test_images_takes_bytes_floats_colour_and_grey():
    pictures = [stn.house(20, 30)[0], torch.rand(1, 5, 7), torch.zeros(4, 4, dtype=torch.uint8)]
    picture = plots.images(pictures, ["house", "noise", "black"])
    assert [axes.get_title() for axes in picture.axes] == ["house", "noise", "black"]
    assert "house; noise; black" in picture.alt


def test_two_channels_are_drawn_in_two_colours():
    pair = torch.zeros(2, 2, 2, dtype=torch.uint8)
    pair[0, 0], pair[1, :, 0] = 255, 255  # the top row, and the left column
    shown = plots.images([pair]).axes[0].images[0].get_array().filled() * 255
    orange, blue, both, black = (230, 159, 0), (0, 114, 178), (230, 216, 178), (0, 0, 0)
    assert shown == pytest.approx(torch.tensor([[both, orange], [blue, black]]).numpy(), abs=1e-4)


def shown(picture, k=0):
    return torch.as_tensor(picture.axes[k].images[0].get_array().filled())


@pytest.mark.parametrize("channels", [4, 5, 16])
def test_more_channels_than_colours_are_drawn_as_their_mean_and_said_to_be(channels):
    features = torch.rand(channels, 6, 8)
    picture = plots.images([features, torch.rand(3, 6, 8)])
    assert torch.allclose(shown(picture), features.mean(0))
    assert picture.alt.endswith(f"Of {channels} channels, the mean is shown.")
    assert shown(picture, 1).shape == (6, 8, 3) and "mean" not in plots.images([features[:3]]).alt


class Middle(torch.nn.Module):
    """A network whose transformer looks at what a convolution has made of the images."""

    def __init__(self, channels):
        super().__init__()
        self.features = torch.nn.Conv2d(1, channels, 3, padding=1)
        localise = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(channels * 64, 6))
        self.look = stn.SpatialTransformer(localise)
        self.scores = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(channels * 64, 10))

    def forward(self, images):
        return self.scores(self.look(self.features(images)))


@pytest.mark.parametrize("channels", [4, 16])
def test_the_gallery_of_a_transformer_in_the_middle_shows_the_mean_of_what_it_sees(channels):
    images = torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8)
    model = Middle(channels)
    picture = plots.gallery(model, images)
    view = stn.look(model, stn.to_floats(images)).view[0].mean(0)
    drawn = shown(picture, 3)
    assert drawn.shape == (8, 8)
    grey = torch.stack([drawn.flatten(), view.flatten()])
    assert torch.corrcoef(grey)[0, 1] > 0.999  # brighter where the mean is higher
    assert f"Of {channels} channels, the mean is shown." in picture.alt
    assert min(png_size(picture)) > 100


@pytest.mark.parametrize("brightest", [1.0, 1.0000001, 1.2, 2.0, 255.0])
def test_floats_above_white_are_drawn_paler_all_of_them_and_never_cut_off(brightest):
    ramp = torch.linspace(0, brightest, 12).view(1, 3, 4)
    assert torch.allclose(shown(plots.images([ramp])), ramp[0] / brightest, atol=1e-6)


def test_floats_below_black_are_drawn_darker_than_the_rest():
    drawn = shown(plots.images([torch.tensor([[-1.0, 0.0, 1.0, float("nan"), float("inf")]])]))[0]
    assert drawn[:3].tolist() == [0, 0.5, 1] and drawn[4] == 1


def test_true_is_drawn_white():
    mask = torch.eye(3) > 0
    assert torch.equal(shown(plots.images([mask])), mask.float())


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda: plots.images([]), ValueError, "pictures must be one or more, got none"),
        (lambda: plots.images(torch.rand(5, 7)), ValueError, r"use \[pictures\]"),
        (lambda: plots.images("house"), TypeError, "must be a list of tensors .* got 'house'"),
        (lambda: plots.images([torch.rand(5, 7), None]), TypeError, r"pictures\[1\] must be"),
        (lambda: plots.images([torch.rand(2, 3, 5, 7)]), ValueError, r"use \[picture\[:1\] for"),
        (lambda: plots.images([torch.rand(5, 0)]), ValueError, "at least one pixel"),
        (lambda: plots.images([torch.rand(5, 7)], "noise"), TypeError, r"use \['noise'\]"),
        (
            lambda: plots.point_between_pixels(torch.rand(1, 4, 5), (1, 1), torch.ones(2, 2)),
            ValueError,
            r"use image\[0\]",
        ),
        (lambda: plots.overlay(*torch.rand(2, 4, 5)), ValueError, "warped must be grey"),
        (lambda: plots.overlay(*torch.ones(2, 1, 4, 5).byte()), TypeError, r"to_floats\(warped\)"),
        (lambda: plots.sampling(torch.rand(2, 1, 4, 5), stn.affine_theta()), ValueError, ":1"),
        (lambda: plots.sampling(BOARD, stn.affine_theta().expand(2, 2, 3)), ValueError, "theta.:1"),
        (lambda: plots.sampling(BOARD, stn.affine_theta(), size=5), TypeError, "must be a pair"),
        (lambda: plots.sampling(BOARD, stn.affine_theta(), family="x"), ValueError, "family must"),
        (lambda: plots.sampling(BOARD, stn.affine_theta(), lines=1.5), TypeError, "lines must be"),
        (lambda: plots.gallery(stn.RecipeSTN(), torch.rand(2, 1, 60, 60)), TypeError, r"\* 255\)"),
        (lambda: plots.gallery(stn.RecipeSTN(), SCENES, [1]), ValueError, "each of the 2 images"),
        (lambda: plots.gallery(stn.RecipeSTN(), SCENES, titles=["a"]), ValueError, "got 1 for 2"),
        (lambda: plots.look_gallery(SCENES, SCENES), TypeError, r"use look\(model, images\)"),
        (lambda: plots.grid_border(torch.rand(1, 3, 4, 2)), ValueError, r"use grid\[0\]"),
        (lambda: plots.error_curves({}), ValueError, "one or more, by name"),
        (lambda: plots.error_curves([1]), TypeError, "by name, got list"),
        (lambda: plots.training_progress(None), TypeError, "must be a History.* got NoneType"),
        (lambda: plots.landing_places({"a": [1]}), ValueError, "places must be .* got list"),
        (lambda: plots.landing_places({}), ValueError, "by name"),
        (lambda: plots.compare_with_published({}, {}), ValueError, "must hold figures"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, error, message):
    with pytest.raises(error, match=message):
        draw()


def test_numbers_out_of_numpy_are_taken_for_pythons():
    picture = plots.sampling(BOARD, stn.affine_theta(), np.array([4, 6]), lines=np.int64(2))
    assert "4 by 6" in picture.alt


def test_what_is_drawn_may_be_in_any_floats():
    for kind in (torch.double, torch.float16, torch.bfloat16):
        picture = plots.sampling(BOARD.to(kind), stn.affine_theta(scale=2))
        assert "(-0.50, -0.50)" in picture.alt and min(png_size(picture)) > 100
    assert plots.gallery(stn.RecipeSTN(), SCENES, [3, 4]).axes[1].get_title() == "a 4"
