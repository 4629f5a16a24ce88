"""On a GPU, one launch for a whole training step instead of some hundreds."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor


class CudaGraphStep:
    """A training step recorded as a CUDA graph, which the GPU then repeats by itself.

    A step of a small network is some hundreds of kernels, each over in microseconds; the GPU waits
    for Python most of the time. Recorded, they are started together. The first calls run as usual,
    since libraries then choose their algorithms and the optimiser makes its memory; these are true
    steps, too. Batches of another size, such as an epoch's last, always run as usual. Where a step
    cannot be recorded a warning says so, and all run as usual.

    Args:
        step: from images and labels on a GPU, and a loss weight that is always the same, to the
            loss, as `train_step`.
    """

    WARM_UP_STEPS = 3

    def __init__(self, step: Callable[[Tensor, Tensor, float], Tensor]):
        """See the class."""
        self.step, self.calls, self.graph, self.recordable = step, 0, None, True

    def __call__(self, images: Tensor, labels: Tensor, loss_weight: float = 1.0) -> Tensor:
        """The loss of a step on these images."""
        self.calls += 1
        if self.calls <= self.WARM_UP_STEPS or not self.recordable:
            return self.step(images, labels, loss_weight)
        if self.graph is None and not self._record(images, labels, loss_weight):
            return self.step(images, labels, loss_weight)
        if images.shape != self.images.shape:
            return self.step(images, labels, loss_weight)
        self.images.copy_(images)
        self.labels.copy_(labels)
        self.graph.replay()
        return self.loss.clone()

    def _record(self, images: Tensor, labels: Tensor, loss_weight: float) -> bool:
        """Record the step, which does not run it; whether that was possible."""
        self.images, self.labels = images.clone(), labels.clone()
        try:
            graph = torch.cuda.CUDAGraph()
            # Other threads, a live picture's, say, may use the GPU meanwhile.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self.loss = self.step(self.images, self.labels, loss_weight)
        except RuntimeError as error:
            self.recordable = False
            reason = str(error).splitlines()[0]
            warnings.warn(
                f"this step cannot be recorded as a CUDA graph ({reason}): the training goes on, "
                "each step launched kernel by kernel",
                stacklevel=2,
            )
            return False
        self.graph = graph
        return True
