import pytest
import torch

import stn_lesson as stn
from stn_lesson import plots
from stn_lesson.training import Aim


def test_aim_curves_show_every_run_epoch_by_epoch():
    good = [Aim((0.5, 0.25), (0, 0), 0.75, 1.0, 0), Aim((1.0, 1.5), (0, 0), 1.0, 0.25, 0)]
    lazy = [Aim((0.0, -0.5), (0, 0), 0.5, 1.0, 0)]
    runs = {"good": stn.History(aim=good), "lazy": stn.History(aim=lazy)}
    picture = plots.aim_curves(runs)
    in_x, in_y, found, area = picture.axes
    for axes, of_good, of_lazy in [
        (in_x, [0.5, 1.0], [0.0]),
        (in_y, [0.25, 1.5], [-0.5]),
        (found, [75, 100], [50]),
        (area, [1.0, 0.25], [1.0]),
    ]:
        first, second = axes.lines
        assert list(first.get_ydata()) == of_good and list(first.get_xdata()) == [1, 2]
        assert list(second.get_ydata()) == of_lazy and list(second.get_xdata()) == [1]
        assert first.get_linestyle() != second.get_linestyle()
        low, high = axes.get_ylim()
        assert low <= min(of_good + of_lazy) and high >= max(of_good + of_lazy)
    assert in_x.get_ylim() == in_y.get_ylim()
    for axes in (in_x, in_y):
        (band,) = axes.patches
        assert [band.get_y(), band.get_y() + band.get_height()] == pytest.approx([0.9, 1.1])
    assert f"in the end: good: {good[-1]}; lazy: {lazy[-1]}." in picture.alt
    picture.png()


def test_a_run_whose_aim_was_not_measured_is_refused_by_name():
    runs = {"aims": stn.History(aim=[Aim((1, 1), (0, 0), 1, 1, 0)]), "plain": stn.History()}
    with pytest.raises(ValueError, match="'plain' has no aim .* knows the poses of its digits"):
        plots.aim_curves(runs)


def test_digits_land_in_the_cell_of_their_place_x_to_the_right_and_y_down():
    before = torch.tensor([[-0.95, 0.95], [-0.95, 0.95], [0.15, -0.45], [3.0, 0.0]])
    after = torch.tensor([[0.05, 0.05]] * 3 + [[-0.55, 0.05]])
    picture = plots.landing_places({"before": before, "after": after})
    left, right, bar = picture.axes
    shares = [torch.as_tensor(axes.images[0].get_array().filled()) for axes in (left, right)]
    expected = torch.zeros(2, 20, 20)
    expected[0, 19, 0], expected[0, 5, 11] = 50, 25  # row, column; the fourth lies outside
    expected[1, 10, 10], expected[1, 10, 4] = 75, 25
    assert torch.equal(torch.stack(shares).float(), expected)
    assert left.images[0].norm is right.images[0].norm and left.images[0].norm.vmax == 75
    assert left.images[0].get_extent() == [-1, 1, 1, -1] and left.get_ylim() == (1, -1)
    assert left.get_title() == "before: 25.0 % found" and right.get_title() == "after: 75.0 % found"
    for square in right.patches:
        assert square.get_bbox().extents.tolist() == [-0.5, -0.5, 0.5, 0.5]
    assert right.patches[-1].get_linestyle() == "--" and bar.get_ylabel() == "% of the digits"
    assert picture.alt == (
        "Where in the view the digits land, of 4: before: 25.0 % in the middle half, 25.0 % "
        f"outside the view, spread {before[:, 0].std():.2f} in x, {before[:, 1].std():.2f} in y; "
        "after: 75.0 % in the middle half, 0.0 % outside the view, spread 0.30 in x, 0.00 in y."
    )
    picture.png()


def test_digits_that_all_miss_the_view_can_be_drawn():
    picture = plots.landing_places({"collapsed": torch.full((3, 2), 10.0)})
    assert picture.axes[0].get_title() == "collapsed: 0.0 % found"
    assert "100.0 % outside the view" in picture.alt
    picture.png()


@pytest.mark.parametrize("shape", [(3,), (3, 3), (0, 2), (1, 2, 3)])
def test_what_are_no_places_is_refused(shape):
    with pytest.raises(ValueError, match=r"places must be \(N, 2\).*'odd': use places_in_view"):
        plots.landing_places({"odd": torch.zeros(shape)})
