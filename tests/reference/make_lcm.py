"""What diffusers' LCMScheduler and DDIMScheduler answer, for lcm.json beside this file.

    python tests/reference/make_lcm.py        with diffusers 0.36.0 installed

The network is a formula, `eps` below, and the noises are fixed.
"""

import json
from pathlib import Path

import torch
from diffusers import DDIMScheduler, LCMScheduler
from diffusers.schedulers import scheduling_lcm

STABLE_DIFFUSION = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
}
STEPS = (1, 2, 3, 4, 5, 6, 7, 8)


def eps(x, t):
    """Like noise, and of no data in particular."""
    return 0.9 * torch.sin(x) + 0.1 * x * (t / 1000) + 0.05


def walk(steps):
    """x after each step, from fixed noises."""
    scheduler = LCMScheduler(**STABLE_DIFFUSION)
    scheduler.set_timesteps(steps)
    noises = iter(fixed_noises(steps))
    scheduling_lcm.randn_tensor = lambda *shape, **options: next(noises)
    x, found = fixed_noises(steps)[-1], []
    for t in scheduler.timesteps:
        x = scheduler.step(eps(x, float(t)), t, x).prev_sample
        found.append(x.tolist())
    return {"times": [int(t) for t in scheduler.timesteps], "x": found}


def fixed_noises(steps):
    """The last one is where a walk begins."""
    generator = torch.Generator().manual_seed(steps)
    return [torch.randn(2, 3, generator=generator, dtype=torch.float64) for _ in range(steps + 1)]


def trailing(steps):
    """The times of Hyper-SD's N-step LoRAs."""
    scheduler = DDIMScheduler(**STABLE_DIFFUSION, timestep_spacing="trailing", clip_sample=False)
    scheduler.set_timesteps(steps)
    return [int(t) for t in scheduler.timesteps]


def scalings(times):
    """(c_skip, c_out)."""
    scheduler = LCMScheduler(**STABLE_DIFFUSION)
    found = [
        scheduler.get_scalings_for_boundary_condition_discrete(torch.tensor(t, dtype=torch.float64)) for t in times
    ]
    return [[float(part) for part in pair] for pair in found]


if __name__ == "__main__":
    found = {
        "walks": {steps: walk(steps) for steps in STEPS},
        "noises": {steps: [one.tolist() for one in fixed_noises(steps)] for steps in STEPS},
        "scalings": {"times": [0, 1, 19, 259, 999], "found": scalings([0, 1, 19, 259, 999])},
        "trailing": {steps: trailing(steps) for steps in (1, 2, 4, 8, 12)},
    }
    rounded = json.loads(json.dumps(found), parse_float=lambda text: float(f"{float(text):.9g}"))
    Path(__file__).with_name("lcm.json").write_text(json.dumps(rounded, indent=None, separators=(",", ":")) + "\n")
