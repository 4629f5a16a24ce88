"""Records: what a run leaves in data/results, and how it is read again."""

import json
import platform
import re
import statistics
import warnings
from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path

import torch

from stn_lesson.experiments.record_form import WRONG_FORM, check_trained, numbers_in_rows
from stn_lesson.files import (
    FileError,
    checksum,
    lesson_folder,
    locked,
    read_whole,
    user_folder,
    write_atomically,
)
from stn_lesson.training import Aim, History, Settings

RECORD_BYTES = 2**20  # as large as a record may become
_SEAL = "checksum"  # the key of it in a record's file


class RecordError(FileError):
    """A record is damaged; the message names its file."""


class RecordWarning(UserWarning):
    """A record cannot be read, and is passed over."""


def record_path(name: str) -> Path:
    """Where a record is written: results/<name>.json in `files.user_folder`."""
    return user_folder("results") / f"{name}.json"


def record_paths() -> dict[str, Path]:
    """All records by name: the user's own, those that come with the lesson, published ones."""
    return {path.stem: path for folder in _folders() for path in sorted(folder.glob("*.json"))}


def _folders() -> tuple[Path, ...]:
    """Where records are; of two of one name, that in the later folder counts."""
    return lesson_folder() / "reference", lesson_folder() / "results", user_folder("results")


def run_record(seed: int, history: History, keep_theta: bool) -> dict:
    """What a record keeps of one run; θ of the tracked digits only if asked, for it is large."""
    record = {
        "seed": seed,
        "accuracy": [round(a, 4) for a in history.accuracy],
        "loss": [round(loss, 4) for loss in history.loss],
        "outside": [round(share, 4) for share in history.outside],
        "training_seconds": round(history.seconds[-1], 1),
        "collapsed_at": history.collapsed_at,
        "silent_at": history.silent_at,
    }
    if history.aim:
        record["aim"] = _aim_record(history.aim)
    if keep_theta and history.theta:
        thetas = torch.stack(history.theta).flatten(2).tolist()
        record["theta"] = [[[round(t, 4) for t in theta] for theta in epoch] for epoch in thetas]
    return record


def _aim_record(aims: list[Aim]) -> dict:
    """What a record keeps of the aim: for each figure a list of its values after each epoch."""
    record = {}
    for field in fields(Aim):
        values = [getattr(aim, field.name) for aim in aims]
        if isinstance(values[0], tuple):
            for axis, column in zip("xy", zip(*values, strict=True), strict=True):
                record[f"{field.name}_{axis}"] = [round(value, 3) for value in column]
        else:
            record[field.name] = [round(value, 4) for value in values]
    return record


def recorded_aim(run: dict) -> list[Aim]:
    """How a recorded run aimed after each epoch; empty if that was not measured."""
    record = run.get("aim", {})
    aims = []
    for epoch in range(len(record.get("found", []))):
        pairs = {
            name: (record[f"{name}_x"][epoch], record[f"{name}_y"][epoch])
            for name in ("slope", "spread")
        }
        others = {name: record[name][epoch] for name in ("found", "area", "theta_spread")}
        aims.append(Aim(**pairs, **others))
    return aims


def write_record(path: Path, record: dict) -> None:
    """Write a record as JSON, with a checksum of all that it says.

    Raises:
        FileError: it cannot be written; what was there is as it was.
    """
    record = json.loads(json.dumps(record))  # as it will be read
    record.pop(_SEAL, None)  # of what it was before
    sealed = record | {_SEAL: _checksum_of(record)}
    text = numbers_in_rows(json.dumps(sealed, indent=1, ensure_ascii=False))
    write_atomically(path, text.encode())


def check_writable(name: str) -> None:
    """Raise a FileError where a record could not be written, before it is measured.

    Raises:
        FileError: there is no room, no right to write, or another process is writing it.
    """
    with locked(record_path(name), room=RECORD_BYTES):
        pass


def load_record(path: Path) -> dict:
    """A record from its file. Those that were written before there were checksums have none.

    Raises:
        FileNotFoundError, FileError: there is no such file, or it cannot be read.
        RecordError: it is damaged, or was changed by hand.
    """
    content = read_whole(path)
    try:
        record = json.loads(content.decode())
        sealed = b"sha256:" in content or f'"{_SEAL}"'.encode() in content
        if sealed and record.pop(_SEAL) != _checksum_of(record):
            raise ValueError("its checksum is another")
        if not isinstance(record, dict):
            raise ValueError("it is no record")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise RecordError(
            f"{path} is damaged, or was changed after it was written ({type(error).__name__}: "
            f"{error}): move it away to measure anew"
        ) from error
    return record


def _checksum_of(record: dict) -> str:
    """The checksum of what a record says, however its file sets it out."""
    return checksum(json.dumps(record, sort_keys=True).encode())


