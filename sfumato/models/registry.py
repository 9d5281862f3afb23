"""Networks by the names that files give them."""

from typing import Any, Dict, NamedTuple, Type

from torch import nn

from .digit_unet import DigitUNet, DigitUNetConfig
from .face_unet import FaceUNet, FaceUNetConfig


class Made(NamedTuple):
    """How a network is made: of its class, from its config."""

    network: Type[nn.Module]
    config: Type[Any]


NETWORKS: Dict[str, Made] = {
    "digit-unet": Made(DigitUNet, DigitUNetConfig),
    "face-unet": Made(FaceUNet, FaceUNetConfig),
}


def name_of(network: nn.Module) -> str:
    """The name of a network's class; empty for one of the user's own."""
    return next((name for name, made in NETWORKS.items() if type(network) is made.network), "")
