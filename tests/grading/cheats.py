"""Answers of bad will: what they change of the reference, and what comes of it.

(the task, a name, the cell, what must be said of it), the task only where it is not always the same
"""

GRID_SAMPLE = "calls grid_sample"
NO_PROGRAM = "no other program can be started"
READ_BY = "def bilinear_sample(image, grid):\n    return {}\n"


def reads_by(expression, before=""):
    """A sampler that is one expression."""
    return before + READ_BY.format(expression)


IN_ANOTHER_THREAD = """
import threading
def bilinear_sample(image, grid):
    found = []
    thread = threading.Thread(target=lambda: found.append(
        torch.grid_sampler(image, grid, 0, 0, True)))
    thread.start()
    thread.join()
    return found[0]
"""
IN_A_FUNCTION_OF_ITS_OWN = """
class Read(torch.autograd.Function):
    @staticmethod
    def forward(ctx, image, grid):
        ctx.save_for_backward(image, grid)
        return torch.ops.aten.grid_sampler_2d(image, grid, 0, 0, True)
    @staticmethod
    def backward(ctx, gradient):
        image, grid = ctx.saved_tensors
        both = [True, True]
        backward = torch.ops.aten.grid_sampler_2d_backward
        return backward(gradient, image, grid, 0, 0, True, both)
def bilinear_sample(image, grid): return Read.apply(image, grid)
"""
BY_ANOTHER_PROGRAM = """
import subprocess, sys
def bilinear_sample(image, grid):
    done = subprocess.run([sys.executable, "-c", "import torch"], capture_output=True)
    return torch.zeros(1)
"""
AFTER_A_FORK = """
import multiprocessing.util, os, sys
def bilinear_sample(image, grid):
    program = [sys.executable, "-c", "print(1)"]
    process = multiprocessing.util.spawnv_passfds(sys.executable.encode(), program, [])
    assert os.waitpid(process, 0)[1] == 0, "the other program did not start"
    return torch.zeros(1)
"""
KERNELS_BACK = """
import gc
for found in gc.get_objects():
    if type(found).__name__ in ("_DispatchModule", "Library"):
        for end in ("_destroy", "reset"):
            getattr(found, end, lambda: None)()
torch.library._impls.clear()
"""
OF_THE_LESSON = """
import inspect, types
def bilinear_sample(image, grid):
    lesson = inspect.unwrap(stn.sampler.bilinear_sample)
    copied = types.FunctionType(lesson.__code__, lesson.__globals__)
    return copied(image, grid, "zeros")
"""
IN_MEMORY = """
import gc, types
def bilinear_sample(image, grid):
    for found in gc.get_objects():
        if isinstance(found, types.FunctionType) and found.__name__ == "bilinear_sample":
            if found is not bilinear_sample:
                return found(image, grid)
    raise LookupError("nothing is left in memory")
"""
IN_FILES = """
import os
def bilinear_sample(image, grid):
    for folder, folders, files in os.walk("/"):
        folders[:] = set(folders) - {"dev", "proc", "usr", "lib", "lib64", "bin", "sbin", "etc"}
        for file in files:
            if file in ("reference.py", "visible_checks.json"):
                return exec(open(os.path.join(folder, file)).read())
    raise LookupError("nothing is left in files")
"""
LABELS_IN_ORDER = """
digits = scenes(1)
class KnowsTheLabels(nn.Module):
    def __init__(self):
        super().__init__()
        self.localisation = nn.Sequential(nn.Flatten(), nn.Linear(48 * 48, 6))
        self.start = 0
    def forward(self, images):
        labels = torch.cat([digits.test.labels] * 9)[self.start :][: len(images)]
        self.start += len(images)
        return nn.functional.one_hot(labels, 10).float()
model = KnowsTheLabels()
"""
LOOKS_BUT_READS_LABELS = """
trained = model
class Looks(nn.Module):
    def __init__(self):
        super().__init__()
        self.transformer, self.start = trained[0], 0
    def forward(self, images):
        self.transformer(images)
        labels = torch.cat([scenes(1).test.labels] * 9)[self.start :][: len(images)]
        self.start += len(images)
        return nn.functional.one_hot(labels, 10).float()
model = Looks()
"""
LOOKS_ELSEWHERE = """
trained = model
class Pretends(nn.Module):
    def __init__(self):
        super().__init__()
        self.localisation = trained[0].localisation
    def forward(self, images):
        self.localisation(images)
        return nn.functional.interpolate(images, (20, 20))
model = nn.Sequential(Pretends(), trained[1])
"""
HELD_STILL = """
for parameter in model[0].localisation.parameters():
    parameter.data.zero_()
"""
F = "nn.functional"
SAMPLER_CHEATS = [
    ("grid_sample", reads_by(f"{F}.grid_sample(image, grid, align_corners=True)"), GRID_SAMPLE),
    ("under another name", reads_by("look(image, grid)", f"look = {F}.grid_sample\n"), GRID_SAMPLE),
    ("torch.grid_sampler", reads_by("torch.grid_sampler(image, grid, 0, 0, True)"), GRID_SAMPLE),
    ("the operator", reads_by("torch.ops.aten.grid_sampler_2d(image, grid, 0, 0, True)"),
     GRID_SAMPLE),
    ("in three dimensions", reads_by(
        f"{F}.grid_sample(image[:, :, None], torch.cat([grid, 0 * grid[..., :1]], -1)[:, None], "
        "align_corners=True)[:, :, 0]"), GRID_SAMPLE),
    ("the fallback", reads_by("torch._grid_sampler_2d_cpu_fallback(image, grid, 0, 0, True)"),
     GRID_SAMPLE),
    ("getattr and letters turned round", reads_by(
        "getattr(torch, 'relpmas_dirg'[::-1])(image, grid, 0, 0, True)"), GRID_SAMPLE),
    ("partial", reads_by("look(image, grid)", "import functools\n"
     "look = functools.partial(torch.grid_sampler_2d, interpolation_mode=0, padding_mode=0, "
     "align_corners=True)\n"), GRID_SAMPLE),
    ("in another thread", IN_ANOTHER_THREAD, GRID_SAMPLE),
    ("an autograd function of its own", IN_A_FUNCTION_OF_ITS_OWN, GRID_SAMPLE),
    ("vmap", reads_by("torch.func.vmap(lambda i, g: torch.grid_sampler(i[None], g[None], 0, 0, "
     "True)[0])(image, grid)"), GRID_SAMPLE),
    ("a decomposition", reads_by(
        "torch._decomp.decomposition_table[torch.ops.aten.grid_sampler_2d.default]"
        "(image, grid, 0, 0, True)"), "calls a decomposition"),
    ("with sys.setprofile off", reads_by("torch.grid_sampler(image, grid, 0, 0, True)",
     "import sys\nsys.setprofile(None)\n"), GRID_SAMPLE),
    ("caught", "def bilinear_sample(image, grid):\n    try:\n"
     "        return torch.grid_sampler(image, grid, 0, 0, True)\n    except Exception:\n"
     "        return image", GRID_SAMPLE),
    ("kernels brought back", reads_by("torch.grid_sampler(image, grid, 0, 0, True)", KERNELS_BACK),
     GRID_SAMPLE),
    ("another program", BY_ANOTHER_PROGRAM, NO_PROGRAM),
    ("a program after a fork", AFTER_A_FORK, "the other program did not start"),
    ("stn.sample", reads_by("stn.sample(image, grid)"), "calls sample"),
    ("stn.bilinear_sample", reads_by("stn.bilinear_sample(image, grid)"),
     "calls bilinear_sample"),
    ("imported from its module", reads_by("look(image, grid)",
     "from stn_lesson.sampler import bilinear_sample as look\n"), "calls bilinear_sample"),
    ("a copy of the lesson's code", OF_THE_LESSON, "calls bilinear_sample"),
    ("found in memory", IN_MEMORY, "bilinear_sample"),
    ("found in files", IN_FILES, "nothing is left in files"),
    ("scipy", reads_by("image", "import scipy.ndimage\n"), ""),
]  # fmt: skip
OTHER_CHEATS = [
    ("meshgrid", "stn.meshgrid", "meshgrid = stn.meshgrid", "calls meshgrid"),
    ("meshgrid", "affine_grid", "def meshgrid(h, w):\n    g = nn.functional.affine_grid("
     "torch.eye(2, 3)[None], (1, 1, h, w), align_corners=True).reshape(-1, 2).T\n"
     "    return torch.cat([g, torch.ones(1, h * w)])", "calls affine_grid"),
    ("warp", "stn.warp", "def warp(i, t, h, w): return stn.warp(i, t, (h, w))", "calls warp"),
    ("warp", "affine_grid and the sampler", "def warp(i, t, h, w):\n    return bilinear_sample(i, "
     "nn.functional.affine_grid(t, (len(t), 1, h, w), align_corners=True))", "calls affine_grid"),
    ("warp", "sampling_grid", "def warp(i, t, h, w):\n    return bilinear_sample(i, "
     "stn.sampling_grid(t, h, w))", "calls sampling_grid"),
    ("SpatialTransformer", "stn.SpatialTransformer", "SpatialTransformer = stn.SpatialTransformer",
     "calls SpatialTransformer"),
    ("SpatialTransformer", "a child of it", "class SpatialTransformer(stn.SpatialTransformer):\n"
     "    def __init__(self, localisation, size):\n"
     "        super().__init__(localisation, size=size)", "calls SpatialTransformer"),
]  # fmt: skip
NETWORK_CHEATS = [
    ("labels in their order", LABELS_IN_ORDER, 0, ""),
    ("a transformer that looks, and labels in their order", LOOKS_BUT_READS_LABELS, 0, "guessing"),
    ("views that are not those of θ", LOOKS_ELSEWHERE, 0, "is not what its θ shows"),
    ("a frame that stays where it is", HELD_STILL, 0, "follows 0.00 of the digit's way"),
]

