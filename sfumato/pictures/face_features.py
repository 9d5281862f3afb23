"""Faces in the descriptors of dlib's network, whose files the package face_recognition_models brings.

The network learned to tell photographed people apart and has never seen a painted face. It is run by PyTorch
(`models/face_descriptor.py`), which is many times as fast as dlib on a CPU and gives the same numbers; dlib aligns the
faces, as the network learned them: a picture that is cropped to a face is taken for the face's frame, in which dlib's
five landmarks are found, and is turned, scaled and cut so that they lie where the network expects them.
"""

import importlib.util
from pathlib import Path
from typing import Any, Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoints import read_face_descriptor
from ..errors import UserError
from ..images import from_pixels, to_pixels
from ..models.face_descriptor import DEVIATION, MEAN, SIDE
from .hub_networks import Prepared, imported

_MODELS = "face_recognition_models"
_DESCRIPTOR, _LANDMARKS = "dlib_face_recognition_resnet_model_v1.dat", "shape_predictor_5_face_landmarks.dat"
_FRAME = 256
"""Height and width at which landmarks are looked for."""
_MARGIN = 0.25
"""Of the aligned face around its landmarks, as the network learned it."""
_DETECTED = 64
"""Height and width at which faces are looked for."""


def face_descriptors() -> Prepared:
    """The descriptors, and dlib's detector beside them.

    Raises:
        UserError: if a package is not here, or holds other files.
    """
    dlib = imported("dlib", f"dlib-bin {_MODELS}")
    folder = _models()
    landmarks = folder / _LANDMARKS
    try:
        align = _aligning(dlib, dlib.shape_predictor(str(landmarks)))
    except RuntimeError:
        raise UserError(f"{landmarks}: dlib cannot read it; `pip install {_MODELS}` again") from None
    network = _Described(read_face_descriptor(folder / _DESCRIPTOR), align)
    rule = f"faces of {SIDE}x{SIDE}, aligned by dlib's five landmarks in the whole picture"
    return Prepared(network, folder / _DESCRIPTOR, rule, (landmarks,), _detecting(dlib.get_frontal_face_detector()))


def _models() -> Path:
    """The folder of the files. The package is not imported: that needs pkg_resources, which new setuptools lack."""
    found = importlib.util.find_spec(_MODELS)
    places = list(found.submodule_search_locations or ()) if found is not None else []
    folder = Path(places[0]) / "models" if places else None
    if folder is None or not all((folder / name).is_file() for name in (_DESCRIPTOR, _LANDMARKS)):
        raise UserError(f"the files of {_MODELS} are not here; `pip install {_MODELS}`, or choose other features")
    return folder


class _Described(nn.Module):
    """Pictures [B, 3, H, W] in [-1, 1], cropped to a face, to descriptors [B, 128]."""

    _mean: Tensor

    def __init__(self, network: nn.Module, align: Callable[[np.ndarray], np.ndarray]) -> None:
        super().__init__()
        self._network, self._align = network.to(memory_format=torch.channels_last), align
        self.register_buffer("_mean", torch.tensor(MEAN).view(3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        faces = np.stack([self._align(picture) for picture in _brought_to(_FRAME, x)])
        aligned = torch.from_numpy(faces).to(x.device).permute(0, 3, 1, 2).float()
        scaled = ((aligned - self._mean) / DEVIATION).contiguous(memory_format=torch.channels_last)
        described: Tensor = self._network(scaled)
        return described


def _brought_to(side: int, x: Tensor) -> np.ndarray:
    """Pictures [B, 3, H, W] in [-1, 1] as uint8 [B, side, side, 3]."""
    if x.shape[2:] != (side, side):
        x = F.interpolate(x.cpu(), (side, side), mode="bilinear", antialias=True, align_corners=False)
    return np.ascontiguousarray(to_pixels(x).numpy())


def _aligning(dlib: Any, landmarks: Any) -> Callable[[np.ndarray], np.ndarray]:
    frame = dlib.rectangle(0, 0, _FRAME - 1, _FRAME - 1)

    def align(picture: np.ndarray) -> np.ndarray:
        chip: np.ndarray = dlib.get_face_chip(picture, landmarks(picture, frame), SIDE, _MARGIN)
        return chip

    return align


def _detecting(detector: Any) -> Callable[[np.ndarray], bool]:
    def found(picture: np.ndarray) -> bool:
        x = from_pixels(torch.from_numpy(np.array(picture))[None])
        return bool(len(detector(_brought_to(_DETECTED, x)[0], 0)))

    return found
