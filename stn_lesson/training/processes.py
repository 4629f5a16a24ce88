"""Several processes that train one model together, on one machine or on many.

`torchrun` starts them, each with a number (its rank). All hold the same model and the same images.
Of every batch each takes its share, and their gradients are averaged before each step, so that the
models stay equal and the run is that of one process.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.distributed import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Workers:
    """This process among those that train together.

    Attributes:
        rank: its number, from 0; the first alone writes files and draws bars.
        count: how many there are.
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def here(cls) -> "Workers":
        """Those that this process belongs to; one alone where nobody started several.

        >>> Workers.here()
        Workers(rank=0, count=1)
        """
        if not (distributed.is_available() and distributed.is_initialized()):
            return cls()
        return cls(distributed.get_rank(), distributed.get_world_size())

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def joined(self, model: nn.Module) -> nn.Module:
        """The model, its gradients averaged over the workers; itself where there is but one."""
        return model if self.count == 1 else DistributedDataParallel(model)

    def part(self, batch: Tensor) -> Tensor:
        """This worker's part of a batch.

        >>> Workers(rank=1, count=2).part(torch.arange(5))
        tensor([1, 3])
        """
        return batch[self.rank :: self.count]

    def share(self, batch: Tensor) -> float:
        """What to multiply a part's mean loss by, so that the mean over workers is the batch's.

        >>> Workers(rank=1, count=2).share(torch.arange(5))  # 2 of 5, where half is expected
        0.8
        """
        return self.count * len(self.part(batch)) / len(batch)

    def mean(self, losses: Tensor) -> Tensor:
        """The mean over the workers of numbers that each has computed for itself."""
        if self.count > 1:
            distributed.all_reduce(losses)
            losses = losses / self.count
        return losses


@contextmanager
def started_by_torchrun() -> Iterator[torch.device]:
    """Join the other processes if torchrun started this one; gives the device to train on.

    Processes with a GPU each talk by NCCL, others by gloo.
    """
    if "LOCAL_RANK" not in os.environ:
        yield torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    store, rank, count = next(rendezvous("env://"))
    # After a restart the store still holds the addresses of those who died: look under a new name.
    store = PrefixStore(f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, store=store, rank=rank, world_size=count)
    try:
        yield device
    finally:
        distributed.destroy_process_group()
