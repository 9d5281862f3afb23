"""What can be chosen about a training that is aligned to an encoder; see `alignment`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Optional

from ..errors import UserError
from ..options import number
from .loop import LoopOptions
from .options import TrainingOptions


@dataclass
class AlignedLoop(LoopOptions):
    """How long, how fast, and for how long beside an encoder."""

    align: float = number(0.0, 0)
    """Weight of the alignment with what an encoder sees in the clean picture (REPA, Yu et al. 2024); 0 for none."""
    align_share: float = number(0.55, 0, 1)
    """The first share of the run, in which it acts (HASTE, Wang et al. 2025); with --minutes at least until the
    learning rate falls."""

    @property
    def aligned_steps(self) -> int:
        """Of how many steps from the first the alignment is part."""
        return round(self.align_share * self.steps) if self.align else 0

    @property
    def steady(self) -> int:
        """Of how many steps from the first a longer run has the same learning rate and the same loss."""
        return min(super().steady, self.aligned_steps or self.steps)


@dataclass
class AlignedOptions(TrainingOptions):
    """How to train, and what the network is drawn to."""

    loop: AlignedLoop = field(default_factory=AlignedLoop)
    align_block: str = ""
    """The block that is drawn, by its name in the network, such as inner.1; the middle of a network of ours by
    default."""
    encoder: Optional[Path] = None
    """An encoder.safetensors of an earlier run; by default one is trained first on the same pictures."""
    encoder_steps: int = number(600, 1)
    """Steps of 128 pictures that it is trained for, with labels to tell them apart, without to know two views of one
    picture from others (VICReg, Bardes et al. 2022)."""

    def check(self) -> None:
        """Refuse what cannot be trained with, and what would do nothing.

        Raises:
            UserError: naming the setting.
        """
        super().check()
        if not self.loop.align and (self.align_block or self.encoder is not None):
            given = f"--align-block {self.align_block}" if self.align_block else f"--encoder {self.encoder}"
            raise UserError(f"{given}: does nothing without alignment; give --align too, such as --align 0.5")

    def settings(self) -> Dict[str, Any]:
        """What decides the weights; which encoder it is, the run's own settings say."""
        chosen = super().settings()
        chosen["encoder"] = None
        return chosen
