"""A face network of a few thousand weights, that answers within milliseconds."""

import pytest
import torch

from sfumato.faces.model import face_model
from sfumato.models.face_unet import FaceUNet, FaceUNetConfig

TINY = FaceUNetConfig(width=16, multipliers=(1, 2), blocks=1, attention=(1,), groups=8, size=16, patch=2)


@pytest.fixture(scope="session")
def tiny():
    torch.manual_seed(0)
    network = FaceUNet(TINY)
    torch.nn.init.normal_(network.out[2].weight, std=0.02)
    return face_model(network.eval().requires_grad_(False))


@pytest.fixture
def noise_folder(tmp_path):
    """Three noises of 16x16, whose names are not in the order of their numbers."""
    folder = tmp_path / "noise"
    folder.mkdir()
    for number in (2, 10, 1):
        torch.save(torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(number)), folder / f"{number}.pt")
    return folder
