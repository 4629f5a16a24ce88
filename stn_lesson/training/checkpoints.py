"""Checkpoints: what a run needs to go on after it was stopped or killed."""

from pathlib import Path

import torch

from stn_lesson.files import write_atomically


class CheckpointError(RuntimeError):
    """A file is no checkpoint, or belongs to another run."""


def save_checkpoint(path: str | Path, state: dict) -> None:
    """Write the state of a run: nested dicts and lists of tensors, numbers and words."""
    write_atomically(path, lambda file: torch.save(state, file))


def load_checkpoint(path: str | Path, settings: dict, model: torch.nn.Module) -> dict:
    """Read the state of a run, if it is a run with these settings of a network of this form.

    Nothing in the file is ever run (`weights_only=True`), and the model is left alone.

    Raises:
        CheckpointError: the file is damaged, or belongs to another run.
    """
    remedy = "delete it to start anew, or name another file"
    try:
        device = next(model.parameters()).device
        state = torch.load(path, map_location=device, weights_only=True)
        saved = state["settings"]
        shapes = {name: value.shape for name, value in state["model"].items()}
    except Exception as error:  # torch raises many kinds for a damaged file
        kind = type(error).__name__
        raise CheckpointError(
            f"{path} is not a checkpoint of this lesson ({kind}): {remedy}"
        ) from error
    other = {
        name: saved.get(name) for name in settings | saved if saved.get(name) != settings.get(name)
    }
    if other:
        raise CheckpointError(f"{path} belongs to a run with other settings ({other}): {remedy}")
    if shapes != {name: value.shape for name, value in model.state_dict().items()}:
        raise CheckpointError(f"{path} belongs to another network: {remedy}")
    return state
