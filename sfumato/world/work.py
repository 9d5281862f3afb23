"""What the small world's trainings have in common: scenes of digits, and a sheet of some."""

from pathlib import Path
from typing import Generic, List, Sequence

import torch
from torch import Tensor

from ..diffusion import generator_seed, seed_of
from ..images import save_image, sheet, to_pixels
from ..training import Draw, Work
from ..training.work import Network
from .scenes import LOOKS, Digits, Scenes, draw_scenes

_SHOWN = 32


class SceneWork(Work[Network], Generic[Network]):
    """A training on scenes.

    Args:
        digits: that scenes are made of.
        count: scenes in a global batch.
        seed: of the first weights and of everything drawn.
    """

    def __init__(self, digits: Digits, count: int, seed: int) -> None:
        self.digits, self.count, self.seed = digits, count, seed
        self.made = {"data": digits.digest()}
        torch.manual_seed(generator_seed(seed))

    def prepared(self, device: torch.device) -> Draw:
        """Fresh scenes at every step."""

        def draw(step: int, rows: slice) -> Sequence[Tensor]:
            source = torch.Generator().manual_seed(seed_of(self.seed, step))
            whole = self.batch(draw_scenes(self.digits, self.count, source), seed_of(self.seed, step, 1), source)
            return [part[rows] for part in whole]

        return draw

    def batch(self, scenes: Scenes, seed: int, source: torch.Generator) -> Sequence[Tensor]:
        """What is learned from some scenes, with what more has to be drawn."""
        raise NotImplementedError

    def about(self) -> List[str]:
        """On the digits."""
        return [f"pictures   drawn at each step, of {len(self.digits):,} real digits in {len(LOOKS)} looks"]

    def leave_sheet(self, path: Path) -> None:
        """Some scenes."""
        scenes = draw_scenes(self.digits, _SHOWN, torch.Generator().manual_seed(generator_seed(self.seed)))
        save_image(sheet(to_pixels(scenes.pixels), 8, clear=True), path)
