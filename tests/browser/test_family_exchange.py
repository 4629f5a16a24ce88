"""Families exchanged in the picture: what the next one takes over, and what it says of it."""

import torch
from bare import move, settle
from families import assert_shows, explorer, message, points, put, said, theta

import stn_lesson as stn
from stn_lesson.families import FAMILIES
from stn_lesson.grid import projective_grid
from stn_lesson.spline import control_points
from stn_lesson.widgets.family_explorer import carry_over, family_of, identity_theta


def test_families_are_exchanged_in_place_and_take_over_what_they_can(page):
    explorer(page, "affine", 3)
    start = stn.affine_theta(20, 1.3, 10, (0.1, -0.2))
    put(page, start)
    for name, words in [("projective", "four corners stay"), ("tps", "taken from the grid")]:
        before = theta(page)
        page.select_option("[aria-label=family]", name)
        settle(page)
        assert_shows(page, carry_over(before, name, 3))
        assert words in message(page)
        assert page.evaluate("[model.get('family'), model.get('k')]") == [name, 3]
        shown = FAMILIES[name].grid(theta(page), 5, 7)
        assert torch.allclose(shown, stn.sampling_grid(start, 5, 7), atol=1e-5)
    before = theta(page)
    page.select_option("[aria-label=net]", "5 × 5")
    assert_shows(page, carry_over(before, "tps", 5))
    assert page.evaluate("model.get('k')") == 5 and len(points(page)) == 25
    move(page, "point: row 0, column 4", "Shift+ArrowLeft", 2)
    for name, words in [("projective", "four corners stay"), ("affine", "three corners stay")]:
        before = theta(page)
        page.select_option("[aria-label=family]", name)
        assert_shows(page, carry_over(before, name, 5))
        assert words in message(page)
        assert not page.locator("[aria-label=net]").is_visible()
    page.select_option("[aria-label=family]", "tps")  # with the net that it had
    settle(page)
    assert theta(page).shape == (1, 25, 2)


def test_random_nets_are_taken_over_as_in_python(page):
    explorer(page, "tps", 4)
    torch.manual_seed(1)
    for name in ("affine", "projective"):
        net = control_points(4)[None] + 0.15 * torch.randn(1, 16, 2)
        put(page, net)
        page.select_option("[aria-label=family]", name)
        assert_shows(page, carry_over(net, name, 4))
    tilted = torch.tensor([[[1.0, 0.1, 0], [0, 0.9, 0.1], [0.2, -0.3, 1]]])
    put(page, tilted)
    page.select_option("[aria-label=family]", "tps")
    assert_shows(page, projective_grid(tilted, 4, 4).view(1, 16, 2))


def test_what_looks_beyond_the_horizon_is_not_taken_over(page):
    explorer(page, "projective")
    put(page, torch.tensor([[[1.0, 0, 0], [0, 1, 0], [0, 2, 1]]]))
    page.select_option("[aria-label=family]", "tps")
    assert_shows(page, identity_theta("tps", 4))
    assert "starts from the identity" in message(page)


def test_python_exchanges_family_and_net(page):
    explorer(page, "affine")
    for wanted in (torch.eye(3)[None], control_points(2)[None], control_points(6)[None],
                   stn.affine_theta(scale=2)):  # fmt: skip
        put(page, wanted)
        assert_shows(page, wanted)
        count = {"affine": 3, "projective": 4}.get(family_of(wanted)[0], wanted.shape[1])
        assert len(points(page)) == page.locator(".stn-handle").count() == count
        assert page.input_value("[aria-label=family]") == family_of(wanted)[0]


def test_words_name_what_matters_of_each_family(page):
    explorer(page, "projective")
    assert "θ maps target to source" in page.locator(".stn-live").inner_text()
    assert "it is what makes parallels meet" in said(page)
    page.select_option("[aria-label=family]", "affine")
    assert "parallels stay parallel" in said(page)
    page.select_option("[aria-label=family]", "tps")
    assert "2 · 16 = 32 numbers" in said(page) and page.locator(".stn-matrix").count() == 0
