"""The mathematics of diffusion: no files, no network architectures, no devices.

Three nouns carry it. A `NoiseSchedule` says what the noise does, a `Denoiser` what the network knows,
and a `Sampler` how to walk back:

    NoiseSchedule   t            -> alpha_bar(t)
    Denoiser        (x_t, t)     -> Prediction(x0, eps)
    Sampler         x_T, denoiser, times -> x_0, one `Step` at a time
"""

from .denoiser import Clamped, Denoiser, NetworkDenoiser, Parameterization, Prediction
from .guidance import ClassifierFreeGuidance
from .noise import SeededNoise, lerp, seed_of, slerp
from .objective import stratified_timesteps, training_loss
from .regions import Regions, columns
from .samplers import DDIM, DDPM, SAMPLERS, DDIMInversion, DPMSolver, Heun, Sampler, Step, UniPC, make_sampler, sample
from .schedule import CLEAN, NoiseSchedule, spaced_times

__all__ = [
    "CLEAN",
    "DDIM",
    "DDPM",
    "SAMPLERS",
    "Clamped",
    "ClassifierFreeGuidance",
    "DDIMInversion",
    "DPMSolver",
    "Denoiser",
    "Heun",
    "NetworkDenoiser",
    "NoiseSchedule",
    "Parameterization",
    "Prediction",
    "Regions",
    "Sampler",
    "SeededNoise",
    "Step",
    "UniPC",
    "columns",
    "lerp",
    "make_sampler",
    "sample",
    "seed_of",
    "slerp",
    "spaced_times",
    "stratified_timesteps",
    "training_loss",
]
