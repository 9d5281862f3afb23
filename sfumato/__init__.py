"""sfumato: a small, exact, fast diffusion library and command-line tool.

The mathematics is in `sfumato.diffusion`; the jobs are `sfumato.digits` and its neighbours. The names below can be had
from here; each is imported when it is asked for, so that `import sfumato` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, List

__version__ = "0.2.0"

if TYPE_CHECKING:
    from .diffusion import *  # noqa: F403
    from .model import Diffusion as Diffusion
    from .models.unet import UNet as UNet
    from .pictures.data import Pictures as Pictures
    from .pictures.train import train as train
    from .pictures.training import Training as Training

_HOMES = {
    "diffusion": (
        *("CLEAN", "LOSSES", "PREDICTIONS", "SAMPLERS", "SCHEDULES"),
        *("Schedule", "TableSchedule", "LinearSchedule", "ScaledLinearSchedule", "CosineSchedule", "FlowSchedule"),
        *("EDMSchedule", "make_schedule"),
        *("Denoiser", "NetworkDenoiser", "Clamped", "Guidance", "Prediction", "Regions", "columns"),
        *("Sampler", "Step", "DDIM", "DDPM", "DPMSolver", "DPMSolverPlusPlus", "SDEDPMSolverPlusPlus", "EDMSampler"),
        *("Heun", "UniPC", "LCM", "DDIMInversion", "make_sampler", "sample", "sampler_options"),
        *("SeededNoise", "seed_of", "lerp", "slerp", "make_loss", "stratified_times", "training_loss"),
    ),
    "model": ("Diffusion",),
    "models.unet": ("UNet",),
    "pictures.data": ("Pictures",),
    "pictures.train": ("train",),
    "pictures.training": ("Training",),
}
"""Module -> the public names that are in it."""


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> List[str]:
    return sorted([*globals(), *(name for names in _HOMES.values() for name in names)])
