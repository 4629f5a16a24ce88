"""Where tensors are made: on which device of this machine."""

import torch


def default_device() -> torch.device:
    """Cuda where there is one, else cpu (Apple's mps has no backward pass for the sampler)."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def check_device(
    device: torch.device | str | int | None, *, with_numbers: bool = True
) -> torch.device:
    """The device of that name, if this machine has it; the default one for None.

    Args:
        device: what was given.
        with_numbers: whether its tensors must hold numbers: those of "meta" do not.

    Raises:
        ValueError: it has none of that name.

    >>> check_device("cpu")
    device(type='cpu')
    """
    try:
        found = default_device() if device is None else torch.device(device)
        if found.type == "meta" and with_numbers:
            raise RuntimeError("its tensors hold no numbers")
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        reason = str(error).splitlines()[0].removesuffix(".")
        raise ValueError(
            f"device must be one that is here, such as {str(default_device())!r}, got {device!r}: "
            f"{reason}"
        ) from error
    return found


def where_to_make(device: torch.device | str | int | None) -> torch.device | None:
    """The device of a grid made anew: None leaves it to torch, and "meta" is one, too.

    Raises:
        ValueError: this machine has none of that name.

    >>> where_to_make(None), where_to_make("meta")
    (None, device(type='meta'))
    """
    if device is None or torch.compiler.is_compiling():
        return device
    return check_device(device, with_numbers=False)
