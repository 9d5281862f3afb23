"""A trained face model: the course's pretrained file, or one of ours."""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from ..checkpoints import ModelFormat, load_strictly, read_model, read_pickle, write_model
from ..diffusion import Clamped, Denoiser, NetworkDenoiser, NoiseSchedule
from ..errors import UserError
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
        if path.suffix == ".safetensors":
            state, shape = read_model(path, FORMAT)
            try:
                network = FaceUNet(FaceUNetConfig(**shape))
            except TypeError:
                raise UserError(f"{path}: its description of the network is damaged; get the file again") from None
            load_strictly(network, state, path, FORMAT.what)
        else:
            network = FaceUNet()
            load_strictly(network, read_pickle(path), path, "pretrained face network")
        network.eval().requires_grad_(False)
        return cls(network, face_schedule())

    def save(self, path: Path, dtype: torch.dtype = torch.float16, note: str = "") -> None:
        """Write the model, whole or not at all; see `write_model`."""
        write_model(path, self.network, FORMAT, asdict(self.network.config), dtype, note)

    def denoiser(self, clamp: bool = True, recompute_eps: bool = False) -> Denoiser:
        """The denoiser; by default as the course's ground truth has it: x0 clamped, eps left as it is."""
        plain = NetworkDenoiser(self.network, self.schedule, "eps")
        return Clamped(plain, self.schedule, recompute_eps=recompute_eps) if clamp else plain
