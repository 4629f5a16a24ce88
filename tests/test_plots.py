import base64
import struct

import pytest
import torch

import stn_lesson as stn
from stn_lesson import plots


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
    assert source.patches[0].get_xy()[:4].tolist() == [[5, 2.5], [15, 2.5], [15, 7.5], [5, 7.5]]
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


def test_live_training_updates_one_picture_in_place(history, monkeypatch):
    shown = []

    class Handle:
        def update(self, picture):
            shown.append(("update", picture))

    def display(picture, display_id):
        shown.append(("display", picture))
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    data = stn.clutter(stn.load_digits())
    live = plots.LiveTraining(data, count=3)
    model = stn.RecipeSTN()
    for _ in range(2):
        live(model, history)
    assert [kind for kind, _ in shown] == ["display", "display", "update", "update"]
    assert len(shown[-1][1].axes) == 6  # a gallery of three


def test_images_takes_bytes_floats_colour_and_grey():
    pictures = [stn.house(20, 30)[0], torch.rand(1, 5, 7), torch.zeros(4, 4, dtype=torch.uint8)]
    picture = plots.images(pictures, ["house", "noise", "black"])
    assert [axes.get_title() for axes in picture.axes] == ["house", "noise", "black"]
    assert "house; noise; black" in picture.alt
