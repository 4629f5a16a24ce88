"""What there is to look at when one of the clinic's networks has been trained."""

from dataclasses import dataclass

from torch import Tensor, nn

from stn_lesson.training import History


@dataclass(frozen=True)
class Case:
    """A network after its training, and what there is to look at.

    Attributes:
        model: the trained network.
        history: of its training.
        first_theta: θ (N, 2, 3) of the test scenes before the training.
        theta: the same after it.
    """

    model: nn.Module
    history: History
    first_theta: Tensor
    theta: Tensor

    def __str__(self) -> str:
        """Accuracy, aim, and θ before and after: its mean over the scenes ± its spread."""
        lines = [self._result_in_words()]
        lines.append("θ, mean ± spread:  before the training            after it")
        several = min(1, len(self.theta) - 1)  # one scene alone spreads by 0
        for row in range(2):
            numbers = [
                f"{(of := theta[:, row, column]).mean():z5.2f} ± {of.std(correction=several):.2f}"
                for theta in (self.first_theta, self.theta)
                for column in range(3)
            ]
            lines.append("  ".join(numbers[:3]) + "  →  " + "  ".join(numbers[3:]))
        return "\n".join(lines)

    def _result_in_words(self) -> str:
        """What it reads, where it aims if that was measured, and when it was stopped."""
        history = self.history
        epochs = len(history.accuracy)
        if not epochs:
            return "stopped: no epoch finished"
        words = [f"reads {history.accuracy[-1]:.1%}", *map(str, history.aim[-1:])]
        if history.interrupted:
            words.append(f"stopped after {epochs} epoch{'s' * (epochs != 1)}")
        return "; ".join(words)
