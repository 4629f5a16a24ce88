"""What the tests of the family explorer share: a picture, the families, hands and eyes."""

import torch
from bare import mount, pixels, settle

import stn_lesson as stn
from stn_lesson.families import FAMILIES
from stn_lesson.sampler import sample
from stn_lesson.widgets import FamilyExplorer
from stn_lesson.widgets.family_explorer import family_of, identity_theta

HOUSE = stn.house(64, 96).mul(255).round() / 255
KINDS = [("affine", 4), ("projective", 4), ("tps", 2), ("tps", 4), ("tps", 6)]


def theta(page):
    """θ of the mounted picture, of whichever family."""
    numbers = torch.tensor(page.evaluate("model.get('theta')"), dtype=torch.float32)
    return numbers.view({6: (1, 2, 3), 9: (1, 3, 3)}.get(len(numbers), (1, -1, 2)))


def wavy(family, k):
    """A θ of this family, not far from the identity."""
    theta = identity_theta(family, k)
    return theta + 0.07 * torch.sin(torch.arange(theta.numel())).view(theta.shape)


def put(page, wanted):
    """As Python does that sets θ."""
    page.evaluate("t => model.set('theta', t)", wanted.flatten().tolist())
    settle(page)


def assert_shows(page, expected=None, image=HOUSE, size=None, unlike=0.0):
    """The target is torch's, to the rounding of a byte but for a share of the pixels."""
    settle(page)
    now = theta(page)
    if expected is not None:
        assert now.shape == expected.shape and torch.allclose(now, expected.float(), atol=1e-5)
    grid = FAMILIES[family_of(now)[0]].grid(now.double(), *(size or image.shape[-2:]))
    wrong = (pixels(page, 1) - sample(image.double(), grid)).abs() > 1.01 / 255
    assert wrong.float().mean() <= unlike


def message(page):
    return page.locator(".stn-message").inner_text()


def said(page):
    settle(page)
    return page.locator(".stn-figures").inner_text()


def points(page):
    return page.locator(".stn-live select[aria-label=point] option").all_inner_texts()


def explorer(page, family, k=4, **how):
    mount(page, FamilyExplorer(how.pop("image", HOUSE), family, k, **how))
    return page
