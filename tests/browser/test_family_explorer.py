"""The family explorer in a bare page: every point, by key and by mouse, against torch."""

import pytest
import torch
from bare import drag, move, pixels, settle
from families import KINDS, assert_shows, explorer, message, points, put, said, theta, wavy

import stn_lesson as stn
from stn_lesson.families import FAMILIES
from stn_lesson.grid import projective_grid
from stn_lesson.homography import projective_theta
from stn_lesson.spline import control_points
from stn_lesson.widgets.family_explorer import carry_over, identity_theta

STEP = 2 / (280 / 96)  # pixels of the house in one press of an arrow key on a point
ACROSS, DOWN = 2 * STEP / 95, 2 * STEP / 63  # the same in the source's coordinates
CORNERS = torch.tensor([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])


@pytest.mark.parametrize(("family", "k"), KINDS)
def test_the_target_is_torchs_for_random_points(page, family, k):
    explorer(page, family, k)
    torch.manual_seed(0)
    for _ in range(8):
        moved = control_points(2 if family != "tps" else k)[None]
        moved = moved + 0.4 / (moved.shape[1] ** 0.5 - 1) * torch.randn(moved.shape)
        if family == "projective":
            moved = projective_theta(moved[:, [0, 1, 3, 2]].double()).float()
        elif family == "affine":
            moved = carry_over(moved, "affine", 2)
        put(page, moved)
        assert_shows(page, moved, unlike=1e-3 if family == "projective" else 0)


@pytest.mark.parametrize(("family", "k"), KINDS)
def test_a_target_of_another_size_is_torchs(page, family, k):
    explorer(page, family, k, image=stn.checkerboard(9, 9), size=(31, 17))
    wobbled = wavy(family, k)
    put(page, wobbled)
    assert_shows(page, wobbled, stn.checkerboard(9, 9), (31, 17))


def test_what_lies_beyond_the_horizon_is_as_in_torch(page):
    explorer(page, "projective")
    tilted = torch.tensor([[[1.0, 0.1, 0], [0, 1, 0.3], [0, 2, 1]]])
    put(page, tilted)
    assert_shows(page, tilted, unlike=1e-3)
    beyond = (stn.meshgrid(64, 96)[1] * 2 + 1 <= 1e-3).float().mean()
    assert f"{100 * beyond:.1f} % of the target lies on the horizon or beyond it" in said(page)
    put(page, torch.eye(3)[None])
    assert "horizon" not in said(page)


def held(family, k):
    """The places of the target by which a family is held."""
    if family == "tps":
        return control_points(k)
    return CORNERS if family == "projective" else CORNERS[[0, 1, 3]]


def expected_after(family, k, n, to):
    """θ with point n of an identity moved to a place."""
    places = held(family, k).index_put((torch.tensor(n),), to)
    if family == "tps":
        return places[None]
    if family == "projective":
        return projective_theta(places[None])
    first, across, down = places
    return torch.stack([(across - first) / 2, (down - first) / 2, (across + down) / 2], -1)[None]


@pytest.mark.parametrize(("family", "k"), [("affine", 4), ("projective", 4), ("tps", 3)])
def test_every_point_moves_by_arrow_keys_and_further_with_shift(page, family, k):
    explorer(page, family, k)
    places = held(family, k)
    assert len(points(page)) == len(places)
    for n, name in enumerate(points(page)):
        move(page, f"point: {name}", "ArrowRight", 2)
        move(page, f"point: {name}", "Shift+ArrowUp")
        to = places[n] + torch.tensor([2 * ACROSS, -10 * DOWN])
        assert_shows(page, expected_after(family, k, n, to))
        assert said(page).startswith(name) and f"displaced by ({2 * ACROSS:.2f}" in said(page)
        page.click("text=reset")
        assert_shows(page, identity_theta(family, k))


@pytest.mark.parametrize(("family", "k"), [("affine", 4), ("projective", 4), ("tps", 3)])
def test_every_point_is_dragged(page, family, k):
    explorer(page, family, k)
    for n, name in enumerate(points(page)):
        drag(page, f"point: {name}", 30, -20)
        look = page.get_attribute(f"[aria-label='point: {name}']", "aria-valuetext")
        x, y = (float(v.replace("−", "-")) for v in look.strip("()").split(", "))
        place = expected_after(family, k, n, torch.tensor([x, y]))
        assert torch.allclose(theta(page), place, atol=0.02)
        wanted = 15 * ACROSS, -10 * DOWN  # a press is two pixels of the canvas
        shift = said(page).splitlines()[0].split("displaced by ")[1].strip("()").split(", ")
        assert [float(v.replace("−", "-")) for v in shift] == pytest.approx(wanted, abs=0.02)
        assert_shows(page)
        page.click("text=reset")


@pytest.mark.parametrize(("family", "k"), [("affine", 4), ("projective", 4), ("tps", 3)])
def test_every_point_is_chosen_and_moved_by_sliders(page, family, k):
    explorer(page, family, k)
    places = held(family, k)
    for n, name in enumerate(points(page)):
        page.select_option("[aria-label=point]", name)
        settle(page)
        assert page.locator(".stn-chosen").get_attribute("aria-label") == f"point: {name}"
        move(page, "x")
        move(page, "x", "Shift+ArrowRight")
        move(page, "y", "ArrowLeft", 3)
        assert_shows(page, expected_after(family, k, n, places[n] + torch.tensor([0.11, -0.03])))
        page.click("text=reset")
        settle(page)


