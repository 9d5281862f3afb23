"""What can be chosen about a training on labelled pictures."""

from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple

from ..errors import UserError
from ..options import number
from ..training import AlignedLoop, AlignedOptions
from .data import HELD_OUT


@dataclass
class Training(AlignedOptions):
    """How to train on pictures; what decides the weights, and how often they are looked at."""

    loop: AlignedLoop = field(default_factory=lambda: AlignedLoop(steps=20_000, batch_size=32))
    hidden: float = number(0.1, 0, 1)
    """Share of labels hidden, for guidance."""
    even: bool = True
    """Draw every class equally often; else every picture."""
    flip: bool = False
    """Mirror every second picture."""
    turn: bool = False
    """Turn pictures by quarters at random: for what has no up, such as pictures from above. Squares only."""
    time_focus: Optional[Tuple[float, float]] = number((0.0, 1.0))
    """Mean and standard deviation of the logit of the training times' share of the way (Esser et al. 2024, eq. 19), or
    None for all times alike."""
    held_out: int = number(HELD_OUT, 0)
    """Pictures that are not learned from, at most a tenth: the loss on them is measured at every look."""
    weak_at: int = number(0, 0)
    """Step whose mean weights the finished file keeps too, as the weak network that --weak-scale guides by when
    painting; the file is then twice as large. 1,500 of 9,000 steps are good for digits; 0 keeps none."""

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            UserError: naming the setting.
        """
        super().check()
        if self.time_focus is not None and self.time_focus[1] <= 0:
            raise UserError(f"--time-focus must be a mean and a deviation above 0, got {self.time_focus}")
        if self.minutes is None and self.weak_at >= self.loop.steps:
            raise UserError(f"--weak-at must be below --steps ({self.loop.steps:,}), got {self.weak_at:,}")

    def settings(self) -> Dict[str, Any]:
        """What decides the weights; a weak network only where one is kept."""
        chosen = super().settings()
        return chosen if self.weak_at else {name: value for name, value in chosen.items() if name != "weak_at"}
