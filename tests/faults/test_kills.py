"""A run that is killed again and again, inside its writes, too, comes to the same end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# It forks once for each life, so that no life has to import torch. Before that nothing is trained,
# for whoever has trained may not fork; but a run is made ready, which imports what a run needs.
KILLED_AGAIN_AND_AGAIN = """
import builtins, hashlib, os, random, signal, sys
sys.path.insert(0, {here!r})
import torch
torch.set_num_threads(1)
import stn_lesson as stn
from stn_lesson import Settings, files
from stn_lesson.training.run import TrainingRun
from tiny_run import TINY_SETTINGS, tiny_data, tiny_model

FILE, EPOCHS, KILLS = {file!r}, 26, 20
cpu, data = torch.device("cpu"), tiny_data()
TrainingRun(tiny_model(), data, Settings.for_device(cpu), cpu)

def die(*ignored):
    os.kill(os.getpid(), signal.SIGKILL)

class HalfWritten:
    def __init__(self, file): self.file = file
    def __enter__(self): return self
    def __exit__(self, *error): self.file.close()
    def write(self, content):
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        die()

def at_write(number, act):
    # Do something in place of a function, when it is called for the second time, say.
    calls = []
    def instead(function):
        def call(*words):
            calls.append(words)
            return act(function, *words) if len(calls) == number else function(*words)
        return call
    return instead

def doom(moment, number):
    # Let this process die at a moment of its first or second write.
    if moment == "half written":
        half = at_write(number, lambda open, *words: HalfWritten(open(*words)))(builtins.open)
        files.open = lambda path, mode: half(path, mode)
    elif moment == "not yet on the disk":
        os.fsync = at_write(number, die)(os.fsync)
    elif moment == "not yet renamed":
        os.replace = at_write(number, die)(os.replace)
    elif moment == "just renamed":
        os.replace = at_write(number, lambda replace, *words: die(replace(*words)))(os.replace)

def live(moment, number, checkpoint=FILE):
    # A life, in a process of its own; how it ended.
    sys.stdout.flush()
    if pid := os.fork():
        return os.waitpid(pid, 0)[1]
    doom(moment, number)
    steps = []
    def on_step(model, history):
        steps.append(1)
        if moment == "a step" and len(steps) == number:
            die()
    is_begun = checkpoint and os.path.exists(checkpoint)
    model = tiny_model(seed=1 if is_begun else 0)  # what was begun does not ask for first weights
    history = stn.fit(model, data, epochs=EPOCHS, checkpoint=checkpoint, on_step=on_step,
                      **TINY_SETTINGS)
    numbers = [*model.state_dict().values(), *history.theta, torch.tensor(history.step_loss)]
    content = b"".join(number.numpy().tobytes() for number in numbers)
    print(hashlib.sha256(content).hexdigest(), len(history.accuracy), flush=True)
    os._exit(0)

draw, kills = random.Random(7), []
moments = ["a step", "half written", "not yet on the disk", "not yet renamed", "just renamed"]
for moment in draw.sample(KILLS // 5 * moments, KILLS):
    kills.append(live(moment, draw.randint(1, 7) if moment == "a step" else draw.randint(1, 2)))
print(kills == KILLS * [signal.SIGKILL])
live("the end", 0)
live("the end", 0, checkpoint=None)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_a_run_killed_twenty_times_ends_as_one_that_was_not_bit_for_bit(tmp_path):
    file = tmp_path / "run.pt"
    code = KILLED_AGAIN_AND_AGAIN.format(here=str(Path(__file__).parents[1]), file=str(file))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    all_were_killed, resumed, unbroken = done.stdout.splitlines()
    assert all_were_killed == "True" and resumed == unbroken and unbroken.endswith(" 26")
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]  # nothing is left of the dead
