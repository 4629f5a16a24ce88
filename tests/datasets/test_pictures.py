import pytest

import stn_lesson as stn


def test_the_house_shows_which_way_is_up():
    picture = stn.house(64, 96)
    assert picture.shape == (1, 3, 64, 96) and picture.min() >= 0 and picture.max() <= 1
    for other in (picture.flip(3), picture.flip(2), picture.flip(2, 3)):
        assert (picture - other).abs().mean() > 0.05


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda: stn.house(-1, 5), ValueError, "height must be at least 1, got -1"),
        (lambda: stn.house(5, 2.5), TypeError, "width must be a whole number, got 2.5"),
        (lambda: stn.house((5, 5)), TypeError, "height must be a whole number"),
        (lambda: stn.checkerboard(4, 4, 0), ValueError, "squares must be at least 1, got 0"),
        (lambda: stn.checkerboard(0, 4), ValueError, "height must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, error, message):
    with pytest.raises(error, match=message):
        draw()
