"""A trained face model: the course's pretrained file, or one of ours."""

from pathlib import Path

from ..checkpoints import loaded, read_tensors, weights_in
from ..diffusion import LinearSchedule
from ..errors import UserError
from ..keeping import kept, sharing
from ..model import Diffusion
from ..models.face_unet import FaceUNet
from ..models.shipped import shipped

SCHEDULE = LinearSchedule()
"""Of the noise: 1,000 times."""

SHIPPED = "shipped"
"""The word that stands for the weights that come with the package."""


def weights_path(unet: Path) -> Path:
    """The file that a command's UNET means."""
    return shipped("faces64.safetensors") if str(unet) == SHIPPED else Path(unet)


def face_model(network: FaceUNet) -> Diffusion:
    """A model of faces: the network predicts eps on the linear schedule of 1,000 times, as the pretrained one does."""
    size = network.config.size
    return Diffusion(network, SCHEDULE, "eps", shape=(3, size, size), loss="min-snr")


def load_faces(unet: Path = Path(SHIPPED)) -> Diffusion:
    """The course's UNet.pt (a plain state dict), or a .safetensors that `faces train` wrote; frozen.

    Raises:
        UserError: if the file is neither.
    """
    path = weights_path(unet)
    return kept(("faces", str(path)), lambda: _read(path), sharing)


def _read(path: Path) -> Diffusion:
    content = read_tensors(path)
    if not content.metadata.get("format", "").startswith("sfumato"):
        weights = weights_in(content.value, path, "state_dict")
        return face_model(loaded(FaceUNet, weights, path, "pretrained face network"))
    model = Diffusion.load(path, what="face model")
    if not isinstance(model.network, FaceUNet) or model.shape != face_model(model.network).shape:
        raise UserError(f"{path}: is no face model; give UNet.pt, or a file that `faces train` wrote")
    return model
