"""The digit model: what it is conditioned on, how it is trained, and the weights that ship."""

from pathlib import Path

from ..diffusion import CosineSchedule
from ..errors import UserError
from ..model import Diffusion
from ..models.digit_unet import DigitUNet
from ..models.shipped import shipped
from .data import SIZE
from .labels import CLASSES

SHIPPED = shipped("digits.safetensors")
"""The weights that come with the package."""

SCHEDULE = CosineSchedule()
"""Of the noise: 1,000 times."""


def digit_model(network: DigitUNet) -> Diffusion:
    """A model of digits: the network predicts v on the cosine schedule of 1,000 times (Salimans & Ho 2022)."""
    return Diffusion(network, SCHEDULE, "v", shape=(3, SIZE, SIZE), classes=CLASSES)


def load_digits(path: Path = SHIPPED) -> Diffusion:
    """A model that `digits train` wrote, frozen.

    Raises:
        UserError: if the file is not one.
    """
    model = Diffusion.load(path, what="digit model")
    if model.shape != (3, SIZE, SIZE) or model.classes != CLASSES:
        raise UserError(f"{path}: is no digit model: it paints {model.shape}; give a file that `digits train` wrote")
    return model
