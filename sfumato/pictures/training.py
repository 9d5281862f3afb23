"""What can be chosen about a training on one's own pictures."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple

from ..errors import UserError, in_range
from ..training import LoopOptions, check_intervals


@dataclass
class Training:
    """How to train; what decides the weights, and how often they are looked at."""

    loop: LoopOptions = field(default_factory=lambda: LoopOptions(steps=20_000, batch_size=32))
    minutes: Optional[float] = None
    """Of training, in place of steps; the learning rate falls in the last of them."""
    muon_lr: float = 0.02
    """Peak learning rate of the convolutions inside a UNet (Muon)."""
    adam_lr: float = 1e-3
    """Peak learning rate of everything else (AdamW)."""
    hidden: float = 0.1
    """Share of labels hidden, for guidance."""
    even: bool = True
    """Draw every class equally often; else every picture."""
    flip: bool = False
    """Mirror every second picture."""
    turn: bool = False
    """Turn pictures by quarters at random: for what has no up, such as pictures from above. Squares only."""
    time_focus: Optional[Tuple[float, float]] = (0.0, 1.0)
    """Mean and standard deviation of the logit of the training times' share of the way (Esser et al. 2024, eq. 19), or
    None for all times alike."""
    precision: str = "auto"
    """auto, fp32, bf16 or fp16."""
    save_every: int = 250
    """Steps between saved states."""
    look_every: int = 500
    """Steps between sheets and held-out losses; 0 for never."""

    def check(self) -> None:
        """Refuse what cannot be trained with; the Trainer checks the loop.

        Raises:
            UserError: naming the setting.
        """
        check_intervals(self)
        in_range(self, "hidden", 0, 1)
        for name in ("muon_lr", "adam_lr"):
            in_range(self, name, 0)
        if self.minutes is not None:
            in_range(self, "minutes", 0, above=True)
        focus = self.time_focus
        if focus is not None and (not all(map(math.isfinite, focus)) or focus[1] <= 0):
            raise UserError(f"time_focus must be a mean and a deviation above 0, got {focus}")

    def settings(self) -> Dict[str, Any]:
        """What decides the weights."""
        looks = ("precision", "save_every", "look_every")
        chosen = {name: value for name, value in dataclasses.asdict(self).items() if name not in looks}
        if self.minutes is not None:
            chosen["loop"]["steps"] = "as the minutes allow"
        return chosen
