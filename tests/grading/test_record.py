"""What the guides say of a class is what was measured."""

from stn_grading import gradebook
from stn_lesson.experiments import records


def test_the_guide_tells_how_a_class_of_a_hundred_was_graded():
    record = records.read_record("grading")
    assert record["submissions"] == 100 and not record["other_than_expected"]
    each = record["seconds_each"]
    said = (
        f"took {record['minutes_in_all']:.0f} minutes on two cores, {each['right_median']:.0f} "
        f"seconds for one that trains, {each['most']:.0f} at most"
    )
    guide = (gradebook.COURSE_FOLDER / "README.md").read_text("utf-8")
    assert said in guide and "each of the hundred got the points they should" in guide


def test_the_page_of_the_hub_tells_how_many_students_it_holds():
    record = records.read_record("hub")
    page = (gradebook.COURSE_FOLDER / "hub" / "README.md").read_text("utf-8")
    starts = record["server_start_seconds"]
    assert f"took {record['memory_mb']['each_of_all']} MB each" in page
    assert f"started in {starts['alone']:.0f} seconds" in page
    assert f"waited {starts['ten_at_once_most']:.0f}." in page
    for row in record["situations"]:
        pictures, answers = (felt["pictures_a_second"] for felt in row["felt"].values())
        slowest = max(row.get("training_seconds", [0])) or "–"
        said = [row["students"], row["dragging"], row["training"], f"{pictures:.0f}"]
        assert f"| {' | '.join(map(str, said))} | {answers:.0f} | {slowest} |" in page
        assert pictures > 30
