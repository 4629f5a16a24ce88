"""Several processes train one model: two of them, on the CPU, started as a user starts them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_run import QUICK_SETTINGS, small_data

import stn_lesson as stn
from stn_lesson.__main__ import main
from stn_lesson.training.checkpoints import load_checkpoint
from stn_lesson.training.processes import ProcessGroup, torchrun_process_group

TESTS = Path(__file__).parents[1]
SCRIPT = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import torch
import stn_lesson as stn
from small_run import QUICK_SETTINGS, small_data
from stn_lesson.training import run as training_run
from stn_lesson.training.processes import ProcessGroup, torchrun_process_group

def die_once(model, history):
    attempt = int(os.environ["TORCHELASTIC_RESTART_COUNT"])
    if attempt < {deaths} and ProcessGroup.current().rank == 1 and len(history.step_loss) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

with torchrun_process_group() as device:
    if not ProcessGroup.current().is_main:
        def refuse(*words):
            raise AssertionError("only the main process writes")
        training_run.save_checkpoint = refuse
    torch.manual_seed(0)
    settings = QUICK_SETTINGS | {{"batch_size": 127}}  # 128 images: one is left for both processes
    stn.fit(stn.RecipeSTN(size=40), small_data(), **settings, on_step=die_once,
            checkpoint={file!r}, precision="float32")
"""


def torchrun(*words, **options):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return subprocess.run(
        [*command, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=3000,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        **options,
    )


@pytest.fixture(scope="module")
def alone():
    """The run by one process, with the same batches."""
    torch.manual_seed(0)
    model = stn.RecipeSTN(size=40)
    settings = QUICK_SETTINGS | {"batch_size": 127, "precision": "float32"}
    return model, stn.fit(model, small_data(), **settings)


@pytest.mark.skipif(sys.platform == "win32", reason="torchrun wants gloo over libuv there")
@pytest.mark.parametrize("deaths", [0, 1], ids=["unbroken", "one is killed"])
def test_two_processes_take_the_steps_of_one(alone, tmp_path, deaths):
    file, script = tmp_path / "run.pt", tmp_path / "together.py"
    script.write_text(SCRIPT.format(tests=str(TESTS), file=str(file), deaths=deaths))
    said = torchrun("--max-restarts=1", script)
    assert said.returncode == 0, said.stderr[-6000:]
    model, history = alone
    saved = torch.load(file, weights_only=True)
    together = saved["history"]
    assert together["step_loss"] == pytest.approx(history.step_loss, rel=1e-3)
    assert len(together["accuracy"]) == QUICK_SETTINGS["epochs"]
    for name, value in model.state_dict().items():
        assert torch.allclose(saved["model"][name], value, atol=2e-3), name
    assert load_checkpoint(file, saved["settings"], model)  # one process can go on from it


@pytest.mark.skipif(sys.platform == "win32", reason="torchrun wants gloo over libuv there")
def test_where_one_is_killed_the_others_end_with_one_sentence(tmp_path):
    file, script = tmp_path / "run.pt", tmp_path / "together.py"
    script.write_text(SCRIPT.format(tests=str(TESTS), file=str(file), deaths=9))
    said = torchrun("--max-restarts=0", script)
    assert said.returncode != 0 and "steps.py" not in said.stderr  # no traceback of ours
    assert said.stderr.count("A process of this training was killed, and the others end") == 1
    assert len(torch.load(file, weights_only=True)["history"]["accuracy"]) == 1


def test_a_process_that_has_no_image_left_takes_the_step_and_counts_for_nothing():
    batch, losses = torch.tensor([5, 6]), torch.tensor([0.5, 2.0])
    groups = [ProcessGroup(rank, 3) for rank in range(3)]
    assert [group.shard(batch).tolist() for group in groups] == [[5], [6], [5]]
    assert [group.loss_weight(batch) for group in groups] == [1.5, 1.5, 0]
    own = [group.loss_weight(batch) * losses[group.shard(batch) - 5].mean() for group in groups]
    assert sum(own) / 3 == losses.mean()


def test_shards_make_up_the_batch_and_loss_weights_its_mean():
    batch, values = torch.arange(7), torch.rand(7)
    shards = [ProcessGroup(rank, 3).shard(batch) for rank in range(3)]
    assert torch.equal(torch.cat(shards).sort().values, batch)
    means = [
        values[shard].mean() * ProcessGroup(k, 3).loss_weight(batch)
        for k, shard in enumerate(shards)
    ]
    assert torch.stack(means).mean().item() == pytest.approx(values.mean().item())


def test_one_alone_is_left_alone():
    model, losses = torch.nn.Linear(1, 1), torch.rand(3)
    with torchrun_process_group():
        here = ProcessGroup.current()
    assert here == ProcessGroup() and here.is_main
    assert here.data_parallel(model) is model and here.mean(losses) is losses


def test_train_tells_of_options_that_do_not_go_together_without_a_traceback(monkeypatch, capsys):
    monkeypatch.setattr(ProcessGroup, "current", classmethod(lambda cls: cls(0, 2)))
    with pytest.raises(SystemExit):
        main(["train", "--batch-size", "1"])
    assert "error: every process needs an image of each batch" in capsys.readouterr().err


def test_train_says_a_line_an_epoch_and_goes_on_from_its_checkpoint(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules[main.__module__].DATASETS, "digits", few_digits)
    words = ["train", "--epochs", "2", "--checkpoint", str(tmp_path / "run.pt")]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["History: 1 epochs", "History: 2 epochs"]
    assert main(words) == 0 and capsys.readouterr().out == ""  # it was at its end
    assert main(["train", "--epochs", "3", "--checkpoint", str(tmp_path / "run.pt")]) == 1
    assert "belongs to a run with other settings" in capsys.readouterr().err


def few_digits():
    digits = stn.load_digits()
    split = stn.datasets.Split(digits.train.images[:20], digits.train.labels[:20])
    return stn.Dataset("few digits", split, split)
