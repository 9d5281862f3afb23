"""The mathematics of diffusion: no files, no network architectures, no devices.

Three nouns carry it. A `Schedule` says what the noise does, a `Denoiser` what is known of a noisy picture, and a
`Sampler` how to walk back:

    Schedule    t <-> (signal, noise)              x_t = signal x0 + noise eps
    Denoiser    (x_t, t) -> Prediction(x0, eps)    carries its schedule
    Sampler     x_T, denoiser, times -> x_0        one `Step` at a time

The fourth, `Diffusion`, puts a network to them; it stands above, in `sfumato/model.py`.
"""

from .denoiser import Clamped, Denoiser, NetworkDenoiser, schedule_of
from .guidance import Guidance
from .losses import LOSSES, make_loss, training_loss
from .noise import SeededNoise, generator_seed, lerp, seed_of, slerp
from .predictions import PREDICTIONS, Prediction
from .regions import Regions, columns
from .samplers import (
    DDIM,
    DDPM,
    LCM,
    SAMPLERS,
    DDIMInversion,
    DPMSolver,
    DPMSolverPlusPlus,
    EDMSampler,
    Heun,
    Sampler,
    SDEDPMSolverPlusPlus,
    Step,
    UniPC,
    make_sampler,
    sample,
    sampler_options,
)
from .schedules import (
    CLEAN,
    SCHEDULES,
    CosineSchedule,
    EDMSchedule,
    FlowSchedule,
    LinearSchedule,
    ScaledLinearSchedule,
    Schedule,
    TableSchedule,
    make_schedule,
)
from .training_times import stratified_times
