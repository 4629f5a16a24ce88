"""Several processes that train one model together, on one machine or on many.

`torchrun` starts them, each with a number (its rank). All hold the same model and the same images.
Of every batch each takes its share, and their gradients are averaged before each step, so that the
models stay equal and the run is that of one process.
"""

import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.distributed import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from stn_lesson.device import default_device


@dataclass(frozen=True)
class ProcessGroup:
    """This process among those that train together.

    Attributes:
        rank: its number, from 0.
        world_size: how many there are.
    """

    rank: int = 0
    world_size: int = 1

    @classmethod
    def current(cls) -> "ProcessGroup":
        """The group that this process belongs to; one alone where nobody started several.

        >>> ProcessGroup.current()
        ProcessGroup(rank=0, world_size=1)
        """
        if not (distributed.is_available() and distributed.is_initialized()):
            return cls()
        return cls(distributed.get_rank(), distributed.get_world_size())

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files, draws bars and warns."""
        return self.rank == 0

    def data_parallel(self, model: nn.Module) -> nn.Module:
        """The model, its gradients averaged over the processes; itself where there is but one."""
        return model if self.world_size == 1 else DistributedDataParallel(model)

    def shard(self, batch: Tensor) -> Tensor:
        """This process's part of a batch; where none is left for it, one that counts for nothing.

        All processes must take the step, for they wait for each other's gradients.

        >>> ProcessGroup(rank=1, world_size=2).shard(torch.arange(5))
        tensor([1, 3])
        """
        return batch[self.rank :: self.world_size] if self.rank < len(batch) else batch[:1]

    def loss_weight(self, batch: Tensor) -> float:
        """What to multiply a shard's mean loss by, so that the mean over processes is the batch's.

        >>> ProcessGroup(rank=1, world_size=2).loss_weight(torch.arange(5))  # 2 of 5, not half
        0.8
        """
        return self.world_size * len(batch[self.rank :: self.world_size]) / len(batch)

    def mean(self, losses: Tensor) -> Tensor:
        """The mean over the processes of numbers that each has computed for itself."""
        if self.world_size > 1:
            distributed.all_reduce(losses)
            losses = losses / self.world_size
        return losses


@contextmanager
def torchrun_process_group() -> Iterator[torch.device]:
    """Join the other processes if torchrun started this one; gives the device to train on.

    Processes with a GPU each talk by NCCL, others by gloo. Where one of them is killed the others
    end, too; one of these says so.
    """
    if "LOCAL_RANK" not in os.environ:
        yield default_device()
        return
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    store, rank, world_size = next(rendezvous("env://"))
    # After a restart the store still holds the addresses of those who died: look under a new name.
    store = PrefixStore(f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, store=store, rank=rank, world_size=world_size)
    if backend == "gloo":  # a process that waits for its GPU could not answer
        signal.signal(signal.SIGTERM, _end)
    try:
        yield device
    except (RuntimeError, _TorchrunEnds) as error:
        if not isinstance(error, _TorchrunEnds) and not _LOST.search(str(error)):
            raise
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it has been heard
        _tell_once(store)
        raise SystemExit(1) from None
    finally:
        distributed.destroy_process_group()


class _TorchrunEnds(SystemExit):
    """Torchrun has told this process to end, for another one has died."""


def _end(signal_number, frame) -> None:
    raise _TorchrunEnds(1)


def _tell_once(store: PrefixStore) -> None:
    """Say that the training has ended, unless another process has said so."""
    try:
        is_first = store.add("told", 1) == 1
    except RuntimeError:  # the store is gone, too
        is_first = True
    if is_first:
        print(
            "A process of this training was killed, and the others end with it: the same command "
            "goes on from the last checkpoint.",
            file=sys.stderr,
            flush=True,
        )


# In the errors of gloo and NCCL when the process at the other end is gone.
_LOST = re.compile("gloo|nccl|connection|peer|socket", re.IGNORECASE)
