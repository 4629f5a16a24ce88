import functools
import json
import os

import pytest
import torch

import stn_lesson as stn
from stn_lesson import experiments
from stn_lesson.__main__ import main
from stn_lesson.experiments import paper, runs
from stn_lesson.training import StopTraining

CELLS = [
    (e, c, *row)
    for e in paper.TABLE_ROWS
    for c in paper.TABLE_COLUMNS[e][:1]
    for row in paper.TABLE_ROWS[e]
]


def without_times(path):
    record = json.loads(path.read_text("utf-8"))
    return [run | {"training_seconds": 0} for run in record["runs"]]


@pytest.mark.parametrize(("experiment", "task", "network", "family"), CELLS)
def test_every_network_reads_the_images_of_its_task(experiment, task, network, family):
    at = paper.TASKS[task]
    model = experiments.build_network(task, network, family)
    side = at.view if network == "crop_cnn" else at.size
    scores = model(torch.rand(2, at.channels, side, side))
    assert scores.shape == (2, at.classes)


@pytest.mark.parametrize("task", paper.TASKS)
def test_networks_of_a_task_have_about_as_many_parameters(task):
    experiment = next(e for e, columns in paper.TABLE_COLUMNS.items() if task in columns)
    counts = {
        row: stn.count_parameters(paper.build_network(task, *row))
        for row in paper.TABLE_ROWS[experiment]
        if row[0] != "crop_cnn"  # the reader of the ST-CNN, and nothing else
    }
    for kind, slack in (("fcn", 0.01), ("cnn", 0.04)):
        counts_of_kind = [count for (network, _), count in counts.items() if network.endswith(kind)]
        assert max(counts_of_kind) <= (1 + slack) * min(counts_of_kind)


@pytest.mark.parametrize(
    ("task", "network"),
    [("RTS", "frozen_st_fcn"), ("TC", "frozen_st_cnn"), ("addition", "frozen_2st_fcn")],
)
def test_a_frozen_network_is_the_affine_one_that_looks_straight_ahead(task, network):
    torch.manual_seed(0)
    frozen = paper.build_network(task, network)
    torch.manual_seed(0)
    free = paper.build_network(task, network.removeprefix("frozen_"), "affine")
    assert repr(frozen) == repr(free)
    weights = zip(frozen.parameters(), free.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in weights)
    held = {name for name, p in frozen.named_parameters() if not p.requires_grad}
    assert held == {name for name, _ in free.named_parameters() if "localisation" in name}
    at = paper.TASKS[task]
    for which in range(2 if network == "frozen_2st_fcn" else 1):
        looked = stn.look(frozen, torch.rand(3, at.channels, at.size, at.size), which)
        assert torch.equal(looked.theta, torch.eye(2, 3).expand(3, 2, 3))


def test_a_frozen_transformer_still_is_after_its_training_and_the_record_says_so(few_digits):
    path = paper.run_cell("tc", "TC", "frozen_st_fcn", data="digits", epochs=1)
    record = json.loads(path.read_text("utf-8"))
    assert path.stem == "tc-digits-frozen_st_fcn-short" and record["family"] is None
    network = paper.build_network("TC", "st_fcn", "affine")
    assert record["parameters"] == stn.count_parameters(network)
    assert record["held_parameters"] == stn.count_parameters(network.transformer)
    assert record["runs"][0]["outside"] == [0]
    path = paper.run_cell("tc", "TC", "st_fcn", "affine", data="digits", epochs=1)
    assert "held_parameters" not in json.loads(path.read_text("utf-8"))


def test_a_true_crop_is_the_digit_where_it_stands_in_the_scene_of_tc(few_digits):
    digits, at = runs.load_dataset("digits"), paper.TASKS["TC"]
    scenes, crops = (make(digits, seed=5, repeats=2) for make in (at.make, at.crops))
    assert repr(crops).startswith("crops of cluttered few digits: 128 training images")
    pairs = [(scenes.training_images(e), crops.training_images(e)) for e in (0, 1)]
    pairs.append((scenes.test.images, crops.test.images))
    for images, cut_out in pairs:
        assert cut_out.shape[1:] == (1, 28, 28)
        windows = images[:, 0].unfold(1, 28, 1).unfold(2, 28, 1)  # (N, 33, 33, 28, 28)
        assert (windows == cut_out[:, :, None]).all(-1).all(-1).flatten(1).any(1).all()
    assert (crops.test.images >= digits.test.images).all()  # the digit, and pieces on top
    assert torch.equal(crops.train.labels, scenes.train.labels)
    once = paper.TASKS["TC_once"].crops(digits, seed=5, repeats=2)
    assert once.redraw is None and torch.equal(once.train.images, crops.train.images)


