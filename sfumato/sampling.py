"""How every job walks from noise to a picture: the sampler, what it is told, and the times that it visits."""

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from torch import Tensor

from .diffusion import SAMPLERS, Denoiser, Sampler, Schedule, Step, make_sampler
from .errors import UserError
from .options import check_options, choice, number

SPACING_HELP = "Where the steps are; one of the schedule's own ways by default."


def sampler_choice(default: str) -> Any:
    """A dataclass field that names a sampler."""
    return choice(default, SAMPLERS, help=f"{', '.join(SAMPLERS)}.")


def _told(option: str, what: str, default: Any = None) -> Any:
    """A dataclass field for what some samplers can be told; what it is and allows is theirs to say."""
    having = {name: one for name, cls in SAMPLERS.items() for one in fields(cls) if one.name == option}
    one = next(iter(having.values()))
    allowed = " or ".join(one.metadata.get("choices", ()))
    told = f"{what} {allowed + '; ' if allowed else ''}for {', '.join(having)}, {one.default} by default."
    return field(default=default, metadata={**one.metadata, "help": told})


@dataclass(frozen=True)
class Sampling:
    """How noise becomes a picture; each job has its own defaults, and what more its own can be told."""

    sampler: str = sampler_choice("unipc")
    """One of SAMPLERS."""
    eta: float = _told("eta", "How much of the posterior's noise is added;", 0.0)
    """DDIM's."""
    variance: Optional[str] = _told("variance", "Of the noise added:")
    """DDPM's."""
    churn: Optional[float] = _told("churn", "Noise put in anew;")
    """EDM's."""
    lower_order_final: Optional[bool] = _told("lower_order_final", "Whether the last of few steps is of first order;")
    """The multistep solvers'."""

    steps: int = number(25, 1)
    """Denoising steps."""
    spacing: str = field(default="", metadata={"help": SPACING_HELP})
    """A way to space them, see `Schedule.times`."""

    def times(self, schedule: Schedule) -> List[float]:
        """The times to visit.

        Raises:
            ValueError: if there are no such times.
        """
        return schedule.times(self.steps, self.spacing)

    def check(self, schedule: Schedule) -> None:
        """Refuse what cannot be walked.

        Raises:
            UserError: naming the setting.
        """
        check_options(self)
        try:
            self.made().check(schedule, self.times(schedule))
        except ValueError as error:
            raise UserError(str(error)) from None
        for name, (low, high) in self.intervals().items():
            if low > high:
                raise UserError(f"--{name}-from ({low}) must not be above --{name}-to ({high})")
            if low > schedule.start:
                raise UserError(f"--{name}-from must be at most {schedule.start}, the noisiest time, got {low}")

    def told(self) -> Dict[str, Any]:
        """The settings as notes have them."""
        return asdict(self)

    def intervals(self) -> Dict[str, Tuple[float, float]]:
        """The times of each guidance that has an interval, by the name that its options begin with."""
        return {}

    def walk(self, denoiser: Denoiser, x: Tensor, noise: Optional[Callable[[], Tensor]] = None) -> Iterator[Step]:
        """The steps from x, which is as noisy as the schedule begins.

        Args:
            denoiser: what the model knows, guided.
            x: pictures [B, ...].
            noise: draws what is added on the way, where the sampler adds any.
        """
        return self.made()(x, denoiser, self.times(denoiser.schedule), noise)

    def made(self) -> Sampler:
        """The sampler.

        Raises:
            ValueError: for an unknown one, or what it cannot be told.
        """
        given = {name: getattr(self, name) for name in ("eta", "variance", "churn", "lower_order_final")}
        # An eta of 0 is what every other sampler does without being told.
        told = {
            name: value for name, value in given.items() if value is not None and not (name == "eta" and value == 0)
        }
        return make_sampler(self.sampler, **told)


@dataclass(frozen=True)
class GuidedSampling(Sampling):
    """What a walk can be told that leads away from an unconditional prediction (Ho & Salimans 2022), in an interval of
    times (Kynkäänniemi et al. 2024)."""

    guidance_scale: Optional[float] = number(None, 0)
    """1 is no guidance."""
    guide_from: Optional[float] = number(None, 0)
    """The least noisy time that is guided; all by default. Outside the interval the scale is 1 and a step is one
    pass."""
    guide_to: Optional[float] = number(None, 0)
    """The noisiest time that is guided."""

    def told(self) -> Dict[str, Any]:
        """The settings as notes have them: without an end of an interval that there is not."""
        ends = ("guide_from", "guide_to")
        return {name: value for name, value in super().told().items() if name not in ends or value is not None}

    def intervals(self) -> Dict[str, Tuple[float, float]]:
        return {**super().intervals(), "guide": interval(self.guide_from, self.guide_to)}


def interval(low: Optional[float], high: Optional[float]) -> Tuple[float, float]:
    """The times between two ends, each of which may be left open."""
    return (-math.inf if low is None else low, math.inf if high is None else high)


def kept_noise(schedule: Schedule, times: Sequence[float], eta: float) -> List[float]:
    """How much DDIM with eta keeps of its first noise: the correlation of the noise at each time with that at times[0].

    A step puts sigma z in the place of a part of the predicted noise (Song et al. 2020, eq. 12), so that of the noise

        eps_s = sqrt(1 - (sigma / noise_s)^2) eps_t + (sigma / noise_s) z,    (sigma / noise_s)^2 = eta^2 (1 - e^{-2h})

    where the network predicts the noise that there is.

    Args:
        schedule: walked on; it has signal at times[0].
        times: of the walk, falling.
        eta: 0 ... 1.
    """
    lambdas = [schedule.half_log_snr(t) for t in times]
    kept = [1.0]
    for before, after in zip(lambdas, lambdas[1:]):
        kept.append(kept[-1] * math.sqrt(1 + eta**2 * math.expm1(-2 * (after - before))))
    return kept
