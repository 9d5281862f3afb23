"""How a frozen Stable Diffusion is learned with: how long, saved how often, in which numbers and how much memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import torch

from ..devices import DTYPES, PRECISIONS, Worker, choose_precision, main_memory
from ..options import choice, number
from ..stable_diffusion import StableDiffusion
from ..training import LoopOptions, TrainingOptions

_KEPT = 6.4
"""Numbers kept for a gradient, for each pixel of a picture and channel at the first level: twice what was measured."""
_WARMUP = 20
"""Steps; the same for every length of run, so that a finished one can go on."""


@dataclass
class RunningOptions:
    """For how long it is learned, how often that is saved, and in which numbers."""

    accumulate: int = number(1, 1)
    """Parts that a batch is computed in, to save memory."""
    minutes: Optional[float] = number(None, 0, above=True)
    """Of learning, in place of steps."""
    plan: bool = False
    """Only say what would be done, and how long it takes on this machine."""
    save_every: int = number(100, 1)
    """Steps between saved states."""
    save_memory: Optional[bool] = None
    """Compute the U-Net's insides twice, to keep few: a third slower. By default if all might fill half the memory."""
    precision: str = choice("auto", PRECISIONS)
    """auto, fp32, bf16 or fp16."""

    def training(self, steps: int, batch_size: int, look_every: int, seed: int) -> TrainingOptions:
        """How the loop runs.

        Args:
            steps: of the optimizer.
            batch_size: pictures a step.
            look_every: steps between looks; 0 for none.
            seed: of what is drawn.
        """
        loop = LoopOptions(steps, batch_size, self.accumulate, _WARMUP, decay_share=0.5, ema=0.98, seed=seed)
        # The frozen networks are in their precision by themselves; fp16 only needs its gradients scaled.
        precision = "fp16" if self._chosen() == "fp16" else "fp32"
        return TrainingOptions(
            loop,
            self.minutes,
            precision=precision,
            save_every=self.save_every,
            look_every=look_every,
            plan=self.plan,
        )

    def loaded(self, checkpoint: Path, vae: Optional[Path], batch_size: int) -> StableDiffusion:
        """The model, in its precision, still on the CPU; see `StableDiffusion.load`.

        Args:
            checkpoint, vae: see there.
            batch_size: pictures a step.
        """
        model = StableDiffusion.load(checkpoint, DTYPES[self._chosen()], vae)
        at_once = -(-batch_size // self.accumulate)
        model.unet.checkpointing = _must_save_memory(model, at_once) if self.save_memory is None else self.save_memory
        return model

    def _chosen(self) -> str:
        return choose_precision(Worker.here().device(), self.precision)


def _must_save_memory(model: StableDiffusion, count: int) -> bool:
    """Whether what is kept for the gradient of some pictures at once might take more than half of the free memory."""
    device, weight = Worker.here().device(), next(model.unet.parameters())
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
    else:
        free, _ = main_memory() or (0, 0)
    return count * model.size**2 * model.unet.config.width * weight.element_size() * _KEPT > free / 2
