"""Checkpoints: what a run needs to go on after it was stopped or killed."""

import io
import zipfile
import zlib
from pathlib import Path

import torch

from stn_lesson.datasets import Split
from stn_lesson.files import checksum, read_whole, write_atomically

# A checkpoint is a zip file, as torch writes it, and its comment is the checksum of all before it.
_SEAL_LENGTH = len(checksum(b""))


class CheckpointError(RuntimeError):
    """A file is no checkpoint, or a damaged one, or belongs to another run."""


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written; the training goes on without it."""


def save_checkpoint(path: str | Path, state: dict) -> None:
    """Write the state of a run: nested dicts and lists of tensors, numbers and words.

    Raises:
        FileError: it cannot be written; what was there is as it was.
    """
    content = io.BytesIO()
    torch.save(state, content)
    write_atomically(path, _sealed(content.getvalue()))


def load_checkpoint(path: str | Path, settings: dict, model: torch.nn.Module) -> dict:
    """Read the state of a run, if it is a run with these settings of a network of this form.

    Nothing in the file is ever run (`weights_only=True`), and the model is left alone.

    Returns:
        What was saved, its tensors on the CPU.

    Raises:
        FileNotFoundError, FileError: there is no such file, or it cannot be read.
        CheckpointError: the file is damaged, or belongs to another run.
    """
    remedy = "delete it to start anew, or name another file"
    content = read_whole(path)
    try:
        _check_seal(content)
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        saved = state["settings"]
        shapes = {name: value.shape for name, value in state["model"].items()}
        network = state.get("network", str(model))
        other = {
            name: saved.get(name)
            for name in settings | saved
            if saved.get(name) != settings.get(name)
        }
    except Exception as error:  # torch raises many kinds for a damaged file
        kind = type(error).__name__
        raise CheckpointError(
            f"{path} is not a checkpoint of this lesson, or it is damaged ({kind}): {remedy}"
        ) from error
    if other:
        raise CheckpointError(f"{path} belongs to a run with other settings ({other}): {remedy}")
    expected = {name: value.shape for name, value in model.state_dict().items()}
    if shapes != expected or network != str(model):
        raise CheckpointError(f"{path} belongs to another network: {remedy}")
    return state


def fingerprint(split: Split) -> list[int]:
    """Checksums of a split's images and labels, to tell it from others."""
    checksums = []
    for values in (split.images, split.labels):
        total = 0
        for part in values.split(1000):  # those of a GPU need not come all at once
            total = zlib.crc32(part.contiguous().cpu().numpy(), total)
        checksums.append(total)
    return checksums


def _sealed(content: bytes) -> bytes:
    """A zip file with its checksum as its comment; other programs read it as before."""
    body = content[:-2] + _SEAL_LENGTH.to_bytes(2, "little")  # the length of the comment
    return body + checksum(body).encode()


def _check_seal(content: bytes) -> None:
    """Raise an error for a file that is not as it was written."""
    body, seal = content[:-_SEAL_LENGTH], content[-_SEAL_LENGTH:]
    if checksum(body).encode() != seal:
        raise zipfile.BadZipFile("its checksum is another")
