import base64
import struct

import pytest
import torch

import stn_lesson as stn
from stn_lesson import plots
from stn_lesson.collapse import Look


def png_size(picture):
    bundle, metadata = picture._repr_mimebundle_()
    raw = base64.b64decode(bundle["image/png"])
    assert raw[:8] == b"\x89PNG\r\n\x1a\n"
    assert bundle["text/plain"] == metadata["image/png"]["alt"] == picture.alt != ""
    return struct.unpack(">II", raw[16:24])


@pytest.fixture
def history():
    return stn.History(accuracy=[0.5, 0.8, 0.9], loss=[2, 1, 0.5])


def test_the_quadrilateral_is_where_the_targets_corners_look():
    theta = stn.affine_theta(scale=2, translation=(0.5, 0))
    corners = plots.quadrilateral(theta)[0].tolist()
    assert corners == [[-0.75, -0.5], [0.25, -0.5], [0.25, 0.5], [-0.75, 0.5]]


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
    picture = plots.error_curves({"ours": history}, {"published": ([0, 2], [0.6, 0.75])})
    ours, published = picture.axes[0].lines
    assert ours.get_ydata() == pytest.approx([50, 20, 10]) and list(ours.get_xdata()) == [0, 1, 2]
    assert list(published.get_xdata()) == [0, 2]
    assert "ours 10.0 %" in picture.alt and "published 25.0 %" in picture.alt


def test_a_training_shows_its_curves_and_where_it_looked():
    history = stn.History(step_loss=[2.0, 1.5, 1.0, 0.5], accuracy=[0.5, 0.75])
    images = torch.zeros(3, 1, 8, 8, dtype=torch.uint8)
    theta = stn.affine_theta(scale=torch.ones(3))
    looked = Look(theta, stn.sampling_grid(theta, 4, 4), torch.rand(3, 1, 4, 4))
    answers, labels = torch.tensor([1, 2, 3]), torch.tensor([1, 2, 4])
    picture = plots.training(history, images, looked, answers, labels)
    loss, error = picture.axes[0].lines[0], picture.axes[1].lines[0]
    assert list(loss.get_ydata()) == [2, 1.5, 1, 0.5] and list(error.get_ydata()) == [50, 25]
    assert list(error.get_xdata()) == [1, 2]
    assert len(picture.axes) == 2 + 6 and picture.axes[7].get_title() == "→ 3"
    assert "4 steps" in picture.alt and "25.0 % in the end" in picture.alt
    assert "2 of them right" in picture.alt
    assert min(png_size(picture)) > 100
    assert len(plots.training(stn.History()).axes) == 2  # nothing yet, and no transformer


def test_a_look_that_was_taken_earlier_is_drawn_without_a_model():
    images = torch.zeros(2, 1, 9, 17, dtype=torch.uint8)
    theta = stn.affine_theta(scale=torch.full((2,), 2.0))
    looked = Look(theta, stn.sampling_grid(theta, 4, 4), torch.rand(2, 1, 4, 4))
    picture = plots.looks(images, looked, labels=torch.tensor([7, 8]))
    assert picture.axes[0].patches[0].get_xy()[[0, 3]].tolist() == [[4, 2], [12, 2]]
    assert [axes.get_title() for axes in picture.axes] == ["a 7", "a 8", "", ""]
    assert "answers" not in picture.alt


def test_images_takes_bytes_floats_colour_and_grey():
    pictures = [stn.house(20, 30)[0], torch.rand(1, 5, 7), torch.zeros(4, 4, dtype=torch.uint8)]
    picture = plots.images(pictures, ["house", "noise", "black"])
    assert [axes.get_title() for axes in picture.axes] == ["house", "noise", "black"]
    assert "house; noise; black" in picture.alt
