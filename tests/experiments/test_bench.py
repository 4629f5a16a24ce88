import json
from statistics import median

import torch
import torch.nn.functional as F

from stn_lesson.__main__ import main
from stn_lesson.experiments import bench, records, sampler_speed
from stn_lesson.files import lesson_folder


def test_a_bench_leaves_a_record_and_tells_it(few_digits, monkeypatch, capsys):
    monkeypatch.setattr(bench, "EPOCHS", 1)
    monkeypatch.setattr(bench, "MAX_LOOP_EPOCHS", 1)
    monkeypatch.setattr(
        bench, "QUICK_SETTINGS", {"epochs": 2, "batch_size": 32, "learning_rate": 1e-3}
    )
    monkeypatch.setattr(sampler_speed, "IMAGE_SIZES", ((2, 1, 12, 8),))

    class Done:
        def __init__(self, command, **settings):
            name, data, seed = command[-3:]
            self.stdout = "a word\n" + json.dumps(bench.run_contender(name, data, int(seed)))

    monkeypatch.setattr(bench.subprocess, "run", Done)
    assert main(["bench", "--data", "digits", "--seeds", "2"]) == 0
    (path,) = few_digits.iterdir()
    record = json.loads(path.read_text("utf-8"))
    assert path.name == "bench-digits-cpu.json" and "date" in record and "device" in record
    ran = [(run["contender"], run["seed"]) for run in record["runs"]]
    assert len(ran) == 7 and ran[-2:] == [("handwritten_loop", 1), ("pointing_stn_2_epochs", 1)]
    for run in record["runs"]:
        assert (
            len(run["accuracy"])
            == len(run["seconds"])
            == (2 if run["contender"] == "pointing_stn_2_epochs" else 1)
        )
        assert run["peak_memory_mb"] > 100 and run["images_a_second"] > 0
    assert {row["sampler"] for row in record["samplers"]} == {"by hand", "torch's"}
    output = capsys.readouterr().out
    assert (
        "handwritten_loop: not reached to 93.7 %" in output
        and "torch's sampler, 2×1×12×12 to 8×8" in output
    )


def test_seconds_to_the_target_count_up_to_the_first_epoch_that_reaches_it():
    run = {"accuracy": [0.5, 0.94, 0.93], "seconds": [1.0, 2.0, 3.0]}
    assert (
        bench.seconds_to_accuracy(0.937, run) == 2.0
        and bench.seconds_to_accuracy(0.95, run) is None
    )


def test_the_table_gives_medians_and_shares_and_no_time_where_a_seed_failed():
    def run(contender, seconds, accuracy=0.94):
        return {
            "contender": contender, "seconds": [seconds], "accuracy": [accuracy],
            "images_a_second": 1000, "peak_memory_mb": 900,
        }  # fmt: skip

    runs = [run("handwritten_loop", s) for s in (90.0, 100.0, 200.0)] + [
        run("pointing_stn_2_epochs", s) for s in (20.0, 30.0)
    ]
    output = bench.bench_table({"target_accuracy": 0.937, "runs": runs, "samplers": []})
    assert (
        "handwritten_loop: 100.0 s to 93.7 % (epoch 1)" in output
        and "pointing_stn_2_epochs: 25.0 s to 93.7 % (epoch 1), 0.25 of handwritten_loop" in output
    )
    runs.append(run("pointing_stn_2_epochs", 10.0, accuracy=0.9))
    output = bench.bench_table({"target_accuracy": 0.937, "runs": runs, "samplers": []})
    assert "pointing_stn_2_epochs: not reached to 93.7 %" in output


