"""The family explorer in Python: θ of three families, what it refuses, its still picture."""

import pytest
import torch

import stn_lesson as stn
from stn_lesson.checks import NotFiniteError
from stn_lesson.families import FAMILIES
from stn_lesson.grid import projective_grid
from stn_lesson.spline import control_points, thin_plate_grid
from stn_lesson.widgets import FamilyExplorer
from stn_lesson.widgets.family_explorer import carry_over, identity_theta

HOUSE = stn.house(20, 30)
TILTED = torch.tensor([[[1.0, 0.1, 0], [0, 0.9, 0.1], [0.2, -0.3, 1]]])


@pytest.mark.parametrize(
    ("family", "k", "shape"),
    [("affine", 4, (1, 2, 3)), ("projective", 4, (1, 3, 3)), ("tps", 4, (1, 16, 2)),
     ("tps", 2, (1, 4, 2)), ("tps", 6, (1, 36, 2))],
)  # fmt: skip
def test_every_family_begins_at_the_identity(family, k, shape):
    explorer = FamilyExplorer(HOUSE, family, k)
    assert (explorer.family, explorer.k, explorer.theta.shape) == (family, k, shape)
    assert torch.allclose(explorer.picture, HOUSE, atol=1e-4)


def test_the_shape_of_theta_tells_the_family():
    explorer = FamilyExplorer(HOUSE, "affine", size=(7, 9))
    changes = []
    explorer.observe(lambda change: changes.append((change.name, change.new)), ["family", "k"])
    explorer.theta = TILTED.double()
    assert explorer.family == "projective" and torch.equal(explorer.theta, TILTED)
    assert torch.equal(explorer.grid, projective_grid(TILTED, 7, 9))
    points = control_points(3)[None] + 0.1 * torch.randn(1, 9, 2)
    explorer.theta = points
    assert (explorer.family, explorer.k) == ("tps", 3) and torch.equal(explorer.theta, points)
    assert torch.equal(explorer.grid, thin_plate_grid(points, 7, 9))
    assert torch.equal(explorer.picture, stn.sampler.sample(HOUSE, explorer.grid))
    explorer.theta = stn.affine_theta(rotation=20)
    assert (explorer.family, explorer.k) == ("affine", 3)
    assert torch.equal(explorer.theta, stn.affine_theta(rotation=20))
    assert changes == [("family", "projective"), ("family", "tps"), ("k", 3), ("family", "affine")]


def test_another_family_takes_over_where_its_points_look():
    explorer = FamilyExplorer(HOUSE, "affine", k=3, size=(7, 9))
    explorer.theta = stn.affine_theta(rotation=30, scale=1.5, translation=(0.2, -0.1))
    before = explorer.grid
    for family in ("projective", "tps"):
        explorer.family = family
        assert torch.allclose(explorer.grid, before, atol=1e-5)
    explorer.k = 5
    assert explorer.theta.shape == (1, 25, 2)
    assert torch.allclose(explorer.grid, before, atol=1e-5)


def test_from_projective_the_points_of_a_net_are_exact():
    net = carry_over(TILTED, "tps", 4)
    assert torch.allclose(net.view(1, 4, 4, 2), projective_grid(TILTED, 4, 4), atol=1e-6)


def test_downwards_the_corners_stay():
    net = control_points(4)[None] + 0.2 * torch.randn(
        1, 16, 2, generator=torch.Generator().manual_seed(0)
    )
    corners = net[0, [0, 3, 12, 15]]
    homography = projective_grid(carry_over(net, "projective", 4), 2, 2).view(4, 2)
    assert torch.allclose(homography, corners, atol=1e-5)
    flat = stn.sampling_grid(carry_over(net, "affine", 4), 2, 2).view(4, 2)
    assert torch.allclose(flat[:3], corners[:3], atol=1e-6)
    assert not torch.allclose(flat[3], corners[3], atol=1e-2)


@pytest.mark.parametrize("family", ["affine", "tps"])
def test_what_looks_beyond_the_horizon_is_not_carried_over(family):
    theta = torch.tensor([[[1.0, 0, 0], [0, 1, 0], [0, 2, 1]]])
    assert torch.equal(carry_over(theta, family, 4), identity_theta(family, 4))


