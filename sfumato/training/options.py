"""What can be chosen about any training."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Dict, Optional

from ..devices import PRECISIONS
from ..options import check_options, choice, number
from .loop import LoopOptions


@dataclass
class TrainingOptions:
    """How to train, and how often to look."""

    loop: LoopOptions = field(default_factory=LoopOptions)
    minutes: Optional[float] = number(None, 0, above=True)
    """Of training, in place of steps; the learning rate falls in the last of them."""
    muon_lr: float = number(0.02, 0)
    """Peak learning rate of the convolutions inside a network of ours (Muon)."""
    adam_lr: float = number(1e-3, 0)
    """Peak learning rate of everything else (AdamW)."""
    precision: str = choice("auto", PRECISIONS)
    """auto, fp32, bf16 or fp16."""
    save_every: int = number(250, 1)
    """Steps between saved states."""
    look_every: int = number(500, 0)
    """Steps between sheets and measurements; 0 for never."""
    plan: bool = False
    """Only say what would be done, and how long it takes on this machine."""

    def check(self) -> None:
        """Refuse what cannot be trained with, before anything is read.

        Raises:
            UserError: naming the setting.
        """
        check_options(self)

    def settings(self) -> Dict[str, Any]:
        """What decides the weights."""
        looks = ("precision", "save_every", "look_every", "plan")
        chosen = {name: value for name, value in dataclasses.asdict(self).items() if name not in looks}
        if self.minutes is not None:
            chosen["loop"]["steps"] = "as the minutes allow"
        return chosen
