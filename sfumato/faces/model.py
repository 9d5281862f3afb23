"""A trained face model: the course's pretrained file, or one of ours."""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from ..checkpoints import ModelFormat, loaded, read_model, read_tensors, weights_in, write_model
from ..diffusion import Clamped, Denoiser, NetworkDenoiser, NoiseSchedule
from ..models.face_unet import FaceUNet, FaceUNetConfig

SHIPPED = "shipped"
"""The word that stands for the weights that come with the package."""

FORMAT = ModelFormat("sfumato faces 1", "face model", "`faces train`")
_SHIPPED_PATH = Path(__file__).parents[1] / "models" / "weights" / "faces64.safetensors"


def face_schedule() -> NoiseSchedule:
    """The schedule of the pretrained network, and of all ours: betas from 1e-4 to 2e-2 in even steps, 1,000 times."""
    return NoiseSchedule.linear()


def weights_path(unet: Path) -> Path:
    """The file that a command's UNET means."""
    return _SHIPPED_PATH if str(unet) == SHIPPED else Path(unet)


@dataclass
class FaceModel:
    """A network that predicts eps."""

    network: FaceUNet
    schedule: NoiseSchedule

    @classmethod
    def load(cls, unet: Path = Path(SHIPPED)) -> "FaceModel":
        """Read the course's UNet.pt (a plain state dict), or a .safetensors that `save` wrote.

        Raises:
            UserError: if the file is neither.
        """
        path = weights_path(unet)
        content = read_tensors(path)
        if content.metadata.get("format", "").startswith("sfumato"):
            state, shape = read_model(path, FORMAT)
            network = loaded(lambda: FaceUNet(FaceUNetConfig(**shape)), state, path, FORMAT.what)
        else:
            state = weights_in(content.value, path, "state_dict")
            network = loaded(FaceUNet, state, path, "pretrained face network")
        return cls(network, face_schedule())

    def save(self, path: Path, dtype: torch.dtype = torch.float16, note: str = "") -> None:
        """Write the model, whole or not at all; see `write_model`."""
        write_model(path, self.network, FORMAT, asdict(self.network.config), dtype, note)

    def denoiser(self, clamp: bool = True, recompute_eps: bool = False) -> Denoiser:
        """The denoiser; by default as the course's ground truth has it: x0 clamped, eps left as it is."""
        plain = NetworkDenoiser(self.network, self.schedule, "eps")
        return Clamped(plain, self.schedule, recompute_eps=recompute_eps) if clamp else plain
