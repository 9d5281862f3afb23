"""Train, save and load a network of your own: python examples/network_of_your_own.py [STEPS] (two minutes on a CPU)"""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from sfumato import Diffusion, FlowSchedule, Pictures, train
from sfumato.images import save_image
from sfumato.pictures.looks import as_sheet


class Transformer(nn.Module):
    """All that is asked of a network: forward(x, t, *labels) answers x's shape; here patches of 4x4 are its words."""

    def __init__(self, counts, width=96):
        super().__init__()
        self.enter, self.leave = nn.Linear(48, width), nn.Linear(width, 48)
        self.places, self.time = nn.Parameter(torch.randn(16, width)), nn.Linear(32, width)
        self.labels = nn.ModuleList(nn.Embedding(count + 1, width) for count in counts)  # the last one means none
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)

    def forward(self, x, t, *labels):  # t is 0 ... 1,000 on every schedule but EDM's
        angles = t.float()[:, None] / 1000 * torch.pi * torch.arange(1, 17, device=t.device)
        told = self.time(torch.cat([angles.sin(), angles.cos()], 1)) + sum(f(n) for f, n in zip(self.labels, labels))
        words = self.enter(F.pixel_unshuffle(x, 4).flatten(2).transpose(1, 2)) + self.places + told[:, None]
        return F.pixel_shuffle(self.leave(self.layers(words)).transpose(1, 2).reshape(len(x), 48, 4, 4), 4)


(y, x), source = np.mgrid[:16, :16], np.random.RandomState(0)
colours, labels = np.array([[250, 210, 30], [230, 40, 40], [60, 200, 240]]), source.randint(0, [2, 3], (600, 2))
far = [np.stack([abs(y - b), abs(x - a)]) for a, b in source.randint(5, 11, (600, 2))]  # a disc or a square around it
inside = [(np.hypot(*one) if disc else one.max(0)) < 4.5 for one, disc in zip(far, labels[:, 0])]
pixels = np.where(np.array(inside)[..., None], colours[labels[:, 1]][:, None, None], [20, 10, 90]).astype(np.uint8)
np.savez("shapes.npz", pictures=pixels, labels=np.stack([np.array(["square", "disc"])[labels[:, 0]], labels[:, 1]], 1))
pictures = Pictures("shapes.npz", size=16)
network = Transformer([len(names) for names in pictures.classes])
model = Diffusion(network, FlowSchedule(), "velocity", shape=(3, 16, 16), classes=pictures.classes)
train(model, pictures, "own", steps=int(sys.argv[1]) if len(sys.argv) > 1 else 1500, look_every=0)
loaded = Diffusion.load(Path("own/model.safetensors"), network=Transformer([2, 3]))
painted = [loaded.sample(8, (kind, colour), 20, 2.0) for kind in ("disc", "square") for colour in "012"]
print("wrote", save_image(as_sheet(torch.cat(painted)), Path("own.png")))
