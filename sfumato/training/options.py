"""What can be chosen about any training."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Dict, Optional

from ..errors import in_range
from .loop import LoopOptions


@dataclass
class TrainingOptions:
    """How to train, and how often to look."""

    loop: LoopOptions = field(default_factory=LoopOptions)
    minutes: Optional[float] = None
    """Of training, in place of steps; the learning rate falls in the last of them."""
    muon_lr: float = 0.02
    """Peak learning rate of the convolutions inside a network of ours (Muon)."""
    adam_lr: float = 1e-3
    """Peak learning rate of everything else (AdamW)."""
    precision: str = "auto"
    """auto, fp32, bf16 or fp16."""
    save_every: int = 250
    """Steps between saved states."""
    look_every: int = 500
    """Steps between sheets and measurements; 0 for never."""
    plan: bool = False
    """Only say what would be done, and how long it takes on this machine."""

    def check(self) -> None:
        """Refuse what cannot be trained with, before anything is read.

        Raises:
            UserError: naming the setting.
        """
        self.loop.check()
        if self.minutes is not None:
            in_range(self, "minutes", 0, above=True)
        for name in ("muon_lr", "adam_lr"):
            in_range(self, name, 0)
        in_range(self, "save_every", 1)
        in_range(self, "look_every", 0)

    def settings(self) -> Dict[str, Any]:
        """What decides the weights."""
        looks = ("precision", "save_every", "look_every", "plan")
        chosen = {name: value for name, value in dataclasses.asdict(self).items() if name not in looks}
        if self.minutes is not None:
            chosen["loop"]["steps"] = "as the minutes allow"
        return chosen
