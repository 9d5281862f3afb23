"""The trained digit model as a file: network, schedule and what the network predicts, in one."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Optional, Tuple

import torch
from torch import Tensor

from ..checkpoints import load_strictly, read_safetensors, write_safetensors
from ..diffusion import Clamped, ClassifierFreeGuidance, Denoiser, NetworkDenoiser, NoiseSchedule
from ..errors import UserError
from ..models.digit_unet import DigitUNet, DigitUNetConfig

SHIPPED = Path(__file__).parents[1] / "models" / "weights" / "digits.safetensors"
"""The weights that come with the package."""

FORMAT = "sfumato digits 1"
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
        state, metadata = read_safetensors(path)
        if metadata.get("format") != FORMAT:
            found = metadata.get("format", "weights of an unnamed model")
            raise UserError(f"{path}: holds {found}, not a digit model; give a file that `digits train` wrote")
        try:
            config = DigitUNetConfig(**json.loads(metadata["config"]))
        except (KeyError, TypeError, ValueError):
            raise UserError(f"{path}: its description of the network is damaged; get the file again") from None
        model = cls.new(config)
        load_strictly(model.network, {key: value.float() for key, value in state.items()}, path, "digit model")
        model.network.eval().requires_grad_(False)
        return model

    def save(self, path: Path, dtype: torch.dtype = torch.float16, note: str = "") -> None:
        """Write the model, whole or not at all.

        Args:
            path: ends in .safetensors.
            dtype: of the stored weights; half precision halves the file and changes no picture visibly.
            note: how the weights came to be; kept in the metadata.
        """
        state = {key: value.to(dtype) for key, value in self.network.state_dict().items()}
        metadata = {"format": FORMAT, "config": json.dumps(asdict(self.network.config)), "note": note}
        write_safetensors(path, state, metadata)

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
