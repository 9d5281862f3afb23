"""What can be chosen about training the digit model."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from ..models.digit_unet import DigitUNetConfig
from ..training import LoopOptions


@dataclass
class TrainOptions:
    """Train the two-dataset digit model; run the same command again to go on with an interrupted run."""

    data: Path
    """Folder that holds mnistm/ and svhn/, each with train.csv and data/."""
    out: Path
    """Folder of the run: states, log, sample sheets, and in the end digits.safetensors."""
    start: Optional[Path] = None
    """A digits.safetensors to begin from, to train it further or on other digits; random weights by default."""
    cache: Optional[Path] = None
    """Folder for the decoded pictures; beside the data by default."""
    loop: LoopOptions = field(default_factory=LoopOptions)
    network: DigitUNetConfig = field(default_factory=DigitUNetConfig)
    muon_lr: float = 0.02
    """Peak learning rate of the convolutions inside the network (Muon)."""
    adam_lr: float = 2e-3
    """Peak learning rate of everything else (AdamW)."""
    svhn_share: float = 0.7
    """Share of SVHN in each batch; it is the harder one."""
    hidden: float = 0.1
    """Share of labels hidden, for guidance."""
    time_focus: Tuple[float, float] = (0.3, 1.1)
    """Mean and standard deviation of the logit of the training times' share of 1,000."""
    precision: str = "auto"
    """auto, fp32, bf16 or fp16."""
    save_every: int = 250
    """Steps between saved states."""
    look_every: int = 500
    """Steps between sample sheets and judged accuracy; 0 for never."""
    look_count: int = 10
    """Pictures of each digit and dataset in a look."""

    def settings(self) -> Dict[str, Any]:
        """What decides the resulting weights: a run goes on only with the same."""
        names = ("loop", "network", "muon_lr", "adam_lr", "svhn_share", "hidden", "time_focus", "precision")
        chosen = dataclasses.asdict(self)
        return {**{name: chosen[name] for name in names}, "start": str(self.start) if self.start else None}
