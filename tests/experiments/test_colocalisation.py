import json
from dataclasses import replace

import pytest
import torch

from stn_lesson.__main__ import main
from stn_lesson.colocalisation import Search, window_boxes
from stn_lesson.colocalisation.scenes import Scenes
from stn_lesson.experiments import colocalisation as co
from stn_lesson.experiments import records


@pytest.fixture
def quick(few_digits, monkeypatch):
    """Two scenes of a class, an epoch for the encoder, two steps of search; a folder of records."""
    monkeypatch.setitem(co.SCENES_PER_CLASS, "digits", 2)
    monkeypatch.setitem(co.ENCODER_SCHEDULES, "digits", {"epochs": 1})
    for distortion in co.SCENE_KINDS:
        monkeypatch.setitem(co.SEARCH_SETTINGS, distortion, {"steps": 2, "learning_rate": 1e-3})
    return few_digits


def read(path):
    return json.loads(path.read_text("utf-8"))


def test_a_run_leaves_a_record_of_every_class_with_its_settings(quick):
    path = co.run_colocalise("digits", "TC", labels=(3, 1), starts=2)
    record = read(path)
    assert path == quick / "colocalise-digits-TC.json" and record["pieces"] == 16
    assert record["data"].startswith("2 scenes of 84×84 pixels for each class, test part of few")
    assert record["encoder"]["kind"] == "windows" and record["encoder"]["parameters"] == 46_730
    assert 0 < record["encoder"]["accuracy_on_plain_digits"] < 1
    assert record["settings"] == {"steps": 2, "learning_rate": 1e-3, "starts": 2}
    assert {"date", "device", "threads", "torch", "python"} <= set(record)
    assert [(run["seed"], run["label"]) for run in record["runs"]] == [(0, 1), (0, 3)]
    for run in record["runs"]:
        assert run["kept_steps"] == [0, 2] and len(run["found_at_steps"]) == 2
        assert run["found"] == run["found_at_steps"][-1] and 0 <= run["mean_iou"] <= 1
        assert run["loss"] <= run["other_losses"][0]  # the loss chose


def test_what_is_in_the_record_is_kept_and_the_rest_is_added(quick, monkeypatch):
    path = co.run_colocalise("digits", "T", labels=(1,), starts=1)
    record = read(path)
    record["runs"][0]["found"] = 0.125  # so that it can be told from a new one
    records.write_record(path, record)
    co.run_colocalise("digits", "T", 2, labels=(1, 2), starts=1)
    runs = read(path)["runs"]
    assert [(run["seed"], run["label"]) for run in runs] == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert [run["found"] == 0.125 for run in runs] == [True, False, False, False]
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="differs in settings: delete it to measure anew"):
        co.run_colocalise("digits", "T", labels=(1, 2), starts=1, steps=3)
    monkeypatch.setattr(records, "device_name", lambda device: "cuda (NVIDIA H100)")
    with pytest.raises(FileExistsError, match="and this is cuda .*move the file away"):
        co.run_colocalise("digits", "T", labels=(1, 2, 3), starts=1)
    assert path.read_bytes() == before