def recorded_history(record: dict, run: int = 0) -> History:
    """A run of a record as a `History`, as far as it was recorded: θ only for the first seed.

    >>> history = recorded_history(read_record("recipe-digits-recipe_stn"))
    >>> len(history.accuracy)
    14
    """
    recorded = record["runs"][run]
    return History(
        loss=recorded["loss"],
        accuracy=recorded["accuracy"],
        theta=[torch.tensor(epoch).view(-1, 2, 3) for epoch in recorded.get("theta", [])],
        outside=recorded["outside"],
        seconds=[recorded["training_seconds"]],
        aim=recorded_aim(recorded),
        collapsed_at=recorded.get("collapsed_at"),
        silent_at=recorded.get("silent_at"),
    )


def recorded_runs(path: Path, description: dict, device: torch.device) -> list[dict]:
    """The runs that a record holds already; none if there is no such file.

    Args:
        path: of the record.
        description: what its head must say of how it was made. A setting that is newer than the
            record was at its default there.
        device: the one that would measure further runs.

    Raises:
        FileExistsError: the record was made in another way or on another device.
        FileError: it cannot be read, or is damaged.
    """
    if not path.exists():
        return []
    record = load_record(path)
    record["settings"] = asdict(Settings()) | record.get("settings", {})
    expected = description | {"settings": asdict(Settings()) | description.get("settings", {})}
    different = [key for key, value in expected.items() if record.get(key) != value]
    if different:
        differences = ", ".join(different)
        raise FileExistsError(f"{path} differs in {differences}: delete it to measure anew")
    here = device_name(device)
    if record.get("device") != here:
        raise FileExistsError(
            f"{path} was measured on {record.get('device')}, and this is {here}; a record is of "
            "one device: go on there, or move the file away to measure all of it here"
        )
    return record["runs"]


def device_name(device: torch.device) -> str:
    """A device as records name it: "cpu (x86_64)", or "cuda" and the name of the GPU."""
    model = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return f"{device.type} ({model})"


def checkpoint_name(run: str, device: torch.device) -> str:
    """The file name of a run's checkpoint; it has the device in it, for no other may go on.

    >>> checkpoint_name("recipe-digits-recipe_stn-seed0", torch.device("cpu"))
    'recipe-digits-recipe_stn-seed0-cpu_....pt'
    """
    return f"{run}-{re.sub(r'[^A-Za-z0-9]+', '_', device_name(device)).strip('_')}.pt"


def cached_checkpoint(run: str, device: torch.device) -> Path:
    """Where a run that is not done keeps its checkpoint."""
    return user_folder("cache") / checkpoint_name(run, device)


def provenance(device: torch.device) -> dict:
    """Where and when a figure was measured."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def read_record(name: str) -> dict:
    """A record by name: the user's own, else one that comes with the lesson, or a published one.

    Raises:
        FileNotFoundError: there is none of that name.
        FileError: it cannot be read, or is damaged.
    """
    paths = record_paths()
    if name not in paths:
        known = ", ".join(sorted(paths)) or "none"
        raise FileNotFoundError(f"there is no record {name!r}; there are {known}")
    return load_record(paths[name])


def find_record(name: str, read: Callable[[dict], object] = check_trained) -> dict | None:
    """A record by name, if a table can be made of it.

    One that cannot be read is passed over, with a `RecordWarning`; if it is the user's own, the
    lesson's stands in for it.

    Args:
        name: of the record.
        read: reads in it what the table will; where that raises `WRONG_FORM`, it is damaged.

    Returns:
        the record; None where there is none.
    """
    for path in (folder / f"{name}.json" for folder in reversed(_folders())):
        try:
            record = load_record(path)
            read(record)
            return record
        except FileNotFoundError:
            continue
        except FileError as error:
            message = str(error)
        except WRONG_FORM as error:
            reason = f"{type(error).__name__}: {error}"
            message = f"{path} is damaged ({reason}): {name} is left out; move it away"
        warnings.warn(RecordWarning(message), stacklevel=2)
    return None


def seeds_in_words(count: int) -> str:
    """How many seeds: "1 seed", "2 seeds"."""
    return f"{count} seed{'s' * (count != 1)}"


def summary(record: dict) -> str:
    """One line: test accuracy in the last epoch over the seeds, and how long the training took."""
    last = [100 * run["accuracy"][-1] for run in record["runs"]]
    seconds = statistics.median(run["training_seconds"] for run in record["runs"])
    collapsed = sum(run.get("collapsed_at") is not None for run in record["runs"])
    epochs = len(record["runs"][0]["accuracy"])
    return (
        f"{record['network']} on {record['data'].split(':')[0]}: "
        f"test accuracy {statistics.mean(last):.1f} % ({min(last):.1f} to {max(last):.1f}, "
        f"{seeds_in_words(len(last))}, {collapsed} collapsed), {epochs} epochs, "
        f"{seconds:.0f} s of training on {record['device']}"
    )
