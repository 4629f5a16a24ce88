"""What the guides say of a class is what was measured."""

from stn_grading import gradebook
from stn_grading.tasks import TASKS
from stn_lesson.assignment.judging_network import MAX_SPREAD, MIN_SLOPE
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


def test_the_guide_tells_how_surely_right_networks_pass_and_others_do_not():
    (task,) = (task for task in TASKS if task.name == "model")
    least = task.checks[-1].min_accuracy
    right, frozen = [], []
    for run in records.read_record("assignment-training")["runs"]:
        looks = run["least_slope"] >= MIN_SLOPE and run["most_spread"] <= MAX_SPREAD
        group = frozen if run["design"].startswith("no gradient") else right
        group.append((run["accuracy"], looks, looks and run["accuracy"] >= least))
    assert not any(looks for _, looks, _ in frozen)
    # k failed of n: with 95 % certainty fewer than k + 2√k + 3 do, and of three trainings the cube.
    failed = sum(not passed for *_, passed in right)
    assert ((failed + 2 * failed**0.5 + 3) / len(right)) ** 3 < 1 / 500
    accuracies = [100 * accuracy for accuracy, *_ in frozen]
    said = (
        f"Of {len(right)} right networks that were trained to try it, of three designs, "
        f"{len(right) - failed} passed at their first training; none of "
        f"{len(frozen)} whose θ no gradient reaches did, though they read "
        f"{min(accuracies):.0f} to {max(accuracies):.0f} %"
    )
    assert said in (gradebook.COURSE_FOLDER / "README.md").read_text("utf-8")