def test_a_run_that_is_stopped_keeps_the_classes_that_were_finished(quick, monkeypatch):
    search, calls = co.colocalise, []

    def stopped_at_the_second(*args, **settings):
        calls.append(settings["seed"])
        return replace(search(*args, **settings), interrupted=len(calls) == 2)

    monkeypatch.setattr(co, "colocalise", stopped_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        co.run_colocalise("digits", "T", labels=(1, 2), starts=1)
    assert [run["label"] for run in read(quick / "colocalise-digits-T.json")["runs"]] == [1]


def test_the_same_run_gives_the_same_record(quick):
    kept = []
    for _ in range(2):
        path = co.run_colocalise("digits", "T", labels=(1,), starts=1)
        kept.append([run | {"seconds": 0} for run in read(path)["runs"]])
        path.unlink()
    assert kept[0] == kept[1]


def test_the_lowest_loss_counts_and_not_the_best_overlap(monkeypatch):
    losses = {0: 0.5, 1: 0.2, 2: 0.9}
    monkeypatch.setattr(co, "colocalise", lambda *_, seed: Search(step_loss=[losses[seed]]))
    assert [each.loss for each in co.colocalise_repeatedly(None, None, starts=3)] == [0.2, 0.5, 0.9]


def test_overlaps_compare_every_kept_window_with_the_truth():
    s = 27 / 83
    on, beside = ([[[s, 0, x], [0, s, 0]]] for x in (0.0, 14 / 41.5))
    scenes = Scenes(torch.zeros(1, 1, 84, 84, dtype=torch.uint8), window_boxes(torch.tensor(on)))
    search = Search(kept_steps=[0, 1], theta=[torch.tensor(beside), torch.tensor(on)])
    assert co.iou_at_steps(search, scenes).flatten().tolist() == pytest.approx([1 / 3, 1], abs=1e-4)


def test_encoders_differ_in_what_they_were_trained_on(quick, monkeypatch):
    schedule = {"epochs": 5, "batch_size": 16, "learning_rate": 1e-2}
    monkeypatch.setitem(co.ENCODER_SCHEDULES, "digits", schedule)
    codes = {}
    for encoder_kind in co.ENCODERS:
        encoder, digits = co.trained_encoder("digits", encoder_kind)
        images = digits.train.images[:8].float() / 255
        codes[encoder_kind] = encoder.code(images).detach()
        assert 6 < codes[encoder_kind].norm(dim=1).mean() < 10  # calibrated, each of them
    assert not torch.allclose(codes["random"], codes["plain"], atol=0.1)
    assert not torch.allclose(codes["plain"], codes["windows"], atol=0.1)
    with pytest.raises(
        ValueError, match="encoder_kind must be one of random, plain, windows, got 'x'"
    ):
        co.trained_encoder("digits", "x")


def test_the_table_shows_ours_beside_the_papers_and_names_what_is_missing(quick):
    runs = [{"label": label, "found": share} for label, share in ((1, 0.5), (1, 0.7), (4, 1.0))]
    records.write_record(quick / "colocalise-mnist-TC.json", {"runs": runs})
    whole = [
        {"label": label, "found": 0.9 + label / 100 - seed / 50}
        for seed in (0, 1)
        for label in range(10)
    ]
    records.write_record(quick / "colocalise-mnist-T.json", {"runs": whole})
    lines = co.colocalise_table().splitlines()
    assert lines[0].startswith("digits found (IoU above 0.5) in % on mnist: mean ± standard")
    # 94.5 and 92.5 over the classes: 1 on either side of 93.5, and √2 with n − 1 below the root.
    assert lines[3].split() == ["T", *map(str, range(89, 99)), "93.5", "±", "1.4", "[100]"]
    assert lines[4].split()[:6] == ["TC", "–", "60", "–", "–", "100"]
    assert lines[4].split()[-4:] == ["–", "[75", "to", "93]"]
    assert lines[-2] == "not measured yet: TC, class 0, 2, 3, 5, 6, 7, 8, 9"
    assert lines[5].split() == ["TD", *["–"] * 11]  # the paper has none of these
    assert co.found_by_class("digits", "T") == {}


def test_an_unknown_name_is_refused(quick):
    with pytest.raises(ValueError, match="distortion of T, TC, TD, .*got 'mnist', 'RTS', 'win"):
        co.run_colocalise("mnist", "RTS")
    with pytest.raises(ValueError, match="distortion must be one of T, TC, TD, got 'P'"):
        co.make_scenes(None, "digits", "P", 3)


@pytest.mark.parametrize(("distortion", "lowest"), [("T", 0.99), ("TC", 0.97)])
def test_the_records_hold_what_the_lesson_promises(distortion, lowest):
    record = records.read_record(f"colocalise-mnist-{distortion}")
    assert record["settings"] == co.SEARCH_SETTINGS[distortion] | {"starts": co.RANDOM_STARTS}
    assert record["data"].startswith("100 scenes") and record["encoder"]["kind"] == "windows"
    assert [run["label"] for run in record["runs"]] == 2 * list(range(10))
    for seed in (0, 1):  # the settings were chosen while looking at scenes of seed 0
        found = [run["found"] for run in record["runs"] if run["seed"] == seed]
        assert len(found) == 10 and sum(found) / 10 >= lowest
    for run in record["runs"]:
        assert run["found"] >= 0.95 and 0.65 < run["mean_iou"] < 0.85
        assert run["loss"] <= min(run["other_losses"]) and len(run["other_losses"]) == 2
        assert run["kept_steps"][-1] == co.SEARCH_SETTINGS[distortion]["steps"]


def starts(name):
    """Every start of a record: its class, the share it found, its loss against the best one's."""
    return [
        (run["label"], share, loss / run["loss"])
        for run in records.read_record(name)["runs"]
        for share, loss in [
            (run["found"], run["loss"]),
            *zip(run["other_found"], run["other_losses"], strict=True),
        ]
    ]


def test_on_mnist_the_1_is_the_hardest_and_one_start_of_sixty_failed():
    """Notebook 09, section 8."""
    found = co.found_by_class("mnist", "TC")
    assert min(found, key=lambda label: sum(found[label])) == 1 and found[1] == [97, 97]
    among_clutter = starts("colocalise-mnist-TC")
    failed = [start for start in among_clutter if start[1] < 0.5]
    assert len(among_clutter) == 60 and [label for label, _, _ in failed] == [1]
    assert failed[0][2] > 2


@pytest.mark.parametrize(
    ("encoder_kind", "failures"), [("windows", 0), ("plain", 4), ("random", 5)]
)
def test_on_the_embedded_digits_the_encoder_matters_little(encoder_kind, failures):
    """Notebook 09, section 6 and exercise 1."""
    among_clutter = starts(co.record_name("digits", "TC", encoder_kind))
    failed = [start for start in among_clutter if start[1] < 0.5]
    assert (len(among_clutter), len(failed)) == (30, failures)
    assert all(1.8 < worse < 67 for _, _, worse in failed)
    assert all(share > 0.5 for _, share, _ in starts(co.record_name("digits", "T", encoder_kind)))
    for kind in ("T", "TC"):
        assert min(co.found_by_class("digits", kind, encoder_kind).values())[0] > 95


def test_of_two_digits_the_loss_says_which_classes_were_found():
    """Notebook 09, section 7."""
    runs = records.read_record("colocalise-digits-TD")["runs"]
    found = {run["label"]: run["found"] for run in runs if run["loss"] < 1}
    assert list(found) == [2, 6, 7] and min(found.values()) > 0.84
    others = [run for run in runs if run["loss"] > 1]
    assert all(2 < run["loss"] < 6.1 for run in others)
    assert sum(run["found"] < 0.5 for run in others) == 4


def test_the_command_runs_one_column_or_both_and_prints_the_table(quick, monkeypatch, capsys):
    monkeypatch.setattr(co.run_colocalise, "__kwdefaults__", {
        **co.run_colocalise.__kwdefaults__, "labels": (1,), "starts": 1
    })  # fmt: skip
    assert main(["run", "colocalise", "--distortion", "TC"]) == 0
    assert [path.stem for path in quick.iterdir()] == ["colocalise-digits-TC"]
    assert main(["run", "colocalise", "--data", "digits"]) == 0
    assert f"written: {quick}/colocalise-digits-T.json" in capsys.readouterr().out
    assert main(["table", "colocalise", "--data", "digits"]) == 0
    assert "not measured yet: T, class 0, 2" in capsys.readouterr().out
    assert main(["run", "colocalise", "--distortion", "TC", "--encoder", "random"]) == 0
    record = read(quick / "colocalise-digits-TC-random.json")
    assert record["encoder"]["kind"] == "random"
    assert main(["results"]) == 0  # it has a table instead
    with pytest.raises(SystemExit):
        main(["run", "colocalise", "--distortion", "R"])
    assert "colocalise takes --distortion T, TC, TD; got R" in capsys.readouterr().err