def test_the_reader_of_crops_is_that_of_the_st_cnn():
    torch.manual_seed(0)
    reader = paper.build_network("TC", "crop_cnn")
    with_it = paper.build_network("TC", "st_cnn", "affine")
    assert repr(reader.classifier) == repr(with_it.classifier)
    with pytest.raises(ValueError, match="crop_cnn reads crops, which only TC, TC_once have"):
        paper.build_network("R", "crop_cnn")


def test_the_schedule_of_the_paper_is_plain_sgd(few_digits, capsys):
    args = ["run", "tc_once", "--network", "cnn", "--schedule", "sgd", "--epochs", "1"]
    assert main(args) == 0
    (path,) = few_digits.iterdir()
    settings = json.loads(path.read_text("utf-8"))["settings"]
    assert path.stem == "tc_once-digits-cnn-sgd" and settings["optimiser"] == "sgd"
    assert settings["learning_rate"] == 0.01 and settings["weight_decay"] == 0
    assert settings["max_grad_norm"] >= 1e9  # no gradient is shortened
    assert main(["table", "tc_once", "--data", "digits", "--schedule", "sgd"]) == 0
    missing = capsys.readouterr().out.split("not measured yet: ")[1].split("; ")
    assert missing and not any(row.startswith("cnn on") for row in missing)


def test_p_is_moved_by_what_its_columns_say():
    """The columns' names are pixels, and the paper's 5 pixels of a larger canvas, seen at 28."""
    moves = {name: paper.TASKS[name].make.keywords["jitter"] for name in paper.SLANTS}
    assert all(float(name[1:]) == round(move, 1) for name, move in moves.items())
    assert moves["P2.3"] * 60 == pytest.approx(5 * 28) == moves["P3.3"] * 42
    assert paper.TASKS["E1.22"].make.keywords == {"jitter": 1.22}


@pytest.mark.parametrize("task", paper.TASKS)
def test_the_data_of_a_task_are_as_its_networks_expect_them(task, few_digits):
    at = paper.TASKS[task]
    data = at.make(runs.load_dataset("digits"), seed=1, repeats=2)
    assert data.train.images.shape == (128, at.channels, at.size, at.size)
    assert data.test.images.shape[1:] == data.train.images.shape[1:]
    assert data.train.labels.max() < at.classes
    fresh = not torch.equal(data.training_images(1), data.train.images)
    assert fresh == (task not in ("undistorted", "TC_once"))


def test_a_column_is_run_cell_by_cell_and_each_leaves_a_record(few_digits, capsys):
    args = ["run", "table1", "--distortion", "R", "--network", "st_fcn", "--epochs", "1"]
    assert main([*args, "--precision", "bfloat16"]) == 0
    names = sorted(path.stem for path in few_digits.iterdir())
    assert names == [
        f"table1-digits-R-st_fcn-{family}-short" for family in ("affine", "projective", "tps")
    ]
    record = json.loads((few_digits / f"{names[2]}.json").read_text("utf-8"))
    assert record["family"] == "tps" and record["task"] == "R" and record["schedule"] == "short"
    assert record["settings"]["precision"] == "bfloat16" and record["settings"]["repeats"] == 10
    assert record["parameters"] == stn.count_parameters(paper.build_network("R", "st_fcn", "tps"))
    assert {"date", "device", "threads", "torch", "python"} <= set(record)
    assert [run["seed"] for run in record["runs"]] == [0]
    assert capsys.readouterr().out.count(f"written: {few_digits}/table1") == 3
    for path in few_digits.iterdir():
        os.utime(path, (1, 1))  # of long ago
    assert main([*args, "--precision", "bfloat16"]) == 0
    assert capsys.readouterr().out.count(f"nothing left to measure: {few_digits}/table1") == 3

    assert main(["table", "table1", "--data", "digits"]) == 0
    output = capsys.readouterr().out
    assert "not measured yet: fcn on R" in output and "; st_fcn-tps on RTS" in output


