"""Networks by the names that files give them."""

from typing import Any, Callable, Dict, NamedTuple, Tuple, Type

from torch import nn

from .digit_unet import DigitUNet, DigitUNetConfig
from .face_unet import FaceUNet, FaceUNetConfig
from .unet import UNet, UNetConfig


class Made(NamedTuple):
    """How a network is made: of its class, from its config."""

    network: Type[nn.Module]
    config: Type[Any]
    make: Callable[[Any], nn.Module]
    """From the config."""
    ends: Tuple[str, ...]
    """How the names of its first and last layers begin, which are trained otherwise than those between them."""
    middle: Callable[[Any], str]
    """From the config, the name of the block in the middle, which is aligned to an encoder by default."""


def _last_down(shape: UNetConfig) -> str:
    return f"down.{len(shape.multipliers) - 1}.{shape.blocks - 1}"


NETWORKS: Dict[str, Made] = {
    "digit-unet": Made(
        DigitUNet, DigitUNetConfig, DigitUNet, ("enter", "leave"), lambda shape: f"inner.{shape.inner_blocks // 2}"
    ),
    "face-unet": Made(FaceUNet, FaceUNetConfig, FaceUNet, ("down1.", "out."), lambda shape: "mid1"),
    "unet": Made(UNet, UNetConfig, UNet.of, ("enter.", "leave."), _last_down),
}


def name_of(network: nn.Module) -> str:
    """The name of a network's class; empty for one of the user's own."""
    return next((name for name, made in NETWORKS.items() if type(network) is made.network), "")
