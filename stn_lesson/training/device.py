"""How a device trains fastest: in which precision, and with weights in which order."""

import torch
from torch import nn

PRECISIONS = ("float32", "bfloat16")


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


def channels_last(model: nn.Module) -> nn.Module:
    """The model itself, its weights of convolutions stored with the channels last: the fast order.

    Those in two dimensions alone: torch has another order for volumes, which gains nothing here.

    >>> channels_last(nn.Conv2d(2, 4, 3)).weight.is_contiguous(memory_format=torch.channels_last)
    True
    """
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return model