def test_more_seeds_go_on_from_those_that_are_there(few_digits, monkeypatch):
    cell = dict(data="digits", epochs=1)
    path = paper.run_cell("table1", "R", "fcn", **cell)
    first = json.loads(path.read_text("utf-8"))["runs"]
    fit, seeds = runs.fit, []

    @functools.wraps(fit)
    def remember(*args, seed, **settings):
        seeds.append(seed)
        return fit(*args, seed=seed, **settings)

    monkeypatch.setattr(runs, "fit", remember)
    paper.run_cell("table1", "R", "fcn", seeds=3, **cell)
    kept = json.loads(path.read_text("utf-8"))["runs"]
    assert seeds == [1, 2] and kept[:1] == first and [run["seed"] for run in kept] == [0, 1, 2]
    assert len({run["loss"][0] for run in kept}) == 3
    with pytest.raises(FileExistsError, match="differs in settings: delete it"):
        paper.run_cell("table1", "R", "fcn", seeds=4, data="digits", epochs=2)
    with pytest.raises(FileExistsError, match="holds more seeds than 2"):
        paper.run_cell("table1", "R", "fcn", seeds=2, **cell)


def test_a_run_that_was_stopped_goes_on_to_the_same_end(few_digits, monkeypatch):
    cell = dict(data="digits", epochs=3)
    whole = paper.run_cell("table1", "P", "st_cnn", "projective", **cell)
    expected = without_times(whole)
    whole.unlink()
    fit = runs.fit

    @functools.wraps(fit)
    def stop_after_one_epoch(*args, **settings):
        def stop(model, history):
            raise StopTraining

        return fit(*args, on_epoch=stop, **settings)

    monkeypatch.setattr(runs, "fit", stop_after_one_epoch)
    with pytest.raises(KeyboardInterrupt):
        paper.run_cell("table1", "P", "st_cnn", "projective", **cell)
    assert not whole.exists()
    epochs = []

    @functools.wraps(fit)
    def count(*args, **settings):
        return fit(*args, on_epoch=lambda model, history: epochs.append(1), **settings)

    monkeypatch.setattr(runs, "fit", count)
    assert without_times(paper.run_cell("table1", "P", "st_cnn", "projective", **cell)) == expected
    assert len(epochs) == 2  # the first was kept
    assert not list((few_digits.parent / "cache").iterdir())


def test_an_unknown_cell_is_refused(few_digits, capsys):
    with pytest.raises(ValueError, match="tc has no cell for st_cnn, tps on TC"):
        paper.run_cell("tc", "TC", "st_cnn", "tps")
    with pytest.raises(ValueError, match="precision must be one of float32, bfloat16, got 'half'"):
        paper.run_cell("tc", "TC", "fcn", precision="half")
    with pytest.raises(ValueError, match="network must be one of fcn, cnn, .*got 'resnet'"):
        paper.build_network("R", "resnet")
    with pytest.raises(ValueError, match="needs a family, st_cnn got None"):
        paper.build_network("R", "st_cnn")
    with pytest.raises(ValueError, match="needs a family, frozen_st_cnn got tps"):
        paper.build_network("R", "frozen_st_cnn", "tps")
    with pytest.raises(SystemExit):
        main(["run", "tc", "--distortion", "R"])
    assert "tc has no cell for --distortion R" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["run", "tc", "--network", "2st_fcn"])
    assert "tc has no cell for --network 2st_fcn" in capsys.readouterr().err


def test_the_sum_takes_longer_and_a_smaller_rate(few_digits):
    path = paper.run_cell("addition", "addition", "2st_fcn", "affine", data="digits", epochs=1)
    settings = json.loads(path.read_text("utf-8"))["settings"]
    assert settings["localisation_rate"] == 0.1 and settings["epochs"] == 1
    path = paper.run_cell("table1", "R", "st_fcn", "affine", data="digits", epochs=1)
    assert json.loads(path.read_text("utf-8"))["settings"]["localisation_rate"] == 0.3
    assert paper.TASKS["addition"].epoch_factor == 4
