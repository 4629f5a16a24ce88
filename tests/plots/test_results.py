import pytest

from stn_lesson import plots
from stn_lesson.plots.picture import ORANGE


def test_figures_stand_beside_published_ones_row_by_row():
    ours = {("cnn", "R"): [1.0, 2.0], ("fcn", "R"): [4.0], ("fcn", "E"): [3.0]}
    theirs = {("cnn", "R"): 2.0, ("fcn", "R"): 3.5, ("best", "E"): 1.0}
    picture = plots.compare_with_published(ours, theirs)
    assert picture.alt.startswith("test error in % of cnn, fcn, best on R, E: ours as dots")
    assert picture.alt.endswith("Ours lie above the paper's in 1 of 2 cells.")
    left, right = picture.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["cnn", "fcn", "best"]
    marks = [line.get_xydata().tolist() for line in left.lines]
    assert [[2, 0]] in marks and [[1, 0], [2, 0]] in marks and [[1.5, 0]] in marks
    assert len(right.lines) == 3 and right.get_xscale() == "log"
    picture.png()


def test_a_contest_has_a_panel_for_each_task_with_seeds_and_means():
    results = {("cnn", 60): [0.75], ("stn", 60): [0.875, 0.9375], ("stn", 84): [0.5, 0.75]}
    picture = plots.contest(results, "pixels")
    small, large = picture.axes
    assert [small.get_title(), large.get_title()] == ["60 pixels", "84 pixels"]
    assert [label.get_text() for label in small.get_yticklabels()] == ["cnn", "stn"]
    assert small.get_ylim()[0] > small.get_ylim()[1]  # read from top to bottom
    assert small.get_xlim() == large.get_xlim() and small.get_xlabel() == "test accuracy in %"
    seeds = [line.get_xydata().tolist() for line in small.lines if line.get_color() != ORANGE]
    means = [line.get_xydata().tolist() for line in small.lines if line.get_color() == ORANGE]
    assert seeds == [[[75, 0]], [[87.5, 1], [93.75, 1]]] and means == [[[75, 0]], [[90.625, 1]]]
    assert len(large.lines) == 2  # the cnn was not there
    assert [text.get_text() for text in small.texts] == ["75.0", "90.6"]
    assert picture.alt == (
        "Test accuracy, mean of the seeds. On 60 pixels: cnn 75.0 %, stn 90.6 % (87.5 to 93.8). "
        "On 84 pixels: stn 62.5 % (50.0 to 75.0)."
    )
    picture.png()


def test_a_contest_without_results_is_refused():
    for results in ({}, {("cnn", 60): []}):
        with pytest.raises(ValueError, match="must hold accuracies.*got none"):
            plots.contest(results)


def draw_lines(curves):
    return plots.lines(curves, "x", "y")


@pytest.mark.parametrize(
    ("draw", "given", "error", "message"),
    [
        (plots.contest, [1, 2], TypeError, "results must be a dict"),
        (plots.contest, {1: [0.5]}, TypeError, r"given by \(row, column\), got 1"),
        (plots.contest, {("a", 1): 0.5}, TypeError, "must be a list of numbers, got 0.5"),
        (plots.contest, {("a", 1): ["x"]}, TypeError, "must be a number, got 'x'"),
        (plots.seed_accuracies, [1], TypeError, "by_name must be a dict, name → "),
        (plots.seed_accuracies, {"a": [0.5]}, ValueError, "by_name must hold name → "),
        (lambda given: plots.compare_with_published(given, {}), [1], TypeError, "measured must"),
        (lambda given: plots.compare_with_published({}, given), [1], TypeError, "published must"),
        (draw_lines, [1, 2], TypeError, "curves must be a dict"),
        (draw_lines, {"a": [1]}, TypeError, "be a pair"),
        (
            lambda given: plots.lines(given, "x", "y"),
            {"a": ([1, 2], [1])},
            ValueError,
            "for each x",
        ),
        (lambda given: plots.error_curves({}, given), [1], TypeError, "reference must be a dict"),
        (lambda given: plots.warped_maps(given, given), 1, TypeError, "looked must be a Look"),
    ],
)
def test_what_holds_no_figures_by_name_is_refused(draw, given, error, message):
    with pytest.raises(error, match=message):
        draw(given)
