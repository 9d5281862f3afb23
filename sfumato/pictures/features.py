"""What painted and real pictures are compared in: the features of a network of one's own choice.

| name | network |
|---|---|
| judge-mnistm, judge-svhn | our judges of digits, which ship |
| torchvision:NAME | a classifier of torchvision whose weights lie in torch's hub folder |
| timm:NAME | a network of timm whose weights were fetched before |
| dlib | dlib's descriptors of faces; needs dlib-bin and face_recognition_models |
| the path of a file | Inception weights in pytorch-fid's form |

Numbers in one network's features say nothing beside numbers in another's.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Optional

import numpy as np
import torch
from torch import Tensor, nn

from ..bars import Bar
from ..errors import UserError
from ..images import from_pixels
from ..models.digit_classifier import DigitJudge
from ..models.inception import SIDE, Inception
from ..runs import files_digest
from .face_features import face_descriptors
from .hub_networks import (
    Prepared,
    loaded_with_counters,
    prepared,
    timm_network,
    torchvision_at_hand,
    torchvision_network,
)
from .judges import JUDGES, load_judge, shipped_judge_path

_INCEPTION = "pt_inception-2015-12-05-6726825d.pth"
"""What pytorch-fid calls the file that it keeps in torch's hub folder."""
_JUDGE_SIZE = (28, 28)
_HALF = (0.5, 0.5, 0.5)
_AT_ONCE = 32


@dataclass(frozen=True)
class Features:
    """A network that turns pictures into points."""

    name: str
    """As it is asked for; of a file, the file's name."""
    digest: str
    """Of the weights: numbers compare where it is the same."""
    resizing: str
    """How pictures are brought to the network's size, in words."""
    network: Callable[[Tensor], Tensor]
    """[B, 3, H, W] in [-1, 1] to [B, d]."""
    device: torch.device
    caution: str = ""
    """What is to be known of it before its numbers are believed; empty for nothing."""
    finds: Optional[Callable[[np.ndarray], bool]] = None
    """Whether a picture, uint8 [3, H, W], shows what the network knows, by a detector of its own."""

    @torch.no_grad()
    def of(self, pixels: np.ndarray, what: str) -> Tensor:
        """Features [N, d] of pictures.

        Args:
            pixels: uint8 [N, 3 or 1, H, W]; grey ones are seen as colour.
            what: they are, for the bar.
        """
        found: List[Tensor] = []
        with Bar(total=len(pixels), desc=f"looking at {what}", unit="picture", leave=False) as bar:
            for begin in range(0, len(pixels), _AT_ONCE):
                part = torch.from_numpy(np.array(pixels[begin : begin + _AT_ONCE]))
                seen = self.network(from_pixels(part).expand(-1, 3, -1, -1).to(self.device)).float()
                # Apple's GPU has no double precision, in which they are compared.
                found.append(seen.cpu() if self.device.type == "mps" else seen)
                bar.update(len(part))
        return torch.cat(found)

    def found(self, pixels: np.ndarray, what: str) -> Optional[Tensor]:
        """1.0 for each picture in which the detector finds what the network knows, else 0.0: [N] on the CPU.

        Args:
            pixels, what: see `of`.

        Returns:
            None if the network has no detector.
        """
        if self.finds is None:
            return None
        with Bar(pixels, desc=f"detecting in {what}", unit="picture", leave=False) as bar:
            return torch.tensor([float(self.finds(np.broadcast_to(one, (3, *one.shape[1:])))) for one in bar])


def choose_features(name: str, device: torch.device) -> Features:
    """The features that a name stands for.

    Args:
        name: see the module; empty for the best at hand: pytorch-fid's file in torch's hub folder, a classifier of
            torchvision, our judge of street digits.
        device: for the network.

    Raises:
        UserError: for an unknown name, or what is not at hand.
    """
    name = name or _best()
    kind, _, rest = name.partition(":")
    caution = ""
    if name.startswith("judge-") and name[len("judge-") :] in JUDGES:
        found = _judge(name[len("judge-") :])
        caution = (
            f"{name} has seen digits only: of other pictures its numbers compare only with its own, from run to run"
        )
    elif kind == "torchvision":
        found = torchvision_network(rest)
    elif kind == "timm":
        found = timm_network(rest)
    elif name == "dlib":
        found = face_descriptors()
    elif Path(name).is_file():
        found = inception(Path(name))
        name = Path(name).name
    else:
        here = [*(f"judge-{one}" for one in JUDGES), *(f"torchvision:{one}" for one in torchvision_at_hand())]
        raise UserError(
            f"unknown features {name!r}; at hand are {', '.join(here)}; others are dlib for faces, torchvision:NAME,"
            " timm:NAME, or the path of Inception weights as pytorch-fid keeps them"
        )
    network = found.network.to(device).eval()
    weights = files_digest(found.weights, *found.beside)
    return Features(name, weights, found.rule, network, device, caution, found.finds)


def inception(path: Path) -> Prepared:
    """The network of published Frechet distances, with a file's weights.

    Raises:
        UserError: if they are not in pytorch-fid's form.
    """
    network: nn.Module = loaded_with_counters(Inception, path, "Inception of pytorch-fid")
    return Prepared(network, path, f"{SIDE}x{SIDE} by bilinear interpolation without antialiasing")


def _best() -> str:
    published = Path(torch.hub.get_dir()) / "checkpoints" / _INCEPTION
    if published.is_file():
        return str(published)
    return next((f"torchvision:{name}" for name in torchvision_at_hand()), "judge-svhn")


class _JudgeFeatures(nn.Module):
    def __init__(self, judge: DigitJudge) -> None:
        super().__init__()
        self._judge = judge

    def forward(self, x: Tensor) -> Tensor:
        return self._judge.features(x)


def _judge(dataset: str) -> Prepared:
    # A judge takes colours in [-1, 1], which a mean and a deviation of a half make.
    network = _JudgeFeatures(load_judge(dataset))
    return prepared(network, shipped_judge_path(dataset), _JUDGE_SIZE, "bilinear", _HALF, _HALF)
