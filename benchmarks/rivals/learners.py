"""What a training is in this comparison, and sfumato's own.

Each project is taken as it offers itself: its own network, loss, schedule, optimizer, learning rate and running mean of
the weights, as its defaults or its example set them. What is chosen here is the width (3 to 4 million parameters), that
no picture is mirrored (numbers are not symmetric), and bf16 where the CPU multiplies it, which is quicker for each.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

import numpy as np
import torch
from torch import Tensor, nn

from sfumato import Diffusion, FlowSchedule, Pictures, Training, UNet, seed_of, train
from sfumato.checkpoints import atomic_path
from sfumato.images import to_pixels
from sfumato.pictures.train import PictureWork
from sfumato.training import AlignedLoop, Progress, start

SIDE = 32
PASSES = 25
"""DDIM steps of a painted picture."""
_SAVE_EVERY = 150
_AT_ONCE = 50
_ENDLESS = 10**9


class Learner(ABC):
    """One project's training, at its first step.

    Args:
        pictures: folder of PNGs, 32x32.
        run: folder of the run, which is made.
        steps: of the whole run.
        seed: of the initial weights and of all that is drawn.
    """

    name: str
    network: nn.Module

    def __init__(self, pictures: Path, run: Path, steps: int, seed: int) -> None:
        run.mkdir(parents=True, exist_ok=True)
        self.folder, self.run, self.steps, self.seed = pictures, run, steps, seed
        torch.manual_seed(seed)
        self.build()

    @abstractmethod
    def build(self) -> None:
        """Make the network, the optimizer and the running mean."""

    @abstractmethod
    def advance(self, steps: int) -> None:
        """Take some more steps."""

    @abstractmethod
    def finish(self) -> None:
        """Take the steps that are left since the last saved state, saving on the way."""

    @abstractmethod
    def paint(self, count: int, seed: int) -> np.ndarray:
        """Pictures uint8 [count, 32, 32, 3] of the finished run, by PASSES steps of the project's own DDIM."""

    def pictures(self) -> Pictures:
        """What is learned from, decoded."""
        return Pictures(self.folder, SIDE, labels="none", cache=self.run.parent)


class Ours(Learner):
    """`sfumato.train`: a rectified flow's velocity at logit-normal times, by Muon and AdamW."""

    name = "sfumato"
    batch_size, ema = 32, 0.998
    """The running mean goes back a tenth of the run; all else is the default."""

    def build(self) -> None:
        self.network = UNet(size=SIDE, width=80)
        self.model = Diffusion(self.network, FlowSchedule(), predicts="velocity")
        self._walk: Optional[Iterator[Progress]] = None

    def advance(self, steps: int) -> None:
        """The steps of `train` without its record, for measuring them."""
        self._walk = self._walk or self._steps()
        for _ in range(steps):
            next(self._walk)

    def _steps(self) -> Iterator[Progress]:
        training = Training(AlignedLoop(self.steps, self.batch_size, ema=self.ema, seed=self.seed), held_out=0)
        work = PictureWork(self.model, self.pictures(), self.run, training)
        trainer = start(self.model, training.loop, "auto", lambda one, dtype: work.optimizers(one, training, dtype))
        return trainer.run(work.prepared(trainer.accelerator.device), work.loss)

    def finish(self) -> None:
        chosen: Dict[str, Any] = {
            "steps": self.steps,
            "seed": self.seed,
            "batch_size": self.batch_size,
            "ema": self.ema,
            "held_out": 0,
        }
        training = Training(save_every=_SAVE_EVERY, look_every=_ENDLESS)  # one look, at the end
        train(self.model, self.pictures(), self.run, training, **chosen)

    def paint(self, count: int, seed: int) -> np.ndarray:
        model = Diffusion.load(self.run / "model.safetensors")
        return to_pixels(model.sample(count, steps=PASSES, sampler="ddim", seed=seed, batch_size=_AT_ONCE)).numpy()


class Rival(Learner):
    """A training of another project; its state is one file, `state.pt`."""

    steps_done = 0

    @abstractmethod
    def state(self) -> Dict[str, Any]:
        """What a run needs to go on."""

    @abstractmethod
    def load(self, state: Dict[str, Any]) -> None:
        """Stand where that was saved."""

    @abstractmethod
    def painted(self, count: int) -> Tensor:
        """Pictures in [-1, 1] [count, 3, 32, 32]."""

    def finish(self) -> None:
        path = self.run / "state.pt"
        if path.exists():
            self._resume(path)
        while self.steps_done < self.steps:
            # A run that was stopped does not draw again what it drew before.
            torch.manual_seed(seed_of(self.seed, self.steps_done))
            self.advance(min(_SAVE_EVERY, self.steps - self.steps_done))
            with atomic_path(path) as beside:
                torch.save({**self.state(), "steps_done": self.steps_done}, beside)

    def _resume(self, path: Path) -> None:
        # The file is of this script's own writing.
        state = torch.load(path, weights_only=True)
        self.steps_done = state["steps_done"]
        self.load(state)

    def paint(self, count: int, seed: int) -> np.ndarray:
        self._resume(self.run / "state.pt")
        if self.steps_done != self.steps:
            raise SystemExit(f"{self.run}: stands at step {self.steps_done} of {self.steps}; train it to its end first")
        parts = []
        for begin in range(0, count, _AT_ONCE):
            torch.manual_seed(seed_of(seed, begin))
            parts.append(to_pixels(self.painted(min(_AT_ONCE, count - begin))))
        return torch.cat(parts).numpy()