@pytest.mark.parametrize(
    "corners",
    [
        [[1.0, -1], [-1, -1], [-1, 1], [1, 1]],  # the sides cross, the diagonals are parallel
        [[-1.0, -1], [0, -1], [0, 1], [1, -1]],  # three on one line
        [[0.5, 0.5]] * 4,
    ],
)
def test_corners_without_a_homography_are_not_carried_over(corners):
    assert torch.equal(carry_over(torch.tensor([corners]), "projective", 2), torch.eye(3)[None])


@pytest.mark.parametrize(
    ("theta", "error", "message"),
    [
        (torch.eye(3), ValueError, r"shape \(N, 2, 3\), got \(3, 3\)"),
        (torch.zeros(2, 2, 3), ValueError, r"N = 1, got \(2, 2, 3\)"),
        (torch.eye(3).expand(2, 3, 3), ValueError, r"N = 1, got \(2, 3, 3\)"),
        (torch.zeros(1, 5, 2), ValueError, r"k × k net.*got \(1, 5, 2\)"),
        (torch.zeros(1, 49, 2), ValueError, "k must be from 2 to 6, got 7"),
        (torch.full((1, 3, 3), float("nan")), NotFiniteError, "holds nan"),
        (torch.full((1, 16, 2), float("inf")), NotFiniteError, "holds inf"),
        ([1, 0, 0, 0, 1, 0], TypeError, "got list"),
    ],
)
def test_what_is_no_theta_is_refused_and_the_old_one_stays(theta, error, message):
    explorer = FamilyExplorer(HOUSE, "tps")
    with pytest.raises(error, match=message):
        explorer.theta = theta
    assert torch.equal(explorer.theta, control_points(4)[None]) and explorer.family == "tps"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"family": "attention"}, "families are affine, projective, tps; there is no 'attention'"),
        ({"k": 7}, "from 2 to 6, got 7"),
        ({"k": 4.0}, "k must be a whole number, got 4.0"),
        ({"k": True}, "k must be a whole number, got True"),
        ({"size": (0, 4)}, "must be from 1 to 256, got 0"),
    ],
)
def test_what_cannot_be_is_refused_at_once_and_later(how, message):
    with pytest.raises((TypeError, ValueError), match=message):
        FamilyExplorer(HOUSE, **how)
    explorer = FamilyExplorer(HOUSE)
    ((name, value),) = how.items()
    with pytest.raises((TypeError, ValueError), match=message):
        setattr(explorer, {"size": "target_size"}.get(name, name), value)
    assert (explorer.family, explorer.k, explorer.size) == ("projective", 4, (20, 30))


@pytest.mark.parametrize("family", ["affine", "projective", "tps"])
def test_what_comes_from_the_browser_comes_together(family):
    explorer = FamilyExplorer(HOUSE, "tps" if family != "tps" else "affine")
    theta = identity_theta(family, 3) + 0.1 * torch.randn(identity_theta(family, 3).shape)
    numbers = theta.flatten().tolist()
    explorer.set_state({"theta": numbers, "family": family, "k": 3})
    assert (explorer.family, explorer.k) == (family, 3)
    assert torch.equal(explorer.theta, theta) and explorer.get_state("theta")["theta"] == numbers


@pytest.mark.parametrize("family", ["affine", "projective", "tps"])
def test_the_still_picture_shows_the_present_state(family):
    explorer = FamilyExplorer(HOUSE, family, size=(10, 15))
    before = explorer.still()
    explorer.theta = explorer.theta + 0.05 * torch.randn(explorer.theta.shape)
    after = explorer.still()
    first = FAMILIES[family].grid(explorer.theta, 2, 2)[0, 0, 0]
    assert f"({first[0]:.2f}, {first[1]:.2f})" in after.alt and "10 by 15" in after.alt
    assert before.alt != after.alt and after.png()[:4] == b"\x89PNG"
    assert ("net of 4 by 4 points" in after.alt) == (family == "tps")


def test_only_pictures_are_shown():
    with pytest.raises(ValueError, match=r"\(1, 3, H, W\), got \(3, 8, 8\)"):
        FamilyExplorer(torch.rand(3, 8, 8))
