import stn_lesson as stn


def test_the_house_shows_which_way_is_up():
    picture = stn.house(64, 96)
    assert picture.shape == (1, 3, 64, 96) and picture.min() >= 0 and picture.max() <= 1
    for other in (picture.flip(3), picture.flip(2), picture.flip(2, 3)):
        assert (picture - other).abs().mean() > 0.05
