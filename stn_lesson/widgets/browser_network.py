"""A small network written out for the browser, which computes it as `network.js` says."""

import torch
from torch import Tensor, nn

from stn_lesson.networks.eight_bits import rounded, to_eight_bits
from stn_lesson.networks.pointing import SpatialSoftArgmax
from stn_lesson.sampler import sample
from stn_lesson.transformer import evaluating, find_transformer

MAX_WEIGHTS = 400_000  # more would make a notebook or a page wait
MAX_DIFFERENCE = 1e-4  # between the class scores of a network and of its layers one by one


def browser_network(model: nn.Module, side: int) -> dict:
    """A network's layers and weights for the browser, or {} if the browser cannot compute it.

    It can if the network is a classifier behind one affine transformer, both of layers that stand
    in a row: convolutions without stride, poolings, ReLU, linear layers, a spatial soft-argmax.

    Args:
        model: a network with a `SpatialTransformer`, for images (N, 1, side, side).
        side: of the images in pixels.

    Returns:
        {"localisation": layers, "classifier": layers, "weights": bytes, "exponents": [int, ...]}.
        Where 8 bits change no weight, as in the networks that come with the lesson, the bytes are
        whole numbers, and each row of them has its exponent of two; else they are floats of 32
        bits, and there are no exponents.

    >>> from stn_lesson.networks import RecipeSTN
    >>> [layer["kind"] for layer in browser_network(RecipeSTN(), 60)["localisation"]][:3]
    ['max_pool', 'conv', 'relu']
    >>> browser_network(RecipeSTN().half(), 60)
    {}
    """
    transformer, classifier = find_transformer(model), getattr(model, "classifier", None)
    affine = transformer.family.name == "affine" and transformer.limit is None
    if not affine or not isinstance(classifier, nn.Module):
        return {}
    halves = {"localisation": _leaves(transformer.localisation), "classifier": _leaves(classifier)}
    layers = {name: [_layer(leaf) for leaf in leaves] for name, leaves in halves.items()}
    leaves = [leaf for half in halves.values() for leaf in half]
    tensors = [tensor.detach().cpu() for leaf in leaves for tensor in leaf.parameters()]
    known = all(layer for half in layers.values() for layer in half)
    fits = sum(tensor.numel() for tensor in tensors) <= MAX_WEIGHTS
    if not known or not fits or any(tensor.dtype != torch.float32 for tensor in tensors):
        return {}
    if not _in_a_row(model, transformer, halves, side):
        return {}
    return layers | _written(tensors)


def _written(tensors: list[Tensor]) -> dict:
    """Weights, one tensor after the other, in 8 bits where that changes none of them."""
    if not all(rounded(tensor).equal(tensor) for tensor in tensors):
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        return {"weights": flat.numpy().tobytes(), "exponents": []}
    numbers, exponents = zip(*map(to_eight_bits, tensors), strict=True)
    flat = torch.cat([rows.flatten() for rows in numbers])
    return {"weights": flat.numpy().tobytes(), "exponents": torch.cat(exponents).tolist()}


def _leaves(module: nn.Module) -> list[nn.Module]:
    """The layers of a module, in the order in which they are registered."""
    return [leaf for leaf in module.modules() if not any(leaf.children())]


def _layer(module: nn.Module) -> dict | None:
    """What the browser must know of a layer besides its weights; None if it does not know it."""
    match module:
        case nn.Conv2d(stride=(1, 1), dilation=(1, 1), groups=1, padding_mode="zeros") if (
            module.bias is not None and module.padding != "same"
        ):
            shape = list(module.weight.shape)
            return {"kind": "conv", "shape": shape, "padding": list(module.padding)}
        case nn.Linear() if module.bias is not None:
            return {"kind": "linear", "shape": list(module.weight.shape)}
        case nn.MaxPool2d(padding=0, dilation=1, ceil_mode=False):
            return _pooling("max_pool", module)
        case nn.AvgPool2d(padding=0, ceil_mode=False):
            return _pooling("mean_pool", module)
        case SpatialSoftArgmax():
            return {"kind": "soft_argmax", "inverse_temperature": module.inverse_temperature}
        case nn.ReLU():
            return {"kind": "relu"}
        case nn.Flatten() | nn.Dropout() | nn.Dropout2d():
            return {"kind": "nothing"}
    return None


def _pooling(kind: str, module: nn.Module) -> dict | None:
    size = module.kernel_size
    return {"kind": kind, "size": size} if isinstance(size, int) and module.stride == size else None


@torch.no_grad()
def _in_a_row(model: nn.Module, transformer: nn.Module, halves: dict, side: int) -> bool:
    """Whether the layers one after the other give what the network gives, for a random scene."""
    scene = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    device = next(model.parameters()).device
    localisation, classifier = (nn.Sequential(*leaves) for leaves in halves.values())
    with evaluating(model):
        try:
            view = _view(transformer, localisation, scene.to(device))
            difference = classifier(view) - model(scene.to(device))
        except (RuntimeError, TypeError, ValueError):  # a layer gets what another should
            return False
    return difference.abs().max().item() < MAX_DIFFERENCE


def _view(transformer: nn.Module, localisation: nn.Module, scene: Tensor) -> Tensor:
    theta = transformer.family.theta(transformer.identity + localisation(scene))
    grid = transformer.family.grid(theta, *transformer.output_size(scene))
    return sample(scene, grid, transformer.kernel, transformer.padding)
