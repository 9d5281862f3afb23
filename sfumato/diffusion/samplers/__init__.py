"""Samplers: ways to walk from noise to a picture. One step rule a file; `base.py` holds the loop they share."""

from typing import Callable, Dict

from ..schedule import NoiseSchedule
from .base import Noise, Sampler, Step, sample
from .ddim import DDIM
from .ddpm import DDPM
from .dpm_solver import DPMSolver
from .heun import Heun
from .inversion import DDIMInversion
from .unipc import UniPC

SAMPLERS: Dict[str, Callable[[NoiseSchedule, float], Sampler]] = {
    "ddim": lambda schedule, eta: DDIM(schedule, eta),
    "ddpm": lambda schedule, eta: DDPM(schedule),
    "dpmpp-2m": lambda schedule, eta: DPMSolver(schedule),
    "dpm-2m": lambda schedule, eta: DPMSolver(schedule, "noise"),
    "heun": lambda schedule, eta: Heun(schedule),
    "unipc": lambda schedule, eta: UniPC(schedule),
}
"""Samplers by the names that commands take: name -> (schedule, eta) -> Sampler."""


def make_sampler(name: str, schedule: NoiseSchedule, eta: float = 0.0) -> Sampler:
    """The sampler of that name.

    Args:
        name: a key of SAMPLERS.
        schedule: the denoiser's own.
        eta: DDIM's; the others have none.

    Raises:
        ValueError: for an unknown name, or an eta that the sampler does not take.
    """
    if name not in SAMPLERS:
        raise ValueError(f"unknown sampler {name!r}; choose one of {', '.join(SAMPLERS)}")
    if eta and name != "ddim":
        raise ValueError(f"eta belongs to ddim; {name} has none")
    return SAMPLERS[name](schedule, eta)


__all__ = [
    "DDIM",
    "DDPM",
    "SAMPLERS",
    "DDIMInversion",
    "DPMSolver",
    "Heun",
    "Noise",
    "Sampler",
    "Step",
    "UniPC",
    "make_sampler",
    "sample",
]
