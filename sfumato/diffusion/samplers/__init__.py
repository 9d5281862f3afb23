"""Samplers: ways to walk from noise to a picture. One step rule a file; `base.py` holds the loop they share."""

from dataclasses import fields
from typing import Any, Dict, Type

from ..names import named
from .base import Noise, Sampler, Step, sample
from .ddim import DDIM
from .ddpm import DDPM
from .dpm_solver import DPMSolver, DPMSolverPlusPlus, SDEDPMSolverPlusPlus
from .edm import EDMSampler
from .heun import Heun
from .inversion import DDIMInversion
from .lcm import LCM
from .unipc import UniPC

SAMPLERS: Dict[str, Type[Sampler]] = {
    "ddim": DDIM,
    "ddpm": DDPM,
    "dpmpp-2m": DPMSolverPlusPlus,
    "dpmpp-2m-sde": SDEDPMSolverPlusPlus,
    "dpm-2m": DPMSolver,
    "heun": Heun,
    "edm": EDMSampler,
    "unipc": UniPC,
    "lcm": LCM,
}
"""Samplers by the names that commands take; tests run over all of them."""


def make_sampler(name: str, **options: Any) -> Sampler:
    """The sampler of that name.

    Args:
        name: a key of SAMPLERS.
        options: what it can be told: the fields of its class.

    Raises:
        ValueError: for an unknown name, a field that it does not have, or one outside its range.
    """
    make = named(SAMPLERS, name, "sampler")
    for option in options:
        if option not in sampler_options(name):
            having = [other for other in SAMPLERS if option in sampler_options(other)]
            belongs = f"{option} belongs to {' and '.join(having)}; " if having else ""
            raise ValueError(f"{belongs}{name} has no {option}")
    return make(**options)


def sampler_options(name: str) -> Dict[str, Any]:
    """What a sampler can be told: option -> default."""
    return {one.name: one.default for one in fields(SAMPLERS[name])}
