"""What the guide says of a class of a hundred is what was measured."""

from stn_lesson.experiments import records
from stn_lesson.grading import gradebook


def test_the_guide_tells_how_a_class_of_a_hundred_was_graded():
    record = records.read_record("grading")
    assert record["submissions"] == 100 and not record["other_than_expected"]
    each = record["seconds_each"]
    said = (
        f"took {record['minutes_in_all']:.0f} minutes on two cores, {each['right_median']:.0f} "
        f"seconds for one that trains, {each['most']:.0f} at most"
    )
    guide = (gradebook.COURSE / "README.md").read_text("utf-8")
    assert said in guide and "each of the hundred got the points they should" in guide
