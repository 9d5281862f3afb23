"""A flow and a table learn the same two moons, and paint them in few steps and in many: what does each need?

python examples/flow_against_ddpm.py moons.png
"""

import sys

import torch
from matplotlib.figure import Figure
from torch import nn

from sfumato import Diffusion, FlowSchedule, LinearSchedule, SeededNoise, make_sampler, sample, stratified_times


class Points(nn.Sequential):
    def forward(self, x, t):  # t is 0 ... 1,000 on both schedules
        angles = torch.cat([t.float()[:, None] / 1000 * 3.0 ** torch.arange(4), 2 * x, 4 * x], dim=1)
        return super().forward(torch.cat([x, angles.sin(), angles.cos()], dim=1))


def moons(count):
    angle, side = torch.pi * torch.rand(count), 2 * (torch.rand(count) < 0.5).float() - 1
    return torch.stack([side * angle.cos() - side / 2, side * angle.sin() - side / 4], 1) + 0.05 * torch.randn(count, 2)


noise, clouds = SeededNoise(range(2000), (2,))(), {"the data": moons(2000)}
for schedule, predicts in ((FlowSchedule(), "velocity"), (LinearSchedule(), "eps")):
    hidden = [layer for _ in range(3) for layer in (nn.Linear(128, 128), nn.SiLU())]
    network = Points(nn.Linear(18, 128), nn.SiLU(), *hidden, nn.Linear(128, 2))
    model = Diffusion(network, schedule, predicts, clamp=False)
    adam = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(3000):
        adam.zero_grad()
        model(moons(256), stratified_times(schedule, 256), torch.randn(256, 2)).mean().backward()
        adam.step()
    for steps in (2, 5, 20):
        x = sample(make_sampler("ddim")(schedule.first(noise), model.denoiser(), schedule.times(steps)))
        clouds[f"{predicts}, {steps} steps"] = x
        print(f"{schedule}: {steps:2} steps end {torch.cdist(x, moons(4000)).amin(1).mean():.3f} from the moons")
figure = Figure(figsize=(16, 2.4), layout="constrained")
for axis, (title, x) in zip(figure.subplots(1, len(clouds), sharex=True, sharey=True), clouds.items()):
    axis.scatter(*x.T, s=1)
    axis.set(title=title, xlim=(-1.6, 1.6), ylim=(-1.1, 1.1))
figure.savefig(sys.argv[1], dpi=120)