def test_the_table_tells_how_many_epochs_the_target_took_and_the_highest_memory():
    runs = [
        {
            "contender": "handwritten_loop", "seconds": [10.0, 20.0, 30.0], "accuracy": accuracy,
            "images_a_second": speed, "peak_memory_mb": memory,
        }
        for accuracy, speed, memory in (
            ([0.5, 0.94, 0.93], 100, 900),
            ([0.5, 0.6, 0.95], 300, 800),
            ([0.94, 0.9, 0.9], 200, 850),
        )
    ]  # fmt: skip
    output = bench.bench_table({"target_accuracy": 0.937, "runs": runs, "samplers": []})
    assert "20.0 s to 93.7 % (epochs 1 to 3)" in output
    assert "93.0 % after 3 epochs in 30 s, 200 images a second, 900 MB, 3 seeds" in output


def test_a_contender_runs_in_a_process_of_its_own():
    """As `run_bench` starts it; an unknown name ends with an error."""
    import subprocess
    import sys

    command = [sys.executable, "-m", "stn_lesson.experiments.bench", "nobody", "digits", "0"]
    completed = subprocess.run(command, capture_output=True, text=True)
    assert completed.returncode == 1 and "KeyError: 'nobody'" in completed.stderr


def test_the_tutorials_network_starts_at_the_identity():
    model, images = bench.TutorialSTN(), torch.rand(2, 1, 60, 60)
    assert model(images).shape == (2, 10)
    theta = model.localisation(images).view(-1, 2, 3)
    grid = F.affine_grid(theta, (2, 1, 60, 60), align_corners=False)
    assert torch.allclose(F.grid_sample(images, grid, align_corners=False), images, atol=1e-5)


DESCRIPTIONS = {
    "handwritten_loop": "the recipe, typed plainly",
    "pytorch_tutorial": "a network and loop as in PyTorch's tutorial",
    "recipe_stn_13_epochs": "the recipe's network by `fit`",
    "pointing_stn_13_epochs": "`PointingSTN` by `fit`",
    "pointing_stn_2_epochs": "`PointingSTN` by `fit`, quickest schedule",
}


def rows(record):
    """The rows of the README's table of training times, from the record."""
    for name, description in DESCRIPTIONS.items():
        runs = [run for run in record["runs"] if run["contender"] == name]
        times = [bench.seconds_to_accuracy(record["target_accuracy"], run) for run in runs]
        time = "not reached" if None in times else f"{median(times):.0f} s"
        last = 100 * median(run["accuracy"][:13][-1] for run in runs)
        speed = median(run["images_a_second"] for run in runs)
        memory = max(run["peak_memory_mb"] for run in runs)
        epochs = len(runs[0]["accuracy"][:13])
        yield (
            f"| {description} | {time} | {last:.1f} % after {epochs} | {speed:,} | {memory:,} MB "
            f"| {len(runs)} |"
        )


def test_the_readme_tells_what_the_bench_recorded():
    readme = (lesson_folder().parent / "README.md").read_text("utf-8").splitlines()
    assert [row for row in rows(records.read_record("bench-mnist-cpu")) if row not in readme] == []


def test_the_pointing_network_reached_the_target_in_a_twelfth_of_the_handwritten_loops_time():
    record = records.read_record("bench-mnist-cpu")
    runs = {name: [r for r in record["runs"] if r["contender"] == name] for name in DESCRIPTIONS}
    times = {
        name: [bench.seconds_to_accuracy(record["target_accuracy"], r) for r in runs[name]]
        for name in DESCRIPTIONS
    }
    assert (
        median(times["pointing_stn_2_epochs"]) <= 0.08 * median(times["handwritten_loop"])
        and len(times["pointing_stn_2_epochs"]) >= 3
    )
    ours, plain = (
        runs[name][0]["accuracy"][12] for name in ("pointing_stn_13_epochs", "handwritten_loop")
    )
    assert ours >= plain


def test_a_training_by_fit_fits_in_a_gigabyte_and_a_half():
    for run in records.read_record("bench-mnist-cpu")["runs"]:
        if run["contender"] in (
            "pointing_stn_2_epochs",
            "pointing_stn_13_epochs",
            "recipe_stn_13_epochs",
        ):
            assert run["peak_memory_mb"] < 1500, run["contender"]
