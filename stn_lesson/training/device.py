"""What this machine trains on: which device, and in which precision."""

import torch

PRECISIONS = ("float32", "bfloat16")


def default_device() -> torch.device:
    """Cuda where there is one, else cpu (Apple's mps has no backward pass for the sampler)."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fastest_precision(device: torch.device | str) -> str:
    """The precision in which a device trains fastest: "bfloat16" if it multiplies in it.

    >>> fastest_precision("cpu") in PRECISIONS
    True
    """
    if torch.device(device).type == "cuda":
        supported = torch.cuda.is_bf16_supported(including_emulation=False)
    else:  # an older torch cannot tell: then float32, which is right everywhere
        capabilities = getattr(torch.cpu, "get_capabilities", dict)()
        supported = capabilities.get("avx512_bf16", False) or capabilities.get("amx_bf16", False)
    return "bfloat16" if supported else "float32"
