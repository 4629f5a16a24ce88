"""What a training run leaves to look at."""

from dataclasses import dataclass, field

from torch import Tensor

from stn_lesson.training.aim import Aim


@dataclass
class History:
    """What happened in a training run.

    Attributes:
        step_loss: training loss of every step.
        loss: mean training loss of every epoch.
        accuracy: test accuracy after every epoch, from 0 to 1.
        theta: after every epoch, θ of the first 32 test digits (32, 2, 3); empty for a network
            without a transformer.
        outside: after every epoch, the share of those digits' samples that fall outside.
        aim: after every epoch, how the frames lie to the test digits; empty where there is nothing
            to measure (see `measure_aim`).
        seconds: time spent training so far, after every epoch; evaluation is not counted.
        collapsed_at: the step at which the watch said that the training has collapsed, or None.
        silent_at: the step at which it said that θ is the same for all images, or None.
        interrupted: whether the run was stopped by hand.
    """

    step_loss: list[float] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    theta: list[Tensor] = field(default_factory=list)
    outside: list[float] = field(default_factory=list)
    aim: list[Aim] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    collapsed_at: int | None = None
    silent_at: int | None = None
    interrupted: bool = False

    def stop(self) -> None:
        """Note that the run was stopped, and drop what an epoch has entered that did not end."""
        self.interrupted = True
        for entries in (self.loss, self.theta, self.outside, self.aim, self.seconds):
            del entries[len(self.accuracy) :]  # the accuracy is entered last

    def __repr__(self) -> str:
        """One line, rounded, to print in a notebook."""
        if not self.accuracy:
            return "History: no epoch finished"
        words = (
            f"History: {len(self.accuracy)} epochs, loss {self.loss[-1]:.3f}, "
            f"test accuracy {self.accuracy[-1]:.3f}, {self.seconds[-1]:.0f} s of training"
        )
        return f"{words}; {self.aim[-1]}" if self.aim else words