# Looks for lines of code among files, in the memory of every process, and in what these were given.
LOOKS_FOR_LINES = """
import gc, os, sys, types
lines, found = {lines!r}, []
for folder, folders, files in os.walk("/"):
    folders[:] = set(folders) - {{"dev", "proc", "usr", "lib", "lib64", "bin", "sbin", "etc"}}
    for file in files:
        try:
            text = open(os.path.join(folder, file), encoding="utf-8").read(10**6)
        except (OSError, ValueError):  # ValueError: it is no text
            continue
        found += [folder + "/" + file + ": " + line for line in lines if line in text]
for process in os.listdir("/proc"):
    try:
        text = open("/proc/" + process + "/environ").read()
    except OSError:
        continue
    found += ["environ: " + word for word in ("stn_grading", "seed") if word in text]
functions = {{f for f in gc.get_objects() if isinstance(f, types.FunctionType)}}
for module in list(sys.modules.values()):
    functions |= {{f for f in vars(module).values() if isinstance(f, types.FunctionType)}}
for function in functions:
    if str(function.__module__).startswith("stn_") and function.__name__ in {names!r}:
        while hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        if "use smaller pieces" not in repr(function.__code__.co_consts):
            found.append("in memory: " + function.__name__)
raise RuntimeError("found: " + "; ".join(found))
"""