def test_one_point_is_a_stop_of_the_tab_key_and_taking_hold_chooses(page):
    explorer(page, "tps", 4)
    stops = "[...document.querySelectorAll('.stn-handle')].filter(e => e.tabIndex === 0)"
    assert page.evaluate(f"{stops}.map(e => e.ariaLabel)") == ["point: row 0, column 0"]
    drag(page, "point: row 2, column 1", 5)
    assert page.evaluate(f"{stops}.map(e => e.ariaLabel)") == ["point: row 2, column 1"]
    assert page.input_value("[aria-label=point]") == "row 2, column 1"


def test_numbers_of_theta_are_typed_and_the_ninth_stays(page):
    explorer(page, "projective")
    page.fill("[aria-label='θ₃₁']", "0.25")
    page.keyboard.press("Tab")
    expected = torch.eye(3)[None]
    expected[0, 2, 0] = 0.25
    assert_shows(page, expected)
    assert "rows of the grid meet at (4.00, 0.00), its columns stay parallel" in said(page)
    look = page.get_attribute("[aria-label='point: top left corner']", "aria-valuetext")
    assert look == "(−1.33, −1.33)"
    assert page.get_attribute("[aria-label='θ₃₃']", "readonly") is not None
    page.fill("[aria-label='θ₃₂']", "much")
    page.keyboard.press("Tab")
    assert "θ₃₂ must be a number" in message(page)
    assert_shows(page, expected)


def test_a_corner_on_the_horizon_can_be_taken_back(page):
    explorer(page, "projective")
    page.fill("[aria-label='θ₃₁']", "1")  # the whole left edge has no depth
    page.keyboard.press("Tab")
    settle(page)
    for name in ("top left", "bottom left"):
        page.select_option("[aria-label=point]", f"{name} corner")
        settle(page)
        for axis, way in (("x", "Home"), ("y", "Home" if name == "top left" else "End")):
            move(page, axis, "ArrowRight" if way == "Home" else "ArrowLeft")
            move(page, axis, way)
    assert theta(page).isfinite().all()
    corners = projective_grid(theta(page), 2, 2).view(4, 2)
    wanted = torch.tensor([[-1.5, -1.5], [0.5, -0.5], [-1.5, 1.5], [0.5, 0.5]])
    assert torch.allclose(corners, wanted, atol=1e-3)


def test_parallel_diagonals_are_refused_and_the_point_stays(page):
    explorer(page, "projective")
    move(page, "y", "End")
    before = theta(page)
    assert_shows(page, expected_after("projective", 4, 0, torch.tensor([-1, 1.5])), unlike=1e-3)
    slide = "s => { const x = el.querySelector('[aria-label=x]'); x.value = s; "
    page.evaluate(slide + "x.dispatchEvent(new Event('input')); }", 0.5)
    settle(page)
    assert torch.equal(theta(page), before)
    assert "parallel diagonals" in message(page)
    assert float(page.input_value("[aria-label=x]")) == -1
    move(page, "x")
    assert message(page) == "" and not torch.equal(theta(page), before)


@pytest.mark.parametrize(("family", "k"), KINDS)
def test_wobbles_are_strong_and_reset_undoes_them(page, family, k):
    explorer(page, family, k)
    seen = []
    for _ in range(3):
        page.click("text=wobble")
        assert_shows(page, unlike=1e-3 if family == "projective" else 0)
        moved = FAMILIES[family].grid(theta(page), *(2 * (k if family == "tps" else 2,)))
        away = (moved.view(-1, 2) - control_points(moved.shape[1])).abs()
        most = min(0.5, 1 / (k - 1)) if family == "tps" else 0.5
        held_by = away[:3] if family == "affine" else away
        assert most / 20 < held_by.max() <= most + 1e-5
        seen.append(moved)
    assert not torch.equal(seen[0], seen[1]) and not torch.equal(seen[1], seen[2])
    page.click("text=reset")
    assert_shows(page, identity_theta(family, k))


@pytest.mark.parametrize(("family", "k"), KINDS)
def test_the_lines_of_the_source_run_where_torch_says(page, family, k):
    explorer(page, family, k, image=torch.full((1, 1, 64, 96), 0.5))
    put(page, wavy(family, k))
    blue, orange = torch.tensor([0, 0x72, 0xB2]) / 255, torch.tensor([0xE6, 0x9F, 0]) / 255
    grid = FAMILIES[family].grid(theta(page), 65, 65)[0]  # every eighth is a line
    shown = pixels(page, 0)[0]
    zoom, border = 280 / 96, round(0.25 * 280)
    x, y = stn.to_pixels(grid, 64, 96)
    places = (torch.stack([y, x], -1) + 0.5) * zoom + border
    for row, column in [(16, 20), (40, 44), (12, 32), (52, 48), (0, 20), (64, 44), (28, 64)]:
        wanted = orange if row in (0, 64) or column == 64 else blue
        n, m = places[row, column].int().tolist()
        around = shown[:, n - 1 : n + 2, m - 1 : m + 2].flatten(1)
        assert (around - wanted[:, None]).abs().amax(0).min() < 0.25


def test_an_ended_picture_listens_no_more(page):
    explorer(page, "tps")
    assert page.evaluate("model.listeners()") == 3
    page.evaluate("end()")
    assert page.evaluate("model.listeners()") == 0
