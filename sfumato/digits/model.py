"""The trained digit model as a file: network, schedule and what the network predicts, in one."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Optional, Tuple

import torch
from torch import Tensor

from ..checkpoints import ModelFormat, loaded, read_model, write_model
from ..diffusion import Clamped, ClassifierFreeGuidance, Denoiser, NetworkDenoiser, NoiseSchedule
from ..models.digit_unet import DigitUNet, DigitUNetConfig

SHIPPED = Path(__file__).parents[1] / "models" / "weights" / "digits.safetensors"
"""The weights that come with the package."""

FORMAT = ModelFormat("sfumato digits 1", "digit model", "`digits train`")
KIND = "v"


def digit_schedule() -> NoiseSchedule:
    """The schedule that all digit models are trained on: cosine, 1,000 times."""
    return NoiseSchedule.cosine()


@dataclass
class DigitModel:
    """A network that predicts v on the cosine schedule of 1,000 times."""

    network: DigitUNet
    schedule: NoiseSchedule

    @classmethod
    def new(cls, config: DigitUNetConfig) -> "DigitModel":
        """An untrained model."""
        return cls(DigitUNet(config), digit_schedule())

    @classmethod
    def load(cls, path: Path = SHIPPED) -> "DigitModel":
        """Read a model that `save` wrote.

        Raises:
            UserError: if the file is not one.
        """
        state, shape = read_model(path, FORMAT)
        network = loaded(lambda: DigitUNet(DigitUNetConfig(**shape)), state, path, FORMAT.what)
        return cls(network, digit_schedule())

    def save(self, path: Path, dtype: torch.dtype = torch.float16, note: str = "") -> None:
        """Write the model, whole or not at all; see `write_model`."""
        write_model(path, self.network, FORMAT, asdict(self.network.config), dtype, note)

    def denoiser(
        self,
        labels: Tensor,
        guidance_scale: float = 1.0,
        interval: Optional[Tuple[float, float]] = None,
        batched: bool = False,
    ) -> Denoiser:
        """The guided denoiser for a batch of labels [B], x0 kept in [-1, 1]."""
        conditional = NetworkDenoiser(self.network, self.schedule, KIND, (labels,))
        nothing = torch.full_like(labels, self.network.no_label)
        unconditional = NetworkDenoiser(self.network, self.schedule, KIND, (nothing,))
        guided = ClassifierFreeGuidance(conditional, unconditional, guidance_scale, interval, batched=batched)
        return Clamped(guided, self.schedule)
